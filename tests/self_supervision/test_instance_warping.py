"""Pairs of warped instance masks and the ids of instance maps."""
import numpy as np
import pytest
import torch
from torch._subclasses import FakeTensorMode

from mmdet3d_plugin.datasets.transforms import RelabelInstances, relabel_instances
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.self_supervision import InstanceMatcher, masks_of_ids, warp_instance_map

HEIGHT, WIDTH = 6, 10


def grid(shift_u=0., shift_v=0., batch=1):
    """Grid that samples ``shift`` pixels to the right and below."""
    v, u = torch.meshgrid(torch.arange(HEIGHT) + .5 + shift_v, torch.arange(WIDTH) + .5 + shift_u,
                          indexing='ij')
    return torch.stack([2 * u / WIDTH - 1, 2 * v / HEIGHT - 1], -1).expand(batch, -1, -1, 2)


def clip(*frames):
    """(1, T, H, W) maps from rectangles per frame: id -> (top, bottom, left, right)."""
    maps = torch.zeros(1, len(frames), HEIGHT, WIDTH, dtype=torch.long)
    for frame, rectangles in enumerate(frames):
        for number, (top, bottom, left, right) in rectangles.items():
            maps[0, frame, top:bottom, left:right] = number
    return maps


def rectangle(top, bottom, left, right):
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def classes(*rows):
    return [torch.tensor(rows)]


STILL = {-1: grid(), 1: grid()}
CAR = (1, 4, 3, 7)


def test_identity_grid_returns_the_masks():
    maps = clip({1: CAR}, {1: (1, 4, 1, 5)}, {1: (1, 4, 5, 9)})
    (earlier, later), = InstanceMatcher()(maps, classes([26], [26], [26]), STILL)
    assert earlier.dtype == torch.bool and earlier.shape == (1, HEIGHT, WIDTH)
    assert torch.equal(earlier[0], rectangle(1, 4, 1, 5))
    assert torch.equal(later[0], rectangle(1, 4, 5, 9))


def test_masks_move_with_the_grid():
    maps = clip({1: CAR}, {1: CAR}, {1: CAR})
    grids = {-1: grid(2), 1: grid(-1, 1)}
    (earlier, later), = InstanceMatcher()(maps, classes([26], [26], [26]), grids)
    assert torch.equal(earlier[0], rectangle(1, 4, 1, 5))
    assert torch.equal(later[0], rectangle(0, 3, 4, 8))


def test_warp_takes_the_nearest_id_and_zero_outside():
    maps = torch.tensor([[[40000, 7, 300, 9]]])
    u = torch.tensor([.6, 1.4, 2.45, -.01, 4.01, float('nan'), float('inf'), -1e30])
    points = torch.stack([2 * u / 4 - 1, torch.zeros(8)], -1).view(1, 1, 8, 2)
    assert warp_instance_map(maps, points).tolist() == [[[40000, 7, 300, 0, 0, 0, 0, 0]]]


def test_masks_of_ids():
    assert masks_of_ids(torch.tensor([[2, 300]]), 300).sum((1, 2)).nonzero().tolist() == [
        [1], [299]]
    assert masks_of_ids(torch.tensor([[2, 300]]), 0).shape == (0, 1, 2)


@pytest.mark.parametrize('match', ['id', 'iou'])
def test_instance_without_a_mask_on_one_side_has_two_empty_masks(match):
    maps = clip({1: CAR, 2: (4, 6, 0, 2)}, {1: CAR}, {1: CAR, 2: (4, 6, 0, 2)})
    rows = classes([26, 24], [26, 0], [26, 24])
    (earlier, later), = InstanceMatcher(match)(maps, rows, STILL)
    assert torch.equal(earlier[0], rectangle(*CAR)) and torch.equal(later[0], rectangle(*CAR))
    assert not earlier[1].any() and not later[1].any()


@pytest.mark.parametrize('match', ['id', 'iou'])
def test_instance_that_is_not_in_the_target_frame_has_empty_masks(match):
    maps = clip({}, {1: CAR}, {1: CAR})
    (earlier, later), = InstanceMatcher(match)(maps, classes([0], [26], [26]), STILL)
    assert not earlier.any() and not later.any()


def test_instance_that_is_warped_outside_has_empty_masks():
    maps = clip({1: CAR}, {1: CAR}, {1: CAR})
    (earlier, later), = InstanceMatcher()(
        maps, classes([26], [26], [26]), {-1: grid(20), 1: grid()})
    assert not earlier.any() and not later.any()


@pytest.mark.parametrize('match', ['id', 'iou'])
def test_clip_without_instances(match):
    maps = clip({}, {}, {})
    (earlier, later), = InstanceMatcher(match)(maps, [torch.zeros(3, 0)], STILL)
    assert earlier.shape == later.shape == (0, HEIGHT, WIDTH)


def test_iou_finds_partners_with_other_ids():
    left, right = (1, 4, 0, 4), (1, 4, 6, 10)
    maps = clip({1: left, 2: right}, {1: right, 2: left}, {2: left, 1: right})
    rows = classes([26, 26], [26, 26], [26, 26])
    (earlier, later), = InstanceMatcher('iou')(maps, rows, STILL)
    for masks in (earlier, later):
        assert torch.equal(masks[0], rectangle(*left))
        assert torch.equal(masks[1], rectangle(*right))


def test_iou_is_that_of_the_warped_masks():
    """The neighbour's mask overlaps with the target's only after the warp."""
    maps = clip({1: (1, 4, 0, 3)}, {1: (1, 4, 5, 8)}, {1: (1, 4, 0, 3)})
    rows = classes([26], [26], [26])
    (earlier, _), = InstanceMatcher('iou')(maps, rows, STILL)
    assert not earlier.any()
    (earlier, _), = InstanceMatcher('iou')(maps, rows, {-1: grid(5), 1: grid()})
    assert torch.equal(earlier[0], rectangle(1, 4, 0, 3))


def test_partners_have_the_same_class():
    maps = clip({1: CAR}, {1: CAR}, {1: CAR})
    (earlier, later), = InstanceMatcher('iou')(maps, classes([26], [26], [24]), STILL)
    assert not earlier.any() and not later.any()


def test_class_decides_between_two_overlaps():
    """The person covers less of the target's person than the car does."""
    maps = clip({1: (0, 4, 0, 4)}, {1: (0, 4, 3, 4), 2: (0, 4, 0, 3)}, {1: (0, 4, 0, 4)})
    rows = classes([24, 0], [24, 26], [24, 0])
    (earlier, _), = InstanceMatcher('iou', floor=.2)(maps, rows, STILL)
    assert torch.equal(earlier[0], rectangle(0, 4, 3, 4))


@pytest.mark.parametrize('floor, found', [(.3, True), (1 / 3 - 1e-4, True), (1 / 3 + 1e-4, False)])
def test_overlap_reaches_the_floor(floor, found):
    """Shifted by half of its width, a mask has an IoU of 2 / (4 + 4 - 2) = 1/3."""
    maps = clip({1: (1, 4, 2, 6)}, {1: (1, 4, 4, 8)}, {1: (1, 4, 2, 6)})
    (earlier, later), = InstanceMatcher('iou', floor)(maps, classes([26], [26], [26]), STILL)
    assert earlier.any() == later.any() == found


def test_partners_are_the_best_of_each_other():
    """The neighbour has one mask of 10 columns: IoU .6 and .4 with the target's two."""
    whole = (0, 3, 0, 10)
    maps = clip({1: (0, 3, 0, 4), 2: (0, 3, 4, 10)}, {1: whole}, {1: whole})
    rows = classes([26, 26], [26, 0], [26, 0])
    (earlier, later), = InstanceMatcher('iou')(maps, rows, STILL)
    assert not earlier[0].any() and not later[0].any()
    assert torch.equal(earlier[1], rectangle(*whole)) and torch.equal(later[1], earlier[1])


@pytest.mark.parametrize('match', ['id', 'iou'])
def test_samples_with_different_counts(match):
    maps = torch.cat([clip({1: CAR}, {1: CAR}, {1: CAR}), clip({}, {}, {}),
                      clip(*[{1: (0, 2, 0, 2), 2: CAR}] * 3)])
    rows = [torch.full((3, count), 26) for count in (1, 0, 2)]
    grids = {-1: grid(batch=3), 1: grid(1, batch=3)}
    pairs = InstanceMatcher(match)(maps, rows, grids)
    assert [len(earlier) for earlier, _ in pairs] == [1, 0, 2]
    assert torch.equal(pairs[0][0][0], rectangle(*CAR))
    assert torch.equal(pairs[2][1][1], rectangle(1, 4, 2, 6))


def test_ids_above_255():
    maps = clip({300: CAR}, {300: CAR}, {300: CAR})
    rows = [torch.full((3, 300), 26)]
    for match in ('id', 'iou'):
        (earlier, later), = InstanceMatcher(match)(maps, rows, STILL)
        assert torch.equal(earlier[299], rectangle(*CAR)) and earlier.sum() == 12
        assert torch.equal(earlier, later)


def test_iou_counts_pixels_exactly_in_mixed_precision():
    """bfloat16 has 8 bits: 1000 of 1000 + 3 pixels would be an IoU of 1."""
    maps = torch.zeros(1, 3, 17, 59, dtype=torch.long)
    maps.view(3, -1)[:, :1000] = 1
    maps.view(3, -1)[0, :1003] = 1
    v, u = torch.meshgrid(torch.arange(17) + .5, torch.arange(59) + .5, indexing='ij')
    still = torch.stack([2 * u / 59 - 1, 2 * v / 17 - 1], -1)[None]
    rows = classes([26], [26], [26])
    for floor, found in [(1000 / 1003 - 1e-4, True), (1000 / 1003 + 1e-4, False)]:
        with torch.autocast('cpu', torch.bfloat16):
            (earlier, _), = InstanceMatcher('iou', floor)(maps, rows, {-1: still, 1: still})
        assert earlier.any() == found


@pytest.mark.parametrize('match', ['id', 'iou'])
def test_no_operation_needs_values_on_the_host(match):
    """Fake tensors have no values: any operation that waits for them raises an error."""
    with FakeTensorMode():
        maps, rows = torch.zeros(2, 3, HEIGHT, WIDTH).long(), torch.zeros(2, 3, 4).long()
        grids = {offset: torch.zeros(2, HEIGHT, WIDTH, 2) for offset in (-1, 1)}
        pairs = InstanceMatcher(match)(maps, list(rows), grids)
        assert [mask.shape for mask in pairs[1]] == [(4, HEIGHT, WIDTH)] * 2


def test_matcher_has_no_parameters_and_no_gradient():
    grids = {-1: grid().clone().requires_grad_(), 1: grid()}
    (earlier, _), = InstanceMatcher()(clip(*[{1: CAR}] * 3), classes([0], [0], [0]), grids)
    assert not InstanceMatcher().state_dict() and not earlier.requires_grad


@pytest.mark.parametrize('make, message', [
    (lambda: InstanceMatcher('name'), "match='name' is unknown; choose 'id' or 'iou'"),
    (lambda: InstanceMatcher('iou', 0.), 'floor=0.0 is not in'),
    (lambda: InstanceMatcher()(clip({}, {}), classes([1], [1]), {-1: grid()}),
     '2 instance maps per clip and 1 sampling grids, expected 3 and 2'),
    (lambda: InstanceMatcher()(clip({}, {}, {})[..., 1:], classes([1], [1], [1]), STILL),
     'the grid of offset -1 has (6, 10) rows and columns, the instance maps (6, 9)'),
    (lambda: InstanceMatcher()(clip({}, {}, {}), classes([1], [1]), STILL),
     'not one array (3, n) per sample; add RelabelInstances'),
    (lambda: RelabelInstances('name'), "match='name' is unknown"),
    (lambda: relabel_instances([np.zeros((1, 1), int)], 'name'), "match='name' is unknown"),
    (lambda: RelabelInstances()({}), 'no instance maps; add LoadClipInstances'),
    (lambda: relabel_instances([np.array([[-1, 70000]])]), 'values from -1 to 70000')])
def test_messages(make, message):
    with pytest.raises(InputError) as error:
        make()
    assert message in str(error.value) and '\n' not in str(error.value)


def test_relabelling_by_id_keeps_what_is_in_every_frame():
    maps = [np.array([[0, 5, 900, 26003]], np.int32), np.array([[26003, 5, 5, 0]], np.int32),
            np.array([[5, 900, 26003, 26003]], np.int32)]
    found = relabel_instances(maps)
    assert [instances.tolist() for instances in found.maps] == [
        [[0, 1, 0, 2]], [[2, 1, 1, 0]], [[1, 0, 2, 2]]]
    assert found.maps[0].dtype == np.int32
    assert found.values.tolist() == [[5, 26003]] * 3 and found.classes.tolist() == [[0, 26]] * 3


def test_relabelling_per_frame_leaves_regions_out():
    maps = [np.array([[26, 26000, 24001, 7]]), np.array([[65535, 0, 0, 0]]), np.zeros((1, 4), int)]
    found = relabel_instances(maps, 'iou')
    assert [instances.tolist() for instances in found.maps] == [
        [[0, 2, 1, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 0]]]
    assert found.classes.tolist() == [[24, 26], [65, 0], [0, 0]]
    assert found.values.tolist() == [[24001, 26000], [65535, 0], [0, 0]]


@pytest.mark.parametrize('match', ['id', 'iou'])
def test_relabelling_selects_by_size_and_class(match):
    frame = np.array([[24000, 26001, 26001, 26002, 26002, 26002, 33000, 33000]])
    maps = [frame] * 3

    def values(**options):
        return relabel_instances(maps, match, **options).values[0].tolist()

    assert values() == [24000, 26001, 26002, 33000]
    assert values(max_instances=2) == [26001, 26002]  # of two equal ones, the smaller value
    assert values(min_pixels=2, max_instances=None) == [26001, 26002, 33000]
    assert values(classes=(24, 33)) == [24000, 33000]
    assert values(classes=()) == [] and values(min_pixels=0) == values()


def test_more_than_255_instances():
    maps = [np.arange(1000, 1300)[None].repeat(2, 0)] * 3
    results = RelabelInstances(max_instances=None)(dict(instance_maps=maps))
    assert results['instance_maps'][2].max() == 300
    assert results['id_classes'].tolist() == [[1] * 300] * 3
    assert results['id_values'][0].tolist() == list(range(1000, 1300))


def test_relabelled_clip_passes_the_matcher():
    maps = [np.pad(np.full((3, 4), value, np.int32), ((1, 2), (left, 6 - left)))
            for value, left in [(26004, 3), (26001, 2), (26002, 4)]]
    results = RelabelInstances('iou')(dict(instance_maps=maps))
    tensor = torch.from_numpy(np.stack(results['instance_maps'])).long()[None]
    (earlier, later), = InstanceMatcher('iou')(
        tensor, [torch.from_numpy(results['id_classes'])], STILL)
    assert torch.equal(earlier[0], rectangle(1, 4, 2, 6))
    assert torch.equal(later[0], rectangle(1, 4, 4, 8))
