"""Loading of an image, or of a crop of it, for metric learning."""
from typing import Dict, Optional, Tuple

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...errors import InputError
from ...utils.images import checked_bytes
from .loading import image_errors


@TRANSFORMS.register_module()
class LoadCrop(BaseTransform):
    """Loading of the image ``img_path``, cropped to ``box`` where the sample has one.

    Adds ``img`` (h, w, 3) uint8, BGR, ``ori_shape``, the height and width of the whole image,
    and ``img_shape``, those of the crop. The crop holds every pixel that the box touches, at
    least one.

    Args:
        keep_in_memory: decode every crop once and keep it. Meant for small sets and loaders
            without worker processes.

    Raises:
        InputError: the image is missing, cannot be decoded, or has another size than the
            sample's ``width`` and ``height``, or the box is outside the image.

    Example:
        >>> import tempfile
        >>> import cv2
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = cv2.imwrite(f'{folder}/a.png', np.zeros((40, 60, 3), np.uint8))
        ...     sample = dict(img_path=f'{folder}/a.png', box=np.array([9.5, 4., 20.2, 90.]))
        ...     LoadCrop()(sample)['img'].shape
        (36, 12, 3)
    """

    def __init__(self, keep_in_memory: bool = False) -> None:
        self._kept: Optional[Dict[tuple, tuple]] = {} if keep_in_memory else None

    def transform(self, results: dict) -> dict:
        """Load the crop, or copy it from memory."""
        if self._kept is None:
            image, shape = self._load(results)
        else:
            box = results.get('box')
            key = results['img_path'], None if box is None else tuple(box)
            if key not in self._kept:
                image, shape = self._load(results)
                self._kept[key] = np.ascontiguousarray(image), shape
            image, shape = self._kept[key]
            image = image.copy()
        results.update(img=image, img_shape=image.shape[:2], ori_shape=shape)
        return results

    def _load(self, results: dict) -> Tuple[np.ndarray, Tuple[int, int]]:
        """Return the crop, and the height and width of the whole image."""
        path = results['img_path']
        with image_errors(path):
            image = mmcv.imfrombytes(checked_bytes(path), flag='color')
            shape = image.shape[:2]
        expected = results.get('height'), results.get('width')
        if None not in expected and shape != expected:
            raise InputError(f'{path}: its {shape} rows and columns differ from the {expected} '
                             'that are on record; restore the file, without a rotation in its '
                             'header')
        if results.get('box') is not None:
            image = crop(image, results['box'], path)
        return image, shape


def crop(image: np.ndarray, box: np.ndarray, path: str) -> np.ndarray:
    """Return the pixels of an image that a box touches.

    Args:
        image: (H, W, 3).
        box: (4,) x1, y1, x2, y2, pixels. (0, 0) is the corner of the first pixel.
        path: path of the image, for the message.

    Raises:
        InputError: the box is not finite, is empty, or is outside the image.

    Example:
        >>> crop(np.zeros((4, 6, 3)), np.array([1.5, -2., 3., 2.]), 'a.png').shape
        (2, 2, 3)
    """
    height, width = image.shape[:2]
    if np.isfinite(box).all():
        left, top = np.floor(np.maximum(box[:2], 0)).astype(int)
        right, bottom = np.ceil(np.minimum(box[2:], (width, height))).astype(int)
        if left < right and top < bottom:
            return image[top:bottom, left:right]
    raise InputError(f'{path}: the box {np.round(box, 1).tolist()} shows no pixel of this '
                     f'{width}x{height} image; correct its label')
