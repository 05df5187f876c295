"""Meshes of buildings, trees, hedges, fences, poles and the tree line at the horizon."""
from typing import List

import numpy as np

from .mesh import (
    Colour,
    Material,
    Mesh,
    ball,
    box,
    coloured,
    extruded,
    limb,
    merge,
    patches,
    polygon,
)

# Colours are reflectances 0-1, RGB.
FACADES = np.array([[.55, .50, .40], [.62, .60, .55], [.42, .30, .20], [.35, .14, .09],
                    [.50, .48, .46], [.58, .46, .28], [.30, .30, .31], [.62, .52, .44]])
ROOFS = np.array([[.22, .07, .045], [.30, .12, .07], [.10, .09, .09], [.16, .08, .06]])
LEAVES = np.array([[.05, .09, .025], [.035, .07, .02], [.08, .11, .03], [.10, .09, .03],
                   [.04, .06, .03]])
BARK, STEEL, CONCRETE, WOOD = (.07, .05, .035), (.25, .26, .27), (.38, .37, .35), (.17, .11, .06)
WINDOW, DOOR = (.03, .035, .045), (.10, .07, .05)
SIGNS = np.array([[.45, .03, .03], [.04, .10, .40], [.65, .50, .04], [.65, .65, .63],
                  [.05, .28, .10]])

STOREY, COLUMN = 2.9, 2.6  # vertical and horizontal distance of windows, metres
BURIED = .8  # metres that walls and trunks extend below y = 0, as the ground is not level


def building(length: float, depth: float, storeys: int, rng: np.random.Generator) -> Mesh:
    """Return a house with windows at the front and at both sides.

    Args:
        length: extent along x, metres.
        depth: extent along z, metres; the front is at +z.
        storeys: number of storeys.
        rng: random generator of colours, roof and windows.
    """
    wall = FACADES[rng.integers(len(FACADES))] * rng.uniform(.6, 1.15)
    frame = np.array([.6, .58, .55]) if rng.random() < .6 else wall * .6
    height = storeys * STOREY + .6
    half_length, half_depth = length / 2, depth / 2
    parts = [box((-half_length, -height, -half_depth), (half_length, BURIED, half_depth), wall,
                 Material.WALL),
             _roof(half_length, half_depth, height, rng)]
    corners = np.array([[-half_length, -half_depth], [half_length, -half_depth],
                        [half_length, half_depth], [-half_length, half_depth]])
    glass_share, sill = rng.uniform(.35, .6), rng.uniform(.28, .4)
    for start, end in zip(corners[1:], corners[[2, 3, 0]]):
        base = [[start[0], 0., start[1]], [end[0], 0., end[1]]]
        facade = np.array([*base, np.subtract(base[1], [0, height, 0]),
                           np.subtract(base[0], [0, height, 0])])
        parts += _windows(facade, storeys, frame, glass_share, sill, rng)
    return merge(parts)


def _roof(half_length: float, half_depth: float, height: float,
          rng: np.random.Generator) -> Mesh:
    """Return a gabled roof with its ridge along x or z."""
    colour = ROOFS[rng.integers(len(ROOFS))] * rng.uniform(.7, 1.3)
    ridge = rng.uniform(.5, 1.1) * half_depth if rng.random() < .75 else .3
    eaves = .4
    if rng.random() < .6:  # the ridge runs along the street
        outline = np.array([[-half_depth - eaves, height - .1], [0., height + ridge],
                            [half_depth + eaves, height - .1]])
        roof = extruded(outline, np.full(3, half_length + eaves), colour, Material.WALL)
        return roof.moved([[0, 0, 1], [0, 1, 0], [1, 0, 0]], np.zeros(3))
    outline = np.array([[-half_length - eaves, height - .1], [0., height + ridge],
                        [half_length + eaves, height - .1]])
    return extruded(outline, np.full(3, half_depth + eaves), colour, Material.WALL)


def _windows(facade: np.ndarray, storeys: int, frame: Colour, glass_share: float, sill: float,
             rng: np.random.Generator) -> List[Mesh]:
    """Return framed windows in rows and columns, with one door at the ground.

    Args:
        facade: (4, 3) corners, as in :func:`~.mesh.patches`, metres.
        storeys: number of rows.
        frame: colour of the window frames.
        glass_share: width of a window, as a share of its column.
        sill: height of the window sill, as a share of the storey.
        rng: random generator of the door's column.
    """
    width = np.linalg.norm(facade[1] - facade[0])
    height = np.linalg.norm(facade[3] - facade[0])
    columns = max(int(width / COLUMN), 1)
    column, storey = (index.ravel() for index in np.meshgrid(
        np.arange(columns), np.arange(storeys)))
    centres = (column + .5) / columns
    reach = glass_share / columns / 2
    across = np.stack([centres - reach, centres + reach], axis=1)
    along = np.stack([storey + sill, storey + .88], axis=1) * STOREY / height
    is_door = np.arange(len(across)) == rng.integers(columns)
    along[is_door, 0] = 0.
    window = ~is_door
    border = .12 * np.array([-1., 1.])
    return [patches(facade, across[is_door], along[is_door], DOOR, lift=.04),
            patches(facade, across[window] + border / width, along[window] + border / height,
                    frame, lift=.03),
            patches(facade, across[window], along[window], WINDOW, Material.GLASS, lift=.05)]


def tree(height: float, rng: np.random.Generator) -> Mesh:
    """Return a tree of a given height, metres."""
    crown_base = rng.uniform(.25, .4) * height
    radius = rng.uniform(.2, .32) * height
    colour = LEAVES[rng.integers(len(LEAVES))] * rng.uniform(.6, 1.3)
    parts = [limb((0., BURIED, 0.), (0., -.7 * height, 0.), .022 * height + .05, BARK, .06,
                  material=Material.WALL)]
    for _ in range(rng.integers(2, 5)):
        up = rng.uniform(crown_base + .35 * radius, height - .6 * radius)
        offset = rng.uniform(-.45, .45, 2) * radius
        radii = radius * rng.uniform(.55, .95) * np.array([1., .85, 1.])
        parts += leafy(np.array([offset[0], -up, offset[1]]), radii, colour, 72, rng)
    return merge(parts)


def leafy(centre: np.ndarray, radii: np.ndarray, colour: Colour, count: int,
          rng: np.random.Generator) -> List[Mesh]:
    """Return foliage: loose triangles around the surface of a dark ellipsoid.

    Args:
        centre: (3,) metres.
        radii: (3,) radii along x, y and z, metres.
        colour: reflectance 0-1, RGB.
        count: number of triangles.
        rng: random generator of the triangles.
    """
    core = ball(centre, radii * .78, np.asarray(colour) * .6, Material.FOLIAGE)
    outward = rng.standard_normal((count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    middles = centre + outward * radii * rng.uniform(.7, 1.05, (count, 1))
    leaf_size = .25 * np.mean(radii)
    corners = middles[:, None] + rng.uniform(-leaf_size, leaf_size, (count, 3, 3))
    leaves = coloured(corners.reshape(-1, 3), np.arange(3 * count).reshape(-1, 3), colour,
                      Material.FOLIAGE)
    leaves.colours *= rng.uniform(.6, 1.5, (count, 1)).astype(np.float32)
    return [core, leaves]


def hedge(length: float, rng: np.random.Generator) -> Mesh:
    """Return a hedge along x of a given length, metres."""
    height, half_width = rng.uniform(.8, 2.6), rng.uniform(.4, .8)
    colour = LEAVES[rng.integers(len(LEAVES))] * rng.uniform(.6, 1.2)
    parts = [box((-length / 2, -.85 * height, -half_width * .7),
                 (length / 2, BURIED, half_width * .7), colour * .7, Material.FOLIAGE)]
    for x in np.arange(-length / 2, length / 2, 2.):
        radii = np.array([1.4, .6 * height, half_width])
        parts += leafy(np.array([x + 1., -.5 * height, 0.]), radii, colour, 32, rng)
    return merge(parts)


def fence(length: float, rng: np.random.Generator) -> Mesh:
    """Return a wall, a board fence or a guard rail along x of a given length, metres."""
    half = length / 2
    choice = rng.random()
    if choice < .4:
        height = rng.uniform(.7, 2.)
        return box((-half, -height, -.12), (half, BURIED, .12),
                   FACADES[rng.integers(len(FACADES))] * .8, Material.WALL)
    if choice < .7:
        height, posts = rng.uniform(1., 1.8), np.arange(-half, half, .22)
        colour = np.array(WOOD) * rng.uniform(.6, 1.5)
        return merge([box((x, -height, -.02), (x + .17, BURIED, .02), colour) for x in posts])
    rails = [box((-half, -.75, -.03), (half, -.45, .03), STEEL, Material.PAINT)]
    return merge(rails + [limb((x, BURIED, .06), (x, -.7, .06), .05, STEEL, sections=5)
                          for x in np.arange(-half, half, 4.)])


def pole(rng: np.random.Generator) -> Mesh:
    """Return a street lamp with its arm towards +z, a traffic sign facing -x, or a post."""
    choice = rng.random()
    if choice < .4:
        height, reach = rng.uniform(5., 8.), rng.uniform(.8, 2.)
        return merge([limb((0., BURIED, 0.), (0., -height, 0.), .09, STEEL, .06),
                      limb((0., -height, 0.), (0., -height - .3, reach), .05, STEEL),
                      box((-.12, -height - .38, reach - .3), (.12, -height - .24, reach + .4),
                          STEEL)])
    if choice < .8:
        height, half = rng.uniform(2.1, 2.8), rng.uniform(.25, .4)
        colour = SIGNS[rng.integers(len(SIGNS))]
        angles = np.linspace(0, 2 * np.pi, rng.choice([3, 4, 8, 16]), endpoint=False) + np.pi / 4
        face = np.stack([np.full(len(angles), -.06), -height - half * np.sin(angles),
                         half * np.cos(angles)], axis=1)
        return merge([limb((0., BURIED, 0.), (0., -height, 0.), .04, STEEL),
                      polygon(face, colour, Material.MATTE)])
    return limb((0., BURIED, 0.), (0., -rng.uniform(.9, 9.), 0.), rng.uniform(.06, .15),
                CONCRETE)


def far_trees(rng: np.random.Generator, distance: float, reach: float) -> Mesh:
    """Return a strip of trees that hides the horizon.

    Args:
        rng: random generator.
        distance: z of the strip, metres.
        reach: largest absolute x, metres.
    """
    xs = np.linspace(-reach, reach, 240)
    phases = rng.uniform(0, 2 * np.pi, 6)
    waves = sum(np.sin(xs * frequency + phase) / rank for rank, (frequency, phase)
                in enumerate(zip((.013, .031, .07, .17, .4, .9), phases), start=1))
    tops = np.maximum(rng.uniform(6., 14.) + rng.uniform(2., 5.) * waves, 2.5) \
        + rng.uniform(0., .8, len(xs))
    low = np.stack([xs, np.full_like(xs, 8.), np.full_like(xs, distance)], axis=1)
    high = low.copy()
    high[:, 1] = -tops
    index = np.arange(len(xs) - 1)
    count = len(xs)
    faces = np.concatenate([np.stack([index, index + 1, index + 1 + count], axis=1),
                            np.stack([index, index + 1 + count, index + count], axis=1)])
    colour = LEAVES[rng.integers(len(LEAVES))] * rng.uniform(.8, 1.4)
    return coloured(np.vstack([low, high]), faces, colour, Material.FOLIAGE)
