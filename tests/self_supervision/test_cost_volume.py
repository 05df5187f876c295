"""Depth bins by hand, and cost volumes of rendered planes against loops."""
from importlib import import_module

import numpy as np
import pytest
import torch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.self_supervision import DepthBins, cost_volume, motion_matrix

BATCH, CHANNELS = 2, 5
SIZE = HEIGHT, WIDTH = 20, 36
BORDER = 2
# The first two lie behind the neighbouring camera of the second sample.
DEPTHS = torch.tensor([1., 1.4, 2., 3., 4., 5., 6., 7.5, 9., 11., 14.])


@pytest.fixture
def cameras():
    first = torch.tensor([[18., 0., 18.5, .6], [0., 17., 9., -.3], [0., 0., 1., .02],
                          [0., 0., 0., 1.]])
    second = first.clone()
    second[0, 0], second[0, 2], second[1, 2] = 23., 17., 10.5
    return torch.stack([first, second])


@pytest.fixture
def motion():
    return motion_matrix(torch.tensor([[0., .02, .01], [.01, 0., 0.]]),
                         torch.tensor([[-.7, .1, .1], [.5, -.3, -1.5]]))


@pytest.fixture
def features():
    return torch.rand(2, BATCH, CHANNELS, *SIZE, generator=torch.manual_seed(0))


def texture(x, y):
    """Return smooth features (C, ...) of points on a plane."""
    return np.stack([np.sin((1 + .3 * c) * x + c) + np.cos((2 - .2 * c) * y + 2 * c)
                     for c in range(CHANNELS)])


def render(camera, motion, distance):
    """Return the features (C, H, W) of the plane at z = distance, target frame."""
    v, u = np.mgrid[:HEIGHT, :WIDTH] + .5
    rays = np.stack([u, v, np.ones_like(u)], axis=-1)
    inverse = np.linalg.inv(camera[:3, :3])
    rotation, translation = motion[:3, :3], motion[:3, 3]
    start = (camera[2, 3] * rays - camera[:3, 3]) @ inverse.T
    step = rays @ inverse.T
    z = (distance - ((start - translation) @ rotation)[..., 2]) / (step @ rotation)[..., 2]
    points = (start + z[..., None] * step - translation) @ rotation
    return texture(points[..., 0], points[..., 1])


def loops(target, source, camera, motion):
    """Return costs (D, H, W) and observed (D, H, W) of one sample, pixel by pixel."""
    costs = np.zeros((len(DEPTHS), *SIZE))
    observed = np.zeros_like(costs, dtype=bool)
    inverse = np.linalg.inv(camera)
    for d, row, column in np.ndindex(costs.shape):
        w = float(DEPTHS[d]) + camera[2, 3]
        point = inverse @ [(column + .5) * w, (row + .5) * w, w, 1]
        u, v, w = (camera @ motion @ point)[:3]
        if w <= 0:
            continue
        u, v = u / w, v / w
        inner = BORDER <= row < HEIGHT - BORDER and BORDER <= column < WIDTH - BORDER
        observed[d, row, column] = (inner and BORDER <= u <= WIDTH - BORDER
                                    and BORDER <= v <= HEIGHT - BORDER)
        if observed[d, row, column]:
            x, y = u - .5, v - .5
            i, j = int(y), int(x)
            top = source[:, i, j] * (j + 1 - x) + source[:, i, j + 1] * (x - j)
            bottom = source[:, i + 1, j] * (j + 1 - x) + source[:, i + 1, j + 1] * (x - j)
            sampled = top * (i + 1 - y) + bottom * (y - i)
            costs[d, row, column] = np.abs(sampled - target[:, row, column]).mean()
    return costs, observed


def test_volume_matches_loops(features, cameras, motion):
    volume = cost_volume(*features, DEPTHS, cameras, motion)
    assert volume.costs.shape == (BATCH, len(DEPTHS), *SIZE)
    some_missing = 0
    for sample in range(BATCH):
        costs, observed = loops(*features[:, sample].double().numpy(),
                                cameras[sample].double().numpy(), motion[sample].double().numpy())
        complete = observed.all(0)
        some_missing += (observed.any(0) & ~complete).sum()
        np.testing.assert_array_equal(volume.confidence[sample], complete)
        np.testing.assert_allclose(volume.costs[sample], costs * complete, atol=1e-4)
        seen = observed.any(0)
        best = np.where(observed, costs, np.inf).argmin(0)
        np.testing.assert_array_equal(volume.depth[sample][torch.from_numpy(seen)],
                                      DEPTHS.numpy()[best[seen]])
        assert (volume.depth[sample][torch.from_numpy(~seen)] == DEPTHS[0]).all()
    assert some_missing > 50
    assert volume.confidence[0].any() and not volume.confidence[1].any()


@pytest.mark.parametrize('bins_per_chunk', [1, 4, 100])
def test_chunks_do_not_change_the_volume(features, cameras, motion, bins_per_chunk, monkeypatch):
    expected = cost_volume(*features, DEPTHS, cameras, motion)
    module = import_module('mmdet3d_plugin.self_supervision.cost_volume')
    monkeypatch.setattr(module, 'BINS_PER_CHUNK', bins_per_chunk)
    for result, value in zip(cost_volume(*features, DEPTHS, cameras, motion), expected):
        torch.testing.assert_close(result, value)


@pytest.mark.parametrize('true_bin', [2, 3, 5])
def test_best_bin_of_a_plane_is_the_true_one(cameras, motion, true_bin):
    depths = DEPTHS[3:]
    distance = float(depths[true_bin])
    target, source = (torch.from_numpy(np.stack([
        render(camera.double().numpy(), pose.double().numpy(), distance)
        for camera, pose in zip(cameras, poses)])).float()
        for poses in (torch.eye(4).repeat(2, 1, 1), motion))
    volume = cost_volume(target, source, depths, cameras, motion)
    for sample in range(BATCH):
        confident = volume.confidence[sample] == 1
        assert confident.sum() > 20
        assert (volume.depth[sample][confident] == distance).float().mean() > .9
        assert (volume.costs[sample].argmin(0)[confident] == true_bin).float().mean() > .9
        lowest = volume.costs[sample, true_bin][confident].mean()
        assert lowest < .1 * volume.costs[sample].amax(0)[confident].mean()
    # The opposite motion does not find the plane.
    wrong = cost_volume(target, source, depths, cameras, torch.linalg.inv(motion))
    confident = wrong.confidence == 1
    assert (wrong.depth[confident] == distance).float().mean() < .5


def test_sample_without_motion_is_skipped(features, cameras, motion):
    motion[1] = torch.eye(4)
    valid = torch.tensor([True, False])
    volume = cost_volume(*features, DEPTHS, cameras, motion, valid=valid)
    assert not volume.costs[1].any() and not volume.confidence[1].any()
    assert (volume.depth[1] == DEPTHS[0]).all()
    alone = cost_volume(*features[:, :1], DEPTHS, cameras[:1], motion[:1])
    for result, expected in zip(volume, alone):
        torch.testing.assert_close(result[:1], expected)
    assert volume.confidence[0].any()


def test_identity_motion_observes_all_bins_inside_the_border(features, cameras):
    volume = cost_volume(features[0], features[0], DEPTHS, cameras, torch.eye(4).repeat(2, 1, 1))
    expected = torch.zeros(SIZE)
    expected[BORDER:-BORDER, BORDER:-BORDER] = 1
    assert all(torch.equal(confidence, expected) for confidence in volume.confidence)
    assert volume.costs.max() < 1e-4


@pytest.mark.parametrize('shift, first, last', [(1., 2, 33), (1.25, 2, 33), (1.75, 2, 32),
                                                (-2., 4, 34)])
def test_projections_on_the_border_are_missing(features, shift, first, last):
    # The pixels with a centre between 2 and 34 - shift count, 34 = WIDTH - BORDER.
    camera = torch.tensor([[[16., 0., 8., 0.], [0., 16., 8., 0.], [0., 0., 1., 0.],
                            [0., 0., 0., 1.]]])
    motion = motion_matrix(torch.zeros(1, 3), torch.tensor([[shift / 4, 0., 0.]]))
    volume = cost_volume(*features[:, :1], torch.tensor([4.]), camera, motion)
    expected = torch.zeros(SIZE)
    expected[2:18, first:last] = 1
    assert torch.equal(volume.confidence[0], expected)


def test_missing_bin_is_never_the_best(features):
    # At 2 m the shift of 16 pixels often leaves the image, at 4 and 8 m the shifts are 8 and 4.
    camera = torch.tensor([[[16., 0., 8., 0.], [0., 16., 8., 0.], [0., 0., 1., 0.],
                            [0., 0., 0., 1.]]])
    motion = motion_matrix(torch.zeros(1, 3), torch.tensor([[2., 0., 0.]]))
    target = features[0, :1]
    source = target.roll(8, dims=3)
    volume = cost_volume(target, source, torch.tensor([2., 4., 8.]), camera, motion)
    assert (volume.depth[0, 2:-2, 2:26] == 4).all()
    assert (volume.depth[0, 2:-2, 26:30] == 8).all()
    assert volume.confidence[0, 2:-2, 2:18].all() and volume.confidence.sum() == 16 * 16


def test_volume_has_no_gradient_and_full_precision(features, cameras, motion):
    half = features.bfloat16().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        volume = cost_volume(*half, DEPTHS, cameras, motion.requires_grad_())
    expected = cost_volume(*half.float(), DEPTHS, cameras, motion)
    for result, value in zip(volume, expected):
        assert not result.requires_grad and result.dtype == torch.float32
        assert torch.equal(result, value)


def test_no_value_is_read_by_the_host(features, cameras, motion):
    # Tensors on the meta device have no values.
    bins = DepthBins().to('meta')
    bins.update(torch.ones(2, 1, 3, 3, device='meta'))
    tensors = [tensor.to('meta') for tensor in (*features, bins.depths(), cameras, motion)]
    volume = cost_volume(*tensors, valid=torch.ones(2, dtype=torch.bool, device='meta'))
    assert volume.costs.shape == (BATCH, 96, *SIZE)


def test_bins_are_linear_and_include_both_limits():
    depths = DepthBins().depths()
    assert len(depths) == 96
    np.testing.assert_allclose(depths, .1 + np.arange(96) * 9.9 / 95, rtol=1e-5)
    assert depths[0].item() == pytest.approx(.1) and depths[-1].item() == 10


def test_bins_follow_the_mean_extremes_of_a_batch():
    bins = DepthBins()
    depth = torch.tensor([[3., 5., 20.], [9., 7., 60.]]).reshape(2, 1, 1, 3).requires_grad_()
    bins.update(depth)
    # The mean nearest depth is 5, the mean farthest 40.
    assert bins.min_depth.item() == pytest.approx(.99 * .1 + .01 * .9 * 5)
    assert bins.max_depth.item() == pytest.approx(.99 * 10 + .01 * 1.1 * 40)
    assert not bins.min_depth.requires_grad and not list(bins.parameters())


def test_bins_approach_the_floor_and_the_farthest_depth():
    bins = DepthBins(num_bins=2, start=(1., 10.), momentum=.5, spread=(.8, 1.5), floor=.3)
    bins.update(torch.tensor([.01, 4.]).reshape(1, 1, 1, 2))
    assert bins.depths().tolist() == pytest.approx([.65, 8.])


def test_bins_average_over_ranks(monkeypatch):
    module = import_module('mmdet3d_plugin.self_supervision.cost_volume')

    def reduce_with_another_rank(limits, op):
        assert op == 'mean'
        limits.add_(torch.tensor([8., 30.])).div_(2)

    monkeypatch.setattr(module, 'all_reduce', reduce_with_another_rank)
    bins = DepthBins(momentum=0.)
    bins.update(torch.tensor([2., 10.]).reshape(1, 1, 1, 2))
    assert bins.min_depth.item() == pytest.approx(.9 * 5)
    assert bins.max_depth.item() == pytest.approx(1.1 * 20)


def test_checkpoint_restores_the_bins():
    bins = DepthBins()
    bins.update(torch.tensor([2., 50.]).reshape(1, 1, 1, 2))
    assert set(bins.state_dict()) == {'min_depth', 'max_depth'}
    restored = DepthBins()
    restored.load_state_dict(bins.state_dict())
    assert torch.equal(restored.depths(), bins.depths())
    assert not torch.equal(restored.depths(), DepthBins().depths())


@pytest.mark.parametrize('settings, message', [
    (dict(num_bins=1), 'num_bins: 1 depth bins; use at least 2'),
    (dict(start=(0, 5)), r'start: limits \(0, 5\); use 0 < nearest < farthest'),
    (dict(start=(5., 5.)), r'start: limits \(5.0, 5.0\); use'),
])
def test_wrong_bins_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        DepthBins(**settings)
