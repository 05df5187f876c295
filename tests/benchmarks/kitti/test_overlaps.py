"""Overlaps of KITTI boxes, against polygons and values worked out by hand."""
import numpy as np
import pytest
from shapely.geometry import Polygon

from mmdet3d_plugin.benchmarks.kitti.overlaps import (
    box_coverages,
    box_overlaps,
    close_pairs,
    ground_intersections,
    image_intersections,
)
from mmdet3d_plugin.structures.object_table import ObjectTable


def polygon(rectangle):
    """Polygon of centre x, z, length, width and rotation_y."""
    x, z, length, width, angle = rectangle
    cos, sin = np.cos(angle), np.sin(angle)
    return Polygon([(x + cos * a + sin * b, z - sin * a + cos * b) for a, b in (
        (length / 2, width / 2), (length / 2, -width / 2), (-length / 2, -width / 2),
        (-length / 2, width / 2))])


def rectangles(rng, count):
    return rng.uniform([-40, 0, .1, .1, -7], [40, 80, 6, 3, 7], (count, 5))


def boxes(image=(0, 0, 10, 10), size=(2, 2, 4), location=(0, 2, 20), angle=0.):
    return ObjectTable.from_table(['Car'], [[0, 0, 0, *image, *size, *location, angle]])


@pytest.mark.parametrize('change', ['shift', 'turn', 'resize', 'all', 'nothing', 'rounding'])
def test_ground_intersections_agree_with_shapely(change):
    rng = np.random.default_rng(0)
    first = rectangles(rng, 2000)
    scale = {'shift': [2, 2, 0, 0, 0], 'turn': [0, 0, 0, 0, 1], 'resize': [0, 0, 1, 1, 0],
             'all': [2, 2, 1, 1, 1], 'nothing': [0] * 5, 'rounding': [1e-12] * 5}[change]
    second = first + rng.normal(size=first.shape) * scale
    second[:, 2:4] = np.abs(second[:, 2:4])
    expected = [polygon(a).intersection(polygon(b)).area for a, b in zip(first, second)]
    assert np.count_nonzero(expected) > 500
    np.testing.assert_allclose(ground_intersections(first, second), expected, atol=1e-9)
    np.testing.assert_allclose(ground_intersections(second, first), expected, atol=1e-9)


@pytest.mark.parametrize('turn', [0, np.pi, -np.pi, 2 * np.pi])
def test_identical_boxes_overlap_fully(turn):
    first = rectangles(np.random.default_rng(1), 500)
    second = first + [0, 0, 0, 0, turn]
    np.testing.assert_allclose(ground_intersections(first, second) / (first[:, 2] * first[:, 3]),
                               1, atol=1e-12)


def test_identical_boxes_give_exactly_one():
    box = boxes(size=(1.53, 1.63, 3.88), location=(1.84, 1.47, 8.41), angle=-1.57)
    assert (box_overlaps(box, box) == 1).all()


@pytest.mark.parametrize('offset', [(2, 0), (0, 2), (2, 2), (-2, 0), (5, 5)])
def test_touching_and_distant_rectangles_have_no_intersection(offset):
    first = np.array([[0., 0, 2, 2, 0]])
    assert ground_intersections(first, first + [*offset, 0, 0, 0]) == 0


def test_intersections_of_a_cross_and_of_an_octagon():
    # Two crossed bars share a unit square. A square of side 2 and the same square turned by
    # 45 degrees share a regular octagon of inner diameter 2.
    first = np.array([[0., 0, 4, 1, 0], [0, 0, 2, 2, 0]])
    second = np.array([[0., 0, 4, 1, np.pi / 2], [0, 0, 2, 2, np.pi / 4]])
    np.testing.assert_allclose(ground_intersections(first, second), [1, 8 * (2**.5 - 1)])


@pytest.mark.usefixtures('float_errors_raise')
@pytest.mark.parametrize('length, width', [(0, 2), (2, 0), (0, 0), (-1, 2), (1e-300, 2)])
def test_rectangles_without_area_have_no_intersection(length, width):
    square, other = np.array([[0., 0, 2, 2, .3]]), np.array([[0., 0, length, width, 0.]])
    for first, second in ((square, other), (other, square), (other, other)):
        assert ground_intersections(first, second)[0] == pytest.approx(0, abs=1e-12)


@pytest.mark.usefixtures('float_errors_raise')
def test_nearly_parallel_edges_do_not_overflow():
    first, second = np.array([[0., 0, 2, 4, 1e-310]]), np.array([[0., 0, 2, 2, 0]])
    np.testing.assert_allclose(ground_intersections(first, second), 4)


def test_positive_rotation_turns_the_length_towards_the_camera():
    bar = np.array([[0., 0, 10, .1, np.pi / 4]])
    near_right, far_right = np.array([[[3., -3, 1, 1, 0]], [[3., 3, 1, 1, 0]]])
    assert ground_intersections(bar, near_right) > 0
    assert ground_intersections(bar, far_right) == 0


def test_image_intersections():
    first = np.array([[0., 0, 10, 10]] * 4)
    second = np.array([[5., 5, 15, 20], [10, 0, 20, 10], [20, 20, 30, 30], [8, 8, 2, 2]])
    np.testing.assert_array_equal(image_intersections(first, second), [25, 0, 0, 0])


def test_box_overlaps_by_hand():
    # The detection has half the label's image area and half its ground area. Its bottom is
    # 0.5 m lower, so the two share 1.5 m of 2 m of height.
    label = boxes(image=(0, 0, 10, 10), size=(2, 2, 4), location=(0, 2, 20))
    found = boxes(image=(0, 0, 10, 5), size=(2, 2, 2), location=(1, 2.5, 20))
    np.testing.assert_allclose(box_overlaps(label, found),
                               [[50 / 100, 4 / 8, 6 / (16 + 8 - 6)]])
    np.testing.assert_allclose(box_coverages(found, label), [[1, 1, 6 / 8]])


def test_boxes_at_different_heights_overlap_on_the_ground_only():
    overlap = box_overlaps(boxes(location=(0, 2, 20)), boxes(location=(0, 5, 20)))
    np.testing.assert_allclose(overlap, [[1, 1, 0]])


@pytest.mark.usefixtures('float_errors_raise')
def test_boxes_without_3d_size_overlap_in_the_image_only():
    flat = boxes(size=(-1, -1, -1), location=(-1000, -1000, -1000), angle=-10)
    np.testing.assert_allclose(box_overlaps(flat, boxes()), [[1, 0, 0]])
    empty = boxes(image=(5, 5, 5, 5), size=(0, 0, 0))
    np.testing.assert_array_equal(box_overlaps(empty, empty), [[0, 0, 0]])
    np.testing.assert_array_equal(box_coverages(empty, boxes()), [[0, 0, 0]])


def test_close_pairs_contain_every_pair_that_overlaps(random_frames):
    truths, found = random_frames(3)
    seen = 0
    for truth, detections in zip(truths, found):
        rows, columns = np.divmod(np.arange(len(truth) * len(detections)),
                                  max(len(detections), 1))
        overlapping = box_overlaps(truth[rows], detections[columns]).any(axis=1)
        kept = set(zip(*map(tuple, close_pairs(truth, detections))))
        assert set(zip(rows[overlapping], columns[overlapping])) <= kept
        seen += overlapping.sum()
    assert seen > 100


def test_close_pairs_are_sorted_and_exclude_distant_boxes():
    places = [((0, 0, 10, 10), 0), ((50, 50, 60, 60), 30), ((0, 0, 10, 10), 60)]
    truths = ObjectTable.from_table(['Car'] * 3, [
        [0, 0, 0, *image, 2, 2, 4, x, 2, 20, 0] for image, x in places])
    rows, columns = close_pairs(truths, truths[[2, 0]])
    assert list(zip(rows, columns)) == [(0, 0), (0, 1), (2, 0), (2, 1)]
