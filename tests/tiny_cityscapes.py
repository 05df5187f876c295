"""Writer of a tiny folder of Cityscapes' sequences."""
import json
from pathlib import Path

import cv2
import numpy as np
from tiny_depth import write_image

# Snippets: split, city, sequence, numbers of the frames. Bochum's sequence is a long video.
SNIPPETS = [('train', 'aachen', 0, range(17, 22)), ('train', 'bochum', 0, range(3, 7)),
            ('train', 'bochum', 0, range(60, 64)), ('test', 'berlin', 0, range(17, 20)),
            ('test', 'berlin', 1, range(17, 20))]
FX, BASELINE = 2262.52, 0.209313


def write_cityscapes(root: Path, size=(256, 128), disparities: bool = True,
                     instances: bool = False) -> Path:
    """Write the images of :data:`SNIPPETS`, and cameras and disparities.

    The third frame of each snippet is annotated: it has a camera and, in the test split, a
    disparity map. The focal length of snippet N is FX + N at full size.

    Args:
        root: folder to write.
        size: (width, height) of the images, pixels. The cameras have the view of Cityscapes'.
        disparities: whether to write disparities.
        instances: also write instance maps of all images: a car with the value 26001.
    """
    for position, (split, city, sequence, numbers) in enumerate(SNIPPETS):
        for number in numbers:
            name = f'{split}/{city}/{city}_{sequence:06d}_{number:06d}'
            write_image(root / f'leftImg8bit_sequence/{name}_leftImg8bit.png', size, number)
            if instances:
                car = np.zeros(size[::-1], np.uint16)
                car[size[1] // 4:size[1] // 2, 10:60] = 26001
                write_png(root / f'instances/{name}_leftImg8bit.png', car)
        name = f'{split}/{city}/{city}_{sequence:06d}_{numbers[2]:06d}'
        write_camera(root / f'camera/{name}_camera.json', FX + position, size)
        if disparities and split == 'test':
            rng = np.random.default_rng(position)
            values = rng.integers(256, 32768, size[::-1]).astype(np.uint16)
            values[rng.random(size[::-1]) < .2] = 0
            write_png(root / f'disparity/{name}_disparity.png', values)
    return root


def write_camera(path: Path, fx: float, size) -> None:
    """Write a camera file. Its values belong to images of 2048x1024 pixels and are scaled."""
    x, y = size[0] / 2048, size[1] / 1024
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(
        extrinsic=dict(baseline=BASELINE, pitch=.038, roll=0., x=1.7, y=.1, yaw=-.02, z=1.22),
        intrinsic=dict(fx=fx * x, fy=2265.3017 * y, u0=1096.98 * x, v0=513.137 * y))))


def write_png(path: Path, values: np.ndarray) -> None:
    """Write a 16-bit PNG of one channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)
