"""Crops of the labelled objects of a detection dataset."""
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from mmdet3d.registry import DATASETS

from ..errors import InputError
from ..structures.class_names import class_index, find_class
from .labelled_image_dataset import LabelledImageDataset
from .mono_dataset import MonoDataset
from .transforms.sample_images import camera_record


@DATASETS.register_module()
class ObjectCropDataset(LabelledImageDataset):
    """One sample per labelled object of a :class:`~mmdet3d_plugin.datasets.MonoDataset`.

    Samples are those of :class:`~mmdet3d_plugin.datasets.LabelledImageDataset` with ``box``, and
    with ``width`` and ``height`` of the image. ``LoadCrop`` cuts the box out. ``label`` is the
    object's class, and ``name`` is FRAME/NUMBER, with the object's position in the frame's
    labels.

    Args:
        dataset: config of the detection dataset. Its pipeline is not used.
        margin: share of width and height by which the box grows on each side.
        min_size: smallest width and height of the labelled box inside the image, pixels.
            Smaller objects are left out.
        classes: classes to use; by default those of the detection dataset.
        data_root: overrides that of ``dataset``.
        kwargs: arguments of LabelledImageDataset. ``on_error`` is passed on to the detection
            dataset, and ``skipped`` names its frames.

    Raises:
        InputError: a frame is broken, no object is left, or an argument is out of range.
    """

    UNIT = 'frame'

    def __init__(self, dataset: dict, margin: float = .1, min_size: float = 16.,
                 classes: Optional[Sequence[str]] = None, data_root: Optional[str] = None,
                 **kwargs: Any) -> None:
        if not 0 <= margin < np.inf:
            raise InputError(f'margin is {margin}, expected a share of the box such as 0.1')
        if not 0 < min_size < np.inf:
            raise InputError(f'min_size is {min_size}, expected pixels such as 16')
        self.margin = margin
        self.min_size = min_size
        self.frames = frame_options(dataset, classes, data_root)
        super().__init__(data_root=self.frames.get('data_root'), **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every object, and check that queries have matches."""
        # The detection dataset checks its files, so that each frame is decoded once.
        frames = DATASETS.build({**self.frames, 'on_error': self.on_error})
        self.skipped = dict(frames.skipped)
        self.ann_file = frames.ann_file
        self._metainfo['classes'] = classes = tuple(frames.metainfo['classes'])
        infos = [crop for index in range(len(frames))
                 for crop in self._crops(frames.get_data_info(index))]
        if not infos:
            raise InputError(f'{self.ann_file or self.data_root}: no {" or ".join(classes)} of '
                             f'{self.min_size:g} pixels or more; correct classes or min_size')
        self.check_matches(infos)
        return infos

    def _crops(self, frame: dict) -> List[dict]:
        """Return the information about the objects of a frame."""
        camera = camera_record(frame)
        size = camera['width'], camera['height']
        crops = []
        for number, item in enumerate(frame['instances']):
            label = class_index(item['name'], self._metainfo['classes'])
            if label < 0:
                continue
            box = enlarged_box(item['bbox'], size, self.margin, self.min_size)
            if box is not None:
                crops.append(dict(
                    name=f'{frame["frame"]}/{number}', img_path=camera['img_path'], box=box,
                    label=label, width=size[0], height=size[1]))
        return crops


def frame_options(dataset: dict, classes: Optional[Sequence[str]], data_root: Optional[str]
                  ) -> dict:
    """Return the config of the detection dataset, without its pipeline.

    Args:
        dataset: config of a MonoDataset.
        classes: classes to use instead of those of the config, or None.
        data_root: folder to use instead of that of the config, or None.

    Raises:
        InputError: ``dataset`` has another type, or has no such class.
    """
    kind = dataset.get('type')
    if isinstance(kind, str) and kind:
        kind = DATASETS.get(kind)
    if not (isinstance(kind, type) and issubclass(kind, MonoDataset)):
        raise InputError(f'dataset is a {dataset.get("type")}, expected a dataset of frames with '
                         'objects, such as KittiMonoDataset')
    options = {**dataset, 'pipeline': [], 'test_mode': False}
    if data_root is not None:
        options['data_root'] = data_root
    if classes is not None:
        known = (dataset.get('metainfo') or {}).get('classes') or kind.METAINFO['classes']
        known = [*dict.fromkeys([*known, *kind.METAINFO['classes']])]
        if not classes or any(find_class(name, known) is None for name in classes):
            raise InputError(f'classes is {list(classes)}, expected some of {", ".join(known)}')
        options['metainfo'] = {**dataset.get('metainfo', {}), 'classes': list(classes)}
    return options


def enlarged_box(box: np.ndarray, size: Tuple[int, int], margin: float, min_size: float
                 ) -> Optional[np.ndarray]:
    """Return the part of a box inside the image, enlarged and clipped to the image.

    Args:
        box: (4,) x1, y1, x2, y2, pixels.
        size: (width, height) of the image, pixels.
        margin: share of width and height by which the box grows on each side.
        min_size: smallest width and height of the part inside the image, pixels.

    Returns:
        (4,) float32 box, or None for a smaller box.

    Example:
        >>> enlarged_box([10., 20., 50., 40.], (100, 41), .1, 16).tolist()
        [6.0, 18.0, 54.0, 41.0]
    """
    limits = np.tile(size, 2)
    inside = np.clip(box, 0, limits)
    extent = inside[2:] - inside[:2]
    if (extent < min_size).any():
        return None
    grown = inside + margin * np.concatenate([-extent, extent])
    return np.clip(grown, 0, limits).astype(np.float32)
