"""MetricDepth's loss against loops over cells, its edge cases, memory and distribution."""
import copy
import math

import numpy as np
import pytest
import torch
import torch.distributed as dist
from engine.test_no_waiting import DeviceFollower
from mmdet3d.registry import MODELS
from mmengine.registry import init_default_scope
from tiny_training import run_two_ranks

from mmdet3d_plugin.commands.speed_test import peak_memory, reset_peak_memory
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import multi_range_metric_loss
from mmdet3d_plugin.metric_learning.feature_sampling import draw_shifts

MULTI = dict(type='MultiRangeStrategy', positive_threshold=.1,
             ranges=[(.5, 1.), (1., 1.5), (2., 3.)], margins=[3., 6., 8.])
UNIFORM = dict(type='UniformStrategy', positive_threshold=.1, negative_threshold=.5, margin=4.)
ADAPTIVE = dict(type='AdaptiveStrategy', positive_threshold=.1, quantiles=[.2, .5, .9],
                mean_margin=5., momentum=.25, max_pairs=10**6)


def build(strategy=MULTI, num_within=10, num_across=4, **settings):
    return MODELS.build(dict(type='MultiRangeMetricLoss', strategy=copy.deepcopy(strategy),
                             num_within=num_within, num_across=num_across, **settings))


def batch(num_images=3, height=5, width=6, channels=4, seed=0, dtype=torch.double):
    """Return random features, depths and a mask.

    Feature distances are similar to the margins, depth differentials cover all groups, and the
    mask hides a fifth of the depths.
    """
    generator = torch.Generator().manual_seed(seed)
    feature = 2 * torch.randn(num_images, channels, height, width, generator=generator,
                              dtype=dtype)
    depth = 1 + 3 * torch.rand(num_images, height, width, generator=generator, dtype=dtype)
    # Round half of the depths, because nearly equal depths are rare among random ones.
    depth = torch.where(torch.rand(depth.shape, generator=generator) < .5,
                        (4 * depth).round() / 4, depth)
    valid = torch.rand(depth.shape, generator=generator) > .2
    return feature.requires_grad_(), depth, valid


def call(loss, *arguments, seed=1):
    """Return the loss with random shifts of a seed."""
    torch.manual_seed(seed)
    return loss(*arguments).loss


def slow_loss(feature, depth, valid, shifts, strategy):
    """Compute the sum and the number of active pairs by a loop over cells.

    Written from the paper: the partner of cell (b, y, x) is the cell that is rolled to its place.
    """
    if strategy['type'] == 'UniformStrategy':
        ranges = [(strategy['negative_threshold'], math.inf)]
        margins = [strategy['margin']]
    else:
        ranges, margins = strategy['ranges'], strategy['margins']
    num_images, _, height, width = feature.shape
    total, count = feature.sum() * 0, 0
    for images, rows, columns in shifts:
        for b in range(num_images):
            for y in range(height):
                for x in range(width):
                    other = (b - images) % num_images, (y - rows) % height, (x - columns) % width
                    if not (valid[b, y, x] and valid[other]):
                        continue
                    differential = abs(depth[b, y, x] - depth[other]).item()
                    j, v, u = other
                    gap = feature[b, :, y, x] - feature[j, :, v, u]
                    distance = (gap ** 2).sum().sqrt()
                    if differential < strategy['positive_threshold']:
                        total, count = total + distance, count + 1
                    for (low, high), margin in zip(ranges, margins):
                        if low <= differential < high:
                            total, count = total + (margin - distance).clamp(min=0), count + 1
    return total, count


@pytest.mark.parametrize('strategy', [MULTI, UNIFORM], ids=lambda item: item['type'])
@pytest.mark.parametrize('reduction', ['mean', 'sum'])
@pytest.mark.parametrize('num_images', [1, 2, 4])
def test_agrees_with_loops_over_cells(strategy, reduction, num_images):
    feature, depth, valid = batch(num_images)
    loss = build(strategy, reduction=reduction, loss_weight=.3)
    found = call(loss, feature, depth, valid)
    gradient, = torch.autograd.grad(found, feature)
    torch.manual_seed(1)
    total, count = slow_loss(feature, depth, valid, draw_shifts(num_images, 5, 6, 10, 4), strategy)
    expected = .3 * (total / count if reduction == 'mean' else total)
    assert count > 100
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, feature)[0])


def test_single_precision_in_any_memory_layout():
    feature, depth, valid = batch(4)
    expected = call(build(), feature, depth, valid)
    gradient, = torch.autograd.grad(expected, feature)
    for layout in (torch.contiguous_format, torch.channels_last):
        single = feature.detach().float().contiguous(memory_format=layout).requires_grad_()
        found = call(build(), single, depth.float(), valid)
        torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
        torch.testing.assert_close(torch.autograd.grad(found, single)[0].double(), gradient,
                                   rtol=1e-4, atol=1e-7)


def test_bfloat16_features_are_compared_in_single_precision():
    """Under autocast too, where matrix products would run in bfloat16."""
    feature, depth, valid = batch(4)
    rounded = feature.detach().bfloat16().requires_grad_()
    expected = call(build(), rounded.detach().float().requires_grad_(), depth, valid)
    with torch.autocast('cpu', torch.bfloat16):
        found = call(build(), rounded, depth, valid)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    found.backward()
    assert rounded.grad.dtype == torch.bfloat16 and rounded.grad.abs().sum() > 0


@pytest.mark.parametrize('strategy', [MULTI, UNIFORM, ADAPTIVE], ids=lambda item: item['type'])
@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_gradient_is_that_of_finite_differences(strategy, reduction):
    feature, depth, valid = batch(2, 3, 4)
    loss = build(strategy, 3, 1, reduction=reduction)
    call(loss, feature, depth, valid)  # initialises the adaptive ranges
    loss.eval()  # keeps them fixed
    assert torch.autograd.gradcheck(lambda x: call(loss, x, depth, valid), feature)


def pair(distance, differential, **settings):
    """Return loss and gradient of two images of one cell, which form two equal pairs."""
    feature = torch.zeros(2, 3, 1, 1)
    feature[1, 0] = distance
    feature.requires_grad_()
    loss = build(MULTI, 0, 1, **settings)
    value = loss(feature, torch.tensor([5., 5. + differential])[:, None, None]).loss
    value.backward()
    return value.item(), feature.grad[1, 0].item()


@pytest.mark.parametrize('distance, differential, loss, slope', [
    (2.5, .05, 2.5, 1.),  # positive: the loss is its distance
    (2.5, .25, 0., 0.),  # ignored, between r_p and the first range
    (2.5, .75, .5, -1.),  # negative, margin 3
    (3.5, .75, 0., 0.),  # negative beyond its margin
    (2.5, 1., 3.5, -1.),  # a range includes its lower bound: margin 6
    (2.5, 1.75, 0., 0.),  # ignored, between ranges
    (2.5, 2.5, 5.5, -1.),  # margin 8
    (2.5, 3., 0., 0.),  # beyond the last range
    (0., .05, 0., 0.), (0., .75, 3., 0.),  # equal features have no gradient
])
def test_loss_and_gradient_of_a_pair(distance, differential, loss, slope):
    """Mean or sum over two equal pairs; both cells of a pair get a gradient."""
    assert pair(distance, differential) == pytest.approx((loss, slope))
    assert pair(distance, differential, reduction='sum') == pytest.approx((2 * loss, 2 * slope))


def test_only_pairs_with_a_positive_loss_have_gradients():
    """One row of cells, rolled by one cell."""
    feature = torch.zeros(1, 2, 1, 4)
    feature[0, 0, 0] = torch.tensor([0., 9., 9.5, 20.])
    feature.requires_grad_()
    # Pairs of neighbours: ignored, negative beyond its margin, positive.
    depth = torch.tensor([[[1., 1.3, 2., 2.05]]])
    loss = build({**MULTI, 'ranges': [(.5, .9)], 'margins': [.4]}, 1, 0)
    seed = next(seed for seed in range(99)
                if torch.manual_seed(seed) and draw_shifts(1, 1, 4, 1, 0) == [(0, 0, 1)])
    value = call(loss, feature, depth, seed=seed)
    value.backward()
    # Active are (1.3, 2), beyond its margin, and (2, 2.05), 10.5 apart. (2.05, 1) is in no range.
    assert value.item() == pytest.approx(10.5 / 2)
    torch.testing.assert_close(feature.grad[0, :, 0],
                               torch.tensor([[0., 0., -.5, .5], [0., 0., 0., 0.]]))


def test_mean_does_not_depend_on_resolution_or_density_and_sum_does():
    """Constant maps of two depths, where every pair has the same loss."""
    def value(size, share, reduction):
        feature, depth = torch.zeros(2, 3, size, size), torch.full((2, size, size), 5.)
        feature[1, 0], depth[1] = 1., 5.75
        valid = torch.zeros_like(depth, dtype=torch.bool)
        valid[..., :int(share * size)] = True
        return build(MULTI, 0, 4, reduction=reduction)(feature, depth, valid).loss.item()

    for size, share in [(4, 1.), (8, 1.), (8, .25)]:
        assert value(size, share, 'mean') == pytest.approx(2.)
        assert value(size, share, 'sum') == pytest.approx(2 * 4 * 2 * share * size ** 2)


@pytest.mark.parametrize('strategy', [MULTI, ADAPTIVE], ids=lambda item: item['type'])
@pytest.mark.parametrize('change', [
    lambda depth, valid: (depth, torch.zeros_like(valid)),
    lambda depth, valid: (torch.zeros_like(depth), torch.ones_like(valid)),
    lambda depth, valid: (torch.full_like(depth, torch.nan), torch.ones_like(valid)),
    lambda depth, valid: (torch.full_like(depth, torch.inf), torch.ones_like(valid)),
], ids=['empty mask', 'zero', 'nan', 'infinite'])
def test_loss_without_depth_is_a_differentiable_zero(strategy, change):
    feature, depth, valid = batch()
    loss = build(strategy)
    value = call(loss, feature, *change(depth, valid))
    assert value.item() == 0
    value.backward()
    assert (feature.grad == 0).all()
    # Later steps are not affected.
    assert call(loss, feature, depth, valid).item() > 0


def test_loss_of_a_map_of_one_cell_is_a_differentiable_zero():
    for strategy in (MULTI, ADAPTIVE):
        feature = torch.ones(1, 4, 1, 1, requires_grad=True)
        value, logs = build(strategy)(feature, torch.ones(1, 1, 1))
        value.backward()
        assert logs == {} and value.item() == 0 and (feature.grad == 0).all()


@pytest.mark.parametrize('value', [0., -3., math.nan, math.inf, -math.inf])
def test_invalid_depth_counts_as_masked(value):
    """With a mask that hides it, with a mask that does not, and without a mask."""
    feature, depth, valid = batch()
    expected = call(build(), feature, depth, valid)
    broken = torch.where(valid, depth, value)
    for mask in (valid, torch.ones_like(valid), None):
        found = call(build(), feature, broken, mask)
        assert found == expected
        assert torch.isfinite(torch.autograd.grad(found, feature)[0]).all()


def test_pairs_need_valid_depth_at_both_cells():
    """All features are equal and all depths differ, so the loss of a valid pair is its margin."""
    depth = torch.arange(1., 31.).view(2, 3, 5)
    strategy = {**UNIFORM, 'margin': 7.}
    for share in (0., .1, .5, 1.):
        valid = torch.rand(depth.shape, generator=torch.Generator().manual_seed(3)) < share
        found = call(build(strategy, reduction='sum'), torch.zeros(2, 4, 3, 5), depth, valid)
        torch.manual_seed(1)
        both = [valid.numpy() & np.roll(valid.numpy(), shift, axis=(0, 1, 2))
                for shift in draw_shifts(2, 3, 5, 10, 4)]
        assert found.item() == 7 * np.sum(both)


@pytest.mark.parametrize('scale', [2, 3, .5])
def test_depth_is_read_at_cells_and_never_blended(scale):
    """A depth map of enlarged pixels gives the same loss as the original map."""
    feature, depth, valid = batch(3, 4, 6)
    expected = call(build(), feature, depth, valid)
    if scale > 1:
        depth, valid = (item.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
                        for item in (depth, valid))
        assert call(build(), feature, depth, valid) == expected
        # Unknown pixels next to a cell's centre do not matter.
        if scale == 3:
            center = torch.zeros_like(valid)
            center[:, 1::3, 1::3] = True
            assert call(build(), feature, depth, valid & center) == expected
    else:
        finer = feature.detach().repeat_interleave(2, 2).repeat_interleave(2, 3)
        assert torch.isfinite(call(build(), finer, depth, valid))


def test_depth_is_read_at_the_centres_of_cells():
    """Four cells on ten rows of pixels have their centres at 1.25, 3.75, 6.25 and 8.75."""
    rows = torch.arange(1., 11.)[None, :, None].expand(2, 10, 10)
    feature = torch.zeros(2, 1, 4, 4)
    feature[0] = torch.randn(1, 4, 4)
    strategy = dict(type='UniformStrategy', positive_threshold=0., negative_threshold=2.4,
                    margin=100.)
    cells = torch.tensor([2., 4., 7., 9.])[None, :, None].expand(2, 4, 4)
    assert call(build(strategy), feature, rows) == call(build(strategy), feature, cells)


def test_a_batch_of_one_image_warns_once(monkeypatch):
    warnings = []
    monkeypatch.setattr(multi_range_metric_loss, 'print_log',
                        lambda message, *_, **__: warnings.append(message))
    feature, depth, valid = batch(1)
    loss = build()
    within = call(build(num_across=0), feature, depth, valid)
    assert warnings == []
    assert call(loss, feature, depth, valid) == call(loss, feature, depth, valid) == within
    assert len(warnings) == 1 and 'one image has no pairs across the batch' in warnings[0]
    only_across = build(num_within=0)
    assert call(only_across, feature, depth, valid).item() == 0


def test_shifts_follow_the_paper():
    torch.manual_seed(0)
    within = draw_shifts(8, 4, 5, 500, 0)
    assert {(rows, columns) for _, rows, columns in within} == {
        (rows, columns) for rows in range(1, 4) for columns in range(1, 5)}
    assert {images for images, _, _ in within} == {0}
    orders = set()
    for _ in range(50):
        across = draw_shifts(5, 4, 5, 0, 6)
        assert {shift[1:] for shift in across} == {(0, 0)}
        images = [shift[0] for shift in across]
        # Every other image occurs once before one repeats.
        assert sorted(images[:4]) == [1, 2, 3, 4] and images[4:] == images[:2]
        orders.add(tuple(images))
    assert len(orders) > 10
    assert all(rows == 0 and columns > 0 for _, rows, columns in draw_shifts(1, 1, 5, 50, 4))
    assert draw_shifts(1, 1, 1, 5, 5) == []


def test_one_map_is_kept_for_the_backward_pass():
    feature = torch.randn(2, 16, 20, 30, requires_grad=True)
    depth = 1 + 3 * torch.rand(2, 20, 30)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: saved.append(tensor.nbytes) or tensor, lambda tensor: tensor):
        loss = build()(feature, depth).loss
    assert feature.nbytes <= sum(saved) <= feature.nbytes + 64
    loss.backward()
    assert feature.grad.abs().sum() > 0


def test_memory_is_less_than_that_of_eight_maps():
    feature = torch.randn(2, 64, 160, 320, requires_grad=True)  # 26 MB
    depth = 1 + 3 * torch.rand(2, 160, 320)
    reset_peak_memory('cpu')
    before = peak_memory('cpu')
    build()(feature, depth).loss.backward()
    growth = 2 ** 20 * (peak_memory('cpu') - before)
    # A stack of all 14 rolled maps would take 14 maps.
    assert growth < 8 * feature.nbytes


@pytest.mark.parametrize('strategy', [MULTI, UNIFORM, ADAPTIVE], ids=lambda item: item['type'])
def test_the_host_does_not_wait_for_the_device(strategy, monkeypatch):
    # torch checks the levels of quantiles on a CPU only.
    if strategy is ADAPTIVE:
        monkeypatch.setattr(torch.Tensor, 'nanquantile',
                            lambda values, levels: values[:len(levels)])
    feature, depth, valid = batch()
    loss = build(strategy)
    with DeviceFollower([feature, depth, valid, *loss.buffers()]) as follower:
        call(loss, feature, depth, valid).backward()
    assert not follower.waiting


@pytest.mark.parametrize('change, message', [
    (dict(positive_threshold=.6), r'positive_threshold 0.6 lies above the first range'),
    (dict(positive_threshold=-.1), 'positive_threshold is -0.1'),
    (dict(positive_threshold=math.nan), 'positive_threshold is nan'),
    (dict(ranges=[(.5, 1.2), (1., 1.5), (2., 3.)]), 'overlap or are not in rising order'),
    (dict(ranges=[(1., 1.5), (.5, 1.), (2., 3.)]), 'overlap or are not in rising order'),
    (dict(ranges=[(.5, math.inf), (1., 1.5), (2., 3.)]), 'overlap'),
    (dict(ranges=[(.5, 1.), (1.5, 1.), (2., 3.)]), 'expected 0 <= r_l < r_h'),
    (dict(ranges=[(.5, math.nan), (1.5, 1.), (2., 3.)]), 'expected 0 <= r_l < r_h'),
    (dict(ranges=[]), 'expected one or more pairs'),
    (dict(ranges=[.5, 1., 1.5]), 'expected one or more pairs'),
    (dict(margins=[3., 6.]), '2 margins for 3 ranges'),
    (dict(margins=[3., 6., 8., 9.]), '4 margins for 3 ranges'),
    (dict(margins=[3., -6., 8.]), 'margins are'),
    (dict(margins=[3., math.inf, 8.]), 'margins are'),
])
def test_invalid_ranges_are_refused(change, message):
    with pytest.raises(InputError, match=message) as error:
        build({**MULTI, **change})
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('strategy, message', [
    ({**UNIFORM, 'positive_threshold': .6}, 'UniformStrategy: positive_threshold 0.6 lies above'),
    ({**UNIFORM, 'margin': -1.}, 'UniformStrategy: margins are'),
    ({**ADAPTIVE, 'quantiles': [.5]}, 'quantiles are'),
    ({**ADAPTIVE, 'quantiles': [.5, .2]}, 'quantiles are'),
    ({**ADAPTIVE, 'quantiles': [.5, 1.2]}, 'quantiles are'),
    ({**ADAPTIVE, 'momentum': 0.}, 'momentum 0.0'),
    ({**ADAPTIVE, 'mean_margin': math.inf}, 'mean_margin inf'),
    ({**ADAPTIVE, 'max_pairs': 0}, 'max_pairs 0'),
    ({**ADAPTIVE, 'positive_threshold': -1.}, 'positive_threshold is -1.0'),
])
def test_invalid_strategies_are_refused(strategy, message):
    with pytest.raises(InputError, match=message):
        build(strategy)


@pytest.mark.parametrize('change, message', [
    (dict(num_within=0, num_across=0), 'their sum must be positive'),
    (dict(num_within=-1), 'none may be negative'), (dict(reduction='max'), "reduction is 'max'"),
    (dict(loss_weight=-1.), 'loss_weight is -1.0'),
    (dict(loss_weight=math.nan), 'loss_weight is nan')])
def test_invalid_settings_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        build(**change)


def test_mismatched_shapes_are_refused():
    feature, depth, valid = batch()
    for arguments in [(feature, depth[:2], valid[:2]), (feature, depth, valid[:, :2]),
                      (feature, depth[:, None], valid[:, None]), (feature[0], depth, valid)]:
        with pytest.raises(InputError, match=r'expected \(B, C, h, w\), \(B, H, W\)'):
            build()(*arguments)


def depth_of(values):
    """Return depths of two images of one row that differ by these values."""
    depth = torch.ones(2, 1, len(values))
    depth[1, 0] += torch.as_tensor(values)
    return depth


def test_adaptive_ranges_follow_quantiles():
    """The quantiles 0, 1/3 and 1 of 0.5, 1, ... 5 m are 0.5, 2 and 5 m.

    The quantiles of doubled values are 1, 4 and 10 m. With momentum 0.25 each step closes a
    quarter of the gap.
    """
    loss = build({**ADAPTIVE, 'quantiles': [0., 1 / 3, 1.]}, 0, 1)
    feature = torch.randn(2, 3, 1, 10)
    values = torch.arange(.5, 5.1, .5)
    loss(feature, depth_of(values))
    first = torch.tensor([.5, 2., 5.])
    torch.testing.assert_close(loss.strategy.edges, first)
    for step in range(1, 6):
        loss(feature, depth_of(2 * values))
        expected = 2 * first - first * .75 ** step
        torch.testing.assert_close(loss.strategy.edges, expected)
    loss.eval()
    loss(feature, depth_of(7 * values))
    torch.testing.assert_close(loss.strategy.edges, expected)
    groups = loss.strategy(torch.zeros(0))
    torch.testing.assert_close(groups.lower, torch.tensor([0., *expected[:2]]))
    torch.testing.assert_close(groups.upper, torch.tensor([.1, *expected[1:]]))


def test_adaptive_ranges_of_random_depths():
    """Differentials of uniform depths in [0, 1] have the quantiles 1 - sqrt(1 - q).

    A random subset of the pairs gives the same quantiles with a larger error.
    """
    torch.manual_seed(0)
    for max_pairs, tolerance in [(10**7, .004), (20000, .02)]:
        loss = build({**ADAPTIVE, 'quantiles': [.2, .5, .9], 'max_pairs': max_pairs})
        loss(torch.randn(3, 2, 60, 80), torch.rand(3, 60, 80))
        expected = [1 - math.sqrt(1 - q) for q in (.2, .5, .9)]
        assert loss.strategy.edges.tolist() == pytest.approx(expected, abs=tolerance)


def test_adaptive_ranges_start_at_the_positive_threshold_or_above():
    loss = build(ADAPTIVE, 0, 1)
    loss(torch.randn(2, 3, 1, 4), depth_of([.01, .02, .03, 2.]))
    groups = loss.strategy.eval()(torch.zeros(0))
    assert groups.lower[1] == groups.upper[0] == torch.tensor(.1)


def test_adaptive_margins_are_proportional_to_feature_distances():
    """Distances of 2 and 6 in two subgroups and momentum 1 give margins in the ratio 1 : 3."""
    strategy = {**ADAPTIVE, 'quantiles': [0., .5, 1.], 'momentum': 1.}
    loss = build(strategy, 0, 1, reduction='sum')
    feature = torch.zeros(2, 3, 1, 4)
    feature[1, 0, 0] = torch.tensor([2., 2., 6., 6.])
    depth = depth_of([1., 1.2, 3., 4.])
    # Edges are 1, 2.1 and 4 m; the pair at 4 m is in no range. The first margins are 5 and 5.
    assert loss(feature, depth).loss.item() == pytest.approx(2 * (3. + 3. + 0.))
    groups = loss.strategy.eval()(torch.zeros(0))
    torch.testing.assert_close(groups.margins, torch.tensor([0., 2.5, 7.5]))
    assert loss(feature, depth).loss.item() == pytest.approx(2 * (.5 + .5 + 1.5))
    # Margins stay non-decreasing if the nearer subgroup has larger feature distances.
    loss.train()
    feature[1, 0, 0] = torch.tensor([6., 6., 2., 2.])
    loss(feature, depth)
    assert loss.strategy.eval()(torch.zeros(0)).margins.tolist() == [0., 5., 5.]


def test_adaptive_state_resumes_from_a_checkpoint():
    def steps(loss, first, last):
        values = []
        for step in range(first, last):
            feature, depth, valid = batch(seed=step)
            values.append(call(loss, feature, depth, valid, seed=step).item())
        return values

    whole, early = build(ADAPTIVE), build(ADAPTIVE)
    expected = steps(whole, 0, 6)
    begin = steps(early, 0, 3)
    state = {key: value.clone() for key, value in early.state_dict().items()}
    assert set(state) == {'strategy.edges', 'strategy.spreads'}
    resumed = build(ADAPTIVE)
    resumed.load_state_dict(state)
    assert begin + steps(resumed, 3, 6) == expected
    assert all(torch.equal(value, resumed.state_dict()[key])
               for key, value in whole.state_dict().items())
    assert build(MULTI).state_dict() == {} == build(UNIFORM).state_dict()


SETTINGS = dict(within=(MULTI, 6, 0), across=(MULTI, 3, 2), adaptive=(ADAPTIVE, 6, 0))


def half(part):
    """Return images, depths and masks of some of four images; the last two know less depth."""
    _, depth, valid = batch(4, 6, 8, dtype=torch.float)
    images = torch.randn(4, 3, 6, 8, generator=torch.Generator().manual_seed(7))
    valid[2:, :, :5] = False
    return images[part], depth[part], valid[part]


def network():
    torch.manual_seed(2)
    return torch.nn.Conv2d(3, 4, 3, padding=1)


def learn(name, part):
    """Return loss, gradients and adaptive state after one step."""
    model = network()
    images, depth, valid = half(part)
    wrapped = torch.nn.parallel.DistributedDataParallel(model) if dist.is_initialized() else model
    loss = build(*SETTINGS[name])
    value = call(loss, 4 * wrapped(images), depth, valid)
    value.backward()
    return value.item(), [weight.grad for weight in model.parameters()], loss.state_dict()


def run_rank(rank, store, out):
    init_default_scope('mmdet3d')
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    steps = {name: learn(name, slice(2 * rank, 2 * rank + 2)) for name in SETTINGS}
    torch.save(steps, out / f'{rank}.pt')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """Return the steps of two ranks by setting."""
    folder = tmp_path_factory.mktemp('ranks')
    run_two_ranks(run_rank, folder / 'store', folder)
    return [torch.load(folder / f'{rank}.pt', weights_only=True) for rank in (0, 1)]


def test_two_ranks_with_equal_shifts_give_the_gradients_of_one(ranks):
    value, gradients, _ = learn('within', slice(None))
    losses = [steps['within'][0] for steps in ranks]
    assert np.mean(losses) == pytest.approx(value, rel=1e-5)
    for steps in ranks:
        for found, expected in zip(steps['within'][1], gradients):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_mean_is_over_the_pairs_of_all_ranks(ranks):
    """Each rank forms pairs of its own images; the sums are divided by the number of all pairs."""
    model, total, count = network(), 0., 0
    for part in (slice(0, 2), slice(2, 4)):
        images, depth, valid = half(part)
        torch.manual_seed(1)
        pairs = slow_loss(4 * model(images), depth, valid, draw_shifts(2, 6, 8, 3, 2), MULTI)
        total, count = total + pairs[0], count + pairs[1]
    (total / count).backward()
    assert np.mean([steps['across'][0] for steps in ranks]) == pytest.approx(
        (total / count).item(), rel=1e-5)
    for weight, *found in zip(model.parameters(), *(steps['across'][1] for steps in ranks)):
        for gradient in found:
            torch.testing.assert_close(gradient, weight.grad, rtol=1e-4, atol=1e-6)


def test_adaptive_state_is_the_same_on_all_ranks(ranks):
    first, second = (steps['adaptive'][2] for steps in ranks)
    alone = [learn('adaptive', part)[2] for part in (slice(0, 2), slice(2, 4))]
    for key in first:
        assert torch.equal(first[key], second[key])
        assert not torch.equal(first[key], alone[0][key])
    torch.testing.assert_close(first['strategy.edges'],
                               (alone[0]['strategy.edges'] + alone[1]['strategy.edges']) / 2)
