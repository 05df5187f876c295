"""KITTI's raw drives with annotated depth: the split of Eigen et al. (2014)."""
from typing import Any, Dict, List, Optional

from mmdet3d.registry import DATASETS

from ..benchmarks.kitti.raw_drives import RawCameras
from ..utils.images import image_size
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import Frame


@DATASETS.register_module()
class KittiEigenDataset(DepthMapDataset):
    """Reads raw images, KITTI's annotated depth maps and the public lists of Eigen's split,
    ``DATE/DRIVE/image_02/data/N.png DRIVE/proj_depth/groundtruth/image_02/N.png FOCAL``.

    Depth maps lie in ``data_prefix['depth']`` or, as KITTI's archive has them, in ``train``
    and ``val`` there. ``cam2img`` is that of the date's ``calib_cam_to_cam.txt``; the lists'
    focal length is not read.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images and depth maps, relative to ``data_root``.

    Raises:
        InputError: a file is missing or malformed; the message names it.
    """

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, **kwargs: Any) -> None:
        if data_prefix is None:
            data_prefix = dict(img='raw', depth='data_depth_annotated')
        super().__init__(data_root, ann_file, data_prefix=data_prefix, **kwargs)

    def frame_names(self) -> List[str]:
        self._cameras = RawCameras(self.data_prefix['img'])
        return super().frame_names()

    def read_frame(self, name: str) -> Frame:
        image = self.image_of(name)
        return Frame(image, image_size(image), self._cameras[name],
                     entries=dict(depth_path=self.depth_of(name)))
