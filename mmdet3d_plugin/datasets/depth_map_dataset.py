"""Frames with dense depth, whatever data set they come from."""
from pathlib import Path
from typing import Any, Dict, List

from mmengine.logging import print_log

from ..benchmarks.depth.map_files import KITTI_SCALE
from ..benchmarks.depth.splits import DepthPair, locate_depth, read_depth_split
from ..errors import InputError
from .frame_dataset import FrameDataset


class DepthMapDataset(FrameDataset):
    """Yields :class:`FrameDataset`'s samples with ``depth_path`` and ``depth_scale``, from
    which ``LoadDepthMap`` makes ``gt_depth_map``.

    A frame is named by its image, without suffix. Frames of which the split says that they
    have no depth (``None``) are left out.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``: lines of image and depth map, the
            former in ``data_prefix['img']``, the latter in ``data_prefix['depth']``.
        depth_scale: stored units a metre.
        kwargs: those of :class:`FrameDataset` and of mmengine's BaseDataset.

    Raises:
        InputError: a frame is broken, or none has depth.
    """

    METAINFO: Dict[str, Any] = dict(classes=())

    def __init__(self, data_root: str, ann_file: str, depth_scale: float = KITTI_SCALE,
                 **kwargs: Any) -> None:
        if not depth_scale > 0:
            raise InputError(f'depth_scale is {depth_scale}, expected the stored units a metre, '
                             'such as 256 or 1000')
        self.depth_scale = depth_scale
        self._pairs: Dict[str, DepthPair] = {}
        super().__init__(data_root=data_root, ann_file=ann_file, **kwargs)

    def load_data_list(self) -> List[dict]:
        infos = super().load_data_list()
        for info in infos:
            info['depth_scale'] = self.depth_scale
        return infos

    def frame_names(self) -> List[str]:
        pairs = read_depth_split(self.ann_file)
        with_depth = [pair for pair in pairs if pair.depth is not None]
        if not with_depth:
            raise InputError(f'{self.ann_file}: none of its {len(pairs)} frames has depth; name '
                             'depth maps beside the images')
        if len(with_depth) < len(pairs):
            print_log(f'{self.ann_file}: {len(pairs) - len(with_depth)} of {len(pairs)} frames '
                      'have no depth and are left out', 'current')
        self._pairs = {pair.frame: pair for pair in with_depth}
        return [pair.frame for pair in with_depth]

    def image_of(self, name: str) -> Path:
        """The image of a frame."""
        path = Path(self.data_prefix['img'], self._pairs[name].image)
        if not path.is_file():
            raise InputError(f'{path}: no such image, but {self.ann_file} names this frame; add '
                             'the image or remove the frame from the split')
        return path

    def depth_of(self, name: str) -> str:
        """The depth map of a frame."""
        return str(locate_depth(self.data_prefix['depth'], self._pairs[name].depth))
