"""Tracks: places of the road users of a clip in every frame, visible or not.

A line of the file holds frame, instance, class, x, y, z and heading, separated by spaces:

- frame: index of the frame in the clip, from 0.
- instance: number of the road user in the clip's instance maps, from 1.
- x, y, z: bottom centre in the world frame, the camera frame of the clip's first frame; metres.
- heading: direction in the world frame, 0 along z, positive to the right; radians.
"""
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Tuple, Union

import numpy as np

from ...errors import InputError
from ...utils.files import atomic_write, read_text, shortened

PathLike = Union[str, Path]
LIMIT = 1e6  # metres, radians, frames and instances


@dataclass
class Track:
    """Places of one road user.

    Attributes:
        kind: class name.
        frames: (K,) int, indices of frames in the clip, increasing.
        locations: (K, 3) bottom centres, world frame, metres.
        headings: (K,) directions in the world frame, 0 along z, positive to the right, radians.
    """
    kind: str
    frames: np.ndarray
    locations: np.ndarray
    headings: np.ndarray

    def speed(self, frame: int) -> float:
        """Return the mean speed from the frame before to the frame after, metres per frame.

        The speed is one-sided at the ends of the track, and 0 without a second place.

        Example:
            >>> track = Track('Car', np.arange(3), np.array([[0., 0, 0], [0, 0, 1], [0, 0, 4]]),
            ...               np.zeros(3))
            >>> [float(track.speed(frame)) for frame in range(3)]
            [1.0, 2.0, 3.0]
        """
        near = np.flatnonzero(np.abs(self.frames - frame) <= 1)
        if len(near) < 2:
            return 0.
        first, last = near[[0, -1]]
        distance = np.linalg.norm(self.locations[last] - self.locations[first])
        return distance / (self.frames[last] - self.frames[first])


def read_tracks(path: PathLike) -> Dict[int, Track]:
    """Read the tracks of a clip.

    Returns:
        Track by instance number. An empty file gives no track: the clip has no road user.

    Raises:
        InputError: the file is missing or not text, a line is malformed, an instance is in a
            frame twice, or an instance changes its class. The message names file and line.

    Example:
        >>> import tempfile
        >>> car = Track('Car', np.arange(2), np.array([[0., 1.6, 9.], [0., 1.6, 10.]]),
        ...             np.zeros(2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_tracks(f'{folder}/0000.txt', {1: car})
        ...     tracks = read_tracks(f'{folder}/0000.txt')
        >>> tracks[1].kind, tracks[1].locations[:, 2].tolist()
        ('Car', [9.0, 10.0])
    """
    text = read_text(path, 'no such file of tracks; render the set again with the same arguments, '
                     'which adds missing files')
    kinds: Dict[int, str] = {}
    rows: Dict[int, Dict[int, np.ndarray]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        place = f'{path}:{number}'
        frame, instance, kind, values = _parse_line(place, line.split())
        if kinds.setdefault(instance, kind) != kind:
            raise InputError(f'{place}: instance {instance} is a {kinds[instance]} and a {kind}; '
                             'restore the file')
        if frame in rows.setdefault(instance, {}):
            raise InputError(f'{place}: instance {instance} is in frame {frame} twice; restore '
                             'the file')
        rows[instance][frame] = values
    return {instance: _to_track(kinds[instance], found)
            for instance, found in sorted(rows.items())}


def _parse_line(place: str, fields: List[str]) -> Tuple[int, int, str, np.ndarray]:
    """Return frame, instance, class, and (4,) location and heading of a line."""
    try:
        frame, instance, kind = int(fields[0]), int(fields[1]), fields[2]
        values = np.array(fields[3:], dtype=np.float64).reshape(4)
    except (IndexError, ValueError):
        raise InputError(f'{place}: not frame, instance, class, x, y, z and heading; restore the '
                         'file') from None
    if not (0 <= frame <= LIMIT and 1 <= instance <= LIMIT and (np.abs(values) <= LIMIT).all()):
        raise InputError(f'{place}: a number is negative, not finite or beyond {LIMIT:g}; restore '
                         'the file')
    if not kind.isprintable() or len(kind) > 50:
        raise InputError(f'{place}: {shortened(kind)} is no class name; restore the file')
    return frame, instance, kind, values


def _to_track(kind: str, rows: Dict[int, np.ndarray]) -> Track:
    frames = sorted(rows)
    values = np.stack([rows[frame] for frame in frames])
    return Track(kind, np.array(frames), values[:, :3], values[:, 3])


def write_tracks(path: PathLike, tracks: Mapping[int, Track]) -> None:
    """Write the tracks of a clip, sorted by frame and instance.

    Args:
        path: file to write.
        tracks: track by instance number.

    Raises:
        InputError: the folder cannot be written.
    """
    lines = sorted(
        (int(frame), instance, track.kind, *location, heading)
        for instance, track in tracks.items()
        for frame, location, heading in zip(track.frames, track.locations, track.headings))
    atomic_write(path, ''.join(
        f'{frame} {instance} {kind} ' + ' '.join(f'{value:.9e}' for value in values) + '\n'
        for frame, instance, kind, *values in lines))
