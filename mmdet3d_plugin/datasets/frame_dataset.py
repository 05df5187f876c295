"""Frames of one camera: what all data sets of this project share."""
import logging
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dist import all_gather_object, get_dist_info, is_main_process
from mmengine.logging import print_log
from tqdm import tqdm

from ..errors import InputError
from ..utils.processes import available_cores
from .sample_randomness import sample_randomness
from .transforms.loading import LoadDepthMap, LoadImageMono3D

CAMERA = 'CAM2'


@dataclass
class Frame:
    """One frame as it lies on disk.

    Attributes:
        image: file.
        size: (width, height), pixels.
        cam2img: (4, 4) camera frame to pixels.
        entries: further entries of its sample.
    """
    image: Path
    size: Tuple[int, int]
    cam2img: np.ndarray
    entries: Dict[str, Any] = field(default_factory=dict, kw_only=True)


class FrameDataset(BaseDataset):
    """Yields samples of :meth:`read_frame`'s frames.

    ``images['CAM2']`` holds the image's path, width and height and the 4x4 ``cam2img``,
    ``frame`` the frame's name; ``img_path`` and ``cam2img`` are repeated beside them.

    Args:
        on_error: ``'stop'`` raises at the first broken frame: of labels, calibrations and
            headers of images when the dataset is built, of the rest when it is loaded.
            ``'skip'`` checks every file of every frame when the dataset is built and leaves
            the broken frames out; :attr:`skipped` tells which and why.

    Attributes:
        skipped: what is broken, by name of the frame.

    Raises:
        InputError: a frame is broken, or with ``'skip'`` every one.
    """

    def __init__(self, *args: Any, on_error: str = 'stop', **kwargs: Any) -> None:
        if on_error not in ('stop', 'skip'):
            raise InputError(f"on_error is {on_error!r}, expected 'stop' or 'skip'")
        self.on_error = on_error
        self.skipped: Dict[str, str] = {}
        super().__init__(*args, **kwargs)

    @abstractmethod
    def frame_names(self) -> List[str]:
        """Names of all frames of the set, in order."""

    @abstractmethod
    def read_frame(self, name: str) -> Frame:
        """Reads what the files tell of a frame.

        Raises:
            InputError: a file is missing or malformed; the message names it.
        """

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return super().__getitem__(int(index))

    def load_data_list(self) -> List[dict]:
        """Reads what the files tell of every frame."""
        names = self.frame_names()
        if self.on_error == 'stop':
            return [self.parse_data_info(dict(frame=name)) for name in names]
        return self._whole_frames(names)

    def parse_data_info(self, info: dict) -> dict:
        """Completes ``dict(frame=NAME)`` to a sample."""
        frame = self.read_frame(info['frame'])
        self.check_frame(frame)
        info.update(self.describe(frame))
        return info

    def check_frame(self, frame: Frame) -> None:
        """Raises InputError unless the frame's camera projects."""
        focal_lengths = frame.cam2img[[0, 1], [0, 1]]
        if not np.isfinite(frame.cam2img).all() or (focal_lengths <= 0).any():
            raise InputError(f'{frame.image}: its calibration is no camera matrix (a focal length '
                             'is not positive, or a value is not finite); restore it')

    def describe(self, frame: Frame) -> dict:
        """Entries of the frame's sample."""
        width, height = frame.size
        camera = dict(img_path=str(frame.image), cam2img=frame.cam2img)
        return dict(frame.entries, **camera,
                    images={CAMERA: dict(camera, width=width, height=height)})

    def _whole_frames(self, names: List[str]) -> List[dict]:
        """Samples of the frames of which every file is readable, the same in all processes."""
        infos = []
        for name in names:
            try:
                infos.append(self.parse_data_info(dict(frame=name)))
            except InputError as error:
                self.skipped[name] = str(error)
        found: Dict[str, str] = {}
        for share in all_gather_object({**self.skipped, **unreadable_frames(infos)}):
            found.update(share)
        self.skipped = {name: found[name] for name in names if name in found}
        title = self.ann_file or self.data_root
        if len(self.skipped) == len(names):
            raise InputError(f'{title}: all {len(names)} frames are broken, the first one: '
                             f'{self.skipped[names[0]]}')
        if self.skipped:
            share = 100 * len(self.skipped) / len(names)
            print_log(f'{title}: {len(self.skipped)} of {len(names)} frames ({share:.1f} %) are '
                      'broken and left out', 'current', level=logging.WARNING)
        return [info for info in infos if info['frame'] not in self.skipped]


def unreadable_frames(infos: Sequence[dict]) -> Dict[str, str]:
    """Decodes the image, and depth map, of every frame: what is wrong with some, by name.

    Every one of several processes decodes its share, and tells of that alone.
    """
    rank, world_size = get_dist_info()
    share = infos[rank::world_size]
    # Threads, since decoding holds no lock of Python's.
    with ThreadPoolExecutor(available_cores()) as pool:
        reasons = list(tqdm(pool.map(_decoding_error, share), desc='checking frames',
                            total=len(share), unit='frame', dynamic_ncols=True,
                            disable=None if is_main_process() else True))
    return {info['frame']: reason for info, reason in zip(share, reasons) if reason}


def _decoding_error(info: dict) -> Optional[str]:
    try:
        results = LoadImageMono3D().transform(dict(info))
        if 'depth_path' in info:
            LoadDepthMap().transform(results)
    except InputError as error:
        return str(error)
    return None
