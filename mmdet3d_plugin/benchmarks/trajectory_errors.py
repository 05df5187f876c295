"""Errors of camera trajectories over short snippets, and of single rotations.

A motion (4, 4) maps points from the camera frame of an image to the camera frame of the image
before it, in metres. N motions belong to N + 1 consecutive images.
"""
import numpy as np

SNIPPET = 5  # images, as in Zhou et al. (2017)


def camera_positions(motions: np.ndarray) -> np.ndarray:
    """Chain motions to the positions of the camera.

    Args:
        motions: (N, 4, 4).

    Returns:
        (N + 1, 3) positions in the camera frame of the first image, metres.

    Example:
        Two steps of 1 m forward:

        >>> step = np.eye(4)
        >>> step[2, 3] = 1.
        >>> camera_positions(np.stack([step, step])).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 2.0]]
    """
    pose, positions = np.eye(4), [np.zeros(3)]
    for motion in motions:
        pose = pose @ motion
        positions.append(pose[:3, 3])
    return np.stack(positions)


def aligned_error(true: np.ndarray, found: np.ndarray, published: bool = False) -> float:
    """Return the absolute trajectory error after fitting the scale of the translation.

    The scale minimises the sum of squared distances. It may be negative. Trajectories without
    any translation get the scale 0.

    Args:
        true: (N, 3) true positions relative to the first one, metres.
        found: (N, 3) predicted positions relative to the first one, in any unit.
        published: see :func:`trajectory_errors`.

    Returns:
        Root mean square distance of the N positions, metres.

    Example:
        >>> true = np.array([[0., 0., 0.], [0., 0., 1.]])
        >>> aligned_error(true, 3 * true)
        0.0
    """
    power = (found ** 2).sum()
    scale = (true * found).sum() / power if power > 0 else 0.
    squares = ((scale * found - true) ** 2).sum()
    return float(np.sqrt(squares) / len(true) if published else np.sqrt(squares / len(true)))


def trajectory_errors(true: np.ndarray, found: np.ndarray, length: int = SNIPPET,
                      published: bool = False) -> np.ndarray:
    """Return the absolute trajectory error of each snippet (Zhou et al., 2017).

    A snippet starts at every image that has ``length - 1`` images after it. Its positions are
    relative to its first image, and its translations have a scale of their own.

    Args:
        true: (N, 4, 4) true motions.
        found: (N, 4, 4) predicted motions.
        length: number of images per snippet, at least 2.
        published: divide the root of the sum of squares by the number of images, as the code
            of Zhou et al. does. Papers report these values. They are smaller than the root mean
            square by the root of ``length``.

    Returns:
        (S,) errors, metres, with S = max(N + 2 - length, 0).

    Example:
        >>> steps = np.tile(np.eye(4), (5, 1, 1))
        >>> steps[:, 2, 3] = 1.
        >>> trajectory_errors(steps, steps).tolist()
        [0.0, 0.0]
    """
    count = max(len(true) + 2 - length, 0)
    return np.array([aligned_error(camera_positions(true[start:start + length - 1]),
                                   camera_positions(found[start:start + length - 1]), published)
                     for start in range(count)])


def rotation_errors(true: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the angle between true and predicted rotation of each motion.

    Args:
        true: (N, 4, 4) true motions.
        found: (N, 4, 4) predicted motions.

    Returns:
        (N,) degrees, 0 to 180.

    Example:
        >>> quarter = np.array([[0., -1., 0., 0.], [1., 0., 0., 0.], [0., 0., 1., 0.],
        ...                     [0., 0., 0., 1.]])
        >>> rotation_errors(np.eye(4)[None], quarter[None]).tolist()
        [90.0]
    """
    between = np.swapaxes(true[:, :3, :3], 1, 2) @ found[:, :3, :3]
    skew = between - np.swapaxes(between, 1, 2)
    # The arc tangent stays exact for small angles, where the arc cosine of the trace does not.
    sine = np.linalg.norm(skew[:, (2, 0, 1), (1, 2, 0)], axis=1)
    cosine = np.trace(between, axis1=1, axis2=2) - 1
    return np.degrees(np.arctan2(sine, cosine))
