"""Base class of the datasets of frames with dense depth."""
from abc import abstractmethod
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from mmengine.logging import print_log

from ..benchmarks.depth.map_files import KITTI_SCALE
from ..benchmarks.depth.splits import DepthPair, locate_depth, read_depth_split
from ..errors import InputError
from ..utils.files import has_file
from ..utils.images import image_size
from .frame_dataset import Frame, FrameDataset


class DepthMapDataset(FrameDataset):
    """Frames with a depth map each.

    Samples are those of :class:`~mmdet3d_plugin.datasets.FrameDataset` with ``depth_path`` and
    ``depth_scale``, from which ``LoadDepthMap`` makes ``gt_depth_map``. A frame is named by its
    image without suffix. Frames without depth (``None`` in the split) are left out.

    A subclass defines :meth:`cam2img_of` and, for another form of split, :meth:`read_pairs`.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``: lines of image and depth map, the
            former in ``data_prefix['img']``, the latter in ``data_prefix['depth']``.
        data_prefix: folders, relative to ``data_root``; :attr:`DATA_PREFIX` by default.
        depth_scale: stored units per metre; :attr:`DEPTH_SCALE` by default.
        kwargs: arguments of FrameDataset and of mmengine's BaseDataset.

    Raises:
        InputError: a frame is broken, or no frame has depth.
    """

    METAINFO: Dict[str, Any] = dict(classes=())
    DATA_PREFIX: Dict[str, str] = {}
    DEPTH_SCALE = KITTI_SCALE

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None,
                 depth_scale: Optional[float] = None, **kwargs: Any) -> None:
        self.depth_scale = self.DEPTH_SCALE if depth_scale is None else depth_scale
        if not self.depth_scale > 0:
            raise InputError(f'depth_scale is {self.depth_scale}, expected the stored units per '
                             'metre, such as 256 or 1000')
        self._pairs: Dict[str, DepthPair] = {}
        if data_prefix is None:
            data_prefix = dict(self.DATA_PREFIX)
        super().__init__(data_root=data_root, ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every frame."""
        infos = super().load_data_list()
        for info in infos:
            info['depth_scale'] = self.depth_scale
        return infos

    def frame_names(self) -> List[str]:
        """Return the names of the frames with depth, in the order of the split."""
        self._pairs = {pair.frame: pair for pair in self.read_pairs()}
        return list(self._pairs)

    def read_pairs(self) -> List[DepthPair]:
        """Read the image and the depth map of every frame with depth from the split file."""
        pairs = read_depth_split(self.ann_file)
        with_depth = [pair for pair in pairs if pair.depth is not None]
        if not with_depth:
            raise InputError(f'{self.ann_file}: none of its {len(pairs)} frames has depth; name '
                             'depth maps beside the images')
        if len(with_depth) < len(pairs):
            print_log(f'{self.ann_file}: {len(pairs) - len(with_depth)} of {len(pairs)} frames '
                      'have no depth and are left out', 'current')
        return with_depth

    def read_frame(self, name: str) -> Frame:
        """Read the image size, the camera and the place of the depth map of a frame."""
        pair = self._pairs[name]
        image = Path(self.data_prefix['img'], pair.image)
        if not has_file(image):
            raise InputError(f'{image}: no such image, but {self.ann_file} names this frame; add '
                             'the image or remove the frame from the split')
        size, cam2img = image_size(image), self.cam2img_of(name)
        assert pair.depth is not None  # frames without depth are left out
        depth = locate_depth(self.data_prefix['depth'], pair.depth)
        return Frame(image, size, cam2img, entries=dict(depth_path=str(depth)))

    @abstractmethod
    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the (4, 4) projection of a frame, from the camera frame to pixels."""
