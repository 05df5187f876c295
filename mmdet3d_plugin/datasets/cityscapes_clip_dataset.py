"""Clips of Cityscapes' sequences, with depth from stereo."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set

import numpy as np
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log

from ..benchmarks.cityscapes.depth import DisparityDepth, SnippetCameras
from ..benchmarks.cityscapes.files import (
    DISPARITY,
    IMAGE,
    CityscapesFrame,
    clip_targets,
    list_frames,
    parse_frame,
    read_frame_list,
)
from ..errors import InputError
from ..utils.files import has_file
from .clip_dataset import ClipDataset


@DATASETS.register_module()
class CityscapesClipDataset(ClipDataset):
    """Clips of Cityscapes' sequences.

    The name of a frame is ``SPLIT/CITY/CITY_SSSSSS_FFFFFF``. All frames of a snippet share the
    camera of its annotated frame. Without a list the target frames are those of ``split`` that
    have all neighbours, with all frames in between; with ``missing='single'`` all frames of
    ``split``. If ``data_prefix`` has ``depth``, they are limited to frames with a disparity map,
    such as the 1,525 annotated frames of the test split, and ``LoadDepthMap`` reads the depth.

    Args:
        data_root: folder of the set.
        ann_file: list of target frames, one name per line, relative to ``data_root``; by
            default there is no list.
        data_prefix: folders of images (``img``), cameras (``camera``) and, where wanted,
            disparities (``depth``) and instance maps (``instances``), relative to
            ``data_root``. Instance maps are PNG files with the names of the images.
            ``dict(img='leftImg8bit_sequence', camera='camera')`` by default.
        split: ``'train'``, ``'val'`` or ``'test'``; not used with a list.
        offsets: numbers of frames from the target frame to each neighbour. The published test
            uses ``(-2, )``.
        missing: treatment of a missing neighbour, as in ClipDataset; ``'single'`` in test mode
            and ``'stop'`` otherwise by default.
        kwargs: arguments of ClipDataset, FrameDataset and mmengine's BaseDataset.

    Raises:
        InputError: there is no target frame, or a file is missing or malformed. The message
            names it.
    """

    DATA_PREFIX = dict(img='leftImg8bit_sequence', camera='camera')

    def __init__(self, data_root: str, ann_file: str = '',
                 data_prefix: Optional[Dict[str, str]] = None, split: str = 'train',
                 offsets: Sequence[int] = (-1, 1), missing: Optional[str] = None,
                 test_mode: bool = False, **kwargs: Any) -> None:
        self.split = split
        self._targets: Set[str] = set()
        super().__init__(data_root, ann_file, data_prefix, offsets=offsets, test_mode=test_mode,
                         missing=missing or ('single' if test_mode else 'stop'), **kwargs)

    def frame_names(self) -> List[str]:
        """Return the names of the target frames, and prepare the cameras."""
        self._cameras = SnippetCameras(self.data_prefix['camera'])
        frames = read_frame_list(self.ann_file) if self.ann_file else self._frames_of_split()
        self._targets = {frame.name for frame in frames}
        return [frame.name for frame in frames]

    def _frames_of_split(self) -> List[CityscapesFrame]:
        """Return the target frames of the split."""
        folder = Path(self.data_prefix['img'], self.split)
        targets = list_frames(self.data_prefix['img'], self.split)
        if self.missing == 'stop':
            targets = clip_targets(targets, self.offsets)
        if not targets:
            raise InputError(f'{folder}: holds no clip with frames at offsets {self.offsets}; '
                             'unpack the sequences there')
        if 'depth' not in self.data_prefix:
            return targets
        with_depth = set(list_frames(self.data_prefix['depth'], self.split, DISPARITY))
        kept = [frame for frame in targets if frame in with_depth]
        if not kept:
            raise InputError(f'{folder}: none of its frames with all neighbours has a disparity '
                             f'map in {self.data_prefix["depth"]}; unpack the two')
        if len(kept) < len(with_depth):
            print_log(f'{folder}: {len(with_depth) - len(kept)} of {len(with_depth)} frames with '
                      'a disparity map have no image or neighbour and are left out', 'current')
        return kept

    @staticmethod
    def _frame(name: str) -> CityscapesFrame:
        frame = parse_frame(name)
        assert frame is not None  # one of frame_names
        return frame

    def neighbour_of(self, name: str, offset: int) -> Optional[str]:
        """Return the name of the frame at an offset, or None before the first number."""
        frame = self._frame(name).neighbour(offset)
        return None if frame.number < 0 else frame.name

    def image_of(self, name: str) -> Path:
        """Return the image file of a frame."""
        return Path(self.data_prefix['img'], f'{name}{IMAGE}')

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the projection of the camera of the frame's snippet."""
        return self._cameras[self._frame(name)].cam2img

    def instances_of(self, name: str) -> Optional[Path]:
        """Return the instance map of a frame. In tests neighbours need none."""
        if 'instances' not in self.data_prefix:
            return None
        path = Path(self.data_prefix['instances'], f'{name}{IMAGE}')
        optional = self.test_mode and name not in self._targets
        return None if optional and not has_file(path) else path

    def entries_of(self, name: str) -> Dict[str, Any]:
        """Return the ``depth_reader`` of a frame if the set is used with depth."""
        if 'depth' not in self.data_prefix:
            return {}
        path = Path(self.data_prefix['depth'], f'{name}{DISPARITY}')
        if not has_file(path):
            raise InputError(f'{path}: no such disparity map, but {self.ann_file} names its '
                             'frame; restore it or remove the frame from the list')
        camera = self._cameras[self._frame(name)]
        return dict(depth_reader=DisparityDepth(str(path), camera.fx, camera.baseline))
