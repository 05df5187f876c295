"""Depth maps from LiDAR scans."""
import pickle

import numpy as np
import pytest
from tiny_depth import P_RECT_02, P_RECT_03
from tiny_raw import VELO_R, VELO_T, write_calibrations, write_matrices

from mmdet3d_plugin.benchmarks.kitti import velodyne_depth
from mmdet3d_plugin.benchmarks.kitti.raw_drives import RawCameras
from mmdet3d_plugin.benchmarks.kitti.velodyne_depth import (
    RawScanners,
    VelodyneDepth,
    project_scan,
    read_scan,
    read_scanner_calibration,
)
from mmdet3d_plugin.errors import InputError

SIZE = (1242, 375)
# Rotations of a drive's calibration, a few milliradians away from the axes.
TILTED_R = np.array([[7.533745e-03, -9.999714e-01, -6.166020e-04],
                     [1.480249e-02, 7.280733e-04, -9.998902e-01],
                     [9.998621e-01, 7.523790e-03, 1.480755e-02]])
RECTIFICATION = np.array([[9.999239e-01, 9.837760e-03, -7.445048e-03],
                          [-9.869795e-03, 9.999421e-01, -4.278459e-03],
                          [7.402527e-03, 4.351614e-03, 9.999631e-01]])


@pytest.fixture
def date(tmp_path):
    """Folder of a date with calibrations."""
    write_calibrations(tmp_path / '2011_09_26', SIZE)
    return tmp_path / '2011_09_26'


def rows(matrix):
    return tuple(map(tuple, matrix))


def cam2img(P):
    return np.vstack([P, [0, 0, 0, 1]])


@pytest.mark.parametrize('P, columns', [(P_RECT_02, (613, 428)), (P_RECT_03, (574, 409))])
def test_two_points_projected_by_hand(date, P, columns):
    """The points (10, 0, 0) and (20, 5, -1) are at (0, -0.08, 9.73) and (-5, 0.92, 19.73)."""
    points = np.array([[10, 0, 0, .3], [20, 5, -1, .3], [-10, 0, 0, .3]], '<f4')
    points.tofile(date / 'scan.bin')
    depth = VelodyneDepth(date / 'scan.bin', rows(read_scanner_calibration(date)),
                          rows(cam2img(P)), SIZE).read_depth_map()
    assert depth.shape == (375, 1242) and depth.dtype == np.float32
    found = {(row, column): depth[row, column].item() for row, column in np.argwhere(depth)}
    # u = (721.5377 x + 609.5593 z + 44.85728) / (z + 0.002745884), 384.38 / z less on the right.
    assert found == {(166, columns[0]): pytest.approx(9.73, abs=1e-5),
                     (206, columns[1]): pytest.approx(19.73, abs=1e-5)}


def test_tilted_calibration_against_sums_per_point(tmp_path):
    write_matrices(tmp_path / 'd/calib_velo_to_cam.txt', R=TILTED_R, T=VELO_T)
    write_matrices(tmp_path / 'd/calib_cam_to_cam.txt', R_rect_00=RECTIFICATION)
    points = np.random.default_rng(0).uniform([4, -8, -1.7], [40, 8, 1], (300, 3))
    depth = project_scan(points, RawScanners(tmp_path)['d'], P_RECT_02, SIZE)
    expected = {}
    for point in points:
        camera = [sum(TILTED_R[i][j] * point[j] for j in range(3)) + VELO_T[i] for i in range(3)]
        x, y, z = [sum(RECTIFICATION[i][j] * camera[j] for j in range(3)) for i in range(3)]
        w = z + 0.002745884
        u = int((721.5377 * x + 609.5593 * z + 44.85728) // w)
        v = int((721.5377 * y + 172.854 * z + 0.2163791) // w)
        if 0 <= u < 1242 and 0 <= v < 375:
            expected[v, u] = min(z, expected.get((v, u), np.inf))
    assert len(expected) > 100
    found = {(row, column): depth[row, column] for row, column in np.argwhere(depth).tolist()}
    assert found.keys() == expected.keys()
    assert all(found[key] == pytest.approx(expected[key], abs=1e-4) for key in expected)


def test_the_nearest_point_of_a_pixel_counts():
    camera = np.array([[10., 0, 2, 0], [0, 10, 1, 0], [0, 0, 1, 0]])
    points = np.array([[0, 0, 9], [0, 0, 4], [.1, .1, 6], [0, 0, -3], [0, 0, 0], [5, 0, 1.]])
    depth = project_scan(points, np.eye(4), camera, (4, 2))
    # The third point is at u = 10 * 0.1 / 6 + 2 = 2.17 and v = 1.17, in the same pixel.
    assert depth.tolist() == [[0, 0, 0, 0], [0, 0, 4, 0]]


def test_extreme_points_are_outside():
    points = np.array([[3e38, 3e38, 1e-30], [-3e38, 0, 3e38]], np.float32)
    assert not project_scan(points, np.eye(4), P_RECT_02, SIZE).any()


def test_readers_are_plain_values(date):
    reader = VelodyneDepth(str(date / 'scan.bin'), rows(np.eye(4)), rows(np.eye(4)), SIZE)
    assert pickle.loads(pickle.dumps(reader)) == reader and len({reader}) == 1
    assert str(reader) == str(date / 'scan.bin')


@pytest.mark.parametrize('content, message', [
    (None, "scan.bin: no such scan; unpack the drive's velodyne_points"),
    (b'', 'scan.bin: has 0 bytes'),
    (bytes(40), 'scan.bin: has 40 bytes, not a positive multiple of 16'),
    (np.array([1, 2, np.nan, 0], '<f4').tobytes(), 'scan.bin: holds values that are not finite'),
    (np.array([np.inf, 2, 1, 0], '<f4').tobytes(), 'scan.bin: holds values that are not finite')])
def test_broken_scans(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'scan.bin').write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_scan(tmp_path / 'scan.bin')
    assert '\n' not in str(error.value)


def test_huge_scans_are_not_read(tmp_path, monkeypatch):
    with open(tmp_path / 'scan.bin', 'wb') as file:
        file.truncate(1 << 40)  # takes no space on the disk
    monkeypatch.setattr(velodyne_depth, 'read_bytes', None)
    with pytest.raises(InputError, match='has 1048576 MB, expected at most 64 MB per scan'):
        read_scan(tmp_path / 'scan.bin')
    with pytest.raises(InputError, match='is a folder, expected a file'):
        read_scan(tmp_path)


@pytest.mark.parametrize('matrices, message', [
    (dict(R=VELO_R), "calib_velo_to_cam.txt: no 'T:' line"),
    (dict(R=VELO_R, T=[0, 0]), "'T:' needs 3 numbers, got 2 fields"),
    (dict(R=VELO_R, T=[0, 0, np.nan]), "'T:' has a value that is not finite"),
    (dict(R=VELO_R, T=[0, 0, 1e30]), "'T:' has a value that is not finite or beyond 1e.06"),
    (dict(R=np.eye(2), T=VELO_T), "'R:' needs 9 numbers, got 4 fields"),
    (dict(R=-VELO_R, T=VELO_T), "'R:' is no rotation; restore"),
    (dict(R=2 * VELO_R, T=VELO_T), "'R:' is no rotation"),
    (dict(R=np.full((3, 3), np.nan), T=VELO_T), "'R:' is no rotation")])
def test_broken_calibrations(date, matrices, message):
    write_matrices(date / 'calib_velo_to_cam.txt', **matrices)
    with pytest.raises(InputError, match=message) as error:
        read_scanner_calibration(date)
    assert '\n' not in str(error.value)


def test_calibrations_are_read_once_per_date(date):
    scanners, cameras = RawScanners(date.parent), RawCameras(date.parent)
    first = scanners['2011_09_26']
    np.testing.assert_array_equal(first, [[0, -1, 0, 0], [0, 0, -1, -.08], [1, 0, 0, -.27],
                                          [0, 0, 0, 1]])
    first[:] = 0
    assert cameras['2011_09_26/drive/image_02/data/0'].any()
    (date / 'calib_velo_to_cam.txt').unlink()
    assert scanners['2011_09_26'].any()
    with pytest.raises(InputError, match='2011_09_28/calib_velo_to_cam.txt: no such file'):
        scanners['2011_09_28']
