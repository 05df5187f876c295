"""Camera poses in the format of KITTI odometry: a (3, 4) matrix per frame and line.

A pose maps points of the frame's camera to the world frame, which is the camera frame of the
clip's first frame. A motion maps points of one frame's camera to another frame's camera.
"""
from pathlib import Path
from typing import Union

import numpy as np

from ...errors import InputError
from ...utils.files import atomic_write, read_text

PathLike = Union[str, Path]
LIMIT = 1e6  # metres
ROTATION_TOLERANCE = 1e-3  # largest error of an entry of R R^T


def read_poses(path: PathLike) -> np.ndarray:
    """Read the camera poses of a clip.

    Returns:
        (T, 4, 4) float64, from each frame's camera to the world frame, metres.

    Raises:
        InputError: the file is missing or not text, or a line is not a rotation with a finite
            translation. The message names file and line.

    Example:
        >>> import tempfile
        >>> pose = np.eye(4)
        >>> pose[2, 3] = 0.5
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_poses(f'{folder}/0000.txt', np.stack([np.eye(4), pose]))
        ...     read_poses(f'{folder}/0000.txt')[:, 2, 3].tolist()
        [0.0, 0.5]
    """
    lines = read_text(path, 'no such file of camera poses; restore it').splitlines()
    poses = [_parse_pose(f'{path}:{number}', line) for number, line in enumerate(lines, start=1)
             if line.strip()]
    if not poses:
        raise InputError(f'{path}: holds no pose; put 12 numbers per frame there')
    return np.stack(poses)


def _parse_pose(place: str, line: str) -> np.ndarray:
    """Return the (4, 4) pose of a line."""
    try:
        values = np.array(line.split(), dtype=np.float64).reshape(3, 4)
    except ValueError:
        raise InputError(f'{place}: not 12 numbers; put the rows of the (3, 4) pose there'
                         ) from None
    if not (np.abs(values) <= LIMIT).all():  # NaN too
        raise InputError(f'{place}: a value of the pose is not finite or beyond {LIMIT:g}; '
                         'restore the file')
    pose = np.eye(4)
    pose[:3] = values
    check_rotation(place, pose)
    return pose


def check_rotation(place: str, pose: np.ndarray) -> None:
    """Raise InputError unless the left 3x3 block of a pose is a rotation.

    Args:
        place: file and line of the pose, for the message.
        pose: (3 or 4, 4).
    """
    rotation = pose[:3, :3]
    error = np.abs(rotation @ rotation.T - np.eye(3)).max()
    if not error <= ROTATION_TOLERANCE or np.linalg.det(rotation) < 0:
        raise InputError(f'{place}: the pose is no rotation with a translation; restore the file')


def write_poses(path: PathLike, poses: np.ndarray) -> None:
    """Write the camera poses of a clip.

    Args:
        path: file to write.
        poses: (T, 3 or 4, 4), from each frame's camera to the world frame, metres.

    Raises:
        InputError: the folder cannot be written.
    """
    atomic_write(path, ''.join(
        ' '.join(f'{value:.9e}' for value in pose[:3].ravel()) + '\n' for pose in poses))


def motion_between(pose: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the motion from one frame's camera to another frame's camera.

    Args:
        pose: (4, 4) pose of the first frame.
        other: (4, 4) pose of the second frame.

    Returns:
        (4, 4): maps homogeneous points of the first camera to the second camera, metres.

    Example:
        The camera drives 1 m ahead. A point 10 m ahead is then 9 m ahead.

        >>> ahead = np.eye(4)
        >>> ahead[2, 3] = 1.
        >>> motion_between(np.eye(4), ahead) @ [0., 0., 10., 1.]
        array([0., 0., 9., 1.])
    """
    rotation, translation = other[:3, :3], other[:3, 3]
    inverse = np.eye(4)
    inverse[:3, :3] = rotation.T
    inverse[:3, 3] = -rotation.T @ translation
    return inverse @ pose
