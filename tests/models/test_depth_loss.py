import math

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.losses import ScaleInvariantLogLoss

SHAPE = (2, 5, 7)


def batch(seed=0, dtype=torch.double):
    generator = torch.Generator().manual_seed(seed)
    depth = 1 + 20 * torch.rand(SHAPE, generator=generator, dtype=dtype)
    target = 1 + 20 * torch.rand(SHAPE, generator=generator, dtype=dtype)
    return depth, target, torch.rand(SHAPE, generator=generator) < .6


def reference(depth, target, valid, alpha, focus):
    """The definition, pixel by pixel."""
    residuals = [math.log(d) - math.log(t) for d, t, v in zip(
        depth.flatten().tolist(), target.flatten().tolist(), valid.flatten().tolist()) if v]
    mean = sum(residuals) / len(residuals)
    square = sum(item ** 2 for item in residuals) / len(residuals)
    return alpha * math.sqrt(square - focus * mean ** 2)


@pytest.mark.parametrize('focus', [0., .5, .85, 1.])
def test_definition(focus):
    depth, target, valid = batch()
    loss = ScaleInvariantLogLoss(alpha=10., focus=focus, loss_weight=.5)(depth, target, valid)
    assert loss.item() == pytest.approx(.5 * reference(depth, target, valid, 10., focus))


def test_a_factor_of_all_depths_counts_by_the_focus():
    """d = log(c) everywhere: sqrt(1 - focus) |log(c)|; nothing of it with focus 1."""
    _, target, valid = batch()
    loss = ScaleInvariantLogLoss()(1.3 * target, target, valid)
    assert loss.item() == pytest.approx(10 * math.sqrt(.15) * math.log(1.3))
    depth = batch(1)[0]
    shape_only = ScaleInvariantLogLoss(focus=1.)
    assert shape_only(1.3 * depth, target, valid).item() == pytest.approx(
        shape_only(depth, target, valid).item())


def test_gradients():
    depth, target, valid = batch()
    assert torch.autograd.gradcheck(
        lambda item: ScaleInvariantLogLoss()(item, target, valid), depth.requires_grad_())
    ScaleInvariantLogLoss()(depth, target, valid).backward()
    assert (depth.grad[~valid] == 0).all() and (depth.grad[valid] != 0).all()


@pytest.mark.parametrize('hidden', [0., -1., math.nan, math.inf])
def test_what_is_not_valid_spoils_nothing(hidden):
    depth, target, valid = batch()
    expected = ScaleInvariantLogLoss()(depth, target, valid)
    depth = torch.where(valid, depth, hidden).requires_grad_()
    loss = ScaleInvariantLogLoss()(depth, torch.where(valid, target, hidden), valid)
    loss.backward()
    assert loss.item() == expected.item()
    assert torch.isfinite(depth.grad).all()


def test_zero_with_a_graph_where_nothing_is_valid_or_wrong():
    depth, target, valid = batch(dtype=torch.float)
    for truth, mask in [(target, torch.zeros_like(valid)), (depth, valid)]:
        prediction = depth.clone().requires_grad_()
        loss = ScaleInvariantLogLoss()(prediction, truth, mask)
        loss.backward()
        assert loss.item() == 0
        assert (prediction.grad == 0).all()


def test_predictions_of_nothing_are_finite():
    """A sigmoid that underflows predicts 0 m."""
    depth = torch.zeros(SHAPE, requires_grad=True)
    loss = ScaleInvariantLogLoss(eps=1e-6)(depth, torch.ones(SHAPE), torch.ones(SHAPE) > 0)
    loss.backward()
    assert loss.item() == pytest.approx(10 * math.sqrt(.15) * math.log(1e6), rel=1e-5)
    assert torch.isfinite(depth.grad).all()


def test_half_precision_is_widened():
    depth, target, valid = batch(dtype=torch.float)
    loss = ScaleInvariantLogLoss()(depth.bfloat16(), target, valid)
    assert loss.dtype == torch.float
    assert loss.item() == ScaleInvariantLogLoss()(depth.bfloat16().float(), target, valid).item()


def test_focus_is_a_share():
    with pytest.raises(InputError, match='focus is 1.5'):
        ScaleInvariantLogLoss(focus=1.5)


def work(rank, folder):
    """What one of two processes learns of its image, whose share of valid pixels differs."""
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    depth, target, valid = batch()
    scale = torch.ones((), dtype=torch.double, requires_grad=True)  # as a shared weight
    valid[1, 1:] = False
    loss = ScaleInvariantLogLoss()(scale * depth[rank:rank + 1], target[rank:rank + 1],
                                   valid[rank:rank + 1])
    loss.backward()
    np.savez(f'{folder}/{rank}.npz', loss=loss.item(), grad=scale.grad.item())
    nothing = ScaleInvariantLogLoss()(depth, target, torch.zeros_like(valid))
    assert nothing.item() == 0
    dist.destroy_process_group()


def test_two_processes_learn_as_one(tmp_path):
    mp.spawn(work, (str(tmp_path), ), nprocs=2)
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
