"""Render street scenes as own data: images, and a JSON file with the labels of each split.

Usage: python examples/my_detector/make_data.py [FRAMES]
"""
import json
import sys
from pathlib import Path

import cv2
import numpy as np

from mmdet3d_plugin.synthetic import frame_objects, kitti_camera, render_frame, sample_scene

ROOT = Path('data/my_scenes')
CAMERA = kitti_camera(width=640, height=192)


def write_frame(seed: int) -> dict:
    """Render a scene, write its image, and return its entry in the JSON file."""
    rng = np.random.default_rng(seed)
    frame = render_frame(sample_scene(rng, num_frames=1), 0, CAMERA, rng)
    image = f'images/{seed:04d}.png'
    cv2.imwrite(str(ROOT / image), frame.image[..., ::-1])
    labels = frame_objects(frame, CAMERA)
    return {'image': image, 'objects': [
        {'class': name, 'bottom_center': location.tolist(), 'yaw': float(yaw),
         'size': dict(zip(('height', 'width', 'length'), size.tolist())),
         'box_2d': box.tolist(), 'occlusion': int(occlusion)}
        for name, location, size, yaw, box, occlusion in zip(
            labels.names, labels.locations, labels.sizes_hwl, labels.rotations_y,
            labels.boxes_2d, labels.occlusions) if name != 'DontCare']}


def main() -> None:
    """Write two thirds of the frames for training and one third for validation."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    (ROOT / 'images').mkdir(parents=True, exist_ok=True)
    entries = [write_frame(seed) for seed in range(frames)]
    middle = 2 * frames // 3
    for split, part in (('train', entries[:middle]), ('val', entries[middle:])):
        content = {'camera': CAMERA.P2.tolist(), 'frames': part}
        (ROOT / f'{split}.json').write_text(json.dumps(content, allow_nan=False))


if __name__ == '__main__':
    main()
