"""The dense depth of synthetic sets and of others in KITTI's layout."""
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmdet3d.registry import DATASETS

from ..benchmarks.depth.splits import DepthPair
from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.splits import read_split
from ..utils.images import image_size
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import Frame


@DATASETS.register_module()
class SyntheticDepthDataset(DepthMapDataset):
    """Reads ``image_2``, ``depth_2`` (256ths of a metre), ``calib`` and a split file.

    Args:
        data_root: folder with ``training`` and ``ImageSets``, as ``tools/create_data.py
            synthetic`` makes it.
        ann_file: split file, relative to ``data_root``: one frame name a line.
        data_prefix: folders of images, depth maps and calibrations, relative to
            ``data_root``.

    Raises:
        InputError: a file is missing or malformed; the message names it.
    """

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, **kwargs: Any) -> None:
        if data_prefix is None:
            data_prefix = dict(img='training/image_2', depth='training/depth_2',
                               calib='training/calib')
        super().__init__(data_root, ann_file, data_prefix=data_prefix, **kwargs)

    def frame_names(self) -> List[str]:
        names = read_split(self.ann_file)
        self._pairs = {name: DepthPair(f'{name}.png', f'{name}.png') for name in names}
        return names

    def read_frame(self, name: str) -> Frame:
        image = self.image_of(name)
        calibration = read_calibration(Path(self.data_prefix['calib'], f'{name}.txt'))
        return Frame(image, image_size(image), calibration.cam2img,
                     entries=dict(depth_path=self.depth_of(name)))
