"""Shading of ray hits: textures, sun, sky, haze and the camera sensor.

Arrays are (3, N) with one column per pixel, because numpy is fastest along a long last axis.
Light is linear until the sensor curve. Colours are RGB.
"""
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from .mesh import Material
from .road import Road
from .scene import Light

TILE = 512  # texels along each side of a noise tile; a power of two
GRAIN_PER_METRE, PATCH_PER_METRE, LEAF_PER_METRE = 47., 7., 14.

# Per material: amplitude of the noise on its colour, and reflectance of a mirror at normal
# incidence.
GRAIN = np.zeros(len(Material), dtype=np.float32)
GRAIN[[Material.MATTE, Material.WALL, Material.FOLIAGE]] = .05, .12, .45
MIRROR = np.zeros(len(Material), dtype=np.float32)
MIRROR[[Material.PAINT, Material.GLASS, Material.LIGHT]] = .05, .09, .05
GLOW = .3  # light that lamps emit, as a share of their colour
GROUND_REFLECTION = np.array([.16, .155, .15])

ASPHALT, GRASS = np.array([.15, .15, .152]), np.array([.07, .10, .028])
PAVING, GRAVEL = np.array([.27, .25, .225]), np.array([.22, .19, .15])
KERB, MARKING = np.array([.36, .355, .34]), np.array([.62, .62, .6])
LINE_WIDTH, KERB_WIDTH = .13, .16  # metres


@dataclass(frozen=True)
class Hits:
    """Hits of N rays.

    Attributes:
        rays: (3, N) float32 directions with z = 1, camera frame.
        depths: (N,) float32 depth relative to the camera centre, metres.
        normals: (3, N) unit vectors towards the camera, camera frame.
        world: (3, N) float32 hit points in the world frame, metres.
        colours: (3, N) reflectance 0-1 of the faces.
        materials: (N,) uint8, :class:`~.mesh.Material` values.
        sunlit: (N,) float32, 1 where the sun reaches the point, else 0.
    """
    rays: np.ndarray
    depths: np.ndarray
    normals: np.ndarray
    world: np.ndarray
    colours: np.ndarray
    materials: np.ndarray
    sunlit: np.ndarray


@lru_cache(maxsize=1)
def _noise_tiles() -> tuple:
    """Return white and smooth noise, each (TILE, TILE), of zero mean and unit deviation."""
    rng = np.random.default_rng(20)
    white = rng.standard_normal((TILE, TILE)).astype(np.float32)
    smooth = np.zeros_like(white)
    for cells in (8, 16, 32, 64, 128):
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        # The middle of 3 x 3 copies is periodic after the resize.
        wide = cv2.resize(np.tile(coarse, (3, 3)), (3 * TILE, 3 * TILE),
                          interpolation=cv2.INTER_CUBIC)
        smooth += wide[TILE:2 * TILE, TILE:2 * TILE] / np.sqrt(cells)
    return white, (smooth - smooth.mean()) / smooth.std()


def _lookup(tile: np.ndarray, a: np.ndarray, b: np.ndarray, per_metre: float) -> np.ndarray:
    """Return (N,) values of a periodic noise tile at coordinates a and b, metres."""
    rows = (a * per_metre).astype(np.int32) & (TILE - 1)
    columns = (b * per_metre).astype(np.int32) & (TILE - 1)
    return tile.ravel()[rows * TILE + columns]


class Surface(Protocol):
    """Ground that a scene stands on."""

    def shade(self, world: np.ndarray, depths: np.ndarray) -> np.ndarray:
        """Return (3, N) colours; see :meth:`RoadSurface.shade`."""


class RoadSurface:
    """Colours of the ground: lanes, markings, kerbs, sidewalks and verges.

    Args:
        road: geometry of the road.
        seed: seed of colours and markings.
    """

    STEP, REACH = .02, 45.  # resolution and half extent of the cross section, metres

    def __init__(self, road: Road, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.road = road
        self.offset = rng.uniform(0., 100., 2).astype(np.float32)
        self.patchiness = np.float32(rng.uniform(.05, .14))
        side = np.arange(-self.REACH, self.REACH, self.STEP)
        self.colours = np.ascontiguousarray(self._cross_section(side, rng).T, dtype=np.float32)
        self.dashes = self._dashes(side).astype(np.float32)
        self.dash_period, self.dash_length = (12., 6.) if rng.random() < .5 else (9., 3.)
        self.zebra = rng.uniform(8., 45.) if rng.random() < .15 else None

    def _cross_section(self, side: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return (S, 3) colours across the road at (S,) positions ``side``, metres."""
        left, right = self.road.edges()
        asphalt = ASPHALT * rng.uniform(.7, 1.35)
        outside = (GRASS, PAVING, GRAVEL)[rng.choice(3, p=[.5, .25, .25])] \
            * rng.uniform(.7, 1.2)
        paving = PAVING * rng.uniform(.6, 1.2)
        colours = np.tile(outside, (len(side), 1))
        colours[(side > left - self.road.sidewalk) & (side < right + self.road.sidewalk)] = paving
        colours[(side > left - KERB_WIDTH) & (side < right + KERB_WIDTH)] = KERB
        colours[(side > left) & (side < right)] = asphalt * rng.uniform(.85, 1.1)
        driven = np.abs(side) < self.road.half_width
        colours[driven] = asphalt
        if rng.random() < .6:
            line = np.abs(np.abs(side) - self.road.half_width + .25) < LINE_WIDTH / 2
            colours[line] = MARKING
        if rng.random() < .25:  # solid middle line
            colours[np.abs(side) < LINE_WIDTH / 2] = MARKING
        return colours

    def _dashes(self, side: np.ndarray) -> np.ndarray:
        """Return (S,) values, 1 on the lines between lanes and 0 elsewhere."""
        lanes = np.arange(-self.road.lanes + 1, self.road.lanes) * self.road.lane_width
        return (np.abs(side[:, None] - lanes).min(1) < LINE_WIDTH / 2).astype(float)

    def shade(self, world: np.ndarray, depths: np.ndarray) -> np.ndarray:
        """Return the colours of the ground.

        Args:
            world: (3, N) points in the world frame, metres.
            depths: (N,) depths of the points, metres; noise is weaker at larger depths.

        Returns:
            (3, N) reflectance 0-1.
        """
        x, z = world[0], world[2]
        side = self.road.side_of(x, z)
        column = ((side + self.REACH) / self.STEP).astype(np.int32)
        np.clip(column, 0, self.colours.shape[1] - 1, out=column)
        colours = self.colours.take(column, axis=1)
        marked = self.dashes[column] * self._dash_share(z, depths)
        if self.zebra is not None:
            marked = np.maximum(marked, self._on_zebra(side, z))
        colours += marked * (_column(MARKING) - colours)
        white, smooth = _noise_tiles()
        a, b = x + self.offset[0], z + self.offset[1]
        grain = _lookup(white, a, b, GRAIN_PER_METRE) * (.16 / (1. + depths / 10.))
        patches = _lookup(smooth, a, b, PATCH_PER_METRE) * self.patchiness
        return colours * np.maximum(1. + grain + patches, .2)

    def _dash_share(self, along: np.ndarray, depths: np.ndarray) -> np.ndarray:
        """Return the share of each pixel, 0-1, that a dash of a dashed line covers."""
        footprint = np.maximum(depths * depths / 1200., .03)  # focal length x camera height
        from_middle = np.abs((along % self.dash_period) - self.dash_period / 2)
        return np.clip((self.dash_length / 2 - from_middle) / footprint + .5, 0., 1.)

    def _on_zebra(self, side: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Return (N,) values, 1 on the stripes of the zebra crossing and 0 elsewhere."""
        inside = (np.abs(along - self.zebra) < 1.75) & (np.abs(side) < self.road.half_width)
        return (inside & (side % 1. < .5)).astype(np.float32)


def _column(colour: np.ndarray) -> np.ndarray:
    """Return a colour as (3, 1) float32, which broadcasts with (3, N)."""
    return np.asarray(colour, dtype=np.float32)[:, None]


def shade(hits: Hits, sun: np.ndarray, light: Light, surface: 'Surface') -> np.ndarray:
    """Return the light from the hit points to the camera.

    Args:
        hits: N hits; their colours are changed in place.
        sun: (3,) float32 unit vector towards the sun, camera frame.
        light: sun, sky and haze.
        surface: colours of the ground.

    Returns:
        (3, N) float32, linear.
    """
    colours = hits.colours
    on_ground = np.flatnonzero(hits.materials == Material.GROUND)
    colours[:, on_ground] = surface.shade(hits.world.take(on_ground, axis=1),
                                          hits.depths[on_ground])
    grainy = np.flatnonzero(GRAIN[hits.materials] > 0)
    colours[:, grainy] *= _grain(hits.world.take(grainy, axis=1), hits.materials[grainy],
                                 hits.depths[grainy])
    direct = np.maximum(sun @ hits.normals, 0.) * hits.sunlit * light.sun_strength
    # Faces that point up receive more light from the sky than vertical faces.
    open_sky = light.ambient * (.65 - .35 * hits.normals[1])
    out = colours * (direct + open_sky)
    glossy = np.flatnonzero(MIRROR[hits.materials] > 0)
    out[:, glossy] += _reflections(hits, glossy, sun, light)
    lamps = np.flatnonzero(hits.materials == Material.LIGHT)
    out[:, lamps] += GLOW * colours[:, lamps]
    haze = _column(.7 * light.sky_low)
    return haze + (out - haze) * np.exp(-hits.depths * light.haze)


def _grain(world: np.ndarray, materials: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Return (N,) factors of the colours that make walls and leaves look rough."""
    white, smooth = _noise_tiles()
    across = world[0] + .83 * world[2]
    fine = _lookup(white, across, world[1], LEAF_PER_METRE) / (1. + depths / 40.)
    coarse = _lookup(smooth, across, world[1], PATCH_PER_METRE)
    return np.maximum(1. + GRAIN[materials] * (.6 * fine + .7 * coarse), .15)


def _reflections(hits: Hits, chosen: np.ndarray, sun: np.ndarray, light: Light) -> np.ndarray:
    """Return (3, M) reflections of sky, ground and sun on the chosen M of N hits."""
    rays, normals = hits.rays.take(chosen, axis=1), hits.normals.take(chosen, axis=1)
    rays /= np.sqrt(np.einsum('dn,dn->n', rays, rays))
    facing = np.einsum('dn,dn->n', rays, normals)
    mirrored = rays - 2. * facing * normals
    base = MIRROR[hits.materials[chosen]]
    share = base + (1. - base) * .6 * (1. - np.abs(facing)) ** 5
    up = -mirrored[1]
    seen = np.where(up > 0., _sky_gradient(up, light), _column(GROUND_REFLECTION))
    sparkle = np.maximum(sun @ mirrored, 0.) ** 80 * hits.sunlit[chosen] * light.sun_strength
    return share * seen + .6 * sparkle


def _sky_gradient(up: np.ndarray, light: Light) -> np.ndarray:
    """Return (3, N) sky colours for the (N,) upward components of unit directions."""
    low, high = _column(light.sky_low), _column(light.sky_high)
    return low + np.clip(up * 3., 0., 1.) * (high - low)


def sky(rays: np.ndarray, light: Light, seed: int) -> np.ndarray:
    """Return the light of the sky.

    Args:
        rays: (3, N) directions that hit no face, camera frame.
        light: colours of the sky and share of clouds.
        seed: seed of the clouds.

    Returns:
        (3, N) float32, linear.
    """
    up = np.maximum(-rays[1] / np.sqrt(np.einsum('dn,dn->n', rays, rays)), 0.)
    colours = _sky_gradient(up, light)
    # Clouds lie on a horizontal plane, so they are smaller near the horizon.
    distance = 12. / (up + .08)
    _, smooth = _noise_tiles()
    cover = _lookup(smooth, rays[0] * distance + seed % TILE, distance, 1.)
    cover = np.clip(.5 * cover + 2. * light.clouds - .8, 0., 1.)
    return colours + cover * (_column(.95 * light.sky_low) - colours)


CURVE_STEPS = 4096


@lru_cache(maxsize=1)
def _sensor_curve() -> np.ndarray:
    """Return the grey levels of CURVE_STEPS light values from 0 to 1 (a gamma curve)."""
    light = np.linspace(0., 1., CURVE_STEPS)
    return (255. * light ** (1 / 1.9)).astype(np.float32)


@lru_cache(maxsize=1)
def _sensor_noise() -> np.ndarray:
    """Return normal noise; each colour plane of a frame reads it from a random start."""
    return np.random.default_rng(21).standard_normal(1 << 21, dtype=np.float32)


def develop(light_image: np.ndarray, light: Light, rng: np.random.Generator) -> np.ndarray:
    """Convert linear light to an image, with lens blur, sensor curve and noise.

    Args:
        light_image: (3, H, W) float32, RGB.
        light: exposure and noise.
        rng: random generator of the noise.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    pool = _sensor_noise()
    planes = []
    for plane in light_image:
        blurred = cv2.GaussianBlur(plane, (3, 3), .55)
        blurred *= light.exposure * (CURVE_STEPS - 1)
        steps = np.clip(blurred, 0, CURVE_STEPS - 1).astype(np.uint16)
        start = int(rng.integers(len(pool)))
        noise = pool.take(np.arange(start, start + plane.size), mode='wrap') \
            if start + plane.size > len(pool) else pool[start:start + plane.size]
        grey = _sensor_curve()[steps] + light.noise * noise.reshape(plane.shape)
        planes.append(np.clip(grey + .5, 0, 255).astype(np.uint8))
    return cv2.merge(planes)
