"""MixUp3D: two frames of one camera, overlaid."""
import logging
from collections import defaultdict
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from mmengine.logging import print_log

from ...errors import InputError
from .object_fields import append_objects

MAX_TRIES = 50  # draws of a partner before a frame stays unmixed (MonoLSS's released code)


class CameraGroups:
    """Which frames of a dataset share a camera and an image size.

    Reads every frame's record once, no file.

    Args:
        dataset: an initialised dataset in mmdet3d's format, or a wrapper of one.
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
        """A random other frame of the same camera that has room for the objects of
        both, or None if there is none among ``MAX_TRIES`` draws."""
        group = self._group_of[index]
        if len(group) == 1:
            return None
        for candidate in np.random.choice(group, MAX_TRIES):
            if (candidate != index and
                    self.num_objects[index] + self.num_objects[candidate] <= max_objects):
                return int(candidate)
        return None


def camera_record(info: dict) -> dict:
    """The one camera of a frame that monocular loading reads, as mmdet3d's does."""
    images = info['images']
    return images['CAM2'] if 'CAM2' in images else next(iter(images.values()))


def camera_key(info: dict) -> tuple:
    """What two frames must share: projection matrix and image size, the latter as
    far as the record tells it."""
    camera = camera_record(info)
    projection = np.asarray(camera['cam2img'], dtype=np.float64)[:3]
    return (*projection.ravel().tolist(), camera.get('width'), camera.get('height'))


@TRANSFORMS.register_module()
class MixUp3D(BaseTransform):
    """Overlays another frame of the same camera and takes the objects of both.

    Objects of two scenes that one camera could have seen at once keep their depth,
    size and heading under the overlay (MonoLSS, section 3.3). Needs frames as they
    are loaded, before any flip, crop or scaling: these then treat both alike.

    Use it in the pipeline of :class:`MixImageDataset`, which tells it the frame
    whose partner it draws. Under mmdet's ``MultiImageMixDataset``, which does not,
    the partner is any frame, and the two are mixed only if their cameras agree.

    Args:
        prob: probability to look for a partner.
        blend: share of the partner in the image.
        max_objects: frames with more objects together are not mixed.

    Raises:
        InputError: a setting is out of its range, or the pipeline is not that of a
            dataset that mixes.
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
        """Groups the frames of the dataset by camera; warns if none has a partner."""
        if self._groups is None:
            self._groups = CameraGroups(dataset)
            if not self._groups.any_partner:
                print_log('MixUp3D: no two frames share a camera and an image size; '
                          'nothing will be mixed', 'current', level=logging.WARNING)

    def get_indexes(self, dataset, index: Optional[int] = None) -> Sequence[int]:
        """The partner's index in a list, empty if the frame stays as it is."""
        self.prepare(dataset)
        if np.random.rand() >= self.prob:
            return []
        if index is None:
            return [np.random.randint(len(dataset))]
        partner = self._groups.draw_partner(index, self.max_objects)
        return [] if partner is None else [partner]

    def transform(self, results: dict) -> dict:
        if 'mix_results' not in results:
            raise InputError('MixUp3D needs a second frame: put it in the pipeline of a '
                             'MixImageDataset around the dataset')
        for partner in results['mix_results']:
            if self._fits(results, partner):
                results['img'] = blend_images(results['img'], partner['img'], self.blend)
                append_objects(results, partner)
                if 'gt_depth_map' in results:
                    results['gt_depth_map'] = nearest_depth(results['gt_depth_map'],
                                                            partner['gt_depth_map'])
                results['mixed_with'] = camera_record(partner)['img_path']
        return results

    def _fits(self, results: dict, partner: dict) -> bool:
        count = len(results['gt_labels_3d']) + len(partner['gt_labels_3d'])
        return (results['img'].shape == partner['img'].shape
                and camera_key(results) == camera_key(partner)
                and camera_record(results)['img_path'] != camera_record(partner)['img_path']
                and count <= self.max_objects)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, blend={self.blend}, '
                f'max_objects={self.max_objects})')


def blend_images(image: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    """``image + share (other - image)``; of uint8 images, rounded down as in the code that
    the published weights come from."""
    # OpenCV rounds to the nearest integer, .499 below which lies the next lower one.
    down = -0.499 if image.dtype == np.uint8 else 0.
    return cv2.addWeighted(image, 1 - share, other, share, down)


def nearest_depth(depth: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The nearer of two depth maps, metres, wherever one is known (not 0)."""
    nearest = np.minimum(np.where(depth > 0, depth, np.inf), np.where(other > 0, other, np.inf))
    return np.where(np.isinf(nearest), 0, nearest).astype(np.float32)
