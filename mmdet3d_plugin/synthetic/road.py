"""The road, the ground under it and the motion along it.

The world frame of a clip is the camera frame of its first image: x right, y
down, z forward, metres. Places on the road have two coordinates: ``side``,
metres right of the middle line, and ``along``, metres ahead of the first camera.
"""
from dataclasses import dataclass
from typing import Tuple

import numpy as np

CAMERA_HEIGHT = 1.65  # metres above the road, KITTI's
HEIGHT_SPREAD = 0.02  # metres; the car's springs
TILT_SPREAD = (0.1, 0.1)  # degrees of pitch and roll


@dataclass(frozen=True)
class Ground:
    """The plane y = height + slope_x * x + slope_z * z.

    The slopes are the camera's roll and pitch: as in KITTI, labels are upright
    in the camera frame and the road is slightly tilted under them.
    """
    height: float
    slope_x: float
    slope_z: float

    def y(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return self.height + self.slope_x * x + self.slope_z * z


@dataclass(frozen=True)
class Road:
    """A road that bends evenly, with traffic on the right.

    Attributes:
        lanes: lanes per direction.
        lane_width, sidewalk: metres; ``parking`` is the (left, right) width of
            the parking lanes, 0 for none.
        ego_side: place of the camera across the road, metres.
        heading: angle of the road to the first camera, radians, positive to the right.
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
        """Of the driven lanes, without parking."""
        return self.lanes * self.lane_width

    def edges(self) -> Tuple[float, float]:
        """``side`` of the left and the right kerb."""
        return -self.half_width - self.parking[0], self.half_width + self.parking[1]

    def heading_at(self, along: np.ndarray) -> np.ndarray:
        return np.arctan(np.tan(self.heading) + self.curvature * along)

    def middle(self, along: np.ndarray) -> np.ndarray:
        """x of the middle line where z is ``along``."""
        return (np.tan(self.heading) * along + self.curvature * along ** 2 / 2
                - self.ego_side / np.cos(self.heading))

    def position(self, side: np.ndarray, along: np.ndarray) -> np.ndarray:
        """(..., 2) world x and z."""
        heading = self.heading_at(along)
        return np.stack([self.middle(along) + side * np.cos(heading),
                         along - side * np.sin(heading)], axis=-1)

    def side_of(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Metres right of the middle line, for world x and z near the road."""
        slope = np.tan(self.heading) + self.curvature * z
        return (x - self.middle(z)) / np.sqrt(1. + slope * slope)


def sample_ground(rng: np.random.Generator) -> Ground:
    """KITTI's camera stands 1.65 m high; a driving car pitches and rolls a little."""
    pitch, roll = np.radians(np.clip(rng.standard_normal(2), -2.5, 2.5) * TILT_SPREAD)
    return Ground(CAMERA_HEIGHT + rng.uniform(-1, 1) * HEIGHT_SPREAD, np.tan(roll),
                  np.tan(pitch))


def sample_road(rng: np.random.Generator) -> Road:
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
    """Which of N rectangles come closer than ``gap`` to one, at any of T moments.

    Args:
        places, headings, sizes: (N, T, 2) x and z, (N, T), (N, 2) length and width.
        place, heading, size: (T, 2), (T,), (2,) of the one.

    Returns:
        (N,) bool. Two rectangles are apart if an axis of one separates them.
    """
    def axes(angles: np.ndarray) -> np.ndarray:
        forward = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
        sideways = np.stack([np.cos(angles), -np.sin(angles)], axis=-1)
        return np.stack([forward, sideways], axis=-2)  # (..., 2 axes, 2)

    theirs = axes(headings)
    own = np.broadcast_to(axes(heading), theirs.shape)
    candidates = np.concatenate([theirs, own], axis=-2)  # (N, T, 4, 2)
    distance = np.abs(np.einsum('ntad,ntd->nta', candidates, places - place))
    cosines_theirs = np.abs(np.einsum('ntad,ntbd->ntab', candidates, theirs))
    cosines_own = np.abs(np.einsum('ntad,ntbd->ntab', candidates, own))
    reach = (np.einsum('ntab,nb->nta', cosines_theirs, sizes / 2)
             + np.einsum('ntab,b->nta', cosines_own, size / 2))
    apart = (distance > reach + gap).any(-1)
    return ~apart.all(-1)
