"""Random vehicle models: one per identity, from body shape to roof rack."""
import colorsys
from dataclasses import dataclass
from typing import Dict, Tuple

import numpy as np

from ..road_users import BLACK, CHROME, PAINT_SHARES, PAINTS, WHITE

Range = Tuple[float, float]
RGB = Tuple[float, float, float]


@dataclass(frozen=True)
class BodyRanges:
    """Ranges of the proportions of a body type.

    Attributes:
        length, width, height: metres.
        bonnet: from the front bumper to the windscreen, as a share of the length.
        windscreen: horizontal extent of the windscreen, as a share of the length.
        boot: from the rear bumper to the cabin, as a share of the length.
        rear_window: horizontal extent of the rear window, as a share of the length.
        belt: height of the lower edge of the windows, as a share of the height.
        clearance: metres below the body.
        windows: least and largest number of side windows.
        roofs: roof loads that fit this body.
    """
    length: Range
    width: Range
    height: Range
    bonnet: Range
    windscreen: Range
    boot: Range
    rear_window: Range
    belt: Range
    clearance: Range
    windows: Tuple[int, int]
    roofs: Tuple[str, ...]


BODIES: Dict[str, BodyRanges] = {
    'hatchback': BodyRanges((3.5, 4.2), (1.6, 1.8), (1.42, 1.56), (.23, .29), (.17, .23),
                            (.0, .03), (.06, .15), (.58, .64), (.15, .2), (1, 3),
                            ('rails', 'rack', 'box', 'taxi')),
    'sedan': BodyRanges((4.2, 5.1), (1.68, 1.88), (1.38, 1.5), (.26, .32), (.15, .2),
                        (.12, .19), (.12, .17), (.6, .66), (.14, .19), (2, 3),
                        ('rack', 'box', 'taxi')),
    'coupe': BodyRanges((3.9, 4.7), (1.7, 1.9), (1.22, 1.35), (.3, .38), (.16, .22),
                        (.07, .13), (.18, .26), (.62, .68), (.12, .16), (1, 2), ()),
    'estate': BodyRanges((4.3, 5.0), (1.68, 1.88), (1.4, 1.52), (.25, .3), (.15, .2),
                         (.0, .015), (.03, .09), (.58, .64), (.14, .2), (3, 3),
                         ('rails', 'rack', 'box', 'taxi')),
    'suv': BodyRanges((4.0, 5.0), (1.76, 1.98), (1.6, 1.88), (.22, .28), (.11, .17),
                      (.0, .02), (.03, .1), (.56, .63), (.21, .29), (2, 3),
                      ('rails', 'rack', 'box')),
    'minivan': BodyRanges((4.1, 5.0), (1.72, 1.92), (1.6, 1.85), (.14, .2), (.18, .25),
                          (.0, .02), (.03, .08), (.5, .56), (.15, .2), (3, 3),
                          ('rails', 'rack', 'taxi')),
    'van': BodyRanges((4.6, 6.2), (1.85, 2.1), (1.95, 2.7), (.1, .17), (.08, .13),
                      (.0, .005), (.004, .02), (.42, .5), (.18, .24), (1, 3),
                      ('rack', 'ladder')),
    'pickup': BodyRanges((4.8, 5.6), (1.76, 1.98), (1.65, 1.9), (.23, .28), (.1, .15),
                         (.36, .44), (.02, .05), (.57, .62), (.22, .3), (1, 2),
                         ('ladder', 'lamps')),
}
RIM_COLOURS = {'silver': CHROME, 'dark': (.09, .09, .1), 'white': (.6, .6, .58),
               'bronze': (.22, .13, .05)}
SPOKES = (0, 4, 5, 6, 8, 10)  # 0 is a closed disc
TAIL_LIGHTS = ('vertical', 'horizontal', 'square', 'bar')
GRILLES = {'black': BLACK, 'chrome': (.5, .5, .52), 'painted': None}
DECORATIONS = ('none', 'bonnet stripes', 'side stripe', 'dark sills', 'panel')
PLATES = {'white': WHITE, 'yellow': (.65, .48, .04)}


@dataclass(frozen=True)
class VehicleModel:
    """Shape and colours of one vehicle.

    Lengths are in metres, colours are reflectances 0-1, RGB.

    Attributes:
        body: body type, a key of :data:`BODIES`.
        length, width, height: size without roof load.
        bonnet, windscreen, boot, rear_window, belt: proportions, see :class:`BodyRanges`.
        clearance: below the body.
        nose: height of the front edge of the bonnet, as a share of the belt line's height.
        taper: horizontal distance of the roof's edge from the belt line, as a share of the width.
        overhangs: from the front bumper to the front axle and from the rear axle to the rear
            bumper.
        windows: number of windows on each side.
        paint, roof_paint: colours of the body and of the roof.
        dark_bumpers: whether the bumpers are unpainted.
        wheel_radius: radius of the tyres.
        rim: radius of the rim, as a share of ``wheel_radius``.
        rim_colour: key of :data:`RIM_COLOURS`.
        spokes: number of spokes; 0 is a closed disc.
        headlight: width and height, as shares of the front.
        tail_light: shape, one of :data:`TAIL_LIGHTS`.
        grille: key of :data:`GRILLES`.
        plate: key of :data:`PLATES`.
        roof: load on the roof, or ``'none'``.
        decoration: one of :data:`DECORATIONS`.
        decoration_colour: colour of stripes and panels.
        spoiler: whether there is a spoiler at the rear edge of roof or boot.
        spare_wheel: whether a spare wheel is at the rear.
    """
    body: str
    length: float
    width: float
    height: float
    bonnet: float
    windscreen: float
    boot: float
    rear_window: float
    belt: float
    clearance: float
    nose: float
    taper: float
    overhangs: Tuple[float, float]
    windows: int
    paint: RGB
    roof_paint: RGB
    dark_bumpers: bool
    wheel_radius: float
    rim: float
    rim_colour: str
    spokes: int
    headlight: Tuple[float, float]
    tail_light: str
    grille: str
    plate: str
    roof: str
    decoration: str
    decoration_colour: RGB
    spoiler: bool
    spare_wheel: bool


def sample_model(rng: np.random.Generator, hue: float, difficulty: float) -> VehicleModel:
    """Return a random vehicle model.

    Shape and parts do not depend on the difficulty. The paint does: at difficulty 0 it is
    saturated and has the given hue, at difficulty 1 it is one of the common paints of cars, most
    of them grey.

    Args:
        rng: random generator of the model.
        hue: hue of the saturated paint, 0 to 1.
        difficulty: share of the common paints, 0 to 1.

    Example:
        >>> model = sample_model(np.random.default_rng(0), hue=.6, difficulty=0.)
        >>> model.body in BODIES, 3. < model.length < 6.5
        (True, True)
    """
    body = list(BODIES)[rng.choice(len(BODIES), p=_BODY_SHARES)]
    ranges = BODIES[body]
    shape = {name: float(rng.uniform(*getattr(ranges, name))) for name in (
        'length', 'width', 'height', 'bonnet', 'windscreen', 'boot', 'rear_window', 'belt',
        'clearance')}
    radius = (.31 + .08 * (shape['height'] - 1.5) + (.03 if body in ('suv', 'pickup') else 0.)
              + rng.uniform(-.02, .03))
    paint, contrast = _paint(rng, hue, difficulty), _contrast_colour(rng)
    decoration = _decoration(rng, body)
    windows = 1 if decoration == 'panel' else int(rng.integers(ranges.windows[0],
                                                               ranges.windows[1] + 1))
    return VehicleModel(
        body=body, **shape,
        nose=float(rng.uniform(.74, .92)), taper=_taper(rng, body),
        overhangs=_overhangs(rng, shape['length'], radius),
        windows=windows,
        paint=paint, roof_paint=contrast if rng.random() < .15 else paint,
        dark_bumpers=bool(rng.random() < .3),
        wheel_radius=float(radius), rim=float(rng.uniform(.56, .76)),
        rim_colour=_pick(rng, list(RIM_COLOURS), (.6, .22, .1, .08)),
        spokes=int(rng.choice(SPOKES)),
        headlight=(float(rng.uniform(.14, .31)), float(rng.uniform(.4, .85))),
        tail_light=TAIL_LIGHTS[rng.integers(len(TAIL_LIGHTS))],
        grille=_pick(rng, list(GRILLES), (.5, .3, .2)),
        plate=_pick(rng, list(PLATES), (.75, .25)),
        roof=_roof_load(rng, ranges.roofs),
        decoration=decoration, decoration_colour=contrast,
        spoiler=bool(rng.random() < .2) and body in ('hatchback', 'coupe', 'sedan'),
        spare_wheel=bool(rng.random() < .3) and body == 'suv')


_BODY_SHARES = np.array([.2, .16, .1, .12, .16, .08, .1, .08])


def _pick(rng: np.random.Generator, names, shares) -> str:
    return str(names[rng.choice(len(names), p=shares)])


def _paint(rng: np.random.Generator, hue: float, difficulty: float) -> RGB:
    """Return a saturated paint of a given hue, or a common paint of cars."""
    own = colorsys.hsv_to_rgb(hue, rng.uniform(.8, .97), rng.uniform(.28, .62))
    common = PAINTS[rng.choice(len(PAINTS), p=PAINT_SHARES)] \
        * (rng.uniform(.75, 1.25) * rng.uniform(.95, 1.05, 3))
    return _rgb(common if rng.random() < difficulty else own)


def _contrast_colour(rng: np.random.Generator) -> RGB:
    colours = np.vstack([PAINTS, [BLACK, WHITE, WHITE]])
    return _rgb(colours[rng.integers(len(colours))])


def _rgb(colour) -> RGB:
    red, green, blue = map(float, colour)
    return red, green, blue


def _taper(rng: np.random.Generator, body: str) -> float:
    return float(rng.uniform(.03, .06) if body == 'van' else rng.uniform(.07, .13))


def _overhangs(rng: np.random.Generator, length: float, radius: float) -> Tuple[float, float]:
    """Return the overhangs at front and rear, which leave room for the wheels."""
    front, rear = rng.uniform(.165, .215) * length, rng.uniform(.16, .24) * length
    return float(max(front, radius + .25)), float(max(rear, radius + .25))


def _roof_load(rng: np.random.Generator, loads: Tuple[str, ...]) -> str:
    choice, chosen = rng.random(), rng.integers(max(len(loads), 1))
    return loads[chosen] if loads and choice < .45 else 'none'


def _decoration(rng: np.random.Generator, body: str) -> str:
    choice, kind = rng.random(), rng.random()
    if body == 'van':
        return ('panel' if kind < .6 else 'side stripe') if choice < .6 else 'none'
    if choice < .5:
        return 'none'
    return 'bonnet stripes' if kind < .3 else 'side stripe' if kind < .6 else 'dark sills'
