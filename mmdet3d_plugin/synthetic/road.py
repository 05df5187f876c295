"""Geometry of the road and of the ground.

The world frame of a clip is the camera frame of its first frame: x right, y down, z forward,
metres. Road coordinates are ``side``, metres to the right of the middle line, and ``along``,
metres ahead of the first camera.
"""
from dataclasses import dataclass
from typing import Tuple

import numpy as np

CAMERA_HEIGHT = 1.65  # metres above the road, KITTI's
HEIGHT_SPREAD = 0.02  # metres; effect of the car's suspension
TILT_SPREAD = (0.1, 0.1)  # degrees of pitch and roll


@dataclass(frozen=True)
class Ground:
    """Ground plane y = height + slope_x * x + slope_z * z in the world frame.

    The slopes are caused by roll and pitch of the camera. As in KITTI, boxes are upright in the
    camera frame, and the road below them is slightly tilted.

    Attributes:
        height: y at the origin, metres.
        slope_x, slope_z: metres per metre.
    """
    height: float
    slope_x: float
    slope_z: float

    def y(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return y of the ground at world x and z, metres."""
        return self.height + self.slope_x * x + self.slope_z * z


@dataclass(frozen=True)
class Road:
    """Road of constant curvature with right-hand traffic.

    Attributes:
        lanes: number of lanes per direction.
        lane_width: metres.
        parking: widths of the left and right parking lane, metres; 0 for none.
        sidewalk: width of each sidewalk, metres.
        ego_side: ``side`` of the camera, metres.
        heading: direction of the road relative to the first camera's forward direction,
            radians, positive to the right.
        curvature: 1 / metres, positive to the right.
    """
    lanes: int
    lane_width: float
    parking: Tuple[float, float]
    sidewalk: float
    ego_side: float
    heading: float
    curvature: float

    @property
    def half_width(self) -> float:
        """Half of the width of all driving lanes, without parking lanes, metres."""
        return self.lanes * self.lane_width

    def edges(self) -> Tuple[float, float]:
        """Return ``side`` of the left and the right kerb, metres."""
        return -self.half_width - self.parking[0], self.half_width + self.parking[1]

    def heading_at(self, along: np.ndarray) -> np.ndarray:
        """Return the direction of the road at ``along``, radians, positive to the right."""
        return np.arctan(np.tan(self.heading) + self.curvature * along)

    def middle(self, along: np.ndarray) -> np.ndarray:
        """Return world x of the middle line at z = ``along``, metres."""
        return (np.tan(self.heading) * along + self.curvature * along ** 2 / 2
                - self.ego_side / np.cos(self.heading))

    def position(self, side: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Convert road coordinates (...) to world x and z (..., 2), metres."""
        heading = self.heading_at(along)
        return np.stack([self.middle(along) + side * np.cos(heading),
                         along - side * np.sin(heading)], axis=-1)

    def side_of(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return ``side`` of world x and z near the road, metres."""
        slope = np.tan(self.heading) + self.curvature * z
        return (x - self.middle(z)) / np.sqrt(1. + slope * slope)


def sample_ground(rng: np.random.Generator) -> Ground:
    """Return a random ground plane: KITTI's camera height with small pitch and roll."""
    pitch, roll = np.radians(np.clip(rng.standard_normal(2), -2.5, 2.5) * TILT_SPREAD)
    return Ground(CAMERA_HEIGHT + rng.uniform(-1, 1) * HEIGHT_SPREAD, np.tan(roll),
                  np.tan(pitch))


def sample_road(rng: np.random.Generator) -> Road:
    """Return a random road."""
    lanes = int(rng.choice([1, 2], p=[.65, .35]))
    lane_width = rng.uniform(2.9, 3.6)
    parking = tuple(np.where(rng.random(2) < .55, rng.uniform(2.1, 2.5), 0.))
    lane = rng.integers(lanes)
    return Road(lanes=lanes, lane_width=lane_width, parking=parking,
                sidewalk=rng.uniform(1.6, 3.5),
                ego_side=(lane + .5) * lane_width + rng.normal(0., .25),
                heading=np.radians(np.clip(rng.normal(0., 2.), -5., 5.)),
                curvature=np.clip(rng.normal(0., .0015), -.004, .004))


def footprints_overlap(places: np.ndarray, headings: np.ndarray, sizes: np.ndarray,
                       place: np.ndarray, heading: np.ndarray, size: np.ndarray,
                       gap: float = .25) -> np.ndarray:
    """Return which of N moving rectangles come too near to another one at any of T times.

    Two rectangles are apart if an axis of one of them separates them (separating axis
    theorem). Headings are 0 along z and positive to the right.

    Args:
        places: (N, T, 2) x and z of the centres, metres.
        headings: (N, T) radians.
        sizes: (N, 2) length and width, metres.
        place: (T, 2) x and z of the other rectangle's centre, metres.
        heading: (T,) its heading, radians.
        size: (2,) its length and width, metres.
        gap: least distance along a separating axis, metres.

    Returns:
        (N,) bool.
    """
    def axes(angles: np.ndarray) -> np.ndarray:
        """Return unit vectors along length and width, (..., 2 axes, 2)."""
        forward = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
        sideways = np.stack([np.cos(angles), -np.sin(angles)], axis=-1)
        return np.stack([forward, sideways], axis=-2)

    axes_of_all = axes(headings)
    axes_of_one = np.broadcast_to(axes(heading), axes_of_all.shape)
    candidates = np.concatenate([axes_of_all, axes_of_one], axis=-2)  # (N, T, 4, 2)
    distance = np.abs(np.einsum('ntad,ntd->nta', candidates, places - place))
    cosines_of_all = np.abs(np.einsum('ntad,ntbd->ntab', candidates, axes_of_all))
    cosines_of_one = np.abs(np.einsum('ntad,ntbd->ntab', candidates, axes_of_one))
    reach = (np.einsum('ntab,nb->nta', cosines_of_all, sizes / 2)
             + np.einsum('ntab,b->nta', cosines_of_one, size / 2))
    apart = (distance > reach + gap).any(-1)
    return ~apart.all(-1)
