"""Result of a prediction for one image."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import cv2
import numpy as np

from ..benchmarks.depth.map_files import encode_depth_map
from ..benchmarks.kitti.labels import format_objects
from ..errors import InputError
from ..structures.object_table import ObjectTable
from ..utils.files import atomic_path, atomic_write
from ..visualization import ColorScale, depth_panel, frame_panel
from ..visualization.detection_panel import PANEL_HEIGHT
from .cameras import Camera

DECIMALS = 4  # of numbers in to_dict
PICTURE_SUFFIXES = ('.png', '.jpg', '.jpeg')


@dataclass
class Prediction:
    r"""Objects, or dense depth, that a model predicts for one image.

    The camera frame has x right, y down, z forward, in metres (see
    ``structures/object_table.py``). Yaw turns about y; at 0 the front points along +x, at
    90 degrees towards the camera.

    Attributes:
        name: name of the image.
        image: (H, W, 3) uint8, BGR, without lens distortion. Boxes and camera belong to it.
        camera: camera of ``image``.
        class_names: the classes of the model, in label order.
        objects: N objects by descending score; None for a depth estimator.
        labels: (N,) class indices; None for a depth estimator.
        depth: (H, W) float32, metres, 0 outside of the network's input; None for a detector.
        focal_correction: factor by which the focal length differs from the training's, as the
            network sees it; None if depth is not corrected for it.

    Example:
        >>> objects = ObjectTable.from_table(['Car'], [[0, 0, 0., 560, 170, 640, 230, 1.5, 1.6,
        ...                                             4., 0., 1.75, 20., 0., .9]])
        >>> camera = Camera.from_focal(700., (640, 480))
        >>> found = Prediction('a', np.zeros((480, 640, 3), np.uint8), camera, ('Car', ),
        ...                    objects, np.array([0]))
        >>> found.boxes_3d.tolist(), found.centers.tolist()
        ([[0.0, 1.75, 20.0, 4.0, 1.5, 1.6, 0.0]], [[0.0, 1.0, 20.0]])
        >>> found.to_kitti()
        'Car 0.00 0 0.00 560.00 170.00 640.00 230.00 1.50 1.60 4.00 0.00 1.75 20.00 0.00 0.9000\n'
    """
    name: str
    image: np.ndarray
    camera: Camera
    class_names: Tuple[str, ...]
    objects: Optional[ObjectTable] = None
    labels: Optional[np.ndarray] = None
    depth: Optional[np.ndarray] = None
    focal_correction: Optional[float] = None

    @property
    def boxes_3d(self) -> np.ndarray:
        """(N, 7) x, y, z of the centre of the **bottom** face, length, height, width, yaw.

        Metres and radians, the layout of mmdet3d's CameraInstance3DBoxes. :attr:`centers` has
        the centres of the boxes.
        """
        table = self._table
        return np.column_stack([table.locations, table.sizes_hwl[:, [2, 0, 1]],
                                table.rotations_y])

    @property
    def centers(self) -> np.ndarray:
        """(N, 3) x, y, z of the boxes' geometric centres, metres."""
        return self._table.locations - self._table.sizes_hwl[:, :1] * [0., .5, 0.]

    @property
    def boxes_2d(self) -> np.ndarray:
        """(N, 4) left, top, right, bottom, pixels of :attr:`image`."""
        return self._table.boxes_2d

    @property
    def scores(self) -> np.ndarray:
        """(N,) scores, descending."""
        return self._table.scores

    @property
    def _table(self) -> ObjectTable:
        if self.objects is None:
            raise InputError(f'{self.name}: the model estimates depth, so its predictions have '
                             'no boxes; use depth')
        return self.objects

    def to_dict(self) -> Dict[str, Any]:
        """Return the prediction as plain values, as ``tools/predict.py`` writes to JSON.

        docs/predict.md describes the entries.
        """
        height, width = self.image.shape[:2]
        entries: Dict[str, Any] = dict(
            image=self.name, width=width, height=height,
            camera=_rounded(self.camera.P2, 6), focal_correction=self.focal_correction)
        if self.depth is not None:
            known = self.depth[self.depth > 0]
            entries['depth'] = {} if not known.size else dict(
                min=_rounded(known.min()), median=_rounded(np.median(known)),
                max=_rounded(known.max()))
        if self.objects is not None:
            entries['objects'] = [self._object(index) for index in range(len(self.objects))]
        return entries

    def _object(self, index: int) -> Dict[str, Any]:
        """Return one object as plain values."""
        table = self._table
        assert table.scores is not None and self.labels is not None
        height, width, length = table.sizes_hwl[index]
        return {
            'class': str(table.names[index]), 'label': int(self.labels[index]),
            'score': _rounded(table.scores[index], 6),
            'center': _rounded(self.centers[index]),
            'bottom_center': _rounded(table.locations[index]),
            'size': dict(length=_rounded(length), height=_rounded(height), width=_rounded(width)),
            'yaw': _rounded(table.rotations_y[index]), 'alpha': _rounded(table.alphas[index]),
            'box_2d': _rounded(table.boxes_2d[index], 2)}

    def to_kitti(self) -> str:
        """Return the objects as the text of KITTI's result file, one line per object."""
        return format_objects(self._table)

    def plot(self, height: int = PANEL_HEIGHT, map_depth: Optional[float] = None,
             scale: Optional[ColorScale] = None) -> np.ndarray:
        """Draw the picture with 3D boxes and a bird's-eye view, or with its depth map.

        Args:
            height: height of the picture with boxes, pixels.
            map_depth: metres ahead that the bird's-eye view shows; by default they fit the
                objects.
            scale: colours of depth; by default they fit the depth map.

        Returns:
            uint8 image, BGR.
        """
        if self.depth is not None:
            return depth_panel(self.image, self.depth, title=self.name, scale=scale)
        return frame_panel(self.image, self.camera.P2, predictions=self.objects, title=self.name,
                           height=height, map_depth=map_depth)

    def save(self, path: Union[str, Path]) -> None:
        """Write the prediction to a file. Its suffix selects the format.

        Args:
            path: ``.json`` (:meth:`to_dict`), ``.txt`` (KITTI's result file), ``.png`` or
                ``.jpg`` (:meth:`plot`), or ``.npy`` (depth in metres). See :meth:`save_kitti`
                for depth in KITTI's format.

        Raises:
            InputError: the suffix is unknown, the prediction has no such content, or the folder
                cannot be written.
        """
        suffix = Path(path).suffix.lower()
        if suffix == '.json':
            atomic_write(path, json.dumps(self.to_dict(), indent=1) + '\n')
        elif suffix == '.txt':
            atomic_write(path, self.to_kitti())
        elif suffix == '.npy' and self.depth is not None:
            with atomic_path(path) as temporary:
                np.save(temporary, self.depth)
        elif suffix in PICTURE_SUFFIXES:
            write_picture(path, self.plot())
        else:
            known = ['.json', *PICTURE_SUFFIXES, '.npy' if self.objects is None else '.txt']
            raise InputError(f'{path}: cannot save in this format; use {", ".join(known)}')

    def save_kitti(self, folder: Union[str, Path]) -> None:
        """Write ``FOLDER/NAME.txt``, or for depth the 16-bit ``FOLDER/NAME.png``."""
        if self.objects is not None:
            atomic_write(Path(folder, f'{self.name}.txt'), self.to_kitti())
        else:
            atomic_write(Path(folder, f'{self.name}.png'), encode_depth_map(self.depth))

    def __len__(self) -> int:
        return 0 if self.objects is None else len(self.objects)

    def __repr__(self) -> str:
        if self.objects is None:
            assert self.depth is not None
            return f'Prediction({self.name!r}, depth {self.depth.shape})'
        names, counts = np.unique(self.objects.names, return_counts=True)
        found = ', '.join(f'{count} {name}' for name, count in zip(names, counts))
        return f'Prediction({self.name!r}, {found or "no objects"})'


def write_picture(path: Union[str, Path], picture: np.ndarray) -> None:
    """Write a picture atomically.

    Args:
        path: file of a format of OpenCV.
        picture: (H, W, 3) uint8, BGR.

    Raises:
        InputError: the folder or the disk cannot be written.
    """
    whole, content = cv2.imencode(Path(path).suffix, picture)
    if not whole:
        raise InputError(f'{path}: cannot be encoded; choose .png or .jpg')
    atomic_write(path, content.tobytes())


def _rounded(values: Any, decimals: int = DECIMALS) -> Union[float, List]:
    """Return numbers as floats of few decimals."""
    return np.round(np.asarray(values, dtype=np.float64), decimals).tolist()
