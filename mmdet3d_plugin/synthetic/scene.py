"""Random street scenes, with the motion of camera and road users over a clip."""
from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np

from ..benchmarks.clips.tracks import Track
from ..structures.angles import rotation_about_y
from . import scenery
from .mesh import Mesh, merge
from .road import Ground, Road, footprints_overlap, sample_ground, sample_road
from .road_users import build_road_user, sample_size

FRAME_SECONDS = .1  # KITTI records 10 frames per second
NEAREST, FARTHEST = 3., 80.  # metres ahead; some road users are too far for a label
SCENERY_REACH = 90.  # metres ahead; a row of trees closes the view beyond
EGO_SIZE = np.array([4.6, 1.9])  # length and width of the camera's car, metres


@dataclass
class RoadUser:
    """Road user and its motion over the T frames of a clip.

    Attributes:
        kind: class name.
        size_hwl: (3,) height, width, length, metres.
        look: seed of shape and colours.
        places: (T, 2) world x and z of the centre, metres.
        headings: (T,) direction in the world frame, 0 along z, positive to the right, radians.
        phases: (T,) angle of the stride or the pedals, radians.
    """
    kind: str
    size_hwl: np.ndarray
    look: int
    places: np.ndarray
    headings: np.ndarray
    phases: np.ndarray

    @property
    def footprint(self) -> np.ndarray:
        """(2,) length and width, metres."""
        return self.size_hwl[[2, 1]]


@dataclass(frozen=True)
class Light:
    """Sun, sky and exposure of a clip.

    Attributes:
        sun: (3,) unit vector towards the sun, world frame.
        sun_strength, ambient: light of the sun and of the sky.
        sky_low, sky_high: (3,) colours at the horizon and overhead, RGB.
        clouds: share of the sky that is covered by clouds, 0-1.
        haze: extinction, 1 / metres.
        exposure: gain of the camera.
        noise: standard deviation of the image noise, grey levels.
    """
    sun: np.ndarray
    sun_strength: float
    ambient: float
    sky_low: np.ndarray
    sky_high: np.ndarray
    clouds: float
    haze: float
    exposure: float
    noise: float


@dataclass
class Scene:
    """Scene of one clip of T frames.

    Attributes:
        ground: ground plane.
        road: geometry of the road.
        light: sun, sky and exposure.
        users: road users with their motion.
        camera_poses: (T, 3, 4) camera-to-world transforms; the world frame is the camera frame
            of the first frame.
        scenery: static mesh in the world frame.
        texture_seed: seed of the procedural textures.
    """
    ground: Ground
    road: Road
    light: Light
    users: List[RoadUser]
    camera_poses: np.ndarray
    scenery: Mesh
    texture_seed: int


def sample_scene(rng: np.random.Generator, num_frames: int) -> Scene:
    """Return a random scene.

    Args:
        rng: random generator of the whole scene.
        num_frames: number of frames, 0.1 s apart.

    Example:
        >>> scene = sample_scene(np.random.default_rng(0), num_frames=3)
        >>> scene.camera_poses.shape
        (3, 3, 4)
    """
    ground, road, light = sample_ground(rng), sample_road(rng), sample_light(rng)
    times = np.arange(num_frames) * FRAME_SECONDS
    ego_along = rng.choice([0., rng.uniform(3., 14.)], p=[.15, .85]) * times
    poses = _camera_poses(road, ground, ego_along)
    crowd = _Crowd(road, times, poses)
    static = _sample_scenery(rng, road, ground, crowd, reach=ego_along[-1] + SCENERY_REACH)
    for kind, sampler, low, high in _CAST:
        for _ in range(rng.integers(low, high + 1)):
            crowd.try_to_add(rng, kind, sampler, ego_along[-1])
    return Scene(ground, road, light, crowd.users, poses, static,
                 int(rng.integers(1 << 31)))


def _camera_poses(road: Road, ground: Ground, along: np.ndarray) -> np.ndarray:
    """Return (T, 3, 4) poses of a camera that follows its lane at constant height.

    Args:
        road: geometry of the road.
        ground: ground plane.
        along: (T,) positions along the road, metres.
    """
    places = road.position(np.full_like(along, road.ego_side), along)
    places = places - places[0]
    yaws = road.heading_at(along) - road.heading_at(along[0])
    level = ground.y(places[:, 0], places[:, 1]) - ground.height
    rotations = np.stack([rotation_about_y(yaw) for yaw in yaws])
    translations = np.stack([places[:, 0], level, places[:, 1]], axis=1)
    return np.concatenate([rotations, translations[:, :, None]], axis=2)


def camera_yaws(poses: np.ndarray) -> np.ndarray:
    """Return the headings of camera poses.

    Args:
        poses: (..., 3, 4) camera-to-world transforms.

    Returns:
        (...) radians, 0 along the world's z, positive to the right.
    """
    return np.arctan2(poses[..., 0, 2], poses[..., 2, 2])


class _Crowd:
    """Road users that keep a distance to each other, to obstacles and to the camera's car."""

    def __init__(self, road: Road, times: np.ndarray, poses: np.ndarray) -> None:
        self.road, self.times = road, times
        self.users: List[RoadUser] = []
        self._places = [poses[:, [0, 2], 3]]
        self._headings = [camera_yaws(poses)]
        self._sizes = [EGO_SIZE]

    def add_obstacle(self, place: np.ndarray, heading: float, footprint: np.ndarray) -> bool:
        """Add a static footprint; return False if it overlaps with another one.

        Args:
            place: (2,) world x and z of the centre, metres.
            heading: radians.
            footprint: (2,) length and width, metres.
        """
        count = len(self.times)
        return self._claim(np.tile(place, (count, 1)), np.full(count, heading), footprint)

    def try_to_add(self, rng: np.random.Generator, kind: str, sampler, reach: float,
                   attempts: int = 6) -> None:
        """Add one road user if a free place is found.

        Args:
            rng: random generator.
            kind: class name.
            sampler: function of ``rng`` and the road that returns a random :data:`Motion`.
            reach: metres that the camera drives in the clip.
            attempts: number of random places that are tried.
        """
        size = sample_size(kind, rng)
        look = int(rng.integers(1 << 31))
        for _ in range(attempts):
            side, turn, speed = sampler(rng, self.road)
            # Log-uniform: as many road users between 5 and 10 m as between 20 and 40 m.
            along = np.exp(rng.uniform(np.log(NEAREST), np.log(FARTHEST + reach)))
            sides = side + speed * np.sin(turn) * self.times
            alongs = along + speed * np.cos(turn) * self.times
            places = self.road.position(sides, alongs)
            headings = self.road.heading_at(alongs) + turn
            if self._claim(places, headings, size[[2, 1]]):
                phases = rng.uniform(0, 2 * np.pi) + speed * self.times * 2 * np.pi / 1.4
                self.users.append(RoadUser(kind, size, look, places, headings, phases))
                return

    def _claim(self, places: np.ndarray, headings: np.ndarray, footprint: np.ndarray) -> bool:
        """Add a moving footprint; return False if it overlaps with another one."""
        overlap = footprints_overlap(np.stack(self._places), np.stack(self._headings),
                                     np.stack(self._sizes), places, headings,
                                     np.asarray(footprint))
        if overlap.any():
            return False
        self._places.append(places)
        self._headings.append(headings)
        self._sizes.append(np.asarray(footprint))
        return True


# Side (metres), heading relative to the road (radians) and speed (metres per second).
Motion = Tuple[float, float, float]


def _driving(rng: np.random.Generator, road: Road) -> Motion:
    """Return the motion of a vehicle in a driving lane."""
    lane = (rng.integers(road.lanes) + .5) * road.lane_width + rng.normal(0., .15)
    oncoming = rng.random() < .5
    turn = np.pi * oncoming + rng.normal(0., np.radians(2.))
    return (-lane if oncoming else lane), turn, rng.uniform(2., 14.)


def _parked(rng: np.random.Generator, road: Road) -> Motion:
    """Return the motion (speed 0) of a parked vehicle."""
    right = rng.random() < .5
    left_edge, right_edge = road.edges()
    edge, parking = (right_edge, road.parking[1]) if right else (left_edge, road.parking[0])
    inward = -1. if right else 1.
    # Without a parking lane, cars are parked partly on the sidewalk.
    side = edge + inward * (parking / 2 if parking else -.6)
    return side, np.pi * (right == (rng.random() < .2)) + rng.normal(0., .04), 0.


def _odd(rng: np.random.Generator, road: Road) -> Motion:
    """Return the motion of a vehicle at any angle, e.g. a turning vehicle."""
    left_edge, right_edge = road.edges()
    side = rng.uniform(left_edge - 6., right_edge + 6.)
    return side, rng.uniform(-np.pi, np.pi), rng.choice([0., rng.uniform(1., 5.)])


def _sidewalk(rng: np.random.Generator, road: Road) -> Motion:
    """Return the motion of a pedestrian on a sidewalk."""
    left_edge, right_edge = road.edges()
    offset = rng.uniform(.4, road.sidewalk + .6)
    side = right_edge + offset if rng.random() < .5 else left_edge - offset
    return side, np.pi * (rng.random() < .5) + rng.normal(0., .3), rng.uniform(0., 1.8)


def _crossing(rng: np.random.Generator, road: Road) -> Motion:
    """Return the motion of a pedestrian or cyclist that crosses the road."""
    turn = np.pi / 2 * rng.choice([-1, 1]) + rng.normal(0., .2)
    return rng.uniform(*road.edges()), turn, rng.uniform(.6, 1.8)


def _cycling(rng: np.random.Generator, road: Road) -> Motion:
    """Return the motion of a cyclist near the edge of the road."""
    right = rng.random() < .6
    side = road.half_width - rng.uniform(.4, 1.2) + rng.choice([0., 2.5], p=[.7, .3])
    turn = np.pi * (not right) + rng.normal(0., .12)
    return (side if right else -side), turn, rng.uniform(2., 6.)


# Class, sampler of its motion, and smallest and largest number of road users per scene.
_CAST = (('Car', _driving, 1, 4), ('Car', _parked, 0, 5), ('Car', _odd, 0, 1),
         ('Van', _driving, 0, 1), ('Van', _parked, 0, 1),
         ('Pedestrian', _sidewalk, 0, 3), ('Pedestrian', _crossing, 0, 1),
         ('Cyclist', _cycling, 0, 2), ('Cyclist', _crossing, 0, 1))


def sample_light(rng: np.random.Generator) -> Light:
    """Return random light, sunny or overcast."""
    overcast = rng.random() < .3
    # When it is overcast, a weak sun high in the sky keeps the ground below cars dark.
    elevation = np.radians(rng.uniform(75., 85.) if overcast else rng.uniform(25., 65.))
    azimuth = rng.uniform(0, 2 * np.pi)
    sun = np.array([np.cos(elevation) * np.sin(azimuth), -np.sin(elevation),
                    np.cos(elevation) * np.cos(azimuth)])
    blue = 0. if overcast else rng.uniform(.2, 1.)
    return Light(
        sun=sun,
        sun_strength=rng.uniform(.3, .5) if overcast else rng.uniform(.8, 1.15),
        ambient=rng.uniform(.45, .65) if overcast else rng.uniform(.16, .34),
        sky_low=np.array([1.25, 1.3, 1.35]) * rng.uniform(.8, 1.2),
        sky_high=np.array([1.1 - .75 * blue, 1.15 - .5 * blue, 1.2 - .1 * blue])
        * rng.uniform(.7, 1.1),
        clouds=rng.uniform(.3, 1.) if overcast else rng.uniform(0., .6),
        haze=1. / rng.uniform(300., 1500.),
        exposure=rng.uniform(.8, 1.35),
        noise=rng.uniform(1., 3.))


def _sample_scenery(rng: np.random.Generator, road: Road, ground: Ground, crowd: _Crowd,
                    reach: float) -> Mesh:
    """Return the mesh of both roadsides, from behind the camera to ``reach`` metres ahead."""
    roadsides = [_Roadside(road, ground, crowd, is_right) for is_right in (False, True)]
    for roadside in roadsides:
        _build_up(rng, roadside, reach)
        _line_kerb(rng, roadside, reach)
    return merge([scenery.far_trees(rng, reach + 40., 300.)]
                 + [part for roadside in roadsides for part in roadside.parts])


class _Roadside:
    """Static meshes on one side of the road that do not overlap."""

    def __init__(self, road: Road, ground: Ground, crowd: _Crowd, is_right: bool) -> None:
        self.road, self.ground, self.crowd = road, ground, crowd
        self.parts: List[Mesh] = []
        self._edge = road.edges()[is_right]
        self._outward = 1. if is_right else -1.
        self._turn = 0. if is_right else np.pi  # turns +z of the meshes towards the road

    def put(self, mesh: Mesh, beyond: float, along: float, footprint: Tuple[float, float]
            ) -> None:
        """Add a mesh if its place is free.

        Args:
            mesh: mesh in its object frame.
            beyond: distance from the kerb to the centre, metres.
            along: position along the road, metres.
            footprint: length and width, metres.
        """
        place = self.road.position(self._edge + self._outward * beyond, along)
        heading = float(self.road.heading_at(along)) + self._turn
        if self.crowd.add_obstacle(place, heading, np.array(footprint)):
            self.parts.append(mesh.moved(rotation_about_y(heading - np.pi / 2),
                                         [place[0], self.ground.y(*place), place[1]]))


def _build_up(rng: np.random.Generator, roadside: _Roadside, reach: float) -> None:
    """Add houses and trees, some of them behind hedges or fences."""
    verge = roadside.road.sidewalk
    setback = rng.choice([1., rng.uniform(2.5, 10.)], p=[.4, .6])
    house_share = rng.random()
    along = -8.
    while along < reach:
        length = rng.uniform(8., 18.)
        middle = along + length / 2
        if rng.random() < house_share:
            depth = rng.uniform(7., 11.)
            roadside.put(scenery.building(length, depth, int(rng.integers(1, 5)), rng),
                         verge + setback + depth / 2, middle, (length, depth + .8))
        else:
            roadside.put(scenery.tree(rng.uniform(6., 14.), rng),
                         verge + rng.uniform(3., 14.), middle + rng.uniform(-3., 3.),
                         (.8, .8))
        if rng.random() < .5:
            build = scenery.hedge if rng.random() < .5 else scenery.fence
            roadside.put(build(length * .95, rng), verge + .9, middle, (length, 1.2))
        along += length + rng.choice([0., rng.uniform(1., 8.)])


def _line_kerb(rng: np.random.Generator, roadside: _Roadside, reach: float) -> None:
    """Add poles, signs and trees on the sidewalk."""
    spacing = rng.uniform(7., 30.)
    tree_share = rng.choice([0., .7], p=[.6, .4])
    for along in np.arange(rng.uniform(4., 20.), reach, spacing):
        mesh = scenery.tree(rng.uniform(4., 9.), rng) if rng.random() < tree_share \
            else scenery.pole(rng)
        roadside.put(mesh, rng.uniform(.3, .8), along, (.5, .5))


def user_mesh(user: RoadUser, ground: Ground, frame: int) -> Tuple[Mesh, np.ndarray, float]:
    """Return the mesh and the place of a road user in one frame.

    Args:
        user: road user.
        ground: ground plane.
        frame: index of the frame in the clip.

    Returns:
        Mesh in the world frame, (3,) bottom centre in the world frame (metres), and yaw about
        the world's y axis with the sign of KITTI's ``rotation_y`` (radians).
    """
    location = _bottom_centre(user, ground, frame)
    rotation_y = user.headings[frame] - np.pi / 2
    mesh = build_road_user(user.kind, user.size_hwl, user.look, user.phases[frame])
    return mesh.moved(rotation_about_y(rotation_y), location), location, rotation_y


def _bottom_centre(user: RoadUser, ground: Ground, frame: int) -> np.ndarray:
    """Return the (3,) bottom centre of a road user in one frame, world frame, metres."""
    x, z = user.places[frame]
    return np.array([x, ground.y(x, z), z])


def user_tracks(scene: Scene) -> Dict[int, Track]:
    """Return the tracks of all road users of a scene, by number in the instance maps.

    Example:
        >>> scene = sample_scene(np.random.default_rng(0), num_frames=3)
        >>> user_tracks(scene)[1].locations.shape
        (3, 3)
    """
    frames = np.arange(len(scene.camera_poses))
    return {number: Track(user.kind, frames, np.stack([
        _bottom_centre(user, scene.ground, frame) for frame in frames]), user.headings)
        for number, user in enumerate(scene.users, start=1)}
