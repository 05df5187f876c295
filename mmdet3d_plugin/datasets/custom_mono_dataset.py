"""Frames with own 3D labels in one JSON file."""
from typing import Any, List

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.custom.label_file import CustomLabelFile
from .mono_dataset import MonoDataset, MonoFrame


@DATASETS.register_module()
class CustomMonoDataset(MonoDataset):
    """Frames, cameras and objects of a JSON file; docs/custom_data.md has the format.

    Samples are those of :class:`~mmdet3d_plugin.datasets.MonoDataset`. ``eval_ann_info`` holds all
    objects of a frame as ``object_table``, in KITTI's convention, so ``KittiAPMetric`` evaluates
    them.

    Args:
        data_root: folder of the set.
        ann_file: the JSON file, relative to ``data_root``. Paths of images are relative to the
            folder of the JSON file.
        kwargs: arguments of MonoDataset.

    Raises:
        InputError: the file or an image is missing or malformed. The message names the frame and
            the object.
    """

    METAINFO = dict(classes=('Pedestrian', 'Car', 'Cyclist'))

    def __init__(self, data_root: str, ann_file: str, **kwargs: Any) -> None:
        super().__init__(data_root, ann_file, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every frame."""
        self._labels = CustomLabelFile(self.ann_file)
        infos = super().load_data_list()
        del self._labels
        return infos

    def frame_names(self) -> List[str]:
        """Return the paths of the images, without suffix."""
        return self._labels.names

    def read_frame(self, name: str) -> MonoFrame:
        """Read the image header and the labels of a frame."""
        frame = self._labels.frame(name)
        size = frame.size()
        cam2img = np.vstack([frame.camera, [0., 0., 0., 1.]])
        objects = frame.table(size)
        evaluation = {} if objects is None else dict(object_table=objects)
        return MonoFrame(frame.image, size, cam2img, objects, self._labels.path, evaluation)
