"""Writers of tiny folders of the depth datasets."""
from pathlib import Path

import cv2
import numpy as np

from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map
from mmdet3d_plugin.benchmarks.kitti.calibration import KittiCalibration, write_calibration
from mmdet3d_plugin.benchmarks.kitti.splits import write_split

DRIVE = '2011_09_26_drive_0001_sync'
P_RECT_02 = np.array([[721.5377, 0., 609.5593, 44.85728], [0., 721.5377, 172.854, 0.2163791],
                      [0., 0., 1., 0.002745884]])
P_RECT_03 = P_RECT_02 + np.array([[0., 0., 0., -384.38], [0.] * 4, [0.] * 4])
EIGEN_LINES = [
    f'2011_09_26/{DRIVE}/image_02/data/0000000005.png '
    f'{DRIVE}/proj_depth/groundtruth/image_02/0000000005.png 721.5377',
    f'2011_09_26/{DRIVE}/image_02/data/0000000000.png None 721.5377',
    f'2011_09_26/{DRIVE}/image_03/data/0000000007.png '
    f'{DRIVE}/proj_depth/groundtruth/image_03/0000000007.png 721.5377']
NYU_LINES = ['/kitchen_0028b/rgb_00045.jpg /kitchen_0028b/sync_depth_00045.png 518.8579',
             '/kitchen_0028b/rgb_00046.jpg /kitchen_0028b/sync_depth_00046.png 518.8579']


def write_image(path: Path, size, seed: int = 0) -> np.ndarray:
    """Write a smooth random image of size (width, height) and return it, (H, W, 3) uint8 BGR."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    image = cv2.resize(small, size)
    cv2.imwrite(str(path), image)
    return image


def random_depth(size, seed: int = 0, share: float = .5) -> np.ndarray:
    """Return (H, W) depths of 2 to 60 m in steps of 1/256 m. A share of them is known."""
    rng = np.random.default_rng(seed)
    depth = np.rint(rng.uniform(2, 60, size[::-1]) * 256) / 256
    return (depth * (rng.random(size[::-1]) < share)).astype(np.float32)


def write_kitti_eigen(root: Path) -> Path:
    """Write ``raw``, ``data_depth_annotated`` and ``splits/eigen.txt``.

    One of three frames has no depth. One depth map is in ``train`` and one in ``val``, as in
    KITTI's archive.
    """
    for index, line in enumerate(EIGEN_LINES):
        image, depth, _ = line.split()
        write_image(root / 'raw' / image, (1242, 375), index)
        if depth != 'None':
            part = 'train' if index == 0 else 'val'
            write_depth_map(root / 'data_depth_annotated' / part / depth,
                            random_depth((1242, 375), index))
    (root / 'raw/2011_09_26/calib_cam_to_cam.txt').write_text(
        'calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.950000e-02\nS_rect_02: 1242 375\n'
        + ''.join(f'{name}: {" ".join(f"{value:.9e}" for value in P.ravel())}\n'
                  for name, P in [('P_rect_02', P_RECT_02), ('P_rect_03', P_RECT_03)]))
    (root / 'splits').mkdir()
    (root / 'splits/eigen.txt').write_text('\n'.join(EIGEN_LINES) + '\n')
    return root


def write_nyu(root: Path) -> Path:
    """Write ``sync`` and ``splits/nyu.txt``."""
    for index, line in enumerate(NYU_LINES):
        image, depth, _ = (name.lstrip('/') for name in line.split())
        write_image(root / 'sync' / image, (640, 480), index)
        write_depth_map(root / 'sync' / depth, random_depth((640, 480), index) / 8, 1000)
    (root / 'splits').mkdir()
    (root / 'splits/nyu.txt').write_text('\n'.join(NYU_LINES) + '\n')
    return root


def write_labelled_nyu(root: Path, count: int = 3) -> Path:
    """Write ``nyu_depth_v2_labeled.mat``, and ``test.txt`` with the last and the first frame."""
    import h5py
    root.mkdir(parents=True, exist_ok=True)
    images = np.stack([write_image(root / 'image.png', (640, 480), index)[..., ::-1]
                       for index in range(count)])
    (root / 'image.png').unlink()
    depths = np.stack([random_depth((640, 480), index) / 8 for index in range(count)])
    with h5py.File(root / 'nyu_depth_v2_labeled.mat', 'w') as file:
        file['images'] = images.transpose(0, 3, 2, 1)
        file['depths'] = np.maximum(depths, 1).transpose(0, 2, 1)
        file['rawDepths'] = depths.transpose(0, 2, 1)
    write_split(root / 'test.txt', [str(count), '1'])
    return root


def write_synthetic(root: Path, count: int = 3, size=(620, 186)) -> Path:
    """Write ``training/image_2``, ``depth_2``, ``calib``, and ``ImageSets/train.txt``."""
    names = [f'{index:06d}' for index in range(count)]
    P2 = np.diag([size[0] / 1242, size[1] / 375, 1.]) @ P_RECT_02
    for index, name in enumerate(names):
        write_image(root / f'training/image_2/{name}.png', size, index)
        write_depth_map(root / f'training/depth_2/{name}.png', random_depth(size, index, .8))
        write_calibration(root / f'training/calib/{name}.txt', KittiCalibration(P2))
    write_split(root / 'ImageSets/train.txt', names)
    return root
