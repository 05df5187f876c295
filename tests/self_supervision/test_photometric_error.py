"""Photometric error against loops over windows, and masks and their mean by hand."""
import numpy as np
import pytest
import torch

from mmdet3d_plugin.self_supervision import (
    automask,
    masked_mean,
    minimum_error,
    photometric_error,
    ssim,
)

C1, C2 = .0001, .0009


@pytest.fixture
def images():
    generator = torch.manual_seed(0)
    first = torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    noise = torch.rand(2, 3, 4, 5, generator=generator, dtype=torch.float64)
    return first, .6 * first + .4 * noise


def ssim_loops(x, y):
    """Return the similarity of every 3x3 window; index -1 reflects to 1 and H to H - 2."""
    result = np.empty_like(x)
    height, width = x.shape[2:]

    def reflected(index, size):
        return -index if index < 0 else 2 * size - 2 - index if index >= size else index

    for b, c, row, column in np.ndindex(x.shape):
        where = [(reflected(row + i, height), reflected(column + j, width))
                 for i in (-1, 0, 1) for j in (-1, 0, 1)]
        p = np.array([x[b, c][index] for index in where])
        q = np.array([y[b, c][index] for index in where])
        covariance = ((p - p.mean()) * (q - q.mean())).mean()
        luminance = (2 * p.mean() * q.mean() + C1) / (p.mean() ** 2 + q.mean() ** 2 + C1)
        result[b, c, row, column] = luminance * (2 * covariance + C2) / (p.var() + q.var() + C2)
    return result


def test_ssim_matches_loops_over_windows(images):
    expected = ssim_loops(*(image.numpy() for image in images))
    np.testing.assert_allclose(ssim(*images), expected, atol=1e-12)
    single = ssim(*(image.float() for image in images))
    np.testing.assert_allclose(single, expected, atol=1e-4)
    assert expected.min() < .5 < expected.max()


def test_ssim_of_an_inverted_image_is_negative():
    checkers = torch.tensor([[0., 1.], [1., 0.]]).repeat(3, 3)[None, None]
    expected = ssim_loops(checkers.numpy(), 1 - checkers.numpy())
    np.testing.assert_allclose(ssim(checkers, 1 - checkers), expected, atol=1e-5)
    assert (ssim(checkers, 1 - checkers) < -.95).all()


def test_photometric_error_matches_loops(images):
    x, y = (image.numpy() for image in images)
    structural = np.clip((1 - ssim_loops(x, y)) / 2, 0, 1).mean(1, keepdims=True)
    absolute = np.abs(x - y).mean(1, keepdims=True)
    error = photometric_error(*images)
    assert error.shape == (2, 1, 4, 5)
    np.testing.assert_allclose(error, .85 * structural + .15 * absolute, atol=1e-12)
    np.testing.assert_allclose(photometric_error(*images, ssim_weight=.3),
                               .3 * structural + .7 * absolute, atol=1e-12)
    np.testing.assert_allclose(photometric_error(*images, ssim_weight=0), absolute, atol=1e-12)


def test_photometric_error_of_constant_images():
    dark, bright = (torch.full((1, 3, 3, 3), grey, dtype=torch.float64) for grey in (.2, .6))
    similarity = (2 * .2 * .6 + C1) / (.04 + .36 + C1)
    expected = .85 * (1 - similarity) / 2 + .15 * .4
    assert photometric_error(dark, bright)[0, 0, 1, 1].item() == pytest.approx(expected)
    assert photometric_error(dark.float(), dark.float()).max() < 1e-6


def test_gradients(images):
    predicted, target = images
    predicted.requires_grad_()
    assert torch.autograd.gradcheck(lambda image: photometric_error(image, target), predicted)


def test_errors_of_reduced_precision_images_are_single_precision(images):
    half = [image.bfloat16() for image in images]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        error = photometric_error(*half)
    assert error.dtype == torch.float32
    assert torch.equal(error, photometric_error(*(image.float() for image in half)))


def test_minimum_and_its_gradient():
    first = torch.tensor([[[[1., 5.]]], [[[2., 2.]]]], requires_grad=True)
    second = torch.tensor([[[[3., 4.]]], [[[0., 7.]]]], requires_grad=True)
    third = torch.full((2, 1, 1, 2), 6.)
    smallest = minimum_error([first, second, third])
    assert smallest.tolist() == [[[[1., 4.]]], [[[0., 2.]]]]
    smallest.sum().backward()
    assert first.grad.flatten().tolist() == [1., 0., 0., 1.]
    assert second.grad.flatten().tolist() == [0., 1., 1., 0.]


def test_automask_keeps_ties_without_noise():
    error = torch.tensor([[[[.1, .2, .3]]]])
    mask = automask(error, torch.tensor([[[[.2, .2, .2]]]]), noise=0.)
    assert mask.tolist() == [[[[True, True, False]]]] and mask.dtype == torch.bool


@pytest.mark.parametrize('margin, share', [(0., .5), (1e-5, .1587), (-1e-5, .8413)])
def test_automask_noise_is_gaussian_with_the_given_deviation(margin, share):
    torch.manual_seed(0)
    identity_error = torch.zeros(1, 1, 400, 500, dtype=torch.float64)
    mask = automask(identity_error + margin, identity_error)
    assert mask.double().mean().item() == pytest.approx(share, abs=.005)


@pytest.mark.parametrize('dtype', [torch.bool, torch.float32])
def test_masked_mean_and_its_gradient(dtype):
    error = torch.tensor([[1., 2.], [6., torch.nan]], requires_grad=True)
    mean = masked_mean(error, torch.tensor([[1, 0], [1, 0]]).to(dtype))
    assert mean.item() == 3.5 and mean.dim() == 0
    mean.backward()
    assert error.grad.tolist() == [[.5, 0.], [.5, 0.]]


def test_masked_mean_of_weights():
    mean = masked_mean(torch.tensor([1., 5.]), torch.tensor([.3, .1]))
    assert mean.item() == pytest.approx(2.)


def test_masked_mean_of_an_empty_mask_is_a_differentiable_zero():
    error = torch.tensor([1., torch.nan, torch.inf], requires_grad=True)
    mean = masked_mean(error, torch.zeros(3, dtype=torch.bool))
    mean.backward()
    assert mean.item() == 0 and error.grad.tolist() == [0., 0., 0.]


def test_no_value_is_read_by_the_host():
    # Tensors on the meta device have no values.
    image = torch.zeros(1, 3, 4, 5, device='meta', requires_grad=True)
    error = minimum_error([photometric_error(image, image.detach())] * 2)
    mean = masked_mean(error, automask(error, error))
    mean.backward()
    assert mean.shape == () and image.grad.shape == image.shape
