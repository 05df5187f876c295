"""Meshes of vehicle models.

Meshes are in the object frame of :mod:`..mesh`: x forward, y down, z sideways, metres.
"""
from typing import Callable, List, Sequence, Tuple

import numpy as np

from ..mesh import Colour, Material, Mesh, box, coloured, limb, merge, patch, polygon, side_points
from ..road_users import BLACK, CHROME, DARK, GLASS, HEADLIGHT, INDICATOR, TAIL_LIGHT, WHITE
from .models import GRILLES, PLATES, RIM_COLOURS, VehicleModel

TAXI = (.75, .6, .08)


def vehicle_mesh(model: VehicleModel) -> Mesh:
    """Return the mesh of a vehicle model that faces +x and stands on y = 0.

    Example:
        >>> from mmdet3d_plugin.synthetic.vehicles.models import sample_model
        >>> model = sample_model(np.random.default_rng(0), hue=.6, difficulty=0.)
        >>> length = np.ptp(vehicle_mesh(model).vertices[:, 0])
        >>> bool(abs(length - model.length) < .5)  # a spare wheel or a spoiler stands out
        True
    """
    return _Bodywork(model).mesh()


class _Bodywork:
    """Outlines of a vehicle and the parts on them.

    Outlines are (forward, up) points in metres. They start at the lower rear and end at the
    lower front. The edges of ``lower`` are rear bumper, tail, deck, bonnet, nose, front bumper
    and floor. The edges of ``cabin`` are rear window, roof edge, roof, roof edge, windscreen and
    floor.
    """

    def __init__(self, model: VehicleModel) -> None:
        self.model = model
        length, height = model.length, model.height
        belt, clear = model.belt * height, model.clearance
        cowl, base = length * (.5 - model.bonnet), length * (model.boot - .5)
        nose = max(model.nose * belt, clear + .36)
        if model.body == 'van':
            nose = max(.78 * belt, clear + .4)
        tail_slope = .02 * length if model.boot > .1 else .006 * length
        bumper = clear + .42 * (belt - clear)
        self.lower = np.array([
            [-.49 * length, clear], [-.5 * length, bumper], [tail_slope - .5 * length, belt],
            [cowl, belt - .01], [.465 * length, nose],
            [.5 * length, nose - .34 * (nose - clear)], [.488 * length, clear]])
        front = cowl - model.windscreen * length
        rear = base + model.rear_window * length
        edge = .05 * (height - belt)
        self.cabin = np.array([
            [base, belt - .03], [rear - .03, height - 2 * edge], [rear + .1, height],
            [front - .12, height], [front + .04, height - 1.6 * edge], [cowl + .02, belt - .03]])
        self.lower_half = np.full(len(self.lower), model.width / 2 - .055)
        self.lower_half[[0, 1, 5, 6]] -= .05  # rounder corners at the bumpers
        self.cabin_half = self.half_width(self.cabin[:, 1]) - .03

    def half_width(self, up: np.ndarray) -> np.ndarray:
        """Return half of the cabin's width at heights ``up``, metres."""
        model = self.model
        belt = model.belt * model.height
        share = (up - belt) / (model.height - belt)
        return model.width * (.482 - model.taper * np.maximum(share, 0.))

    def mesh(self) -> Mesh:
        model = self.model
        half = model.width / 2 - .004
        lower_quads = _quads(self.lower, self.lower_half)
        cabin_quads = _quads(self.cabin, self.cabin_half)
        parts = _shell(self.lower, self.lower_half, .09, lambda up: np.full_like(up, half),
                       model.paint)
        parts += _shell(self.cabin, self.cabin_half, .05, self.half_width, model.paint)
        parts += [patch(cabin_quads[edge], (0., 1.), (0., 1.), model.roof_paint, Material.PAINT,
                        lift=.003) for edge in (1, 2, 3) if model.roof_paint != model.paint]
        parts += self._glass(cabin_quads) + self._front(lower_quads) + self._rear(lower_quads)
        parts += self._sides() + self._wheels() + self._decoration(lower_quads)
        parts += self._roof_load() + self._extras()
        return merge(parts)

    def _glass(self, quads: np.ndarray) -> List[Mesh]:
        """Return windscreen, rear window and side windows."""
        model = self.model
        parts = [patch(quads[4], (.05, .95), (.06, .93), GLASS, Material.GLASS)]
        if model.body != 'van' or model.windows == 3:
            parts.append(patch(quads[0], (.08, .92), (.15, .92), GLASS, Material.GLASS))
        else:
            parts.append(patch(quads[0], (.497, .503), (0., 1.), BLACK))  # rear doors
        belt = self.cabin[0, 1]
        ups = belt + np.array([.16, .84]) * (model.height - belt)
        rear = np.interp(ups, self.cabin[:2, 1], self.cabin[:2, 0]) + .1
        front = np.interp(ups, self.cabin[[5, 4], 1], self.cabin[[5, 4], 0]) - .1
        half = self.half_width(ups)[[0, 0, 1, 1]] + .008
        for start, end in self._window_spans(rear, front):
            outline = np.array([[start[0], ups[0]], [end[0], ups[0]], [end[1], ups[1]],
                                [start[1], ups[1]]])
            parts += [polygon(side_points(outline, sign * half), GLASS, Material.GLASS)
                      for sign in (-1, 1)]
        return parts

    def pillars(self) -> List[float]:
        """Return forward coordinates of the pillars behind the doors, front first, metres."""
        front, rear = self.cabin[4, 0], self.cabin[0, 0]
        first = front - (.95 if self.model.windows < 3 or self.model.body == 'van' else .72)
        if self.model.body == 'van':
            return [first, first - 1.3]
        if self.model.windows < 2:
            return [max(first, rear + .35)]
        first = max(first, (front + rear) / 2 - .1)
        return [first, max(first - .85, rear + .45)]

    def _window_spans(self, rear: np.ndarray, front: np.ndarray
                      ) -> List[Tuple[np.ndarray, np.ndarray]]:
        """Return (2,) lower and upper x of the start and the end of each side window."""
        pillars, windows = self.pillars(), self.model.windows
        gap = .045
        spans = [(np.full(2, pillars[0] + gap), front)]
        if windows == 1:
            return spans
        if windows == 2:
            if self.model.body == 'van':
                rear = np.maximum(rear, pillars[1])
            return spans + [(rear, np.full(2, pillars[0] - gap))]
        return spans + [(np.full(2, pillars[1] + gap), np.full(2, pillars[0] - gap)),
                        (rear, np.full(2, pillars[1] - gap))]

    def _front(self, quads: np.ndarray) -> List[Mesh]:
        """Return grille, lights, bumper and number plate of the front."""
        model, nose, bumper = self.model, quads[4], quads[5]
        width, height = model.headlight
        low, high = .92 - height, .92
        parts = [patch(bumper, (.38, .62), (.2, .44), PLATES[model.plate], lift=.016),
                 patch(bumper, (.15, .85), (.52, .85), BLACK)]
        grille = GRILLES[model.grille]
        if grille is not None:
            parts.append(patch(nose, (width + .06, .94 - width), (.2, .95),
                               grille))
        else:
            parts.append(patch(nose, (width + .1, .9 - width), (.6, .8), BLACK))
        if model.dark_bumpers:
            parts.append(patch(bumper, (0., 1.), (.12, .98), DARK, lift=.004))
        for side in (0, 1):
            across = (1 - width - .01, .99) if side else (.01, width + .01)
            outer = (.95, 1.) if side else (.0, .05)
            parts += [patch(nose, across, (low, high), HEADLIGHT, Material.LIGHT),
                      patch(nose, outer, (low, high), INDICATOR, Material.LIGHT, lift=.012)]
        return parts

    def _rear(self, quads: np.ndarray) -> List[Mesh]:
        """Return lights, bumper and number plate of the rear."""
        model, bumper, tail = self.model, quads[0], quads[1]
        parts = [patch(tail, (.38, .62), (.16, .44), PLATES[model.plate])]
        if model.dark_bumpers:
            parts.append(patch(bumper, (0., 1.), (.1, .95), DARK, lift=.004))
        shape = model.tail_light
        across, along = {'vertical': ((.01, .12), (.05, .98)),
                         'horizontal': ((.01, .3), (.6, .9)),
                         'square': ((.02, .2), (.4, .92)),
                         'bar': ((.01, .16), (.6, .95))}[shape]
        for start, end in (across, (1 - across[1], 1 - across[0])):
            middle = (start + end) / 2
            parts += [patch(tail, (start, end), along, TAIL_LIGHT, Material.LIGHT),
                      patch(tail, (middle - .03, middle + .03), (along[0], along[0] + .12),
                            WHITE, Material.LIGHT, lift=.012)]
        if shape == 'bar':
            parts.append(patch(tail, (.16, .84), (.74, .86), TAIL_LIGHT, Material.LIGHT))
        if model.body == 'pickup':
            parts.append(patch(quads[2], (.07, .93), (.03, self._bed_end()), BLACK, lift=.004))
        return parts

    def _bed_end(self) -> float:
        """Return the front end of the pickup's bed, as a share of the deck's length."""
        start, end = self.lower[2, 0], self.lower[3, 0]
        return (self.cabin[0, 0] - .06 - start) / (end - start)

    def _sides(self) -> List[Mesh]:
        """Return door gaps, door handles and mirrors."""
        model = self.model
        sill, belt = model.clearance + .1, self.cabin[0, 1] + .03
        front = self.cabin[4, 0] + .45 * (self.cabin[5, 0] - self.cabin[4, 0])
        gaps = [front] + self.pillars()[:2 if model.windows > 1 else 1]
        paint = model.paint
        parts = []
        for sign in (-1, 1):
            outer = sign * (model.width / 2 + .001)
            parts += [self._panel(x - .012, x + .012, sill, belt, outer, BLACK) for x in gaps]
            parts += [self._panel(x + .06, x + .24, belt - .15, belt - .1, outer + sign * .012,
                                  DARK) for x in gaps[1:]]
            mirror = front + .12
            low, high = sorted((sign * (model.width / 2 - .05), sign * (model.width / 2 + .16)))
            parts.append(box((mirror - .07, -belt - .17, low), (mirror + .07, -belt - .02, high),
                             DARK if model.dark_bumpers else paint, Material.PAINT))
        return parts

    @staticmethod
    def _panel(rear: float, front: float, low: float, high: float, side: float, colour: Colour,
               material: Material = Material.MATTE) -> Mesh:
        """Return an upright rectangle at z = ``side``, metres."""
        corners = np.array([[rear, low], [front, low], [front, high], [rear, high]])
        return polygon(side_points(corners, side), colour, material)

    def _wheels(self) -> List[Mesh]:
        model = self.model
        half = model.length / 2
        parts = []
        for axle in (half - model.overhangs[0], model.overhangs[1] - half):
            arch = _circle(18) * model.wheel_radius * 1.18 + [axle, model.wheel_radius]
            arch[:, 1] = np.maximum(arch[:, 1], model.clearance + .01)
            for sign in (-1, 1):
                side = sign * model.width / 2
                parts += [polygon(side_points(arch, side + sign * .003), BLACK),
                          *_wheel(model, np.array([axle, -model.wheel_radius, side]), sign)]
        return parts

    def _decoration(self, quads: np.ndarray) -> List[Mesh]:
        model, colour = self.model, self.model.decoration_colour
        belt, height = self.cabin[0, 1], model.height
        half = model.length / 2
        front, rear = half - model.overhangs[0], model.overhangs[1] - half
        gap = 1.25 * model.wheel_radius
        if model.decoration == 'bonnet stripes':
            return [patch(quad, across, (.02, .98), colour, Material.PAINT, lift=.006)
                    for quad in (quads[3], _quads(self.cabin, self.cabin_half)[2])
                    for across in ((.3, .44), (.56, .7))]
        sides = [sign * (model.width / 2 + .002) for sign in (-1, 1)]
        if model.decoration == 'side stripe':
            middle = model.clearance + .62 * (belt - model.clearance)
            return [self._panel(-.93 * half, .9 * half, middle - .05, middle + .07, side, colour,
                                Material.PAINT) for side in sides]
        if model.decoration == 'dark sills':
            return [self._panel(rear + gap, front - gap, model.clearance + .01,
                                model.clearance + .19, side, DARK) for side in sides]
        if model.decoration == 'panel':
            low, high = belt + .06 * height, height - .14 * height
            start = self.pillars()[0] - .25
            end = self.cabin[0, 0] + .35
            halves = self.half_width(np.array([low, low, high, high])) + .014
            outline = np.array([[end, low], [start, low], [start, high], [end, high]])
            return [polygon(side_points(outline, sign * halves), colour, Material.PAINT)
                    for sign in (-1, 1)]
        return []

    def _roof_load(self) -> List[Mesh]:
        model = self.model
        top, rear, front = -model.height, self.cabin[2, 0], self.cabin[3, 0]
        half = self.half_width(np.array(model.height)) - .1
        middle = (rear + front) / 2
        rails = [limb((rear - .05, top - .07, side), (front + .1, top - .07, side), .03, CHROME,
                      sections=5) for side in (-half, half)]
        bars = [box((x - .03, top - .13, -half - .06), (x + .03, top - .07, half + .06), BLACK)
                for x in (rear + .15, front - .1)]
        posts = [box((x - .05, top - .1, side - .04), (x + .05, top, side + .04), BLACK)
                 for x in (rear + .15, front - .1) for side in (-half, half)]
        if model.roof == 'rails':
            return rails
        if model.roof == 'rack':
            return rails + bars + posts
        if model.roof == 'box':
            colour = BLACK if sum(model.decoration_colour) < .9 else WHITE
            return bars + posts + [_roof_box((middle, top - .13, -.2 * half),
                                             (.52 * (front - rear) + .35, .34, .55 * half),
                                             colour)]
        if model.roof == 'taxi':
            return [box((middle - .1, top - .2, -.3), (middle + .1, top, .3), TAXI,
                        Material.LIGHT)]
        if model.roof == 'lamps':
            return [box((front - .15, top - .09, -half), (front - .05, top, half), BLACK)] \
                + [box((front - .06, top - .1, side - .1), (front - .02, top + .02, side + .1),
                       HEADLIGHT, Material.LIGHT) for side in np.linspace(-.75, .75, 4) * half]
        if model.roof == 'ladder':
            rungs = np.arange(rear, front, .35)
            return bars + posts + [limb((rear - .3, top - .16, side), (front + .1, top - .16,
                                                                      side), .035, CHROME)
                                   for side in (.05, .45)] \
                + [limb((x, top - .16, .05), (x, top - .16, .45), .025, CHROME) for x in rungs]
        return []

    def _extras(self) -> List[Mesh]:
        """Return spoiler and spare wheel."""
        model, parts = self.model, []
        rear_end = self.lower[2]
        if model.spoiler:
            x, up = (self.cabin[1] if model.boot < .05 else rear_end)
            lift = .02 if model.boot < .05 else .14
            half = .38 * model.width
            parts.append(box((x - .16, -up - lift - .05, -half), (x + .12, -up - lift, half),
                             model.paint, Material.PAINT))
            if lift > .1:
                parts += [box((x - .03, -up - lift, side - .03), (x + .05, -up + .02,
                                                                  side + .03), BLACK)
                          for side in (-.7 * half, .7 * half)]
        if model.spare_wheel:
            x, up = self.lower[1]
            centre = (x - .16, -up - .12, 0.)
            parts.append(limb(centre, (x + .05, -up - .12, 0.), .34, BLACK, sections=14))
            cover = _circle(14) * .26
            points = np.stack([np.full(14, x - .165), centre[1] + cover[:, 1], cover[:, 0]], 1)
            parts.append(polygon(points, model.paint, Material.PAINT))
        return parts


def _circle(count: int) -> np.ndarray:
    """Return (N, 2) points of the unit circle."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _quads(outline: np.ndarray, half_widths: np.ndarray) -> np.ndarray:
    """Return (N, 4, 3) quads between the points of an outline, for :func:`~.mesh.patch`."""
    left, right = side_points(outline, -half_widths), side_points(outline, half_widths)
    return np.stack([left, right, np.roll(right, -1, 0), np.roll(left, -1, 0)], axis=1)


def _shell(outline: np.ndarray, half_widths: np.ndarray, inset: float,
           side: Callable[[np.ndarray], np.ndarray], paint: Colour) -> List[Mesh]:
    """Return a solid of a side view with bevelled edges.

    Args:
        outline: (N, 2) forward and upward coordinates, metres.
        half_widths: (N,) half of the width at the outline, metres.
        inset: distance between the outline and the flat side, metres.
        side: function from (N,) upward coordinates to half of the width of the flat sides.
        paint: colour.
    """
    centre = (outline.min(0) + outline.max(0)) / 2
    inner = centre + (outline - centre) * (1. - inset / (np.ptp(outline, axis=0) / 2))
    inner_half = side(inner[:, 1])
    count = len(outline)
    index = np.arange(count)
    following = (index + 1) % count
    rim = np.concatenate([np.stack([index, following, following + count], axis=1),
                          np.stack([index, following + count, index + count], axis=1)])
    parts = [coloured(np.vstack([side_points(outline, -half_widths),
                                 side_points(outline, half_widths)]), rim, paint,
                      Material.PAINT)]
    for sign in (-1, 1):
        bevel = np.vstack([side_points(outline, sign * half_widths),
                           side_points(inner, sign * inner_half)])
        parts += [coloured(bevel, rim, paint, Material.PAINT),
                  polygon(side_points(inner, sign * inner_half), paint, Material.PAINT)]
    return parts


def _wheel(model: VehicleModel, centre: np.ndarray, sign: int) -> List[Mesh]:
    """Return tyre and rim of a wheel that faces -z (sign -1) or +z (sign 1)."""
    radius = model.wheel_radius
    colour = RIM_COLOURS[model.rim_colour]
    inner, outer = centre - [0., 0., sign * .2], centre + [0., 0., sign * .012]
    rim = radius * model.rim
    place = np.array([centre[0], -centre[1]])
    back = DARK if model.spokes else colour
    parts = [limb(inner, outer, radius, BLACK, sections=18),
             polygon(side_points(_circle(18) * rim + place, outer[2] + sign * .003), back,
                     Material.PAINT)]
    if model.spokes:
        parts.append(polygon(side_points(_star(model.spokes) * rim + place,
                                         outer[2] + sign * .008), colour, Material.PAINT))
    return parts


def _star(spokes: int) -> np.ndarray:
    """Return (4 * spokes, 2) points of a wheel with spokes, of radius 1."""
    steps = np.array([-.26, .26, .4, .6]) * 2 * np.pi / spokes
    radii = np.array([1., 1., .3, .3])
    angles = (np.arange(spokes)[:, None] * 2 * np.pi / spokes + steps).ravel()
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.tile(radii, spokes)[:, None]


def _roof_box(bottom: Sequence[float], size: Sequence[float], colour: Colour) -> Mesh:
    """Return a roof box with a slanted front; ``size`` is length, height and half width."""
    x, y, z = bottom
    length, height, half = size
    outline = np.array([[-.5 * length, 0.], [-.46 * length, height], [.1 * length, height],
                        [.5 * length, .35 * height], [.48 * length, 0.]]) + [x, -y]
    parts = _shell(outline, np.full(5, half - .05), .06, lambda up: np.full_like(up, half),
                   colour)
    return merge(parts).moved(np.eye(3), (0., 0., z))
