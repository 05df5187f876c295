"""Street scenes as backgrounds, and objects in front of a vehicle."""
from dataclasses import dataclass
from functools import cache
from typing import Any, Dict, List, Tuple

import numpy as np

from ...structures.angles import rotation_about_y
from .. import scenery
from ..mesh import Mesh, merge
from ..render import RayCaster, face_planes
from ..road import Road, sample_road
from ..road_users import build_road_user, sample_size
from ..shading import RoadSurface

REACH = 42.  # metres of scenery along the road, in both directions
PARKED_VEHICLES = 20  # number of different vehicles in the background
TREE_LINE = 85.  # metres to the trees that hide the horizon


class Solid:
    """Mesh that rays can hit.

    Attributes:
        mesh: mesh in its object frame, y down.
        caster: intersection with the mesh.
        planes: (4, F) unit normals of the faces and distances from the origin.
        colours: (3, F) reflectance 0-1.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self.caster = RayCaster(mesh)
        self.planes = face_planes(mesh)
        self.colours = np.ascontiguousarray(mesh.colours.T)


@dataclass
class Place:
    """Straight or slightly bent street with scenery on both sides.

    The road runs along z; the world frame is that of :mod:`..road`.

    Attributes:
        road: geometry of the road.
        surface: colours of the ground.
        sides: meshes of the left and the right roadside, with parked cars.
        horizon: mesh of the trees at the horizon.
    """
    road: Road
    surface: RoadSurface
    sides: Tuple[Mesh, Mesh]
    horizon: Mesh

    def __post_init__(self) -> None:
        self._solids: Dict[Any, Any] = {}

    def pose(self, along: float, lane: float, turn: float) -> Tuple[np.ndarray, np.ndarray]:
        """Return the pose of a vehicle in a lane.

        Args:
            along: position along the road, metres.
            lane: 0 to 1, from the leftmost lane, which is oncoming, to the rightmost lane.
            turn: heading relative to the lane, radians.

        Returns:
            (3, 3) rotation from the object frame to the world, and (3,) position, metres.
        """
        number = min(int(lane * 2 * self.road.lanes), 2 * self.road.lanes - 1)
        side = (number + .5) * self.road.lane_width - self.road.half_width
        x, z = self.road.position(side, along)
        heading = self.road.heading_at(along) + turn + (np.pi if side < 0 else 0.)
        return rotation_about_y(heading - np.pi / 2), np.array([x, 0., z])

    def sides_seen_from(self, x: float, z: float) -> Tuple[bool, bool]:
        """Return whether a camera at world x and z sees the left and the right roadside.

        A roadside where the camera stands is left out, so that it hides nothing.
        """
        side = self.road.side_of(x, z)
        return side > -self.road.half_width, side < self.road.half_width

    def solid_seen_from(self, x: float, z: float) -> Solid:
        """Return the scenery for a camera at world x and z."""
        shown = self.sides_seen_from(x, z)
        if shown not in self._solids:
            self._solids[shown] = Solid(merge(
                [self.horizon] + [mesh for mesh, show in zip(self.sides, shown) if show]))
        return self._solids[shown]


@cache
def place(seed: int, index: int) -> Place:
    """Return a street scene of a set. Scenes are cached, because they are slow to build.

    Args:
        seed: seed of the set.
        index: number of the scene.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1000, index)))
    road = sample_road(rng)
    sides = _roadside(rng, road, False), _roadside(rng, road, True)
    trees = scenery.far_trees(rng, TREE_LINE, 1.6 * TREE_LINE)
    horizon = merge([trees.moved(rotation_about_y(turn), np.zeros(3))
                     for turn in np.arange(4) * np.pi / 2])
    return Place(road, RoadSurface(road, int(rng.integers(1 << 31))), sides, horizon)


def _roadside(rng: np.random.Generator, road: Road, is_right: bool) -> Mesh:
    """Return buildings, trees, hedges, fences, poles and parked cars on one side."""
    parts: List[Mesh] = []
    edge, outward = road.edges()[is_right], 1. if is_right else -1.

    def put(mesh: Mesh, beyond: float, along: float, turn: float) -> None:
        x, z = road.position(edge + outward * beyond, along)
        heading = road.heading_at(along) + turn
        parts.append(mesh.moved(rotation_about_y(heading - np.pi / 2), (x, 0., z)))

    towards_road = 0. if is_right else np.pi  # turns +z of the meshes towards the road
    setback = rng.choice([1., rng.uniform(2.5, 8.)])
    house_share = rng.uniform(.2, .9)
    along = -REACH
    while along < REACH:
        length = rng.uniform(8., 18.)
        middle = along + length / 2
        if rng.random() < house_share:
            depth = rng.uniform(7., 11.)
            put(scenery.building(length, depth, int(rng.integers(1, 5)), rng),
                road.sidewalk + setback + depth / 2, middle, towards_road)
        else:
            for _ in range(2):
                put(scenery.tree(rng.uniform(5., 12.), rng), road.sidewalk
                    + rng.uniform(2.5, 10.), middle + rng.uniform(-4., 4.), towards_road)
        if rng.random() < .4:
            build = scenery.hedge if rng.random() < .5 else scenery.fence
            put(build(length * .95, rng), road.sidewalk + .8, middle, towards_road)
        along += length + rng.choice([0., rng.uniform(1., 6.)])
    for along in np.arange(rng.uniform(-REACH, 15. - REACH), REACH, rng.uniform(9., 25.)):
        put(scenery.pole(rng), rng.uniform(.3, .7), along, towards_road)
    parked = road.parking[is_right]
    for along in np.arange(rng.uniform(-40., -33.), 40., rng.uniform(6., 12.)):
        if rng.random() < .6:
            put(_parked_vehicle(int(rng.integers(PARKED_VEHICLES))),
                -parked / 2 if parked else 1., along, np.pi * (rng.random() < .5))
    return merge(parts)


@cache
def _parked_vehicle(look: int) -> Mesh:
    """Return one of the vehicles that are parked in all street scenes."""
    rng = np.random.default_rng(look)
    kind = 'Van' if rng.random() < .15 else 'Car'
    return build_road_user(kind, sample_size(kind, rng), int(rng.integers(1 << 31)))


@cache
def occluder_solid(seed: int, kind: str, look: int) -> Solid:
    """Return an object that can stand in front of a vehicle.

    Args:
        seed: seed of the set.
        kind: one of :data:`~.views.OCCLUDERS`.
        look: number of the object.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1001, look)))
    if kind == 'pole':
        return Solid(scenery.pole(rng))
    if kind == 'tree':
        return Solid(scenery.tree(rng.uniform(7., 12.), rng))
    name = kind.capitalize()
    return Solid(build_road_user(name, sample_size(name, rng), int(rng.integers(1 << 31)),
                                 phase=rng.uniform(0, 2 * np.pi)))
