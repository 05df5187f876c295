"""Random crop, scale and shift to an input of fixed size by one affine."""
from typing import Optional, Tuple, Union

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...errors import InputError
from ...geometry import affine_from_crop, apply_affine
from .object_fields import keep_objects
from .sample_images import image_shape
from .warping import warp_results


@TRANSFORMS.register_module()
class CropScaleAffine(BaseTransform):
    """Random crop of the image, scaled to the network input (MonoLSS, MonoDLE).

    With probability ``prob`` the crop's size is the image's size times
    ``clip(N(1, scale), 1 - scale, 1 + scale)``, and its centre moves by
    ``clip(N(0, shift), -2 shift, 2 shift)`` image sizes in each direction. Otherwise the crop is
    the whole image. ``prob=0`` is the test-time form. ``fit`` says which part of a crop of
    another shape than the input is shown. Pixels outside the image are black.

    2D boxes (not clipped) and projected centres move to input pixels. Objects with a centre
    outside the input are removed. Dense depth is read at the centres of feature-map cells and
    is never interpolated. ``cam2img``, 3D boxes and depths stay those of the original image.
    These entries relate the two:

    - ``affine``: (3, 3), from original pixels to input pixels.
    - ``trans_mat``: (3, 3), from original pixels to feature-map pixels, and
      ``affine_aug``: whether the crop is random; mmdet3d's SMOKE reads both as from
      ``AffineResize``.

    Args:
        input_size: (width, height) of the network input, pixels.
        prob: probability of a random crop.
        scale: standard deviation of the crop's relative size.
        shift: standard deviation of the crop's centre, in image sizes: one number, or one per
            direction (u, v).
        stride: input pixels per feature-map cell and per cell of the depth map. With 1 the
            depth map has the input's size.
        scale_depth: multiply dense depth by the crop's relative size, so that an object that
            appears twice as large counts as half as far, for networks that do not get the
            camera. Depths of objects stay unchanged.
        kept_center: the centre that must lie in the input, ``'projected'`` (projected 3D
            centre) or ``'box'`` (centre of the 2D box). Use the value of the detector's coder
            (``cell_center``).
        reference: warp images and dense depth with Pillow, see :func:`warp_results`, and keep
            objects with a centre less than one cell left of or above the input, as the
            released code of MonoDLE, GUPNet, DID-M3D and MonoLSS does.
        fit: how a crop of the image's shape is placed in the input: ``'contain'`` shows all of it
            and pads, ``'cover'`` fills the input and cuts, and ``'width'`` fits the width
            (MonoLSS, MonoDLE), which cuts or pads above and below. The default is ``'contain'``,
            with ``reference`` ``'width'``.

    Raises:
        InputError: ``kept_center`` or ``fit`` is unknown, or ``input_size`` is no size.

    Example:
        >>> results = CropScaleAffine(input_size=(4, 2))(dict(img=np.zeros((4, 8, 3), np.uint8)))
        >>> results['img'].shape, results['affine'].tolist()
        ((2, 4, 3), [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]])

        A square image in the same input: its scale is 2/8, one column is padded on each side.

        >>> whole = CropScaleAffine(input_size=(4, 2))(dict(img=np.zeros((8, 8, 3), np.uint8)))
        >>> whole['affine'].tolist()
        [[0.25, 0.0, 1.0], [0.0, 0.25, 0.0], [0.0, 0.0, 1.0]]
    """

    FITS = ('contain', 'cover', 'width')

    def __init__(self, input_size: Tuple[int, int], prob: float = 0., scale: float = 0.4,
                 shift: Union[float, Tuple[float, float]] = 0.1, stride: int = 4,
                 kept_center: str = 'projected', reference: bool = False,
                 scale_depth: bool = False, fit: Optional[str] = None) -> None:
        fit = fit or ('width' if reference else 'contain')
        if fit not in self.FITS:
            raise InputError(f'CropScaleAffine: fit is {fit!r}, expected one of '
                             f'{", ".join(map(repr, self.FITS))}')
        self.input_size: Tuple[int, int] = tuple(input_size)  # type: ignore[assignment]
        if len(self.input_size) != 2 or not all(
                isinstance(length, int) and length > 0 for length in self.input_size):
            raise InputError(f'CropScaleAffine: input_size is {input_size!r}, expected width and '
                             'height in pixels, such as (1280, 384)')
        self.prob = prob
        self.scale = scale
        self.shift = np.array(shift)
        self.stride = stride
        if kept_center not in ('projected', 'box'):
            raise InputError(f"kept_center is {kept_center!r}, expected 'projected' or 'box'")
        self.kept_center = kept_center
        self.reference = reference
        self.scale_depth = scale_depth
        self.fit = fit

    def shown_width(self, width: float, height: float) -> float:
        """Return the width that the input shows of an image without a random crop.

        Args:
            width: width of the image, pixels.
            height: height of the image, pixels.

        Returns:
            Width of the input in image pixels: more than the image's where it is padded.

        Example:
            >>> [CropScaleAffine((400, 200), fit=fit).shown_width(600, 900)
            ...  for fit in ('contain', 'cover', 'width')]
            [1800.0, 600, 600]
        """
        if self.fit == 'width':
            return width
        # Multiplied first: an image of exactly the input's shape keeps its exact width.
        of_height = height * self.input_size[0] / self.input_size[1]
        return max(width, of_height) if self.fit == 'contain' else min(width, of_height)

    def whole_image_affine(self, width: float, height: float) -> np.ndarray:
        """Return the (3, 3) affine of the whole image, from image pixels to input pixels.

        Example:
            >>> CropScaleAffine((4, 2), fit='cover').whole_image_affine(8, 8)[1].tolist()
            [0.0, 0.5, -1.0]
        """
        center = np.array([width, height]) * 0.5
        return self._affines(center, self.shown_width(width, height))[0]

    def hidden_share(self, width: float, height: float) -> float:
        """Return the share of an image's pixels that the input does not show.

        Example:
            >>> CropScaleAffine((1280, 384), fit='width').hidden_share(960, 960)
            0.7
        """
        shown = self.shown_width(width, height)
        rows = shown * self.input_size[1] / self.input_size[0]
        return 1 - min(shown / width, 1) * min(rows / height, 1)

    def inside(self, centers: np.ndarray) -> np.ndarray:
        """Return which of (N, 2) centres, input pixels, lie in the input: (N,) bool."""
        before_origin = centers <= -self.stride if self.reference else centers < 0
        return (~before_origin & (centers < self.input_size)).all(axis=1)

    def transform(self, results: dict) -> dict:
        """Crop and scale the images, 2D labels and the depth map."""
        height, width = image_shape(results)
        augment = np.random.rand() < self.prob
        zoom, move = self._random_crop() if augment else (1., np.zeros(2))
        center = np.array([width, height]) * (0.5 + move)
        affine, pillow_inverse = self._affines(center, self.shown_width(width, height) * zoom)

        warp_results(results, affine, self.input_size, self.stride, pillow_inverse)
        if self.scale_depth and 'gt_depth_map' in results:
            results['gt_depth_map'] = results['gt_depth_map'] * np.float32(zoom)
        results['trans_mat'] = np.diag([1 / self.stride, 1 / self.stride, 1.]) @ results['affine']
        results['affine_aug'] = bool(augment)
        if 'gt_bboxes' in results:
            corners = results['gt_bboxes'].reshape(-1, 2, 2).astype(np.float64)
            boxes = apply_affine(corners, affine).reshape(-1, 4)
            results['gt_bboxes'] = boxes.astype(np.float32)
        if 'centers_2d' in results:
            centers = apply_affine(results['centers_2d'].astype(np.float64), affine)
            centers = results['centers_2d'] = centers.astype(np.float32)
            if self.kept_center == 'box':
                centers = results['gt_bboxes'].reshape(-1, 2, 2).mean(axis=1)
            keep_objects(results, self.inside(centers))
        return results

    def _affines(self, center: np.ndarray,
                 width: float) -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """Return the affine of a crop and, for Pillow's warp, its (2, 3) inverse."""
        if not self.reference:
            return affine_from_crop(center, width, self.input_size), None
        # Both from three points in float32, as in the released code, so that inputs are equal
        # bit by bit.
        crop = crop_points(center, width)
        target = crop_points(np.array(self.input_size) / 2, self.input_size[0])
        affine = np.vstack([cv2.getAffineTransform(crop, target), [0., 0., 1.]])
        return affine, cv2.getAffineTransform(target, crop)

    def _random_crop(self) -> Tuple[float, np.ndarray]:
        """Draw the crop's relative size and the (2,) move of its centre in image sizes."""
        zoom = np.clip(1 + self.scale * np.random.randn(), 1 - self.scale, 1 + self.scale)
        move = np.clip(self.shift * np.random.randn(2), -2 * self.shift, 2 * self.shift)
        return zoom, move

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(input_size={self.input_size}, prob={self.prob}, '
                f'scale={self.scale}, shift={self.shift}, stride={self.stride}, '
                f'kept_center={self.kept_center!r}, reference={self.reference}, '
                f'scale_depth={self.scale_depth}, fit={self.fit!r})')


def crop_points(center: np.ndarray, width: float) -> np.ndarray:
    """Return three points that define a crop's affine.

    Args:
        center: (2,) centre of the crop, pixels.
        width: width of the crop, pixels.

    Returns:
        (3, 2) float32: the centre, the point half a width above it, and the point half a width
        left of the latter.

    Example:
        >>> crop_points(np.array([8., 6.]), 4.).tolist()
        [[8.0, 6.0], [8.0, 4.0], [6.0, 4.0]]
    """
    middle, upper = np.float32(center), np.float32(center - [0., width / 2])
    return np.stack([middle, upper, upper - [middle[1] - upper[1], 0.]]).astype(np.float32)
