"""Loading of images, annotations and dense depth."""
import copy
from contextlib import contextmanager
from typing import Dict, Hashable, Iterator, Optional, Protocol

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.datasets.transforms import LoadAnnotations3D, LoadImageFromFileMono3D
from mmdet3d.registry import TRANSFORMS

from ...benchmarks.depth.map_files import KITTI_SCALE, read_depth_map
from ...errors import InputError
from ...utils.images import checked_bytes
from .sample_images import camera_record

LOADED_KEYS = ('img', 'img_shape', 'ori_shape', 'cam2img')


class DepthReader(Protocol):
    """Reader of a depth map that is computed from other files, such as a LiDAR scan.

    A dataset puts it into the sample as ``depth_reader``. It is hashable, holds plain values
    only, and opens its files for each read. One example is
    :class:`~mmdet3d_plugin.benchmarks.kitti.velodyne_depth.VelodyneDepth`.
    """

    def read_depth_map(self) -> np.ndarray:
        """Return the (H, W) float32 depth map, metres, 0 where unknown."""


class FrameReader(DepthReader, Protocol):
    """Reader of a frame that has no image and depth files of its own.

    A dataset puts it into the sample as ``frame_reader``. It is hashable, holds plain values
    only, and opens its file for each read. One example is
    :class:`~mmdet3d_plugin.benchmarks.nyu.labelled_file.LabelledFrame`.
    """

    def read_image(self) -> np.ndarray:
        """Return the (H, W, 3) uint8 image, RGB."""


@TRANSFORMS.register_module()
class LoadImageMono3D(LoadImageFromFileMono3D):
    """mmdet3d's monocular image loading, with errors that name the file.

    Adds ``img`` (H, W, 3), ``img_shape`` and ``ori_shape`` (height, width), and ``cam2img``
    (4, 4). The image comes from the camera's ``img_path``, or from the sample's
    ``frame_reader`` where it has one (see :class:`FrameReader`).

    Args:
        keep_in_memory: decode every image once and keep it, 1.4 MB per image at KITTI's size.
            Meant for small sets and loaders without worker processes.
        kwargs: arguments of mmdet3d's LoadImageFromFileMono3D.

    Raises:
        InputError: the image is missing, cannot be decoded, or has another size than recorded.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = cv2.imwrite(f'{folder}/a.png', np.zeros((4, 6, 3), np.uint8))
        ...     camera = dict(img_path=f'{folder}/a.png', cam2img=np.eye(4))
        ...     LoadImageMono3D()(dict(images=dict(CAM2=camera)))['img'].shape
        (4, 6, 3)
    """

    def __init__(self, keep_in_memory: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self._kept: Optional[Dict[Hashable, dict]] = {} if keep_in_memory else None

    def transform(self, results: dict) -> dict:
        """Load the image, or copy it from memory."""
        if self._kept is None:
            return self._load(results)
        key = results.get('frame_reader') or camera_record(results)['img_path']
        if key not in self._kept:
            loaded = self._load({name: results[name] for name in ('images', 'frame_reader')
                                 if name in results})
            self._kept[key] = {name: loaded[name] for name in LOADED_KEYS}
        results.update(copy.deepcopy(self._kept[key]))
        return results

    def _load(self, results: dict) -> dict:
        """Load the image and check its size."""
        camera = camera_record(results)
        path = camera['img_path']
        reader: Optional[FrameReader] = results.get('frame_reader')
        if reader is not None:
            image = np.ascontiguousarray(reader.read_image()[..., ::-1])  # BGR, as OpenCV's
            results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2],
                           cam2img=camera['cam2img'])
        else:
            results = self._load_file(path, results)
        expected = camera.get('height'), camera.get('width')
        if None not in expected and results['ori_shape'] != expected:
            raise InputError(f'{path}: its {results["ori_shape"]} rows and columns differ from '
                             f'the {expected} that are on record; restore the file, without a '
                             'rotation in its header')
        return results

    def _load_file(self, path: str, results: dict) -> dict:
        """Load an image file through mmdet3d."""
        with image_errors(path):
            checked_bytes(path)
            return super().transform(results)


@contextmanager
def image_errors(path: str) -> Iterator[None]:
    """Turn the errors of a decoder inside the ``with`` block into InputError.

    Args:
        path: the image, for the message.

    Raises:
        InputError: the block raised an error of a file that is missing or cannot be decoded.
    """
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, cv2.error) as error:
        raise InputError(f'{path}: cannot read the image ({_first_line(error)}); '
                         'restore the file') from error
    except AttributeError as error:
        # The decoder returns None for bytes that are no image, and None has no shape.
        raise InputError(f'{path}: not a readable image; restore the file') from error


def _first_line(error: Exception) -> str:
    """Return an error's text as one short line."""
    return ' '.join(str(error).split())[:120]


@TRANSFORMS.register_module()
class LoadAnnotationsMono3D(LoadAnnotations3D):
    """mmdet3d's annotations: 2D and 3D boxes, labels, projected centres and depths.

    Adds KITTI's ``truncations`` and ``occlusions``, both (N,), which
    :class:`~mmdet3d_plugin.datasets.transforms.filter_objects.FilterObjects` reads.

    Args:
        alphas: also add ``alphas`` (N,), the observation angles of the labels, radians.

    Example:
        >>> from mmdet3d.structures import CameraInstance3DBoxes
        >>> annotations = dict(
        ...     gt_bboxes_3d=CameraInstance3DBoxes([[0., 1.6, 20., 4., 1.5, 1.6, 0.]]),
        ...     gt_labels_3d=np.zeros(1, np.int64), gt_bboxes_labels=np.zeros(1, np.int64),
        ...     gt_bboxes=np.array([[10., 20., 50., 40.]]), depths=np.array([20.]),
        ...     centers_2d=np.array([[30., 30.]]), truncations=np.array([0.2]),
        ...     occlusions=np.array([1]))
        >>> results = LoadAnnotationsMono3D()(dict(ann_info=annotations))
        >>> results['depths'].tolist(), results['truncations'].tolist()
        ([20.0], [0.2])
    """

    KITTI_KEYS = ('truncations', 'occlusions')

    def __init__(self, alphas: bool = False) -> None:
        self.kitti_keys = (*self.KITTI_KEYS, 'alphas') if alphas else self.KITTI_KEYS
        super().__init__(with_bbox=True, with_label=True, with_bbox_3d=True,
                         with_label_3d=True, with_bbox_depth=True)

    def transform(self, results: dict) -> dict:
        """Copy the annotations from ``ann_info`` into the results."""
        results = super().transform(results)
        for key in self.kitti_keys:
            if key in results['ann_info']:
                results[key] = results['ann_info'][key]
        return results


@TRANSFORMS.register_module()
class LoadDepthMap(BaseTransform):
    """Loading of the dense depth as ``gt_depth_map`` (H, W) float32, metres, 0 where unknown.

    The depth comes from the sample's ``depth_path``, a 16-bit PNG of ``depth_scale`` units per
    metre (KITTI's 256 if the sample has no ``depth_scale``), or from its ``frame_reader`` or
    ``depth_reader`` where it has one (see :class:`FrameReader` and :class:`DepthReader`). Use
    the transform after the image is loaded. In training pipelines it comes before all other
    transforms, which move the depth map with the image. In test pipelines it comes after them,
    so that the depth map has the size of the original image.

    Raises:
        InputError: the sample has no depth map, or the depth map is unreadable or has another
            size than the original image.

    Example:
        >>> import tempfile
        >>> from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_depth_map(f'{folder}/a.png', np.array([[0., 2.5]]))
        ...     results = dict(depth_path=f'{folder}/a.png', ori_shape=(1, 2))
        ...     LoadDepthMap()(results)['gt_depth_map'].tolist()
        [[0.0, 2.5]]
    """

    def transform(self, results: dict) -> dict:
        """Read the depth map and check its size."""
        reader: Optional[DepthReader] = results.get('frame_reader') or results.get('depth_reader')
        if reader is not None:
            name, depth = reader, reader.read_depth_map()
        elif 'depth_path' in results:
            name = results['depth_path']
            depth = read_depth_map(name, results.get('depth_scale', KITTI_SCALE))
        else:
            raise InputError("LoadDepthMap: the dataset has no dense depth; add its folder as "
                             "'depth' to data_prefix")
        if depth.shape != results['ori_shape']:
            raise InputError(f'{name}: its size {depth.shape} differs from the image\'s '
                             f'{results["ori_shape"]}; pad it to that')
        results['gt_depth_map'] = depth
        return results
