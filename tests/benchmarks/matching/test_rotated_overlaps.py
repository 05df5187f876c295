"""Intersection areas of rotated rectangles, against polygons."""
import numpy as np
import pytest
from shapely import Polygon

from mmdet3d_plugin.benchmarks.matching.rotated_overlaps import ground_intersections


def polygon(box):
    """Polygon of centre x, z, length, width and rotation_y; length along (cos, -sin)."""
    x, z, length, width, angle = box
    cos, sin = np.cos(angle), np.sin(angle)
    return Polygon([(x + cos * a + sin * b, z - sin * a + cos * b) for a, b in (
        (length / 2, width / 2), (-length / 2, width / 2), (-length / 2, -width / 2),
        (length / 2, -width / 2))])


def random_boxes(count, seed):
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(-2, 2, (count, 2)), rng.uniform(.2, 5, (count, 2)),
                            rng.uniform(-7, 7, count)])


def moved(boxes, along, across):
    """Boxes shifted by fractions of their own length and width."""
    cos, sin = np.cos(boxes[:, 4]), np.sin(boxes[:, 4])
    result = boxes.copy()
    result[:, 0] += along * boxes[:, 2] * cos + across * boxes[:, 3] * sin
    result[:, 1] += -along * boxes[:, 2] * sin + across * boxes[:, 3] * cos
    return result


def scaled(boxes, length, width):
    return boxes * [1, 1, length, width, 1]


FIRST = random_boxes(200, 0)
SECOND = {
    'random': random_boxes(200, 1),
    'identical': FIRST,
    'turned by half a turn': FIRST + [0, 0, 0, 0, np.pi],
    'nested': scaled(FIRST, .5, .3),
    'touching an edge from outside': moved(FIRST, 1., 0.),
    'touching an edge from inside': moved(scaled(FIRST, .5, 1.), .5, 0.),
    'touching at a corner': moved(FIRST, 1., 1.),
    'without width': scaled(FIRST, 1., 0.),
    'hair-thin': scaled(random_boxes(200, 2), 1., 1e-9),
}


@pytest.mark.parametrize('name', SECOND)
def test_areas_equal_those_of_polygons(name):
    second = SECOND[name]
    expected = [polygon(a).intersection(polygon(b)).area for a, b in zip(FIRST, second)]
    np.testing.assert_allclose(ground_intersections(FIRST, second), expected, atol=1e-6)
    np.testing.assert_allclose(ground_intersections(second, FIRST), expected, atol=1e-6)
