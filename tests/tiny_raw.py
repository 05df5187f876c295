"""Writer of a tiny folder of KITTI's raw drives."""
from pathlib import Path

import cv2
import numpy as np
from tiny_depth import P_RECT_02, P_RECT_03, random_depth, write_image

from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map

DATE = '2011_09_26'
DRIVE = f'{DATE}/{DATE}_drive_0001_sync'
SIDES = dict(l='image_02', r='image_03')
# From the scanner (x forward, y left, z up) to the camera (x right, y down, z forward), which
# is 0.27 m further ahead and 0.08 m higher.
VELO_R, VELO_T = np.array([[0., -1, 0], [0, 0, -1], [1, 0, 0]]), np.array([0., -.08, -.27])


def write_kitti_raw(root: Path, count: int = 5, size=(310, 94), suffix: str = '.png',
                    annotated: bool = False, instances: bool = False) -> Path:
    """Write one drive of ``count`` frames of both cameras, with calibrations and scans.

    ``splits`` holds three lists: ``train.txt`` with all frames that have both neighbours, of
    both cameras; ``val.txt`` with the first one of them; and ``test.txt`` with the frames 0 and
    2 of the left camera.

    Args:
        root: folder to write.
        count: frames of the drive, at least 3.
        size: (width, height) of the images, pixels. The cameras have the view of KITTI's.
        suffix: suffix of the images.
        annotated: also write an annotated depth map of frame 2 of the left camera.
        instances: also write instance maps of all images: a car with the value 26001.
    """
    inner = range(1, count - 1)
    for camera in SIDES.values():
        for index in range(count):
            name = f'{DRIVE}/{camera}/data/{index:010d}'
            write_image(root / f'raw/{name}{suffix}', size, index)
            if instances:
                path = root / f'instances/{name}.png'
                path.parent.mkdir(parents=True, exist_ok=True)
                car = np.zeros(size[::-1], np.uint16)
                car[size[1] // 2:, 10 * index:10 * index + 40] = 26001
                cv2.imwrite(str(path), car)
    for index in range(count):
        write_scan(root / f'raw/{DRIVE}/velodyne_points/data/{index:010d}.bin', index)
    write_calibrations(root / 'raw' / DATE, size)
    if annotated:
        write_depth_map(root / 'data_depth_annotated/val' / DRIVE.split('/')[1] /
                        'proj_depth/groundtruth/image_02/0000000002.png', random_depth(size, 2))
    lists = dict(train=[(index, side) for index in inner for side in SIDES],
                 val=[(1, 'l')], test=[(0, 'l'), (2, 'l')])
    (root / 'splits').mkdir()
    for name, frames in lists.items():
        (root / f'splits/{name}.txt').write_text(
            ''.join(f'{DRIVE} {index} {side}\n' for index, side in frames))
    return root


def write_scan(path: Path, seed: int, count: int = 2000) -> None:
    """Write a scan of points in front of the scanner and behind it."""
    rng = np.random.default_rng(seed)
    points = np.stack([rng.uniform(-30, 60, count), rng.uniform(-20, 20, count),
                       rng.uniform(-1.7, 2, count), rng.uniform(0, 1, count)], axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    points.astype('<f4').tofile(path)


def write_calibrations(folder: Path, size) -> None:
    """Write the two calibration files of a date."""
    scale = np.diag([size[0] / 1242, size[1] / 375, 1.])
    write_matrices(folder / 'calib_cam_to_cam.txt', R_rect_00=np.eye(3),
                   P_rect_02=scale @ P_RECT_02, P_rect_03=scale @ P_RECT_03)
    write_matrices(folder / 'calib_velo_to_cam.txt', R=VELO_R, T=VELO_T)


def write_matrices(path: Path, **matrices: np.ndarray) -> None:
    """Write a calibration file with a date in its first line, as KITTI's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('calib_time: 15-Mar-2012 11:37:16\n' + ''.join(
        f'{name}: {" ".join(f"{value:.9e}" for value in np.ravel(matrix))}\n'
        for name, matrix in matrices.items()))
