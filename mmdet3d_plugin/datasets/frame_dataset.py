"""Base class of the datasets of frames of one camera."""
from abc import abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from ..errors import InputError
from .checked_dataset import CheckedDataset
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


class FrameDataset(CheckedDataset):
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

    @abstractmethod
    def frame_names(self) -> List[str]:
        """Return the names of all frames of the set, in order."""

    @abstractmethod
    def read_frame(self, name: str) -> Any:
        """Read the files of a frame, except for pixels.

        Args:
            name: one of :meth:`frame_names`.

        Raises:
            InputError: a file is missing or malformed. The message names it.
        """

    def list_items(self) -> List[dict]:
        """Return the name of every frame as ``dict(frame=NAME)``."""
        return [dict(frame=name) for name in self.frame_names()]

    def parse_data_info(self, info: dict) -> dict:
        """Complete ``dict(frame=NAME)`` by the frame's information."""
        frame = self.read_frame(info['frame'])
        self.check_frame(frame)
        info.update(self.describe(frame))
        return info

    def check_frame(self, frame: Any) -> None:
        """Raise InputError unless the camera is finite with positive focal lengths."""
        focal_lengths = frame.cam2img[[0, 1], [0, 1]]
        if not np.isfinite(frame.cam2img).all() or (focal_lengths <= 0).any():
            raise InputError(f'{frame.image}: its calibration is no camera matrix (a focal length '
                             'is not positive, or a value is not finite); restore it')

    def describe(self, frame: Any) -> dict:
        """Return the entries of the frame's sample."""
        width, height = frame.size
        camera = dict(img_path=str(frame.image), cam2img=frame.cam2img)
        return dict(frame.entries, **camera,
                    images={CAMERA: dict(camera, width=width, height=height)})

    def decode_files(self, info: dict) -> None:
        """Decode the images, the depth map and the instance maps of a frame."""
        loader = LoadClip() if 'clip_paths' in info else LoadImageMono3D()
        results = loader.transform(dict(info))
        if any(key in info for key in ('depth_path', 'frame_reader', 'depth_reader')):
            LoadDepthMap().transform(results)
        if 'instance_paths' in info:
            only_target = None in info['instance_paths']
            LoadClipInstances(target_only=only_target).transform(results)
