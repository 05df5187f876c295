"""KITTI object detection for monocular detectors, read from KITTI's own files."""
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmdet3d.registry import DATASETS

from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.labels import read_objects
from ..benchmarks.kitti.splits import read_split
from ..errors import InputError
from ..utils.images import image_size
from .mono_dataset import MonoDataset, MonoFrame


@DATASETS.register_module()
class KittiMonoDataset(MonoDataset):
    """KITTI's frames from ``image_2``, ``label_2``, ``calib`` and a split file.

    Samples are those of :class:`~mmdet3d_plugin.datasets.MonoDataset`. ``cam2img`` includes the
    translation of P2. ``eval_ann_info`` holds every object of the label file as
    ``object_table``.

    Args:
        data_root: folder with ``training`` (and ``testing``, ``ImageSets``).
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images (``img``), labels (``label``), calibrations (``calib``)
            and dense depth (``depth``), relative to ``data_root``. Without ``label`` the
            frames have no annotations. With ``depth`` they have a ``depth_path``.
        reference: set P2[2, 3] to 0, as in MonoLSS's released code, which divides by z to
            project centres.
        kwargs: arguments of FrameDataset and of mmdet3d's Det3DDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    METAINFO = dict(classes=('Pedestrian', 'Car', 'Cyclist', 'Van', 'Person_sitting',
                             'Truck', 'Tram', 'Misc'))

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, reference: bool = False,
                 **kwargs: Any) -> None:
        if data_prefix is None:
            data_prefix = dict(img='training/image_2', label='training/label_2',
                               calib='training/calib')
        self.has_labels = 'label' in data_prefix
        self.reference = reference
        super().__init__(data_root, ann_file, data_prefix=data_prefix, **kwargs)

    def frame_names(self) -> List[str]:
        """Return the frame names of the split file."""
        return read_split(self.ann_file)

    def read_frame(self, name: str) -> MonoFrame:
        """Read the image header, the calibration and the labels of a frame."""
        folders = {key: Path(value) for key, value in self.data_prefix.items()}
        image = folders['img'] / f'{name}.png'
        if not image.is_file():
            raise InputError(f'{image}: no such image, but {self.ann_file} names this frame; '
                             'add the image or remove the frame from the split')
        size = image_size(image)
        cam2img = read_calibration(folders['calib'] / f'{name}.txt').cam2img
        if self.reference:
            cam2img[2, 3] = 0.
        frame = MonoFrame(image, size, cam2img)
        if 'depth' in folders:
            depth = folders['depth'] / f'{name}.png'
            if not depth.is_file():
                raise InputError(f'{depth}: no dense depth for this frame; add the file, or '
                                 'remove depth from data_prefix')
            frame.entries['depth_path'] = str(depth)
        if self.has_labels:
            frame.labels = folders['label'] / f'{name}.txt'
            frame.objects = read_objects(frame.labels)
            frame.evaluation['object_table'] = frame.objects
        return frame
