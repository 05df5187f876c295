"""Random shift of the image by whole pixels."""
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from .object_fields import keep_objects
from .sample_images import image_shape
from .warping import warp_results


@TRANSFORMS.register_module()
class RandomShiftMono3D(BaseTransform):
    """Random shift by whole pixels that keeps the image's size (released code of MonoCon).

    With probability ``prob`` the image moves by a whole number of pixels in each direction,
    drawn uniformly from ``-max_shift`` to ``max_shift - 1``. Pixels that become visible are
    black. 2D boxes are clipped to the image, and objects with a clipped box of at most
    ``min_size`` pixels in width or height are removed. A shift that would remove all objects is
    not applied. ``prob=0`` is the test-time form.

    Like :class:`CropScaleAffine`, the transform adds ``affine``, ``trans_mat`` and
    ``affine_aug``, and leaves ``cam2img``, 3D boxes and depths unchanged. The data preprocessor
    pads the images to a common size. Centres of 2D boxes lie in the image, so use the transform
    with ``cell_center='box'`` of the detector's coder.

    Args:
        prob: probability of a shift.
        max_shift: largest shift, pixels.
        min_size: width and height that a clipped box must exceed, pixels.
        stride: input pixels per feature-map cell.

    Example:
        >>> results = RandomShiftMono3D()(dict(img=np.zeros((4, 8, 3), np.uint8)))
        >>> results['img'].shape, results['affine'].tolist()
        ((4, 8, 3), [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """

    def __init__(self, prob: float = 0., max_shift: int = 32, min_size: float = 1.,
                 stride: int = 4) -> None:
        self.prob = prob
        self.max_shift = max_shift
        self.min_size = min_size
        self.stride = stride

    def transform(self, results: dict) -> dict:
        """Shift the images and the 2D labels."""
        height, width = image_shape(results)
        shift = np.zeros(2)
        augment = np.random.rand() < self.prob
        if augment:
            shift = np.random.randint(-self.max_shift, self.max_shift, size=2).astype(np.float64)
        if 'gt_bboxes' in results and augment:
            corners = results['gt_bboxes'].reshape(-1, 2, 2) + shift
            corners = corners.clip(0, [width, height]).astype(np.float32)
            kept = (corners[:, 1] - corners[:, 0] > self.min_size).all(axis=1)
            augment = bool(kept.any())
            if augment:
                results['gt_bboxes'] = corners.reshape(-1, 4)
                results['centers_2d'] = (results['centers_2d'] + shift).astype(np.float32)
                keep_objects(results, kept)
            else:
                shift = np.zeros(2)
        affine = np.eye(3)
        affine[:2, 2] = shift
        warp_results(results, affine, (width, height), self.stride)
        results['trans_mat'] = np.diag([1 / self.stride, 1 / self.stride, 1.]) @ results['affine']
        results['affine_aug'] = augment
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, max_shift={self.max_shift}, '
                f'min_size={self.min_size}, stride={self.stride})')
