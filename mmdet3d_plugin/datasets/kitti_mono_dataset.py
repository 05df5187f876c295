"""KITTI object detection for monocular detectors, read from KITTI's own files."""
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmdet3d.registry import DATASETS
from mmengine.logging import print_log

from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.labels import read_object_file
from ..benchmarks.kitti.layout import camera_folders
from ..benchmarks.kitti.splits import read_split
from ..errors import InputError
from ..utils.files import has_file
from ..utils.images import ImageFolder, image_size
from .mono_dataset import MonoDataset, MonoFrame


@DATASETS.register_module()
class KittiMonoDataset(MonoDataset):
    """KITTI's frames from ``image_2``, ``label_2``, ``calib`` and a split file.

    Images are PNG or JPEG. Samples are those of :class:`~mmdet3d_plugin.datasets.MonoDataset`.
    ``cam2img`` includes the translation of P2. ``eval_ann_info`` holds every object of the label
    file as ``object_table``.

    Args:
        data_root: folder with ``training`` (and ``testing``, ``ImageSets``).
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images (``img``), labels (``label``), calibrations (``calib``)
            and dense depth (``depth``), relative to ``data_root``; those of ``camera`` in
            ``training`` by default. Without ``label`` the frames have no annotations. With
            ``depth`` they have a ``depth_path``.
        reference: set P2[2, 3] to 0, as in MonoLSS's released code, which divides by z to
            project centres.
        camera: line of the calibration files: ``'P0'``, ``'P1'``, ``'P2'`` or ``'P3'``. The
            images of P0 are in ``image_0``, see
            :func:`~mmdet3d_plugin.benchmarks.kitti.layout.camera_folders`.
        kwargs: arguments of FrameDataset and of mmdet3d's Det3DDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    METAINFO = dict(classes=('Pedestrian', 'Car', 'Cyclist', 'Van', 'Person_sitting',
                             'Truck', 'Tram', 'Misc'))

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, reference: bool = False,
                 camera: str = 'P2', **kwargs: Any) -> None:
        folders = camera_folders(Path(data_root, 'training'), camera)
        if data_prefix is None:
            data_prefix = {key: f'training/{folder.name}' for key, folder in folders.items()}
        self.camera = camera
        self.has_labels = 'label' in data_prefix
        self.reference = reference
        super().__init__(data_root, ann_file, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every frame."""
        self._images = ImageFolder(self.data_prefix['img'])
        self._scored: List[Path] = []  # label files with a score that is ignored
        infos = super().load_data_list()
        if self._scored:
            print_log(f'{self._scored[0]}: label lines end with a 16th field, a score, in '
                      f'{len(self._scored)} of {len(infos)} files; it is ignored', 'current')
        del self._images, self._scored
        return infos

    def frame_names(self) -> List[str]:
        """Return the frame names of the split file."""
        return read_split(self.ann_file)

    def read_frame(self, name: str) -> MonoFrame:
        """Read the image header, the calibration and the labels of a frame."""
        folders = {key: Path(value) for key, value in self.data_prefix.items()}
        image = self._images.find(name)
        size = image_size(image)
        cam2img = read_calibration(folders['calib'] / f'{name}.txt', self.camera).cam2img
        if self.reference:
            cam2img[2, 3] = 0.
        frame = MonoFrame(image, size, cam2img)
        if 'depth' in folders:
            depth = folders['depth'] / f'{name}.png'
            if not has_file(depth):
                raise InputError(f'{depth}: no dense depth for this frame; add the file, or '
                                 'remove depth from data_prefix')
            frame.entries['depth_path'] = str(depth)
        if self.has_labels:
            frame.labels = folders['label'] / f'{name}.txt'
            labels = read_object_file(frame.labels)
            if labels.ignored_scores:
                self._scored.append(frame.labels)
            frame.objects = labels.objects
            frame.evaluation['object_table'] = frame.objects
        return frame
