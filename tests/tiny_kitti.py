"""Writer of a tiny KITTI folder, and geometry for the tests, written out from its definition."""
from pathlib import Path

import cv2
import numpy as np

from mmdet3d_plugin.benchmarks.kitti.calibration import KittiCalibration, write_calibration
from mmdet3d_plugin.benchmarks.kitti.labels import write_objects
from mmdet3d_plugin.benchmarks.kitti.splits import write_split
from mmdet3d_plugin.datasets import KittiMonoDataset
from mmdet3d_plugin.structures.object_table import ObjectTable

P2 = np.array([[721.5377, 0., 609.5593, 44.85728], [0., 721.5377, 172.854, 0.2163791],
               [0., 0., 1., 0.002745884]])
IMAGE_SIZE = (1242, 375)
# One frame has another camera, as in KITTI, so that tests notice a wrong camera.
OTHER_P2 = np.array([[707.0493, 0., 604.0814, 45.75831], [0., 707.0493, 180.5066, -0.3454157],
                     [0., 0., 1., 0.004981016]])
OTHER_FRAME = '000031'


def camera_of(frame):
    """Return P2 and the image size (width, height) of a frame."""
    return (OTHER_P2, (1224, 370)) if frame == OTHER_FRAME else (P2, IMAGE_SIZE)


def project(points, cam2img=P2):
    """Project (N, 3) points, metres, to (N, 2) pixels."""
    points = np.asarray(points, dtype=np.float64)
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    uvw = homogeneous @ np.asarray(cam2img, dtype=np.float64)[:3].T
    return uvw[:, :2] / uvw[:, 2:]


def box_corners(location, size_hwl, yaw):
    """Return the (8, 3) corners of a box, from KITTI's definition."""
    height, width, length = size_hwl
    x = np.array([1, 1, -1, -1, 1, 1, -1, -1]) * length / 2
    y = np.array([0, 0, 0, 0, -1, -1, -1, -1]) * height
    z = np.array([1, -1, -1, 1, 1, -1, -1, 1]) * width / 2
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack([cos * x + sin * z, y, -sin * x + cos * z], axis=1) + np.asarray(location)


def make_objects(rows, P2=P2, image_size=IMAGE_SIZE):
    """Make objects with exact 2D boxes and alphas from rows (name, x, y, z, yaw)."""
    sizes = dict(Car=(1.5, 1.6, 3.9), Van=(2.2, 1.9, 5.1), Pedestrian=(1.75, .65, .85),
                 Cyclist=(1.73, .6, 1.76))
    numbers = []
    for name, x, y, z, yaw in rows:
        corners = project(box_corners((x, y, z), sizes[name], yaw), P2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        left, top = np.clip(low, 0, image_size)
        right, bottom = np.clip(high, 0, image_size)
        alpha = (yaw - np.arctan2(x, z) + np.pi) % (2 * np.pi) - np.pi
        numbers.append([0., 0, alpha, left, top, right, bottom, *sizes[name], x, y, z, yaw])
    return ObjectTable.from_table([row[0] for row in rows], np.array(numbers).reshape(-1, 14))


FRAMES = {
    '000000': [('Car', -3., 1.6, 12., -1.5), ('Car', 4., 1.7, 25., 1.6),
               ('Pedestrian', 2., 1.6, 9., .3)],
    '000007': [('Car', 1., 1.6, 18., 0.1), ('Cyclist', -4., 1.65, 14., -1.2),
               ('Van', 6., 1.6, 30., 1.5)],
    '000012': [],
    '000031': [('Car', 0., 1.6, 8., 1.55), ('Car', -6., 1.7, 35., -1.6)],
}


def write_kitti(root: Path, frames=FRAMES) -> Path:
    """Write a KITTI folder with images of grey noise and a bright box per object."""
    rng = np.random.default_rng(0)
    for name, rows in frames.items():
        camera, size = camera_of(name)
        objects = make_objects(rows, camera, size)
        image = rng.integers(60, 90, (size[1], size[0], 3), dtype=np.uint8)
        for left, top, right, bottom in objects.boxes_2d.astype(int):
            cv2.rectangle(image, (left, top), (right, bottom), (180, 200, 220), -1)
        (root / 'training/image_2').mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(root / f'training/image_2/{name}.png'), image)
        write_objects(root / f'training/label_2/{name}.txt', objects, decimals=6)
        write_calibration(root / f'training/calib/{name}.txt', KittiCalibration(camera))
    for split in ('train', 'val', 'trainval'):
        write_split(root / f'ImageSets/{split}.txt', list(frames))
    return root


def packed_frames(root: Path, classes) -> list:
    """Return the packed samples of the set for an input of 320x96."""
    dataset = KittiMonoDataset(
        str(root), 'ImageSets/train.txt', filter_empty_gt=False, metainfo=dict(classes=classes),
        pipeline=[dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D'),
                  dict(type='CropScaleAffine', input_size=(320, 96), fit='width'),
                  dict(type='PackMono3DInputs')])
    return [dataset[index] for index in range(len(dataset))]
