"""Agreement of the labels with images, depth maps and instance maps."""
import numpy as np
import pytest
from synthetic.folder_reader import distances_to_box

from mmdet3d_plugin.synthetic import kitti_camera
from mmdet3d_plugin.synthetic.labels import (
    occlusion_level,
    outside_share,
    projected_outline,
    visible_share,
)
from mmdet3d_plugin.synthetic.mesh import box
from mmdet3d_plugin.synthetic.render import PlacedUser


def project(P2, points):
    image = points @ P2[:, :3].T + P2[:, 3]
    return image[:, :2] / image[:, 2:]


def box_corners(label):
    height, width, length = label.sizes_hwl[0]
    cos, sin = np.cos(label.rotations_y[0]), np.sin(label.rotations_y[0])
    corners = [(cos * a + sin * b, up, -sin * a + cos * b)
               for a in (-length / 2, length / 2) for b in (-width / 2, width / 2)
               for up in (0., -height)]
    return np.array(corners) + label.locations[0]


def test_frames_contain_enough_objects(stills):
    names = np.concatenate([stills.labels(name).names for name in stills.names()])
    assert (names == 'Car').sum() >= 20
    assert set(names) >= {'Car', 'Van', 'Pedestrian', 'Cyclist', 'DontCare'}
    assert len(stills.all_objects) >= .9 * (names != 'DontCare').sum()


def test_projected_3d_box_contains_the_object_pixels(stills):
    for name, _, label, mask in stills.all_objects:
        corners = box_corners(label)
        if corners[:, 2].min() < .5:
            continue
        outline = project(stills.P2(name), corners)
        rows, columns = np.nonzero(mask)
        pixels = np.stack([columns, rows], axis=1)
        low, high = outline.min(0), outline.max(0)
        assert (pixels >= low - 2).all() and (pixels + 1 <= high + 2).all(), (name, label)


def test_2d_box_contains_the_visible_pixels(stills):
    for _, _, label, mask in stills.all_objects:
        rows, columns = np.nonzero(mask)
        seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        left, top, right, bottom = label.boxes_2d[0]
        assert seen[0] >= left - 2 and seen[1] >= top - 2
        assert seen[2] <= right + 2 and seen[3] <= bottom + 2
        if label.occlusions[0] == 0 and label.truncations[0] == 0:
            # At most a tenth is occluded, so the 2D box is not much larger.
            assert np.prod(seen[2:] - seen[:2]) > .7 * (right - left) * (bottom - top)


def test_depth_map_agrees_with_the_label(stills):
    for name, kind, label, mask in stills.all_objects:
        points = stills.points(name)[mask]
        # Labels are rounded to 0.01 m, depths to 1 / 256 m.
        assert distances_to_box(points, label).max() < .06, (name, kind)
        if label.occlusions[0] > 0 or label.truncations[0] > 0:
            continue
        _, width, length = label.sizes_hwl[0]
        nearest = label.locations[0, 2] - np.hypot(width, length) / 2
        assert nearest - .06 <= points[:, 2].min() <= label.locations[0, 2] + .06


def test_pixels_are_at_the_projected_location_and_size(stills):
    """Signs of the axes are correct."""
    for _, _, label, mask in stills.all_objects:
        x, _, z = label.locations[0]
        if label.truncations[0] > 0 or label.occlusions[0] > 0:
            continue
        middle = np.nonzero(mask)[1].mean()
        # 609.5593 and 721.5377: KITTI's principal point and focal length
        assert abs(middle - (609.5593 + (721.5377 * x + 44.857) / z)) < 721.54 * 1.2 / z
        pixel_height = np.ptp(np.nonzero(mask)[0]) + 1
        assert pixel_height == pytest.approx(721.5377 * label.sizes_hwl[0, 0] / z, rel=.45)


def test_nearer_objects_occlude_farther_objects(stills):
    """Objects that cover the middle of an occluded car are nearer than the car."""
    hidden = 0
    for name, kind, label, mask in stills.all_objects:
        if label.occlusions[0] == 0 or kind not in ('Car', 'Van'):
            continue
        left, top, right, bottom = label.boxes_2d[0]
        third, quarter = (right - left) / 3, (bottom - top) / 4
        window = np.s_[int(top + 2 * quarter):int(bottom - quarter) + 1,
                       int(left + third):int(right - third) + 1]
        other = ~mask[window] & (stills.instances(name)[window] > 0)
        if other.sum() > .3 * other.size:
            hidden += 1
            assert np.median(stills.depth(name)[window][other]) < label.locations[0, 2]
    assert hidden > 0


def test_alpha_and_depth_agree_with_rotation_and_location(stills):
    for _, _, label, _ in stills.all_objects:
        x, _, z = label.locations[0]
        assert -np.pi - .01 <= label.rotations_y[0] <= np.pi + .01
        difference = label.rotations_y[0] - np.arctan2(x, z) - label.alphas[0]
        assert abs((difference + np.pi) % (2 * np.pi) - np.pi) < .02
        assert 3 <= z <= 65


def test_tail_lights_are_at_the_back_given_by_rotation_y(stills):
    """Tail lights are red and at the back: -x of the object frame."""
    is_behind = []
    for name, kind, label, mask in stills.all_objects:
        if kind not in ('Car', 'Van') or label.locations[0, 2] > 30:
            continue
        blue, green, red = stills.image(name)[mask].astype(int).T
        # Red like tail lights, not orange like the indicators at the front.
        is_red = (red > 60) & (red > 2 * green) & (red > 2 * blue) & (green < 1.3 * blue)
        if is_red.sum() < 20 or np.median(red - green) > 10:
            continue  # The back is not visible, or the whole car is red.
        x, _, z = (stills.points(name)[mask][is_red] - label.locations[0]).T
        cos, sin = np.cos(label.rotations_y[0]), np.sin(label.rotations_y[0])
        is_behind.append(np.median(cos * x - sin * z) < -.4 * label.sizes_hwl[0, 2])
    assert len(is_behind) >= 5 and all(is_behind)


def test_car_sizes_follow_kittis_statistics(stills):
    cars = np.concatenate([labels.sizes_hwl[labels.names == 'Car'] for labels
                           in map(stills.labels, stills.names())])
    error = .12 * np.array([1.526, 1.629, 3.883])
    assert (np.abs(cars.mean(0) - [1.526, 1.629, 3.883]) < error).all()
    assert (cars.std(0) > 0).all()


def test_dont_care_regions_have_kittis_placeholder_values(stills):
    for name in stills.names():
        labels = stills.labels(name)
        ignored = labels[labels.names == 'DontCare']
        assert (ignored.locations == -1000).all() and (ignored.rotations_y == -10).all()
        assert (ignored.sizes_hwl == -1).all() and (ignored.truncations == -1).all()
        assert (ignored.boxes_2d[:, 2:] > ignored.boxes_2d[:, :2]).all()
        is_ignored = labels.names == 'DontCare'
        assert not is_ignored[:-1][is_ignored[1:] < is_ignored[:-1]].any(), 'DontCare is last'


def camera_without_offset():
    camera = kitti_camera()
    P2 = np.array([[100., 0, 50, 0], [0, 100, 50, 0], [0, 0, 1, 0]])
    return type(camera)(P2, 100, 100)


def test_truncation_of_a_square_at_the_image_border():
    """A plate 2 m wide at 10 m is 20 pixels wide. Its centre is on the left border."""
    plate = box((-6., -1., 10.), (-4., 1., 10.), (1., 1., 1.))
    camera = camera_without_offset()
    outline = projected_outline(plate, camera)
    assert outline.min(0) == pytest.approx([-10, 40]) and outline.max(0) == pytest.approx([10, 60])
    assert outside_share(outline, camera) == pytest.approx(.5)


def test_truncation_of_an_object_beside_the_camera():
    """Parts behind the camera are cut off and not mirrored."""
    camera = camera_without_offset()
    outline = projected_outline(box((1., -1., -2.), (2., 1., 4.), (1., 1., 1.)), camera)
    # The leftmost visible edge has x / z = 1 / 4, 25 pixels to the right of the middle.
    assert outline[:, 0].min() == pytest.approx(75)
    assert outside_share(outline, camera) > .9


def test_visible_share_is_relative_to_the_pixels_of_the_object():
    camera = camera_without_offset()
    plate = box((-1., -1., 10.), (1., 1., 10.1), (1., 1., 1.))
    user = PlacedUser('Car', np.ones(3), plate, np.array([0., 1., 10.]), 0., instance=4)
    instances = np.zeros((100, 100), dtype=np.uint16)
    instances[40:60, 40:45] = 4  # the left quarter of its 20 x 20 pixels
    share = visible_share(user, np.array([40., 40, 60, 60]), instances, camera)
    assert share == pytest.approx(.25)


@pytest.mark.parametrize('share, level', [(1., 0), (.91, 0), (.7, 1), (.3, 2), (.1, None)])
def test_occlusion_level_of_visible_share(share, level):
    assert occlusion_level(share) == level
