"""Camera poses in the format of KITTI odometry, and motions between them."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.clips.poses import motion_between, read_poses, write_poses
from mmdet3d_plugin.errors import InputError

IDENTITY = '1 0 0 0 0 1 0 0 0 0 1 0'


def pose(yaw, *translation):
    """Return a pose that turns to the right by ``yaw`` radians."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, 0, sin, translation[0]], [0, 1, 0, translation[1]],
                     [-sin, 0, cos, translation[2]], [0, 0, 0, 1]])


def test_lines_are_matrices_row_by_row(tmp_path):
    path = tmp_path / '0000.txt'
    path.write_text(f'{IDENTITY}\n0 0 1 4 0 1 0 5 -1 0 0 6\n')
    assert read_poses(path).tolist() == [
        np.eye(4).tolist(), [[0, 0, 1, 4], [0, 1, 0, 5], [-1, 0, 0, 6], [0, 0, 0, 1]]]


def test_written_poses_are_read_again(tmp_path):
    poses = np.stack([np.eye(4), pose(.3, 1.25, -.5, 8.)])
    write_poses(tmp_path / 'a.txt', poses)
    np.testing.assert_allclose(read_poses(tmp_path / 'a.txt'), poses, atol=1e-9)
    write_poses(tmp_path / 'b.txt', poses[:, :3])
    assert (tmp_path / 'a.txt').read_bytes() == (tmp_path / 'b.txt').read_bytes()


def test_motion_of_a_world_point_between_two_cameras():
    """A world point has two sets of camera coordinates, which the motion relates."""
    first, second = pose(.2, 1., .1, 4.), pose(-.1, 1.5, .2, 6.)
    for point in ([0., 0., 10., 1.], [-3., 1., 25., 1.]):
        world = first @ point
        in_second = np.linalg.solve(second, world)
        np.testing.assert_allclose(motion_between(first, second) @ point, in_second, atol=1e-12)


def test_motion_to_a_camera_at_the_right():
    """Seen from a camera 2 m further right, a point is 2 m further left."""
    moved = motion_between(pose(0., 0, 0, 0), pose(0., 2., 0, 0)) @ [5., 1., 9., 1.]
    np.testing.assert_allclose(moved, [3., 1., 9., 1.])


@pytest.mark.parametrize('line, message', [
    ('1 0 0 nan 0 1 0 0 0 0 1 0', 'not finite'),
    ('1 0 0 inf 0 1 0 0 0 0 1 0', 'not finite'),
    ('1 0 0 1e7 0 1 0 0 0 0 1 0', 'beyond'),
    ('nan 0 0 0 0 1 0 0 0 0 1 0', 'not finite'),
    ('1.1 0 0 0 0 1 0 0 0 0 1 0', 'no rotation'),
    ('-1 0 0 0 0 1 0 0 0 0 1 0', 'no rotation'),  # a mirror
    ('0 0 0 0 0 0 0 0 0 0 0 0', 'no rotation'),
    ('1 0 0 0 0 1 0 0 0 0 1', 'not 12 numbers'),
    ('1 0 0 0 0 1 0 0 0 0 1 x', 'not 12 numbers')])
def test_a_malformed_pose_is_refused_with_file_and_line(tmp_path, line, message):
    path = tmp_path / '0003.txt'
    path.write_text(f'{IDENTITY}\n{line}\n{IDENTITY}\n')
    with pytest.raises(InputError, match=f'0003.txt:2: .*{message}'):
        read_poses(path)


def test_a_missing_or_empty_file_of_poses_is_refused(tmp_path):
    with pytest.raises(InputError, match='a.txt: no such file of camera poses'):
        read_poses(tmp_path / 'a.txt')
    (tmp_path / 'b.txt').write_text('\n')
    with pytest.raises(InputError, match='b.txt: holds no pose'):
        read_poses(tmp_path / 'b.txt')
