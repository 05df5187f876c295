"""Meshes of road users, and overlap of their footprints."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.angles import rotation_about_y
from mmdet3d_plugin.synthetic.mesh import Material
from mmdet3d_plugin.synthetic.road import footprints_overlap
from mmdet3d_plugin.synthetic.road_users import CLASSES, build_road_user


@pytest.mark.parametrize('kind', CLASSES)
@pytest.mark.parametrize('look', range(4))
def test_mesh_has_exactly_the_size_of_its_box(kind, look):
    mesh = build_road_user(kind, (1.5, 1.6, 3.9), look, phase=.7 * look)
    assert mesh.vertices.min(0) == pytest.approx([-1.95, -1.5, -.8])
    assert mesh.vertices.max(0) == pytest.approx([1.95, 0., .8])
    assert mesh.faces.max() == len(mesh.vertices) - 1
    assert len(mesh.faces) == len(mesh.colours) == len(mesh.materials)


@pytest.mark.parametrize('kind', ['Car', 'Van'])
def test_headlights_are_at_the_front_and_tail_lights_at_the_back(kind):
    for look in range(6):
        mesh = build_road_user(kind, (1.5, 1.6, 4.), look)
        lamps = mesh.materials == Material.LIGHT
        x = mesh.vertices[mesh.faces].mean(1)[:, 0]
        red, green, blue = mesh.colours.T
        tail = lamps & (red > 10 * blue) & (red > 10 * green)
        head = lamps & (blue > .7)
        assert tail.any() and (x[tail] < -1.8).all()
        assert (x[head & (x > 0)] > 1.6).sum() >= 4


def test_equal_looks_are_equal_and_different_looks_differ():
    cars = [build_road_user('Car', (1.5, 1.6, 4.), look) for look in (1, 1, 2)]
    assert np.array_equal(cars[0].colours, cars[1].colours)
    assert not np.array_equal(cars[0].colours, cars[2].colours)


def test_rotation_about_y_has_kittis_sign():
    """rotation_y = -pi / 2 turns +x (right) to +z (forward)."""
    assert rotation_about_y(-np.pi / 2) @ [1, 0, 0] == pytest.approx([0, 0, 1])


def overlap(place, heading=0., size=(4., 2.)):
    origin = dict(places=np.zeros((1, 1, 2)), headings=np.zeros((1, 1)),
                  sizes=np.array([[4., 2.]]))
    return footprints_overlap(**origin, place=np.array([place]), heading=np.array([heading]),
                              size=np.array(size), gap=0.)[0]


@pytest.mark.parametrize('place, heading, expected', [
    ((0., 3.9), 0., True), ((0., 4.1), 0., False),  # the length is along z at heading 0
    ((1.9, 0.), 0., True), ((2.1, 0.), 0., False),
    ((2.9, 0.), np.pi / 2, True), ((3.1, 0.), np.pi / 2, False),
    # Along the diagonal the rectangles touch at (2 + 1) / sqrt(2) + 2 = 4.12. At a distance
    # of 6.0 / sqrt(2) = 4.24 they are apart although their bounding squares overlap. At
    # 5.6 / sqrt(2) = 3.96 they overlap.
    ((2.7, 3.3), np.pi / 4, False), ((2.5, 3.1), np.pi / 4, True)])
def test_overlap_of_rectangles_at_known_distances(place, heading, expected):
    assert overlap(place, heading) == expected
