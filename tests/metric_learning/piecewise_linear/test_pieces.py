"""Pieces against the numpy reference, and their properties."""
import math

import pytest
import torch
from metric_learning.piecewise_linear import numpy_reference
from metric_learning.piecewise_linear.point_sets import noisy_sheet, unit_points
from torch.utils._python_dispatch import TorchDispatchMode

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning.piecewise_linear import grow_pieces
from mmdet3d_plugin.metric_learning.piecewise_linear.rank_one_update import solve_secular_equation
from mmdet3d_plugin.metric_learning.piecewise_linear.subspace_growth import SubspaceGrowth

RULES = ['each', 'seed', 'share', 'all']
each_rule = pytest.mark.parametrize('rule', RULES)
SETS = dict(
    random=unit_points(24, 8), more_dimensions=unit_points(20, 40),
    sheet=noisy_sheet(24, 6, 3, .3), sheet_in_more_dimensions=noisy_sheet(30, 50, 3, .3),
    thin_sheet=noisy_sheet(24, 30, 2, .3), flat=noisy_sheet(24, 30, 2, 0.))


def projectors(pieces):
    return pieces.bases @ pieces.bases.mT


@each_rule
@pytest.mark.parametrize('name', SETS)
def test_agrees_with_numpy(name, rule):
    points = SETS[name]
    expected, members = numpy_reference.pieces(points.numpy(), 3, rule)
    pieces = grow_pieces(points, 3, rule)
    assert pieces.members.numpy().tolist() == members.tolist()
    assert projectors(pieces).numpy() == pytest.approx(expected, abs=1e-8)
    gram = pieces.bases.mT @ pieces.bases
    if name != 'flat':
        assert (gram - torch.eye(3)).abs().max() < 1e-12


@pytest.mark.parametrize('dim, threshold', [(1, .9), (2, .6), (5, .95), (3, 1.)])
def test_agrees_with_numpy_at_other_settings(dim, threshold):
    points = noisy_sheet(22, 9, 2, .5)
    expected, members = numpy_reference.pieces(points.numpy(), dim, 'each', threshold)
    pieces = grow_pieces(points, dim, 'each', threshold)
    assert pieces.members.numpy().tolist() == members.tolist()
    assert projectors(pieces).numpy() == pytest.approx(expected, abs=1e-8)


def test_sets_have_pieces_of_many_sizes():
    sizes = torch.cat([grow_pieces(points).members.sum(dim=1) for points in SETS.values()])
    assert {3, 4, 5, 6, 7, 9, 23} <= set(sizes.tolist())


def test_main_direction_comes_first():
    points = torch.tensor([[0., 0., 0.], [2., 0., 0.], [0., 1., 0.], [-3., 0., 0.]])
    basis = grow_pieces(points, dim=2).bases[0]
    expected = torch.tensor([[1., 0.], [0., 1.], [0., 0.]]).double()
    assert (basis.abs() - expected).abs().max() < 1e-12


@each_rule
def test_rotation_and_translation(rule):
    points = noisy_sheet(24, 12, 3, .4)
    rotation = torch.linalg.qr(unit_points(12, 12, seed=1)).Q
    first = grow_pieces(points, 3, rule)
    second = grow_pieces(points @ rotation.T + 7, 3, rule)
    assert torch.equal(first.members, second.members)
    turned = rotation @ projectors(first) @ rotation.T
    assert (turned - projectors(second)).abs().max() < 1e-9


def sheet_with_point_above(height=1.):
    """Return 60 points on a flat sheet, one point above it, and one point on it farther away.

    The sheet spans the first two of four axes.
    """
    generator = torch.Generator().manual_seed(3)
    sheet = torch.zeros(62, 4, dtype=torch.double)
    sheet[:60, :2] = 2 * torch.rand(60, 2, generator=generator, dtype=torch.double) - 1
    sheet[60, 2] = height
    sheet[61, :2] = 5
    return sheet


@pytest.mark.parametrize('rule', ['each', 'seed'])
def test_point_off_the_sheet_is_skipped_and_farther_points_on_it_join(rule):
    points = sheet_with_point_above()
    members = grow_pieces(points, 2, rule).members[:60]
    distances = torch.cdist(points[:60], points)
    assert (distances[:, 61] > distances[:, 60]).all()
    assert not members[:, 60].any()
    assert members[:, 61].all()
    assert members.sum(dim=1).tolist() == [60] * 60


def test_share_lets_the_point_off_the_sheet_join():
    members = grow_pieces(sheet_with_point_above(), 2, 'share').members[:60]
    assert members[:, 60].double().mean() > .9


def test_seed_does_not_refit():
    # The nearest point sets the line; the far one is at an angle with cosine^2 of .92.
    angle = math.acos(math.sqrt(.92))
    points = torch.tensor([[0., 0.], [1., 0.],
                           [10 * math.cos(angle), 10 * math.sin(angle)]]).double()
    each, seed, share = (grow_pieces(points, 1, rule) for rule in ('each', 'seed', 'share'))
    assert seed.members[0].tolist() == [False, True, True]
    assert seed.bases[0, :, 0].abs().tolist() == pytest.approx([1., 0.])
    # The refitted line turns towards the far point; both keep their shares.
    assert each.members[0].tolist() == share.members[0].tolist() == [False, True, True]
    assert each.bases[0, 1, 0].abs() > .25


def test_each_checks_members_and_not_the_candidate_alone():
    # A far point turns the line to itself: it keeps its own share, the near point does not.
    points = torch.tensor([[0., 0.], [1., 0.], [0., 10.]])
    assert grow_pieces(points, 1, 'each').members[0].tolist() == [False, True, False]
    assert grow_pieces(points, 1, 'share').members[0].tolist() == [False, True, True]


@pytest.mark.parametrize('threshold', [.1, .9, 1.])
def test_all_has_every_point_at_any_threshold(threshold):
    points = sheet_with_point_above(height=30.)
    pieces = grow_pieces(points, 2, 'all', threshold)
    assert torch.equal(pieces.members, ~torch.eye(62, dtype=torch.bool))
    # At the anchor nearest to the centre, the main direction is that of the point above.
    origin = int(points[:60, :2].norm(dim=1).argmin())
    assert pieces.bases[origin, 2, 0].abs() > .99


def test_all_leaves_no_direction_out(monkeypatch):
    """The sum over 30 dimensions counts, although the growing pieces keep 12 of them."""
    monkeypatch.setattr('mmdet3d_plugin.metric_learning.piecewise_linear.subspace_growth.'
                        'MAX_RANK', 12)
    points = unit_points(40, 30)
    expected, _ = numpy_reference.pieces(points.numpy(), 3, 'all')
    assert projectors(grow_pieces(points, 3, 'all')).numpy() == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize('share, joins', [(.901, True), (.899, False)])
def test_threshold(share, joins):
    points = torch.tensor([[0., 0.], [1., 0.], [2 * share**.5, 2 * (1 - share)**.5]])
    assert grow_pieces(points, 1, 'seed', .9).members[0, 2].item() == joins


@each_rule
@pytest.mark.parametrize('count', range(5))
def test_fewer_points_than_dimensions(count, rule):
    pieces = grow_pieces(unit_points(count, 7), 6, rule)
    assert pieces.bases.shape == (count, 7, 6)
    # The other points span the piece; the rest of the basis is zero.
    rank = max(count - 1, 0)
    gram = torch.diag(torch.tensor([1.] * rank + [0.] * (6 - rank))).double()
    assert (pieces.bases.mT @ pieces.bases - gram).abs().max() < 1e-12 if count else True
    assert pieces.members.sum() == count * rank


@each_rule
def test_equal_points(rule):
    pieces = grow_pieces(torch.ones(6, 5) / 3, 3, rule)
    assert pieces.bases.abs().max() == 0
    assert torch.equal(pieces.members, ~torch.eye(6, dtype=torch.bool))


def test_mean_of_equal_points_that_is_rounded():
    points = torch.full((41, 1), .1, dtype=torch.double)
    assert (points - points.mean(dim=0)).abs().max() > 0
    assert grow_pieces(points, 1, 'all').bases.abs().max() == 0


@each_rule
def test_duplicates(rule):
    points = noisy_sheet(14, 6, 2, .3).repeat(2, 1)
    pieces = grow_pieces(points, 2, rule)
    assert pieces.bases.isfinite().all()
    assert torch.equal(pieces.members[torch.arange(14), torch.arange(14) + 14],
                       torch.ones(14, dtype=torch.bool))
    expected, members = numpy_reference.pieces(points.numpy(), 2, rule)
    assert pieces.members.numpy().tolist() == members.tolist()
    assert projectors(pieces).numpy() == pytest.approx(expected, abs=1e-8)


def test_points_that_are_equal_up_to_rounding():
    """The direction to a point at rounding distance has no meaning."""
    points = torch.tensor([[0., 0.], [0., 1e-8], [1., 0.], [2., 0.]]).double()
    pieces = grow_pieces(points, dim=1)
    assert pieces.members[0].tolist() == [False, True, True, True]
    assert pieces.bases[0, :, 0].abs().tolist() == pytest.approx([1., 0.])


def test_fewer_dimensions_than_the_piece():
    pieces = grow_pieces(unit_points(9, 2), 3)
    assert (pieces.bases @ pieces.bases.mT - torch.eye(2)).abs().max() < 1e-12
    assert pieces.bases[..., 2].abs().max() == 0
    assert pieces.members.sum() == 9 * 8


def test_single_precision_points():
    points = noisy_sheet(24, 12, 3, .4).float()
    first, second = grow_pieces(points), grow_pieces(points.double())
    assert torch.equal(first.members, second.members)
    assert first.bases.dtype == torch.double and torch.equal(first.bases, second.bases)


def test_no_gradient():
    pieces = grow_pieces(unit_points(8, 5).requires_grad_())
    assert not pieces.bases.requires_grad and not pieces.origins.requires_grad


@each_rule
def test_host_does_not_wait(rule):
    """Tensors on the meta device have no values, so reading one raises an error."""
    pieces = grow_pieces(torch.empty(5, 6, device='meta'), 2, rule)
    assert pieces.bases.shape == (5, 6, 2) and pieces.members.shape == (5, 5)


@each_rule
@pytest.mark.parametrize('name', ['sheet', 'random', 'flat', 'duplicates', 'equal'])
def test_arithmetic_of_other_devices(name, rule, monkeypatch):
    """On a GPU the number of members is not read and LAPACK is not used."""
    points = dict(SETS, duplicates=SETS['random'][:9].repeat(2, 1), equal=torch.ones(9, 5))[name]
    expected = grow_pieces(points, 3, rule)
    monkeypatch.setattr(SubspaceGrowth, '_width', lambda self, slot: min(slot, self.rank))
    monkeypatch.setattr('mmdet3d_plugin.metric_learning.piecewise_linear.subspace_growth.'
                        'rank_one_update', solve_secular_equation)
    pieces = grow_pieces(points, 3, rule)
    assert torch.equal(pieces.members, expected.members)
    assert (projectors(pieces) - projectors(expected)).abs().max() < 1e-9


def test_pieces_with_more_directions_than_are_kept(monkeypatch):
    """Members of a thin sheet span 30 dimensions, and the smallest of them are left out."""
    points = noisy_sheet(40, 30, 3, .3)
    expected, members = numpy_reference.pieces(points.numpy(), 3, 'each')
    assert members.sum(axis=1).max() > 30
    monkeypatch.setattr('mmdet3d_plugin.metric_learning.piecewise_linear.subspace_growth.'
                        'MAX_RANK', 12)
    pieces = grow_pieces(points)
    same = (pieces.members.numpy() == members).all(axis=1)
    assert same.mean() >= .9
    assert abs(projectors(pieces).numpy()[same] - expected[same]).max() < 1e-2


class LargestTensor(TorchDispatchMode):
    """Record the largest number of elements of any result."""
    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.untyped_storage().nbytes() // 8)
        return result


def test_memory_is_quadratic_in_the_number_of_points(monkeypatch):
    monkeypatch.setattr('mmdet3d_plugin.metric_learning.piecewise_linear.subspace_growth.'
                        'MAX_RANK', 6)
    largest = []
    for count in (15, 30, 60):
        with LargestTensor() as record:
            grow_pieces(noisy_sheet(count, 12, 3, 0.))
        largest.append(record.largest)
    # Cubic memory would grow by a factor of 8.
    assert largest[1] < 4.5 * largest[0] and largest[2] < 4.5 * largest[1]


@pytest.mark.parametrize('settings, message', [
    (dict(rule='none'), "rule is 'none', expected one of each, seed, share, all"),
    (dict(dim=0), 'dim 0'), (dict(threshold=0.), 'threshold 0.0'),
    (dict(threshold=1.1), 'threshold 1.1')])
def test_settings_out_of_range(settings, message):
    with pytest.raises(InputError, match=message):
        grow_pieces(unit_points(5, 4), **settings)


@pytest.mark.parametrize('points', [torch.zeros(3), torch.zeros(3, 2, dtype=torch.long)])
def test_wrong_points(points):
    with pytest.raises(InputError, match='expected .N, D. floats'):
        grow_pieces(points)
