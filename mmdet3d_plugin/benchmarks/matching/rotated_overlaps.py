"""Intersection areas of rotated rectangles, exact and in closed form."""
import numpy as np

from ...structures.angles import rotate_about_y

# Corners of the unit rectangle, counter-clockwise with x right and z up.
_CORNERS = np.array([[.5, .5], [-.5, .5], [-.5, -.5], [.5, -.5]])


def ground_intersections(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection areas of N pairs of rectangles on the ground.

    In the frame of the second rectangle, |x| <= a and |z| <= b, Green's theorem gives the
    area as the integral of clip(x, -a, a) d clip(z, -b, b) along the outline of the first
    rectangle. Each of its four edges has a closed form. No intersection polygon is built,
    and touching or identical rectangles are no special case.

    Args:
        first: (N, 5) centre x, z, length, width, rotation_y, as in
            :mod:`~mmdet3d_plugin.structures.object_table`.
        second: (N, 5) likewise; rectangle i is intersected with rectangle i of ``first``.

    Returns:
        (N,) areas. The area is 0 if a rectangle has a side of length 0, or exactly one side
        of negative length.

    Example:
        Two bars of 4 x 1 metres that cross at a right angle share a square:

        >>> bar = np.array([[0., 0., 4., 1., 0.]])
        >>> ground_intersections(bar, bar + [0, 0, 0, 0, np.pi / 2]).round(6)
        array([1.])
    """
    offset = first[:, :2] - second[:, :2]
    reach = (np.hypot(first[:, 2], first[:, 3]) + np.hypot(second[:, 2], second[:, 3])) / 2
    meet = ((np.hypot(*offset.T) < reach) & (first[:, 2] * first[:, 3] > 0)
            & (second[:, 2] * second[:, 3] > 0))
    areas = np.zeros(len(first))
    areas[meet] = _meeting_intersections(offset[meet], first[meet, 2:], second[meet, 2:])
    return areas


def _meeting_intersections(offset: np.ndarray, first: np.ndarray,
                           second: np.ndarray) -> np.ndarray:
    """Return the intersection areas of rectangles (length, width, rotation_y).

    ``offset`` is the centre of the first rectangle minus that of the second.
    """
    center = _rotate(offset[:, None], -second[:, 2])
    corners = center + _rotate(_CORNERS * first[:, None, :2], first[:, 2] - second[:, 2])
    half = np.abs(second[:, :2]) / 2
    return np.maximum(_clipped_area(corners, half[:, :1], half[:, 1:]), 0)


def _rotate(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate (N, K, 2) points (x, z) by (N,) angles about the y axis."""
    return np.stack(rotate_about_y(points[..., 0], points[..., 1], angles[:, None]), axis=-1)


def _clipped_area(corners: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return (N,) areas of counter-clockwise (N, 4, 2) polygons in |x| <= a, |z| <= b."""
    x0, z0 = corners[..., 0], corners[..., 1]
    dx, dz = (np.roll(corners, -1, axis=1) - corners).transpose(2, 0, 1)
    z_in = np.clip(np.stack([z0, z0 + dz]), -b, b)
    part = np.clip(ratio(z_in - z0, np.broadcast_to(dz, z_in.shape)), 0, 1)
    x_in = x0 + part * dx
    return (_mean_clip(x_in.min(axis=0), x_in.max(axis=0), a) * (z_in[1] - z_in[0])).sum(-1)


def _mean_clip(low: np.ndarray, high: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Return the mean of clip(x, -a, a) over x from ``low`` to ``high``."""
    low_in, high_in = np.clip(low, -a, a), np.clip(high, -a, a)
    below = np.minimum(high, -a) - np.minimum(low, -a)
    above = np.maximum(high, a) - np.maximum(low, a)
    total = a * (above - below) + (high_in - low_in) * (high_in + low_in) / 2
    return np.where(high > low, ratio(total, high - low), low_in)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the elementwise quotient; 0 where the denominator is 0."""
    with np.errstate(over='ignore'):
        return np.divide(numerator, denominator, out=np.zeros_like(numerator),
                         where=denominator != 0)
