"""Loading of the image and of the annotations that monocular training needs."""
import copy
from pathlib import Path
from typing import Dict, Optional

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.datasets.transforms import LoadAnnotations3D, LoadImageFromFileMono3D
from mmdet3d.registry import TRANSFORMS

from ...benchmarks.depth.map_files import KITTI_SCALE, read_depth_map
from ...benchmarks.nyu.labelled_file import is_labelled, read_labelled
from ...errors import InputError
from ...utils.images import check_complete

LOADED_KEYS = ('img', 'img_shape', 'ori_shape', 'cam2img')


@TRANSFORMS.register_module()
class LoadImageMono3D(LoadImageFromFileMono3D):
    """mmdet3d's monocular image loading, with an error that names the file.

    Args:
        keep_in_memory: decodes every image once, 1.4 MB each at KITTI's size.
            For small sets whose loader has no worker processes.

    Raises:
        InputError: the image is missing or can't be decoded.
    """

    def __init__(self, keep_in_memory: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self._kept: Optional[Dict[str, dict]] = {} if keep_in_memory else None

    def transform(self, results: dict) -> dict:
        if self._kept is None:
            return self._load(results)
        path = next(iter(results['images'].values()))['img_path']
        if path not in self._kept:
            loaded = self._load(dict(images=results['images']))
            self._kept[path] = {key: loaded[key] for key in LOADED_KEYS}
        results.update(copy.deepcopy(self._kept[path]))
        return results

    def _load(self, results: dict) -> dict:
        path = next(iter(results['images'].values()))['img_path']
        try:
            if is_labelled(path):
                return self._load_labelled(results)
            check_complete(path, Path(path).read_bytes())
            loaded = super().transform(results)
        except InputError:
            raise
        except (OSError, ValueError, cv2.error) as error:
            raise InputError(f'{path}: cannot read the image ({_first_line(error)}); '
                             'restore the file') from error
        except AttributeError as error:
            # The decoder returns None for bytes that are no image, and None has no shape.
            raise InputError(f'{path}: not a readable image; restore the file') from error
        camera = next(iter(results['images'].values()))
        expected = camera.get('height'), camera.get('width')
        if None not in expected and loaded['ori_shape'] != expected:
            raise InputError(f'{path}: its {loaded["ori_shape"]} rows and columns differ from the '
                             f'{expected} that are on record; restore the file, without a rotation '
                             'in its header')
        return loaded

    @staticmethod
    def _load_labelled(results: dict) -> dict:
        """A frame of NYU's labelled file, in OpenCV's order of channels."""
        camera = next(iter(results['images'].values()))
        image = np.ascontiguousarray(read_labelled(camera['img_path'])[..., ::-1])
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2],
                       cam2img=camera['cam2img'])
        return results


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


@TRANSFORMS.register_module()
class LoadDepthMap(BaseTransform):
    """Dense depth of the image as ``gt_depth_map`` (H, W) float32, metres, 0 where
    unknown, from the frame's ``depth_path``.

    Files are 16-bit PNG of ``depth_scale`` units a metre (KITTI's 256 if the frame does not
    tell). Use it after the image is loaded: in training before any other transform, which all
    carry the depth map along; in testing after them, so that it stays that of the original
    image.

    Raises:
        InputError: there is no depth map, or it is unreadable or of another size.
    """

    def transform(self, results: dict) -> dict:
        if 'depth_path' not in results:
            raise InputError("LoadDepthMap: the dataset has no dense depth; add its folder as "
                             "'depth' to data_prefix")
        path = results['depth_path']
        depth = read_depth_map(path, results.get('depth_scale', KITTI_SCALE))
        if depth.shape != results['ori_shape']:
            raise InputError(f'{path}: its size {depth.shape} differs from the image\'s '
                             f'{results["ori_shape"]}; pad it to that')
        results['gt_depth_map'] = depth
        return results
