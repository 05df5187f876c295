"""Loading of the images and the instance maps of clips."""
from typing import Any, Dict

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...benchmarks.clips.instance_maps import read_instance_map
from ...errors import InputError
from .loading import LOADED_KEYS, LoadImageMono3D
from .sample_images import CAMERA, camera_record


@TRANSFORMS.register_module()
class LoadClip(BaseTransform):
    """Loading of the T images of a clip, whose files are in ``clip_paths``.

    Adds ``img``, a list of T images (H, W, 3), the target frame first, and ``img_shape``,
    ``ori_shape`` and ``cam2img`` as
    :class:`~mmdet3d_plugin.datasets.transforms.loading.LoadImageMono3D`, which loads each image.

    Args:
        keep_in_memory: decode every image once and keep it. Meant for small sets and loaders
            without worker processes.
        kwargs: arguments of mmdet3d's LoadImageFromFileMono3D.

    Raises:
        InputError: the sample is no clip, an image is missing or cannot be decoded, or the
            images of the clip differ in size.

    Example:
        >>> import tempfile
        >>> import cv2
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     paths = [f'{folder}/{name}.png' for name in 'ab']
        ...     saved = [cv2.imwrite(path, np.zeros((4, 6, 3), np.uint8)) for path in paths]
        ...     camera = dict(img_path=paths[0], cam2img=np.eye(4))
        ...     results = LoadClip()(dict(images=dict(CAM2=camera), clip_paths=paths))
        >>> len(results['img']), results['img_shape']
        (2, (4, 6))
    """

    def __init__(self, keep_in_memory: bool = False, **kwargs: Any) -> None:
        self.loader = LoadImageMono3D(keep_in_memory=keep_in_memory, **kwargs)

    def transform(self, results: dict) -> dict:
        """Load the images of the clip."""
        if 'clip_paths' not in results:
            raise InputError('LoadClip: the dataset yields single frames; use a dataset of clips, '
                             'or LoadImageMono3D')
        camera = camera_record(results)
        target, *others = results['clip_paths']
        loaded = self.loader.transform(dict(images={CAMERA: dict(camera, img_path=target)}))
        images: Dict[str, np.ndarray] = {target: loaded['img']}
        for path in others:
            if path not in images:
                # The size is compared with the target's, so that the message names both files.
                record = dict(img_path=path, cam2img=camera['cam2img'])
                image = self.loader.transform(dict(images={CAMERA: record}))['img']
                if image.shape != loaded['img'].shape:
                    raise InputError(f'{path}: its {image.shape[:2]} rows and columns differ from '
                                     f'the {loaded["img"].shape[:2]} of {target}; restore the two')
                images[path] = image
        results.update({name: loaded[name] for name in LOADED_KEYS})
        results['img'] = [images[path].copy() for path in results['clip_paths']]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(loader={self.loader})'


@TRANSFORMS.register_module()
class LoadClipInstances(BaseTransform):
    """Loading of the instance maps of a clip, whose files are in ``instance_paths``.

    Adds ``instance_maps``, a list of T maps (H, W) int32, 0 for the background. Use it after
    :class:`LoadClip` and before all other transforms, which move the maps with the images.

    Args:
        target_only: add only the target's map, as ``gt_instance_map`` (H, W) int32. The form of
            test pipelines: use it after all other transforms, so that the map has the size of
            the original image.

    Raises:
        InputError: the sample has no instance maps, or a map is unreadable, in colour, or of
            another size than the original image.

    Example:
        >>> import tempfile
        >>> import cv2
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = f'{folder}/a.png'
        ...     saved = cv2.imwrite(path, np.array([[0, 300]], np.uint16))
        ...     results = LoadClipInstances()(dict(instance_paths=[path], ori_shape=(1, 2)))
        >>> results['instance_maps'][0].tolist()
        [[0, 300]]
    """

    def __init__(self, target_only: bool = False) -> None:
        self.target_only = target_only

    def transform(self, results: dict) -> dict:
        """Read the instance maps and check their size."""
        paths = results.get('instance_paths')
        if paths is None:
            raise InputError('LoadClipInstances: the dataset has no instance maps; make them with '
                             "tools/create_data.py instances and add their folder as 'instances' "
                             'to data_prefix')
        if self.target_only:
            results['gt_instance_map'] = self._read(paths[0], results['ori_shape'])
            return results
        if None in paths:
            raise InputError(f'{paths[0]}: the neighbours of this frame have no instance maps; '
                             'add them, or load only the target\'s with target_only=True')
        results['instance_maps'] = [self._read(path, results['ori_shape']) for path in paths]
        return results

    @staticmethod
    def _read(path: str, size: tuple) -> np.ndarray:
        """Read a map and check its (height, width)."""
        instances = read_instance_map(path)
        if instances.shape != tuple(size):
            raise InputError(f'{path}: its size {instances.shape} differs from the image\'s '
                             f'{tuple(size)}; make the instance map again from this image')
        return instances

    def __repr__(self) -> str:
        return f'{type(self).__name__}(target_only={self.target_only})'
