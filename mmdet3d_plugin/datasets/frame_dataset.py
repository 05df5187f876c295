"""Base class of all datasets: frames of one camera."""
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
from .transforms.clip_loading import LoadClip, LoadClipInstances
from .transforms.loading import LoadDepthMap, LoadImageMono3D
from .transforms.sample_images import CAMERA


@dataclass
class Frame:
    """Content of one frame's files.

    Attributes:
        image: image file, or the file that holds the image among others.
        size: (width, height), pixels.
        cam2img: (4, 4) projection, from the camera frame to pixels.
        entries: further entries of the sample, such as ``depth_path``.
    """
    image: Path
    size: Tuple[int, int]
    cam2img: np.ndarray
    entries: Dict[str, Any] = field(default_factory=dict, kw_only=True)


class FrameDataset(BaseDataset):
    """Base class of datasets of frames of one camera.

    A sample holds ``images['CAM2']``, the record of the camera: ``img_path``, ``width`` and
    ``height`` in pixels, and the (4, 4) projection ``cam2img``. ``img_path`` and ``cam2img``
    are repeated as entries of the sample, and ``frame`` is the frame's name.

    A subclass defines :meth:`frame_names` and :meth:`read_frame`.

    Args:
        args: positional arguments of mmengine's BaseDataset.
        on_error: ``'stop'`` raises an error for the first broken frame. Labels, calibrations
            and image headers are checked when the dataset is built, all else when a sample is
            loaded. ``'skip'`` checks every file of every frame when the dataset is built and
            leaves broken frames out.
        kwargs: arguments of mmengine's BaseDataset.

    Attributes:
        skipped: message by name of each frame that is left out.

    Raises:
        InputError: a frame is broken, or with ``'skip'`` every frame.
    """

    def __init__(self, *args: Any, on_error: str = 'stop', **kwargs: Any) -> None:
        if on_error not in ('stop', 'skip'):
            raise InputError(f"on_error is {on_error!r}, expected 'stop' or 'skip'")
        self.on_error = on_error
        self.skipped: Dict[str, str] = {}
        super().__init__(*args, **kwargs)

    @abstractmethod
    def frame_names(self) -> List[str]:
        """Return the names of all frames of the set, in order."""

    @abstractmethod
    def read_frame(self, name: str) -> Frame:
        """Read the files of a frame, except for pixels.

        Args:
            name: one of :meth:`frame_names`.

        Raises:
            InputError: a file is missing or malformed. The message names it.
        """

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return super().__getitem__(int(index))

    def load_data_list(self) -> List[dict]:
        """Return the information about every frame, as mmengine's BaseDataset needs it."""
        names = self.frame_names()
        if self.on_error == 'stop':
            return [self.parse_data_info(dict(frame=name)) for name in names]
        return self._whole_frames(names)

    def parse_data_info(self, info: dict) -> dict:
        """Complete ``dict(frame=NAME)`` by the frame's information."""
        frame = self.read_frame(info['frame'])
        self.check_frame(frame)
        info.update(self.describe(frame))
        return info

    def check_frame(self, frame: Frame) -> None:
        """Raise InputError unless the camera is finite with positive focal lengths."""
        focal_lengths = frame.cam2img[[0, 1], [0, 1]]
        if not np.isfinite(frame.cam2img).all() or (focal_lengths <= 0).any():
            raise InputError(f'{frame.image}: its calibration is no camera matrix (a focal length '
                             'is not positive, or a value is not finite); restore it')

    def describe(self, frame: Frame) -> dict:
        """Return the entries of the frame's sample."""
        width, height = frame.size
        camera = dict(img_path=str(frame.image), cam2img=frame.cam2img)
        return dict(frame.entries, **camera,
                    images={CAMERA: dict(camera, width=width, height=height)})

    def _whole_frames(self, names: List[str]) -> List[dict]:
        """Return the information about frames with readable files, equal on all ranks."""
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
    """Decode the images, depth maps and instance maps of frames. Each rank decodes its share.

    Args:
        infos: information about every frame, as in :meth:`FrameDataset.load_data_list`.

    Returns:
        Message by name of each unreadable frame of this rank's share.
    """
    rank, world_size = get_dist_info()
    share = infos[rank::world_size]
    # Threads are enough, because decoding releases Python's global lock.
    with ThreadPoolExecutor(available_cores()) as pool:
        reasons = list(tqdm(pool.map(_decoding_error, share), desc='checking frames',
                            total=len(share), unit='frame', dynamic_ncols=True,
                            disable=None if is_main_process() else True))
    return {info['frame']: reason for info, reason in zip(share, reasons) if reason}


def _decoding_error(info: dict) -> Optional[str]:
    """Return the message of the error that loading a frame raises, or None."""
    try:
        loader = LoadClip() if 'clip_paths' in info else LoadImageMono3D()
        results = loader.transform(dict(info))
        if any(key in info for key in ('depth_path', 'frame_reader', 'depth_reader')):
            LoadDepthMap().transform(results)
        if 'instance_paths' in info:
            only_target = None in info['instance_paths']
            LoadClipInstances(target_only=only_target).transform(results)
    except InputError as error:
        return str(error)
    return None
