"""Dense depth of synthetic sets and of other sets in KITTI's layout."""
from pathlib import Path
from typing import List

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.depth.splits import DepthPair
from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.splits import read_split
from ..utils.images import ImageFolder
from .depth_map_dataset import DepthMapDataset


@DATASETS.register_module()
class SyntheticDepthDataset(DepthMapDataset):
    """Images, depth maps and calibrations in ``image_2``, ``depth_2`` and ``calib``.

    Args:
        data_root: folder with ``training`` and ``ImageSets``, as written by
            ``tools/create_data.py synthetic``.
        ann_file: split file, relative to ``data_root``: one frame name per line.
        data_prefix: folders of images, depth maps and calibrations, relative to
            ``data_root``.
        depth_scale: stored units per metre.
        kwargs: arguments of FrameDataset and of mmengine's BaseDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    DATA_PREFIX = dict(img='training/image_2', depth='training/depth_2', calib='training/calib')

    def read_pairs(self) -> List[DepthPair]:
        """Read the frame names. Image and depth map have the frame's name."""
        images = ImageFolder(self.data_prefix['img'])
        return [DepthPair(images.find(name).relative_to(images.folder).as_posix(), f'{name}.png')
                for name in read_split(self.ann_file)]

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return P2 of the frame's calibration."""
        return read_calibration(Path(self.data_prefix['calib'], f'{name}.txt')).cam2img
