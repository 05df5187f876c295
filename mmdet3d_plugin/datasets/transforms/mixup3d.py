"""MixUp3D: two frames of one camera, blended."""
import logging
from collections import defaultdict
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmdet3d.registry import TRANSFORMS
from mmengine.logging import print_log

from ...errors import InputError
from .mix_transform import MixTransform
from .object_fields import append_objects
from .sample_images import camera_record, map_images, sample_images

MAX_TRIES = 50  # draws of a partner before a frame stays unmixed (MonoLSS's released code)


class CameraGroups:
    """Frames of a dataset grouped by camera and image size.

    Reads the dataset's information about every frame once, and no file.

    Args:
        dataset: an initialised dataset in mmdet3d's format, or a wrapper of one.

    Attributes:
        num_objects: (number of frames,) objects per frame.
        any_partner: whether any frame can be mixed.
    """

    def __init__(self, dataset) -> None:
        members: Dict[tuple, List[int]] = defaultdict(list)
        paths: Dict[tuple, set] = defaultdict(set)
        keys = []
        self.num_objects = np.zeros(len(dataset), dtype=np.int64)
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            keys.append(camera_key(info))
            members[keys[-1]].append(index)
            paths[keys[-1]].add(camera_record(info)['img_path'])
            self.num_objects[index] = len(info.get('ann_info', {}).get('gt_labels_3d', ()))
        groups = {key: np.array(indices) for key, indices in members.items()}
        self._group_of = [groups[key] for key in keys]
        # Repetitions of one frame are no partners; the transform leaves them unmixed.
        self.any_partner = any(len(group) > 1 for group in paths.values())

    def draw_partner(self, index: int, max_objects: int) -> Optional[int]:
        """Draw a random other frame of the same camera.

        Args:
            index: index of the frame.
            max_objects: number of objects that both frames together must stay below.

        Returns:
            Index of the partner, or None if none of ``MAX_TRIES`` draws is suitable.
        """
        group = self._group_of[index]
        if len(group) == 1:
            return None
        for candidate in np.random.choice(group, MAX_TRIES):
            if (candidate != index and
                    self.num_objects[index] + self.num_objects[candidate] < max_objects):
                return int(candidate)
        return None


def camera_key(info: dict) -> tuple:
    """Return the properties that two mixed frames must share.

    Args:
        info: a sample's information from the dataset.

    Returns:
        The 12 values of the projection matrix, and width and height of the image, pixels, or
        None where the record does not hold them.

    Example:
        >>> camera_key(dict(images=dict(CAM2=dict(cam2img=np.eye(4), width=6, height=4))))[-3:]
        (0.0, 6, 4)
    """
    camera = camera_record(info)
    projection = np.asarray(camera['cam2img'], dtype=np.float64)[:3]
    return (*projection.ravel().tolist(), camera.get('width'), camera.get('height'))


@TRANSFORMS.register_module()
class MixUp3D(MixTransform):
    """Blend of a frame with another frame of the same camera, with the objects of both.

    Depth, size and heading of the objects stay valid, because one camera could have seen both
    scenes at once (MonoLSS, section 3.3). The transform takes frames as they are loaded, before
    any flip, crop or scaling, so that both frames go through the same later transforms. Images
    of a clip are blended in order.

    Use it in the pipeline of :class:`~mmdet3d_plugin.datasets.MixImageDataset`, which passes
    the index of the frame. mmdet's ``MultiImageMixDataset`` does not: there the partner is any
    frame, and the two are mixed only if their cameras agree.

    Args:
        prob: probability of looking for a partner.
        blend: weight of the partner in the image.
        max_objects: number of objects that both frames together must stay below, as in
            MonoLSS's released code.

    Raises:
        InputError: a setting is out of its range, or the dataset is not one that mixes.

    Example:
        >>> def frame(name, value, depth):
        ...     camera = dict(img_path=name, cam2img=np.eye(4))
        ...     return dict(img=np.full((1, 1, 3), value, np.uint8), images=dict(CAM2=camera),
        ...                 gt_labels_3d=np.zeros(1, int), depths=np.array([depth]))
        >>> mixed = MixUp3D()({**frame('a.png', 100, 5.), 'mix_results': [frame('b.png', 50, 9.)]})
        >>> mixed['img'].ravel().tolist(), mixed['depths'].tolist(), mixed['mixed_with']
        ([75, 75, 75], [5.0, 9.0], 'b.png')
    """

    def __init__(self, prob: float = 0.5, blend: float = 0.5, max_objects: int = 50) -> None:
        if not (0 <= prob <= 1 and 0 < blend < 1 and max_objects >= 1):
            raise InputError(f'MixUp3D: prob {prob}, blend {blend}, max_objects {max_objects}; '
                             'expected shares in [0, 1] and (0, 1), and at least 1 object')
        self.prob = prob
        self.blend = blend
        self.max_objects = max_objects
        self._groups: Optional[CameraGroups] = None

    def prepare(self, dataset) -> None:
        """Group the frames of the dataset by camera. Warn if no frame has a partner."""
        if self._groups is None:
            self._groups = CameraGroups(dataset)
            if not self._groups.any_partner:
                print_log('MixUp3D: no two frames share a camera and an image size; '
                          'nothing will be mixed', 'current', level=logging.WARNING)

    def get_indexes(self, dataset, index: Optional[int] = None) -> Sequence[int]:
        """Return the partner's index in a list, or an empty list to leave the frame unmixed."""
        self.prepare(dataset)
        if np.random.rand() >= self.prob:
            return []
        if index is None:
            return [np.random.randint(len(dataset))]
        assert self._groups is not None  # made for the first sample
        partner = self._groups.draw_partner(index, self.max_objects)
        return [] if partner is None else [partner]

    def transform(self, results: dict) -> dict:
        """Blend the images and join the objects of the partners in ``mix_results``."""
        if 'mix_results' not in results:
            raise InputError('MixUp3D needs a second frame: put it in the pipeline of a '
                             'MixImageDataset around the dataset')
        for partner in results['mix_results']:
            if self._fits(results, partner):
                map_images(results, lambda image, other: blend_images(image, other, self.blend),
                           partner)
                append_objects(results, partner)
                if 'gt_depth_map' in results:
                    results['gt_depth_map'] = nearest_depth(results['gt_depth_map'],
                                                            partner['gt_depth_map'])
                results['mixed_with'] = camera_record(partner)['img_path']
        return results

    def _fits(self, results: dict, partner: dict) -> bool:
        """Return whether two samples can be mixed."""
        count = len(results['gt_labels_3d']) + len(partner['gt_labels_3d'])
        shapes, other_shapes = ([image.shape for image in sample_images(sample)]
                                for sample in (results, partner))
        return (shapes == other_shapes
                and camera_key(results) == camera_key(partner)
                and camera_record(results)['img_path'] != camera_record(partner)['img_path']
                and count < self.max_objects)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, blend={self.blend}, '
                f'max_objects={self.max_objects})')


def blend_images(image: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """Blend two images.

    Args:
        image: (H, W, C) uint8 or float.
        other: image of the same shape and type.
        share: weight of ``other``, 0-1.

    Returns:
        ``image + share * (other - image)``. uint8 values are rounded down, as in the code of
        the published weights.

    Example:
        >>> pixel = np.array([[[10]]], np.uint8)
        >>> blend_images(pixel, pixel + 5, .5).item()
        12
    """
    # OpenCV rounds to the nearest integer; subtracting 0.499 rounds down.
    down = -0.499 if image.dtype == np.uint8 else 0.
    return cv2.addWeighted(image, 1 - share, other, share, down)


def nearest_depth(depth: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the smaller known depth of two depth maps per pixel.

    Args:
        depth: (H, W), metres, 0 where unknown.
        other: depth map of the same shape.

    Returns:
        (H, W) float32, metres, 0 where both are unknown.

    Example:
        >>> nearest_depth(np.array([[5., 0., 0.]]), np.array([[3., 8., 0.]])).tolist()
        [[3.0, 8.0, 0.0]]
    """
    nearest = np.minimum(np.where(depth > 0, depth, np.inf), np.where(other > 0, other, np.inf))
    return np.where(np.isinf(nearest), 0, nearest).astype(np.float32)
