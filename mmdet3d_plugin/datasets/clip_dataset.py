"""Base class of the datasets of clips: a target frame with its neighbours in time."""
from abc import abstractmethod
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.logging import print_log

from ..benchmarks.clips.poses import motion_between
from ..errors import InputError
from ..utils.files import has_file
from ..utils.images import image_size
from .frame_dataset import Frame, FrameDataset


class ClipDataset(FrameDataset):
    """Base class of datasets of clips: a target frame and its neighbours at fixed offsets.

    Samples are those of :class:`~mmdet3d_plugin.datasets.FrameDataset` for the target frame,
    with these entries of the clip's T frames. The target frame comes first, then the neighbours
    in the order of ``offsets``:

    - ``clip_offsets``: tuple of T ints, 0 first.
    - ``clip_paths``: list of T image files.
    - ``clip_present``: (T,) bool, False for a neighbour that does not exist. The target frame
      stands in for it.
    - ``clip_motions``: (T, 4, 4) float32, from the target's camera frame to each frame's camera
      frame, metres; the identity for a neighbour that does not exist. Only with poses.
    - ``instance_paths``: list of T instance maps, None where a neighbour has none. Only if the
      target frame has one.

    A subclass defines :meth:`frame_names`, :meth:`neighbour_of`, :meth:`image_of` and
    :meth:`cam2img_of`, and where the set has them :meth:`pose_of`, :meth:`instances_of` and
    :meth:`entries_of`.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders, relative to ``data_root``; :attr:`DATA_PREFIX` by default.
        offsets: numbers of frames from the target frame to each neighbour.
        missing: ``'stop'`` raises an error for a missing neighbour, as training needs.
            ``'single'`` lets the target frame stand in for it, for tests.
        min_translation: leave out clips with less camera motion between the target frame and
            any of its neighbours, metres. Needs poses.
        kwargs: arguments of FrameDataset and of mmengine's BaseDataset.

    Raises:
        InputError: a setting is invalid, a clip is broken, or no clip is left.
    """

    METAINFO: Dict[str, Any] = dict(classes=())
    DATA_PREFIX: Dict[str, str] = {}

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None,
                 offsets: Sequence[int] = (-1, 1), missing: str = 'stop',
                 min_translation: Optional[float] = None, **kwargs: Any) -> None:
        self.offsets = tuple(offsets)
        whole = all(isinstance(offset, int) and offset != 0 for offset in self.offsets)
        if not whole or len(set(self.offsets)) < len(self.offsets):
            raise InputError(f'offsets is {offsets!r}, expected different whole numbers without '
                             '0, such as (-1, 1)')
        if missing not in ('stop', 'single'):
            raise InputError(f"missing is {missing!r}, expected 'stop' or 'single'")
        if min_translation is not None and not min_translation >= 0:
            raise InputError(f'min_translation is {min_translation}, expected metres or None')
        self.missing = missing
        self.min_translation = min_translation
        self._sizes: Dict[Path, Tuple[int, int]] = {}
        data_prefix = dict(self.DATA_PREFIX if data_prefix is None else data_prefix)
        super().__init__(data_root=data_root, ann_file=ann_file, data_prefix=data_prefix, **kwargs)

    @abstractmethod
    def neighbour_of(self, name: str, offset: int) -> Optional[str]:
        """Return the name of the frame at an offset, or None beyond the ends of the recording.

        Args:
            name: name of the target frame.
            offset: number of frames, negative for earlier ones.
        """

    @abstractmethod
    def image_of(self, name: str) -> Path:
        """Return the image file of a frame, which need not exist."""

    @abstractmethod
    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the (4, 4) projection of a frame, from the camera frame to pixels."""

    def pose_of(self, name: str) -> Optional[np.ndarray]:
        """Return the (4, 4) pose of a frame, from its camera to a frame of the clip, metres.

        None if the set has no poses.

        Raises:
            InputError: the pose is missing or malformed. The message names file and line.
        """

    def instances_of(self, name: str) -> Optional[Path]:
        """Return the instance map of a frame, or None if it has none."""

    def entries_of(self, name: str) -> Dict[str, Any]:
        """Return further entries of a target frame's sample, such as ``depth_path``."""
        return {}

    def load_data_list(self) -> List[dict]:
        """Return the information about every clip that moves enough."""
        infos = super().load_data_list()
        self._sizes.clear()
        if self.min_translation is None:
            return infos
        moving = [info for info in infos if least_translation(info) >= self.min_translation]
        if not moving:
            raise InputError(f'{self.ann_file}: the camera moves less than {self.min_translation} '
                             f'm in all {len(infos)} clips; lower min_translation')
        if len(moving) < len(infos):
            print_log(f'{self.ann_file}: {len(infos) - len(moving)} of {len(infos)} clips are '
                      f'left out, the camera moves less than {self.min_translation} m', 'current')
        return moving

    def read_frame(self, name: str) -> Frame:
        """Read the files of a clip by its target frame, except for pixels."""
        image = self.image_of(name)
        if not has_file(image):
            raise InputError(f'{image}: no such image, but {self.ann_file} names this frame; add '
                             'the image or remove the frame from the split')
        size = self._size_of(image)
        names = [name, *(self._present_neighbour(name, offset) for offset in self.offsets)]
        frames = [found or name for found in names]
        images = [self.image_of(frame) for frame in frames]
        for other in images[1:]:
            if self._size_of(other) != size:
                raise InputError(f'{other}: its size {self._size_of(other)} differs from the size '
                                 f'{size} of {image}; restore the two')
        entries = dict(
            self.entries_of(name), clip_offsets=(0, *self.offsets),
            clip_paths=[str(path) for path in images],
            clip_present=np.array([found is not None for found in names]),
            **self._motions(frames), **self._instance_maps(frames))
        return Frame(image, size, self.cam2img_of(name), entries=entries)

    def _present_neighbour(self, name: str, offset: int) -> Optional[str]:
        """Return the name of an existing neighbour, or None if the target stands in for it.

        Raises:
            InputError: the neighbour does not exist, and ``missing`` is ``'stop'``.
        """
        found = self.neighbour_of(name, offset)
        if found is not None and has_file(self.image_of(found)):
            return found
        if self.missing == 'single':
            return None
        fix = f"restore it, remove frame {name} from {self.ann_file}, or pass missing='single'"
        if found is None:
            raise InputError(f'{self.image_of(name)}: the frame at offset {offset} is beyond its '
                             f'clip; {fix}')
        raise InputError(f'{self.image_of(found)}: no such image, but it is the neighbour of '
                         f'frame {name} at offset {offset}; {fix}')

    def _size_of(self, image: Path) -> Tuple[int, int]:
        """Return (width, height) of an image. Each file is read once."""
        if image not in self._sizes:
            self._sizes[image] = image_size(image)
        return self._sizes[image]

    def _motions(self, frames: Sequence[str]) -> Dict[str, Any]:
        """Return the entry of the motions to T frames, none without poses."""
        poses = [self.pose_of(frame) for frame in frames]
        if any(pose is None for pose in poses):
            if self.min_translation is not None:
                raise InputError(f'{self.data_root}: min_translation needs camera poses, and the '
                                 'set has none; remove min_translation')
            return {}
        motions = [np.eye(4) if frame == frames[0] else motion_between(poses[0], pose)
                   for frame, pose in zip(frames, poses)]
        return dict(clip_motions=np.stack(motions).astype(np.float32))

    def _instance_maps(self, frames: Sequence[str]) -> Dict[str, Any]:
        """Return the entry of the instance maps of T frames, none without one of the target."""
        maps = [self.instances_of(frame) for frame in frames]
        if maps[0] is None:
            return {}
        absent = next((path for path in maps if path is not None and not has_file(path)), None)
        if absent is not None:
            raise InputError(f'{absent}: no such instance map, but a clip of {self.ann_file} '
                             'needs it; add the file')
        return dict(instance_paths=[None if path is None else str(path) for path in maps])


def least_translation(info: dict) -> float:
    """Return the smallest distance of the camera between a target frame and its neighbours.

    Args:
        info: information about a clip with ``clip_motions`` and ``clip_present``. Neighbours
            that do not exist are left out.

    Returns:
        Metres; infinity without a neighbour.

    Example:
        >>> motions = np.stack([np.eye(4)] * 2)
        >>> motions[1, :3, 3] = 0., 0., -2.
        >>> least_translation(dict(clip_motions=motions, clip_present=np.array([True, True])))
        2.0
    """
    translations = info['clip_motions'][1:, :3, 3][info['clip_present'][1:]]
    return float(np.linalg.norm(translations, axis=1).min(initial=np.inf))
