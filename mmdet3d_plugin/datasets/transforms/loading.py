"""Loading of the image and of the annotations that monocular training needs."""
import cv2
from mmdet3d.datasets.transforms import LoadAnnotations3D, LoadImageFromFileMono3D
from mmdet3d.registry import TRANSFORMS

from ...errors import InputError


@TRANSFORMS.register_module()
class LoadImageMono3D(LoadImageFromFileMono3D):
    """mmdet3d's monocular image loading, with an error that names the file.

    Raises:
        InputError: the image is missing or can't be decoded.
    """

    def transform(self, results: dict) -> dict:
        path = next(iter(results['images'].values()))['img_path']
        try:
            loaded = super().transform(results)
        except (OSError, ValueError, cv2.error) as error:
            raise InputError(f'{path}: cannot read the image ({_first_line(error)}); '
                             'restore the file') from error
        except AttributeError:
            # The decoder returns None for bytes that are no image.
            loaded = None
        if loaded is None or loaded['img'] is None:
            raise InputError(f'{path}: not a readable image; restore the file')
        return loaded


def _first_line(error: Exception) -> str:
    return ' '.join(str(error).split())[:120]


@TRANSFORMS.register_module()
class LoadAnnotationsMono3D(LoadAnnotations3D):
    """mmdet3d's annotations with 2D and 3D boxes, labels, centres and depths,
    and KITTI's truncation, occlusion, alpha and DontCare regions beside them."""

    KITTI_KEYS = ('truncations', 'occlusions', 'alphas', 'gt_bboxes_ignore')

    def __init__(self) -> None:
        super().__init__(with_bbox=True, with_label=True, with_bbox_3d=True,
                         with_label_3d=True, with_bbox_depth=True)

    def transform(self, results: dict) -> dict:
        results = super().transform(results)
        for key in self.KITTI_KEYS:
            if key in results['ann_info']:
                results[key] = results['ann_info'][key]
        return results
