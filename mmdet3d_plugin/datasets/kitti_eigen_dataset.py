"""KITTI's raw drives with annotated depth: the split of Eigen et al. (2014)."""
from typing import List

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.depth.splits import DepthPair
from ..benchmarks.kitti.raw_drives import RawCameras
from .depth_map_dataset import DepthMapDataset


@DATASETS.register_module()
class KittiEigenDataset(DepthMapDataset):
    """KITTI's raw images and annotated depth maps, listed by the public lists of Eigen's split.

    A line of the list is
    ``DATE/DRIVE/image_02/data/N.png DRIVE/proj_depth/groundtruth/image_02/N.png FOCAL``. Depth
    maps lie in ``data_prefix['depth']`` or, as in KITTI's archive, in ``train`` and ``val``
    there. ``cam2img`` comes from the date's ``calib_cam_to_cam.txt``. The focal length of the
    list is not read.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images and depth maps, relative to ``data_root``.
        depth_scale: stored units per metre.
        kwargs: arguments of FrameDataset and of mmengine's BaseDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    DATA_PREFIX = dict(img='raw', depth='data_depth_annotated')

    def read_pairs(self) -> List[DepthPair]:
        """Read the split, and prepare the cameras of the drives."""
        self._cameras = RawCameras(self.data_prefix['img'])
        return super().read_pairs()

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the projection of the date and side (image_02 or image_03) of a frame."""
        return self._cameras[name]
