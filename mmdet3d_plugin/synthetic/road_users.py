"""Meshes of cars, vans, pedestrians and cyclists, scaled to the size of their 3D box."""
from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence, Tuple

import numpy as np

from .mesh import (
    Material,
    Mesh,
    ball,
    box,
    extruded,
    limb,
    merge,
    patch,
    polygon,
    ring,
    side_points,
)

# Mean and standard deviation of height, width and length of KITTI's training labels, metres.
SIZE_STATISTICS: Dict[str, Tuple[np.ndarray, np.ndarray]] = {
    'Car': (np.array([1.526, 1.629, 3.883]), np.array([.14, .10, .43])),
    'Van': (np.array([2.207, 1.902, 5.078]), np.array([.32, .17, .83])),
    'Pedestrian': (np.array([1.763, .661, .844]), np.array([.10, .13, .23])),
    'Cyclist': (np.array([1.737, .597, 1.763]), np.array([.09, .12, .17])),
}
CLASSES = tuple(SIZE_STATISTICS)

# Colours are reflectances 0-1, RGB.
BLACK, DARK, GLASS = (.015, .015, .017), (.04, .04, .045), (.02, .025, .03)
CHROME, WHITE = (.45, .45, .47), (.75, .75, .73)
HEADLIGHT, TAIL_LIGHT, INDICATOR = (.85, .84, .74), (.42, .01, .015), (.6, .2, .02)
PAINTS = np.array([
    [.50, .51, .53], [.33, .34, .36], [.14, .15, .16], [.02, .02, .022], [.68, .68, .67],
    [.035, .06, .18], [.08, .14, .32], [.38, .025, .02], [.20, .01, .015], [.04, .12, .07],
    [.28, .25, .19], [.45, .36, .06], [.11, .04, .03], [.03, .10, .14]])
PAINT_SHARES = np.array([20, 12, 10, 16, 12, 7, 5, 7, 3, 3, 4, 1, 2, 2]) / 104
CLOTHES = np.array([
    [.03, .03, .035], [.04, .06, .14], [.12, .12, .13], [.5, .5, .48], [.35, .04, .04],
    [.08, .16, .30], [.25, .20, .12], [.06, .14, .08], [.45, .30, .05], [.22, .09, .20]])
SKINS = np.array([[.55, .36, .26], [.42, .26, .18], [.20, .11, .07], [.62, .44, .34]])
HAIRS = np.array([[.02, .015, .01], [.10, .06, .03], [.30, .22, .10], [.25, .25, .25]])


@dataclass(frozen=True)
class BodyStyle:
    """Side view of a vehicle.

    Points are (forward, up). Forward is a share of the length, 0 at the middle. Up is a share
    of the height, 0 at the ground. Both outlines start at the lower rear and end at the lower
    front.

    Attributes:
        lower: outline of the body. Its edges are rear bumper, tail, deck, bonnet, nose, front
            bumper and floor.
        cabin: outline of the cabin. Its edges are rear window, roof edge, roof, roof edge,
            windscreen and floor.
        pillar: forward coordinate of the pillar between the side windows.
        roof_width: half of the width at the roof, as a share of the width.
        rear_side_window: whether there is a side window behind the pillar.
    """
    lower: Tuple[Tuple[float, float], ...]
    cabin: Tuple[Tuple[float, float], ...]
    pillar: float
    roof_width: float = .39
    rear_side_window: bool = True


_CAR_NOSE = ((.22, .62), (.455, .52), (.5, .37), (.49, .17))
CAR_STYLES = (
    BodyStyle(((-.49, .19), (-.5, .42), (-.48, .63)) + _CAR_NOSE,
              ((-.48, .6), (-.41, .94), (-.34, 1.), (.00, 1.), (.07, .96), (.27, .6)), -.10),
    BodyStyle(((-.49, .19), (-.5, .45), (-.47, .63)) + _CAR_NOSE,
              ((-.37, .6), (-.23, .95), (-.16, 1.), (.02, 1.), (.08, .96), (.25, .6)), -.06),
    BodyStyle(((-.49, .19), (-.5, .42), (-.49, .63)) + _CAR_NOSE,
              ((-.49, .6), (-.455, .94), (-.41, 1.), (.03, 1.), (.09, .96), (.27, .6)), -.10),
)
_VAN_LOWER = ((-.495, .13), (-.5, .28), (-.495, .52), (.36, .52), (.475, .42), (.5, .3),
              (.49, .12))
VAN_STYLES = tuple(
    BodyStyle(_VAN_LOWER, ((-.495, .5), (-.485, .96), (-.465, 1.), (.19, 1.), (.25, .97),
                           (.42, .5)), .06, .44, windows) for windows in (True, False))


def vehicle(style: BodyStyle, size_hwl: Sequence[float], paint: np.ndarray,
            rng: np.random.Generator) -> Mesh:
    """Return the mesh of a car or van.

    Args:
        style: side view.
        size_hwl: height, width, length, metres.
        paint: (3,) reflectance 0-1, RGB.
        rng: random generator of bumpers, lights and wheels.
    """
    height, width, length = size_hwl
    scale = np.array([length, height])
    lower, cabin = np.array(style.lower), np.array(style.cabin)
    # Front and rear end are narrower than the middle.
    lower_half = width * np.where(np.abs(lower[:, 0]) > .48, .45, .495)
    cabin_half = _cabin_half_width(style, cabin[:, 1]) * width
    parts = [extruded(lower * scale, lower_half, paint, Material.PAINT),
             extruded(cabin * scale, cabin_half, paint, Material.PAINT)]
    parts += _side_windows(style, scale, width)
    parts += _ends(_edges(lower * scale, lower_half), _edges(cabin * scale, cabin_half), rng)
    parts += _wheels(size_hwl, sill=lower[0, 1] * height, rng=rng)
    return merge(parts)


def _cabin_half_width(style: BodyStyle, up: np.ndarray) -> np.ndarray:
    """Return half of the cabin's width at heights ``up``, as shares of the width.

    The width decreases linearly from the belt line to the roof.
    """
    belt = style.cabin[0][1]
    return .488 + (style.roof_width - .488) * (up - belt) / (1. - belt)


def _edges(outline: np.ndarray, half_widths: np.ndarray) -> np.ndarray:
    """Return (N, 4, 3) quads between the points of an outline, for :func:`patch`."""
    left, right = side_points(outline, -half_widths), side_points(outline, half_widths)
    return np.stack([left, right, np.roll(right, -1, 0), np.roll(left, -1, 0)], axis=1)


def _side_windows(style: BodyStyle, scale: np.ndarray, width: float) -> List[Mesh]:
    cabin = np.array(style.cabin)
    belt = cabin[0, 1]
    ups = np.array([belt + .1 * (1 - belt), belt + .84 * (1 - belt)])
    rear = np.interp(ups, cabin[:2, 1], cabin[:2, 0]) + .035
    front = np.interp(ups, cabin[[5, 4], 1], cabin[[5, 4], 0]) - .03
    spans = [(np.full(2, style.pillar + .012), front)]
    if style.rear_side_window:
        spans.append((rear, np.full(2, style.pillar - .012)))
    half = _cabin_half_width(style, ups) * width + .006
    windows = []
    for start, end in spans:
        outline = np.array([[start[0], ups[0]], [end[0], ups[0]], [end[1], ups[1]],
                            [start[1], ups[1]]]) * scale
        windows += [polygon(side_points(outline, sign * half[[0, 0, 1, 1]]), GLASS,
                            Material.GLASS) for sign in (-1, 1)]
    return windows


def _ends(lower: np.ndarray, cabin: np.ndarray, rng: np.random.Generator) -> List[Mesh]:
    """Return windscreen, rear window, lights, grille, bumpers and number plates."""
    rear_bumper, tail, _, _, nose, front_bumper, _ = lower
    middle, full = (.39, .61), (.0, 1.)  # shares of the width
    parts = [patch(cabin[4], (.05, .95), (.08, .93), GLASS, Material.GLASS),
             patch(cabin[0], (.09, .91), (.15, .9), GLASS, Material.GLASS),
             patch(nose, (.3, .7), (.25, .85), BLACK),
             patch(tail, middle, (.18, .48), WHITE),
             patch(front_bumper, middle, (.12, .42), WHITE),
             patch(front_bumper, (.2, .8), (.5, .8), BLACK)]
    if rng.random() < .4:  # unpainted bumpers, below the number plates
        parts += [patch(bumper, full, along, DARK, lift=.004)
                  for bumper, along in ((rear_bumper, (.3, .9)), (front_bumper, (.1, .7)))]
    tail_height = rng.uniform(.35, .6)
    for side in (0, 1):
        def mirrored(start: float, end: float, side: int = side) -> Tuple[float, float]:
            return (1 - end, 1 - start) if side else (start, end)
        parts += [
            patch(nose, mirrored(.02, .27), (.15, .85), HEADLIGHT, Material.LIGHT),
            patch(nose, mirrored(.0, .05), (.2, .8), INDICATOR, Material.LIGHT, lift=.012),
            patch(tail, mirrored(.01, .19), (tail_height - .3, .97), TAIL_LIGHT,
                  Material.LIGHT),
            patch(tail, mirrored(.05, .16), (tail_height - .3, tail_height - .12), WHITE,
                  Material.LIGHT, lift=.012)]
    return parts


def _wheels(size_hwl: Sequence[float], sill: float, rng: np.random.Generator) -> List[Mesh]:
    height, width, length = size_hwl
    radius = .30 + .05 * (height - 1.5)
    hub = np.array(CHROME) * rng.uniform(.5, 1.1)
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    parts = []
    for axle in (-.3 * length, .315 * length):
        arch = circle * radius * 1.2 + [axle, radius]
        arch[:, 1] = np.maximum(arch[:, 1], sill)
        rim = circle * radius * .62 + [axle, radius]
        for sign in (-1, 1):
            outer = sign * width / 2
            parts += [polygon(side_points(arch, outer * .997), BLACK),
                      limb((axle, -radius, outer - sign * .2), (axle, -radius, outer),
                           radius, BLACK, sections=14),
                      polygon(side_points(rim, outer + sign * .003), hub, Material.PAINT)]
    return parts


def person(rng: np.random.Generator, hips: np.ndarray, shoulders: np.ndarray,
           feet: np.ndarray, knees: np.ndarray, hands: np.ndarray, elbows: np.ndarray,
           helmet: bool) -> Mesh:
    """Return the mesh of a human figure in a given pose.

    Args:
        rng: random generator of the colours.
        hips, shoulders: (3,) middle points, metres.
        feet, knees, hands, elbows: (2, 3) left and right points, metres.
        helmet: draws a helmet in place of hair.
    """
    shirt, trousers, helmet_colour = CLOTHES[rng.integers(len(CLOTHES), size=3)] \
        * rng.uniform(.7, 1.3, (3, 1))
    skin, hair = SKINS[rng.integers(len(SKINS))], HAIRS[rng.integers(len(HAIRS))]
    sleeves = shirt if rng.random() < .6 else skin
    up = (shoulders - hips) / np.linalg.norm(shoulders - hips)
    head = shoulders + .24 * up + [.03, 0., 0.]
    parts = [limb(hips, shoulders, .135, shirt, .17, sections=9),
             ball(shoulders, (.12, .075, .2), shirt),
             ball(hips, (.13, .11, .17), trousers),
             limb(shoulders, head, .055, skin),
             ball(head, (.095, .125, .08), skin),
             ball(head + [-.025, -.03, 0.], (.1, .115, .088),
                  helmet_colour if helmet else hair)]
    for index, side in enumerate((-1., 1.)):
        hip, shoulder = hips + [0, 0, .09 * side], shoulders + [0, 0, .2 * side]
        parts += [limb(hip, knees[index], .09, trousers, .065),
                  limb(knees[index], feet[index], .065, trousers, .045),
                  box(feet[index] - [.07, .0, .045], feet[index] + [.17, .07, .045], DARK),
                  limb(shoulder, elbows[index], .055, shirt, .045),
                  limb(elbows[index], hands[index], .045, sleeves, .035),
                  ball(hands[index], (.05, .05, .04), skin, detail=0)]
    return merge(parts)


def pedestrian(rng: np.random.Generator, phase: float) -> Mesh:
    """Return the mesh of a walking person.

    Args:
        rng: random generator of colours and rucksack.
        phase: angle of the stride, radians.
    """
    swing = np.sin(phase) * np.array([1., -1.])
    lift = np.maximum(np.cos(phase) * np.array([1., -1.]), 0.) * .08
    side = np.array([-1., 1.])
    feet = np.stack([.30 * swing - .03, -.07 - lift, .10 * side], axis=1)
    knees = np.stack([.16 * swing + .04 + lift, -.48 - lift, .10 * side], axis=1)
    elbows = np.stack([-.14 * swing - .03, np.full(2, -1.15), .27 * side], axis=1)
    hands = np.stack([-.28 * swing + .05, np.full(2, -.92), .27 * side], axis=1)
    figure = person(rng, np.array([0., -.92, 0.]), np.array([.02, -1.42, 0.]), feet, knees,
                    hands, elbows, helmet=False)
    if rng.random() < .3:
        rucksack = box((-.30, -1.45, -.15), (-.12, -1.02, .15),
                       CLOTHES[rng.integers(len(CLOTHES))])
        figure = merge([figure, rucksack])
    return figure


def cyclist(rng: np.random.Generator, phase: float) -> Mesh:
    """Return the mesh of a person on a bicycle.

    Args:
        rng: random generator of colours, posture and helmet.
        phase: angle of the pedals, radians.
    """
    paint = PAINTS[rng.integers(len(PAINTS))]
    rear, front = np.array([-.52, -.34, 0.]), np.array([.53, -.34, 0.])
    pedals, saddle, head_tube = (np.array(point) for point in (
        (-.08, -.30, 0.), (-.24, -.88, 0.), (.36, -.85, 0.)))
    bars = [(rear, pedals), (rear, saddle), (pedals, saddle), (pedals, head_tube),
            (saddle, head_tube), (front, head_tube + [-.03, -.12, 0.])]
    bicycle = [ring(rear, .34, BLACK), ring(front, .34, BLACK),
               *(limb(start, end, .022, paint, sections=5) for start, end in bars),
               box((-.36, -.95, -.07), (-.12, -.88, .07), BLACK),
               limb((.36, -1.0, -.27), (.36, -1.0, .27), .018, DARK, sections=5)]
    side = np.array([-1., 1.])
    turn = np.array([np.cos(phase), np.sin(phase)]) * .16
    feet = np.stack([pedals[0] + turn[0] * side, pedals[1] - .03 + turn[1] * side,
                     .11 * side], axis=1)
    hips = np.array([-.22, -1.0, 0.])
    knees = (feet + hips) / 2 + [.2, -.05, 0.]
    lean = rng.uniform(.12, .32)
    shoulders = np.array([-.22 + lean, -1.47 + .25 * lean, 0.])
    hands = np.stack([np.full(2, .35), np.full(2, -1.02), .25 * side], axis=1)
    elbows = (hands + shoulders) / 2 + np.stack([np.full(2, -.04), np.full(2, .04),
                                                 .08 * side], axis=1)
    rider = person(rng, hips, shoulders, feet, knees, hands, elbows,
                   helmet=rng.random() < .5)
    return merge([*bicycle, rider])


def _vehicle_of(styles: Sequence[BodyStyle]) -> Callable[..., Mesh]:
    """Return a function that builds a vehicle of a random style and paint."""
    def build(rng: np.random.Generator, size_hwl: Sequence[float]) -> Mesh:
        style = styles[rng.integers(len(styles))]
        paint = PAINTS[rng.choice(len(PAINTS), p=PAINT_SHARES)] \
            * (rng.uniform(.75, 1.25) * rng.uniform(.95, 1.05, 3))
        return vehicle(style, size_hwl, paint, rng)
    return build


_VEHICLES = {'Car': _vehicle_of(CAR_STYLES), 'Van': _vehicle_of(VAN_STYLES)}
_PEOPLE = {'Pedestrian': pedestrian, 'Cyclist': cyclist}


def build_road_user(kind: str, size_hwl: Sequence[float], look: int,
                    phase: float = 0.) -> Mesh:
    """Return the mesh of a road user that faces +x and stands on y = 0.

    Args:
        kind: class name, one of :data:`CLASSES`.
        size_hwl: height, width, length of the mesh, metres.
        look: seed of shape and colours.
        phase: angle of the stride or the pedals, radians.

    Example:
        >>> mesh = build_road_user('Car', (1.5, 1.6, 4.), look=0)
        >>> np.ptp(mesh.vertices, axis=0).round(6).tolist()  # length, height, width
        [4.0, 1.5, 1.6]
    """
    rng = np.random.default_rng(look)
    mesh = _VEHICLES[kind](rng, size_hwl) if kind in _VEHICLES else _PEOPLE[kind](rng, phase)
    return mesh.scaled_to(size_hwl)


def sample_size(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Draw a size from KITTI's statistics, within two standard deviations.

    Returns:
        (3,) height, width, length, metres.
    """
    mean, deviation = SIZE_STATISTICS[kind]
    return mean + deviation * np.clip(rng.standard_normal(3), -2., 2.)
