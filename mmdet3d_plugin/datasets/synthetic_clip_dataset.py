"""Rendered clips: consecutive frames of synthetic sets."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.clips.poses import read_poses
from ..benchmarks.clips.sequences import read_sequences
from ..benchmarks.clips.tracks import Track, read_tracks
from ..benchmarks.depth.map_files import KITTI_SCALE
from ..benchmarks.depth.splits import locate_depth
from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.splits import read_split
from ..errors import InputError
from .clip_dataset import ClipDataset


@DATASETS.register_module()
class SyntheticClipDataset(ClipDataset):
    """Clips of a set that ``tools/create_data.py synthetic --sequence-length L`` renders.

    Samples are those of :class:`~mmdet3d_plugin.datasets.ClipDataset`, with ``clip_motions``
    from the rendered poses, ``instance_paths``, ``depth_path`` and ``depth_scale``, and in
    addition, the last two from the tracks of the road users:

    - ``clip_name`` and ``clip_index``: the clip and the position of the target frame in it.
    - ``instance_classes``: class name by number in the instance maps, of all road users of the
      clip, visible or not.
    - ``moving_ids``: tuple of the numbers of road users that move around the target frame.

    With ``missing='stop'`` the target frames are the frames of the split with all neighbours in
    the same clip: frames at the ends of clips are not listed. With ``missing='single'`` all
    frames of the split are target frames.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``: one frame name per line.
        data_prefix: folders of images (``img``), calibrations (``calib``) and, where wanted,
            depth maps (``depth``), instance maps (``instances``), poses (``poses``) and tracks
            (``tracks``), relative to ``data_root``. All of them by default.
        sequences: list of the clips, relative to ``data_root``.
        depth_scale: stored units of depth per metre.
        moving_speed: road users that are faster move, metres per frame.
        kwargs: arguments of ClipDataset, FrameDataset and mmengine's BaseDataset.

    Raises:
        InputError: the set has no clips, or a file is missing or malformed. The message names
            it.
    """

    DATA_PREFIX = dict(img='training/image_2', depth='training/depth_2', calib='training/calib',
                       instances='training/instance_2', poses='poses', tracks='tracks')

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, sequences: str = 'sequences.txt',
                 depth_scale: float = KITTI_SCALE, moving_speed: float = 0.05,
                 **kwargs: Any) -> None:
        self.sequences = sequences
        self.depth_scale = depth_scale
        self.moving_speed = moving_speed
        self._clips: Dict[str, List[str]] = {}
        self._places: Dict[str, Tuple[str, int]] = {}  # clip and index in it, by frame
        self._poses: Dict[str, np.ndarray] = {}
        self._tracks: Dict[str, Dict[int, Track]] = {}
        super().__init__(data_root, ann_file, data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every clip. Poses and tracks are read once per clip."""
        infos = super().load_data_list()
        for cache in (self._clips, self._places, self._poses, self._tracks):
            cache.clear()
        return infos

    def frame_names(self) -> List[str]:
        """Return the names of the target frames, in the order of the split."""
        path = Path(self.data_root, self.sequences)
        self._clips = read_sequences(path)
        self._places = {frame: (clip, index) for clip, frames in self._clips.items()
                        for index, frame in enumerate(frames)}
        names = read_split(self.ann_file)
        stray = next((name for name in names if name not in self._places), None)
        if stray is not None:
            raise InputError(f'{path}: frame {stray} of {self.ann_file} is in no clip; restore '
                             'the two')
        if self.missing == 'single':
            return names
        names = [name for name in names if all(
            self.neighbour_of(name, offset) is not None for offset in self.offsets)]
        if not names:
            raise InputError(f'{path}: no frame of {self.ann_file} has neighbours at offsets '
                             f'{self.offsets} in its clip; render longer clips with a larger '
                             '--sequence-length')
        return names

    def neighbour_of(self, name: str, offset: int) -> Optional[str]:
        """Return the name of the frame at an offset in the same clip, or None beyond its ends."""
        clip, index = self._places[name]
        frames = self._clips[clip]
        return frames[index + offset] if 0 <= index + offset < len(frames) else None

    def image_of(self, name: str) -> Path:
        """Return the image file of a frame."""
        return Path(self.data_prefix['img'], f'{name}.png')

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return P2 of the frame's calibration."""
        return read_calibration(Path(self.data_prefix['calib'], f'{name}.txt')).cam2img

    def pose_of(self, name: str) -> Optional[np.ndarray]:
        """Return the pose of a frame, from its camera to the clip's first camera, metres."""
        if 'poses' not in self.data_prefix:
            return None
        clip, index = self._places[name]
        if clip not in self._poses:
            path = Path(self.data_prefix['poses'], f'{clip}.txt')
            poses, count = read_poses(path), len(self._clips[clip])
            if len(poses) != count:
                raise InputError(f'{path}: {len(poses)} poses for the {count} frames of the clip; '
                                 'restore the file')
            self._poses[clip] = poses
        return self._poses[clip][index]

    def instances_of(self, name: str) -> Optional[Path]:
        """Return the instance map of a frame."""
        if 'instances' not in self.data_prefix:
            return None
        return Path(self.data_prefix['instances'], f'{name}.png')

    def entries_of(self, name: str) -> Dict[str, Any]:
        """Return place and depth map of a target frame, classes and motion of the road users."""
        clip, index = self._places[name]
        entries: Dict[str, Any] = dict(clip_name=clip, clip_index=index)
        if 'depth' in self.data_prefix:
            depth = locate_depth(self.data_prefix['depth'], f'{name}.png')
            entries.update(depth_path=str(depth), depth_scale=self.depth_scale)
        if 'tracks' in self.data_prefix:
            if clip not in self._tracks:
                self._tracks[clip] = read_tracks(Path(self.data_prefix['tracks'], f'{clip}.txt'))
            tracks = self._tracks[clip]
            entries.update(
                instance_classes={number: track.kind for number, track in tracks.items()},
                moving_ids=tuple(number for number, track in tracks.items()
                                 if track.speed(index) > self.moving_speed))
        return entries
