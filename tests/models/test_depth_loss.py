"""Scale-invariant logarithmic loss."""
import math

import numpy as np
import pytest
import torch
import torch.distributed as dist
from tiny_training import run_two_ranks

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.losses import ScaleInvariantLogLoss

SHAPE = (2, 5, 7)


def batch(seed=0, dtype=torch.double):
    generator = torch.Generator().manual_seed(seed)
    depth = 1 + 20 * torch.rand(SHAPE, generator=generator, dtype=dtype)
    target = 1 + 20 * torch.rand(SHAPE, generator=generator, dtype=dtype)
    return depth, target, torch.rand(SHAPE, generator=generator) < .6


def reference(depth, target, valid, alpha, focus):
    """Definition of the loss in a loop over pixels."""
    residuals = [math.log(d) - math.log(t) for d, t, v in zip(
        depth.flatten().tolist(), target.flatten().tolist(), valid.flatten().tolist()) if v]
    mean = sum(residuals) / len(residuals)
    square = sum(item ** 2 for item in residuals) / len(residuals)
    return alpha * math.sqrt(square - focus * mean ** 2)


@pytest.mark.parametrize('focus', [0., .5, .85, 1.])
def test_loss_equals_its_definition(focus):
    depth, target, valid = batch()
    loss = ScaleInvariantLogLoss(alpha=10., focus=focus, loss_weight=.5)(depth, target, valid)
    assert loss.item() == pytest.approx(.5 * reference(depth, target, valid, 10., focus))


def test_common_factor_of_all_depths():
    """d = log(c) everywhere costs sqrt(1 - focus) |log(c)|, which is 0 with focus 1."""
    _, target, valid = batch()
    loss = ScaleInvariantLogLoss()(1.3 * target, target, valid)
    assert loss.item() == pytest.approx(10 * math.sqrt(.15) * math.log(1.3))
    depth = batch(1)[0]
    scale_free = ScaleInvariantLogLoss(focus=1.)
    assert scale_free(1.3 * depth, target, valid).item() == pytest.approx(
        scale_free(depth, target, valid).item())


def test_gradients_are_correct_and_zero_at_invalid_pixels():
    depth, target, valid = batch()
    assert torch.autograd.gradcheck(
        lambda item: ScaleInvariantLogLoss()(item, target, valid), depth.requires_grad_())
    ScaleInvariantLogLoss()(depth, target, valid).backward()
    assert (depth.grad[~valid] == 0).all() and (depth.grad[valid] != 0).all()


@pytest.mark.parametrize('invalid_value', [0., -1., math.nan, math.inf])
def test_values_at_invalid_pixels_have_no_effect(invalid_value):
    depth, target, valid = batch()
    expected = ScaleInvariantLogLoss()(depth, target, valid)
    depth = torch.where(valid, depth, invalid_value).requires_grad_()
    loss = ScaleInvariantLogLoss()(depth, torch.where(valid, target, invalid_value), valid)
    loss.backward()
    assert loss.item() == expected.item()
    assert torch.isfinite(depth.grad).all()


def test_differentiable_zero_without_valid_pixels_or_without_errors():
    depth, target, valid = batch(dtype=torch.float)
    for truth, mask in [(target, torch.zeros_like(valid)), (depth, valid)]:
        prediction = depth.clone().requires_grad_()
        loss = ScaleInvariantLogLoss()(prediction, truth, mask)
        loss.backward()
        assert loss.item() == 0
        assert (prediction.grad == 0).all()


def test_zero_predictions_give_finite_loss_and_gradients():
    """An underflowing sigmoid predicts 0 m."""
    depth = torch.zeros(SHAPE, requires_grad=True)
    loss = ScaleInvariantLogLoss(eps=1e-6)(depth, torch.ones(SHAPE), torch.ones(SHAPE) > 0)
    loss.backward()
    assert loss.item() == pytest.approx(10 * math.sqrt(.15) * math.log(1e6), rel=1e-5)
    assert torch.isfinite(depth.grad).all()


def test_bfloat16_is_cast_to_float32():
    depth, target, valid = batch(dtype=torch.float)
    loss = ScaleInvariantLogLoss()(depth.bfloat16(), target, valid)
    assert loss.dtype == torch.float
    assert loss.item() == ScaleInvariantLogLoss()(depth.bfloat16().float(), target, valid).item()


def test_focus_above_one_raises():
    with pytest.raises(InputError, match='focus is 1.5'):
        ScaleInvariantLogLoss(focus=1.5)


def work(rank, folder):
    """Save loss and gradient of one of two ranks; the ranks differ in valid pixels."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    depth, target, valid = batch()
    scale = torch.ones((), dtype=torch.double, requires_grad=True)  # shared by the ranks
    valid[1, 1:] = False
    loss = ScaleInvariantLogLoss()(scale * depth[rank:rank + 1], target[rank:rank + 1],
                                   valid[rank:rank + 1])
    loss.backward()
    np.savez(f'{folder}/{rank}.npz', loss=loss.item(), grad=scale.grad.item())
    no_pixels = ScaleInvariantLogLoss()(depth, target, torch.zeros_like(valid))
    assert no_pixels.item() == 0
    dist.destroy_process_group()


def test_two_ranks_equal_one_process(tmp_path):
    run_two_ranks(work, str(tmp_path))
    depth, target, valid = batch()
    valid[1, 1:] = False
    scale = torch.ones((), dtype=torch.double, requires_grad=True)
    expected = ScaleInvariantLogLoss()(scale * depth, target, valid)
    expected.backward()
    found = [np.load(tmp_path / f'{rank}.npz') for rank in (0, 1)]
    for item in found:
        assert item['loss'] == pytest.approx(expected.item())
    # DistributedDataParallel averages gradients.
    assert np.mean([item['grad'] for item in found]) == pytest.approx(scale.grad.item())
