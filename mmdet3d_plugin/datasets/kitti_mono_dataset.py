"""KITTI object detection as it lies on disk, for monocular detectors."""
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
    """Reads ``image_2``, ``label_2``, ``calib`` and a split file directly.

    Samples are those of :class:`MonoDataset`; ``cam2img`` keeps P2's translation, and
    ``eval_ann_info`` holds every object of the file, as ``object_table``.

    Args:
        data_root: folder with ``training`` (and ``testing``, ``ImageSets``).
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images, labels, calibrations (and depth), relative to
            ``data_root``. Without ``label`` the frames have no annotations; with
            ``depth`` they have a dense depth map, ``depth_path``.
        reference: takes P2[2, 3] for 0, as MonoLSS's released code does, which
            projects centres by dividing by z.

    Raises:
        InputError: a file is missing or malformed; the message names it.
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
        return read_split(self.ann_file)

    def read_frame(self, name: str) -> MonoFrame:
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
