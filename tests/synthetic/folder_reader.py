"""Reader of synthetic sets, independent of the code that writes them."""
from functools import cache, cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np

from mmdet3d_plugin.benchmarks.kitti.calibration import read_calibration
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects


class Folder:
    """Decoded files of a set, by frame name. Results are cached: do not change them.

    The caches keep a few folders of the test session alive.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self):
        return sorted(path.stem for path in (self.root / 'training' / 'label_2').glob('*.txt'))

    @lru_cache(maxsize=2)
    def image(self, name):
        """(H, W, 3) uint8, BGR."""
        return cv2.imread(str(self.root / f'training/image_2/{name}.png'))

    @lru_cache(maxsize=4)
    def depth(self, name):
        """(H, W) metres; 0 for the sky."""
        return self._raw('depth_2', name) / 256.

    @lru_cache(maxsize=4)
    def instances(self, name):
        """(H, W) int; 0 for the background."""
        return self._raw('instance_2', name).astype(int)

    def _raw(self, folder, name):
        pixels = cv2.imread(str(self.root / f'training/{folder}/{name}.png'),
                            cv2.IMREAD_UNCHANGED)
        assert pixels.dtype == np.uint16 and pixels.ndim == 2
        return pixels

    def P2(self, name):
        return read_calibration(self.root / f'training/calib/{name}.txt').P2

    def labels(self, name):
        return read_objects(self.root / f'training/label_2/{name}.txt')

    @cached_property
    def all_objects(self):
        """(frame, class, label, mask) of the labelled objects of all frames."""
        return [(name, *found) for name in self.names() for found in self.objects(name)]

    @cache
    def objects(self, name):
        """(class, label, (H, W) mask of its pixels) of each labelled object.

        An instance belongs to the label whose 3D box contains all of its points.
        """
        labels, instances = self.labels(name), self.instances(name)
        points, P2 = self.points(name), self.P2(name)
        real = labels[labels.names != 'DontCare']
        found = []
        for value in np.unique(instances[instances > 0]):
            mask = instances == value
            inside = [(distances_to_box(points[mask], real[[index]]) < .1).all()
                      for index in range(len(real))]
            assert sum(inside) <= 1, 'boxes overlap'
            if any(inside):
                index = inside.index(True)
                found.append((real.names[index], real[[index]], mask))
        assert P2.shape == (3, 4)
        return found

    @lru_cache(maxsize=2)
    def points(self, name):
        """(H, W, 3) camera-frame points of all pixels, from depth map and P2."""
        depth, P2 = self.depth(name), self.P2(name)
        height, width = depth.shape
        u, v = np.meshgrid(np.arange(width) + .5, np.arange(height) + .5)
        scale = depth * P2[2, 2] + P2[2, 3]
        y = (scale * v - P2[1, 3] - P2[1, 2] * depth) / P2[1, 1]
        x = (scale * u - P2[0, 3] - P2[0, 2] * depth) / P2[0, 0]
        return np.stack([x, y, depth], axis=-1)


def distances_to_box(points, label):
    """(N,) distances of points to a labelled 3D box, metres, 0 inside."""
    cos, sin = np.cos(label.rotations_y[0]), np.sin(label.rotations_y[0])
    x, y, z = (points - label.locations[0]).T
    height, width, length = label.sizes_hwl[0]
    beyond = np.stack([np.abs(cos * x - sin * z) - length / 2,
                       np.abs(sin * x + cos * z) - width / 2,
                       np.maximum(y, -y - height)])
    return np.maximum(beyond, 0).max(0)


def file_bytes(root):
    """Contents of all files below a folder, by relative path."""
    return {str(path.relative_to(root)): path.read_bytes()
            for path in sorted(Path(root).rglob('*')) if path.is_file()}
