"""Smoothness loss against loops and closed forms."""
import math

import numpy as np
import pytest
import torch

from mmdet3d_plugin.self_supervision import smoothness_loss


@pytest.fixture
def maps():
    generator = torch.manual_seed(0)
    disparity = .05 + torch.rand(2, 1, 4, 5, generator=generator, dtype=torch.float64)
    disparity[1] *= 10
    return disparity, torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64)


def test_loss_matches_loops(maps):
    disparity, image = (tensor.numpy() for tensor in maps)
    horizontal, vertical = [], []
    for b, row, column in np.ndindex(2, 4, 5):
        here = disparity[b, 0, row, column]
        for values, i, j in ((horizontal, row, column + 1), (vertical, row + 1, column)):
            if i < 4 and j < 5:
                step = abs(disparity[b, 0, i, j] - here) / disparity[b].mean()
                edge = np.abs(image[b, :, i, j] - image[b, :, row, column]).mean()
                values.append(step * math.exp(-edge))
    assert (len(horizontal), len(vertical)) == (32, 30)
    assert smoothness_loss(*maps).item() == pytest.approx(np.mean(horizontal) + np.mean(vertical))


def test_loss_of_a_ramp():
    # The mean of 1, 2, 3 is 2: both horizontal steps are 1 / 2.
    ramp = torch.tensor([1., 2., 3.]).expand(1, 1, 4, 3)
    assert smoothness_loss(ramp, torch.zeros(1, 3, 4, 3)).item() == pytest.approx(.5)
    image = torch.tensor([0., .4, 0.]).expand(1, 3, 4, 3)
    expected = .5 * math.exp(-.4)
    assert smoothness_loss(ramp, image).item() == pytest.approx(expected)
    assert smoothness_loss(ramp.mT, image.mT).item() == pytest.approx(expected)


def test_each_sample_is_normalised_by_its_own_mean(maps):
    disparity, image = maps
    scale = torch.tensor([3., .01], dtype=torch.float64).reshape(2, 1, 1, 1)
    torch.testing.assert_close(smoothness_loss(scale * disparity, image),
                               smoothness_loss(disparity, image))


def test_constant_and_zero_disparities_cost_nothing():
    image = torch.rand(1, 3, 3, 3)
    zero = torch.zeros(1, 1, 3, 3, requires_grad=True)
    loss = smoothness_loss(zero, image)
    loss.backward()
    assert loss.item() == 0 and zero.grad.isfinite().all()
    assert smoothness_loss(zero.detach() + .3, image).item() == 0


def test_gradients(maps):
    disparity, image = maps
    assert torch.autograd.gradcheck(lambda values: smoothness_loss(values, image),
                                    disparity.requires_grad_())


def test_loss_of_reduced_precision_maps_is_single_precision(maps):
    half = [tensor.bfloat16() for tensor in maps]
    loss = smoothness_loss(*half)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, smoothness_loss(*(tensor.float() for tensor in half)))


def test_no_value_is_read_by_the_host():
    # Tensors on the meta device have no values.
    disparity = torch.zeros(1, 1, 3, 3, device='meta', requires_grad=True)
    smoothness_loss(disparity, torch.zeros(1, 3, 3, 3, device='meta')).backward()
    assert disparity.grad.shape == disparity.shape
