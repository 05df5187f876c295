"""Random views of a vehicle: camera, light, background and occlusion."""
from dataclasses import dataclass, replace
from typing import Optional, Tuple

import numpy as np

from ..scene import Light, sample_light

Range = Tuple[float, float]

PLACES = 12  # number of street scenes of a set
FRONT_QUARTER = 40.  # degrees; the middle of all azimuths, a view of front and left side
OCCLUDERS = ('car', 'pedestrian', 'cyclist', 'pole', 'tree')
# (3,) colours of plain ground, RGB.
GROUNDS = np.array([[.15, .15, .152], [.27, .25, .225], [.09, .12, .04], [.36, .34, .3],
                    [.2, .17, .13]])
PLAIN_GROUND = np.array([.3, .3, .3])

EASY_LIGHT = Light(sun=np.array([-.30, -.75, .59]) / np.linalg.norm([-.30, -.75, .59]),
                   sun_strength=.75, ambient=.42, sky_low=np.full(3, 1.1),
                   sky_high=np.full(3, .95), clouds=0., haze=1e-3, exposure=1., noise=1.)


@dataclass(frozen=True)
class ViewRanges:
    """Ranges of random views.

    Attributes:
        azimuth: largest difference to the front quarter view, degrees.
        elevation: of the camera above the vehicle, degrees.
        distance: from the camera to the vehicle, metres.
        margin: size of the crop relative to the vehicle.
        shift: largest offset of the vehicle in the crop, as a share of the crop.
        roll: largest rotation about the viewing direction, degrees.
        blur: largest additional blur, pixels of a crop of 96 pixels.
        light: weight of random light, 0-1; the rest is a fixed light.
        scenery: share of the views in a street scene; the others have a plain ground.
        tint: weight of random ground colours, 0-1; the rest is grey.
        occlusion: share of the views with an occluding object.
    """
    azimuth: float
    elevation: Range
    distance: Range
    margin: Range
    shift: float
    roll: float
    blur: float
    light: float
    scenery: float
    tint: float
    occlusion: float

    @classmethod
    def of(cls, difficulty: float) -> 'ViewRanges':
        """Return the ranges of a difficulty, 0 to 1.

        Example:
            >>> ViewRanges.of(0.).azimuth, ViewRanges.of(.5).azimuth, ViewRanges.of(1.).azimuth
            (20.0, 100.0, 180.0)
        """
        def between(easy: float, hard: float) -> float:
            return easy + difficulty * (hard - easy)
        return cls(azimuth=between(20., 180.),
                   elevation=(between(9., 2.), between(15., 30.)),
                   distance=(between(9., 6.), between(11., 28.)),
                   margin=(between(1.12, 1.05), between(1.18, 1.35)),
                   shift=between(.01, .08), roll=between(0., 3.), blur=between(0., .7),
                   light=difficulty, scenery=difficulty, tint=difficulty,
                   occlusion=.6 * difficulty)


@dataclass(frozen=True)
class Occluder:
    """Object between the camera and the vehicle.

    Attributes:
        kind: one of :data:`OCCLUDERS`.
        look: seed of shape and colours.
        turn: heading, radians.
        from_left: whether it covers the left part of the vehicle in the image.
        share: share of the vehicle's width in the image that it may cover.
        gap: distance to the vehicle, metres.
    """
    kind: str
    look: int
    turn: float
    from_left: bool
    share: float
    gap: float


@dataclass(frozen=True)
class View:
    """View of a vehicle.

    Attributes:
        azimuth: of the camera around the vehicle, degrees; 0 is in front of the vehicle, 90 is on
            its left side.
        elevation: of the camera above the vehicle's middle, degrees.
        distance: from the camera to the vehicle's middle, metres.
        margin, roll, blur: see :class:`ViewRanges`.
        shift: (2,) offset of the vehicle to the right and down, as shares of the crop.
        light: sun, sky, exposure and noise.
        place: number of the street scene; None for a plain ground.
        along: position of the vehicle in the street scene along the road, metres.
        lane: position of the vehicle across the road, 0 to 1.
        turn: heading relative to the lane, radians.
        ground: (3,) colour of a plain ground.
        occluder: object in front of the vehicle, or None.
        noise: seed of the sensor noise.
    """
    azimuth: float
    elevation: float
    distance: float
    margin: float
    shift: np.ndarray
    roll: float
    blur: float
    light: Light
    place: Optional[int]
    along: float
    lane: float
    turn: float
    ground: np.ndarray
    occluder: Optional[Occluder]
    noise: int


def sample_view(rng: np.random.Generator, difficulty: float) -> View:
    """Return a random view.

    The same generator gives corresponding views for all difficulties: every random number is
    drawn at any difficulty, and the difficulty scales it.

    Args:
        rng: random generator of the view.
        difficulty: 0 to 1.

    Example:
        >>> view = sample_view(np.random.default_rng(0), difficulty=0.)
        >>> abs(view.azimuth - FRONT_QUARTER) <= 20, view.place, view.occluder
        (True, None, None)
    """
    ranges = ViewRanges.of(difficulty)
    turn, azimuth, roll = rng.uniform(-1, 1, 3)
    elevation, distance, margin, blur, lane = rng.random(5)
    shift = rng.uniform(-1, 1, 2) * ranges.shift
    along = rng.uniform(-12., 12.)
    in_scenery, occluded = rng.random(2)
    place = int(rng.integers(PLACES))
    tone = GROUNDS[rng.integers(len(GROUNDS))] * rng.uniform(.7, 1.3)
    occluder = Occluder(OCCLUDERS[rng.integers(len(OCCLUDERS))], int(rng.integers(8)),
                        rng.uniform(-np.pi, np.pi), bool(rng.random() < .5),
                        rng.uniform(.08, .36), rng.uniform(.3, 2.))
    low, high = np.log(ranges.distance)
    return View(
        azimuth=(FRONT_QUARTER + azimuth * ranges.azimuth + 180.) % 360. - 180.,
        elevation=ranges.elevation[0] + elevation * np.ptp(ranges.elevation),
        distance=float(np.exp(low + distance * (high - low))),
        margin=ranges.margin[0] + margin * np.ptp(ranges.margin),
        shift=shift, roll=roll * ranges.roll, blur=blur * ranges.blur,
        light=_mix_lights(EASY_LIGHT, sample_light(rng), ranges.light),
        place=place if in_scenery < ranges.scenery else None, along=along, lane=lane,
        turn=.12 * turn * difficulty,
        ground=PLAIN_GROUND + ranges.tint * (tone - PLAIN_GROUND),
        occluder=occluder if occluded < ranges.occlusion else None,
        noise=int(rng.integers(1 << 31)))


def _mix_lights(easy: Light, random: Light, weight: float) -> Light:
    """Return the weighted mean of two lights."""
    mixed = {name: getattr(easy, name) + weight * (getattr(random, name) - getattr(easy, name))
             for name in vars(easy)}
    mixed['sun'] = mixed['sun'] / np.linalg.norm(mixed['sun'])
    return replace(random, **mixed)
