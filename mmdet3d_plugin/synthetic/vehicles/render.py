"""Rendering of square crops of a vehicle by ray casting.

The world frame is y down with the ground at y = 0, metres. Arrays of rays and of hits are
(3, N), see :mod:`..shading`.
"""
from dataclasses import dataclass
from functools import cached_property
from typing import Optional, Tuple

import cv2
import numpy as np

from ...structures.angles import rotation_about_y
from ..mesh import Material
from ..shading import Hits, Surface, develop, shade, sky
from .places import Place, Solid, occluder_solid, place
from .views import Occluder, View

GROUND_REACH = 300.  # metres; farther ground is drawn as sky
OPEN_ROAD = 40.  # metres from the camera along the road that are free of scenery
SHADOW_OFFSET = .02  # metres above the surface, so that no face shadows itself
EDGE_SHARE = .12  # share of the pixels with the strongest contrast, which get more rays
EDGE_CONTRAST = .06  # least difference of the square root of light between pixels
EDGE_RAYS = np.array([[-.33, -.21], [.33, .21]],
                     dtype=np.float32)  # offsets of the additional rays of a pixel, pixels
CHECK_RAYS = 16  # rays per row and column that measure how much an occluder hides
LEAST_VISIBLE = .55  # share of the vehicle's pixels; an occluder that hides more is left out


@dataclass(frozen=True)
class _Placed:
    """Solid with its pose in the world."""
    solid: Solid
    rotation: np.ndarray
    translation: np.ndarray

    @cached_property
    def points(self) -> np.ndarray:
        """(3, V) vertices in the world."""
        return self.rotation @ self.solid.mesh.vertices.T + self.translation[:, None]

    def trace(self, origin: np.ndarray, rays: np.ndarray) -> '_Trace':
        """Return the first hits of (3, N) rays from one origin."""
        rotation = self.rotation.astype(np.float32)
        origin = ((origin - self.translation) @ self.rotation).astype(np.float32)
        local = np.ascontiguousarray(rays.T @ rotation)
        faces = self.solid.caster.first_hits(origin, local)
        hit = np.flatnonzero(faces >= 0)
        faces = faces[hit]
        planes = self.solid.planes.take(faces, axis=1)
        normals = rotation @ planes[:3]
        slopes = np.einsum('dn,dn->n', normals, rays.take(hit, axis=1))
        normals *= -np.sign(slopes)
        return _Trace(hit, (planes[3] - origin @ planes[:3]) / slopes, faces, normals)

    def shadow_reach(self, sun: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return the (2,) smallest and largest world x and z of the solid and its shadow."""
        points = self.points
        on_ground = points - sun[:, None] * (points[1] / sun[1])
        both = np.hstack([points, on_ground])[[0, 2]]
        return both.min(1), both.max(1)

    def shadows(self, points: np.ndarray, sun: np.ndarray) -> np.ndarray:
        """Return (N,) whether the solid is between (3, N) points and the sun."""
        local = (points.T - self.translation.astype(np.float32)) \
            @ self.rotation.astype(np.float32)
        direction = (sun @ self.rotation).astype(np.float32)
        return self.solid.caster.any_hit(np.ascontiguousarray(local), direction)


@dataclass(frozen=True)
class _Trace:
    """First hits of rays with one solid.

    Attributes:
        rays: (M,) indices of the rays that hit.
        depths: (M,) distances, metres.
        faces: (M,) faces that are hit.
        normals: (3, M) unit normals of the faces towards the origin of the rays.
    """
    rays: np.ndarray
    depths: np.ndarray
    faces: np.ndarray
    normals: np.ndarray


class _PlainSurface:
    """Ground of one colour."""

    def __init__(self, colour: np.ndarray) -> None:
        self.colour = np.asarray(colour, dtype=np.float32)[:, None]

    def shade(self, world: np.ndarray, depths: np.ndarray) -> np.ndarray:
        """Return (3, N) colours; see :meth:`..shading.RoadSurface.shade`."""
        return np.repeat(self.colour, world.shape[1], axis=1)


class _OccludedSurface:
    """Ground that is darker below a vehicle, where little light from the sky arrives."""

    DARKNESS = np.float32(.8)  # share of the light that is missing below the vehicle
    SOFTNESS = np.float32(.35)  # metres

    def __init__(self, surface, vehicle: _Placed) -> None:
        self.surface = surface
        low, high = vehicle.solid.mesh.vertices.min(0), vehicle.solid.mesh.vertices.max(0)
        # From the world to forward and sideways coordinates around the vehicle's middle.
        to_vehicle = vehicle.rotation.T[[0, 2]]
        offset = -to_vehicle @ vehicle.translation - ((high + low) / 2)[[0, 2]]
        self.to_vehicle = to_vehicle.astype(np.float32)
        self.offset = offset.astype(np.float32)[:, None]
        self.half = ((high - low)[[0, 2]] / 2 - .15).astype(np.float32)[:, None]

    def shade(self, world: np.ndarray, depths: np.ndarray) -> np.ndarray:
        """Return (3, N) colours; see :meth:`..shading.RoadSurface.shade`."""
        colours = self.surface.shade(world, depths)
        local = self.to_vehicle @ world + self.offset
        beyond = np.maximum(np.abs(local) - self.half, 0.)
        distance = np.sqrt(np.einsum('dn,dn->n', beyond, beyond))
        colours *= 1. - self.DARKNESS * np.exp(distance / -self.SOFTNESS)
        return colours


def render_view(vehicle: Solid, view: View, size: int, seed: int) -> np.ndarray:
    """Render a square crop of a vehicle.

    Args:
        vehicle: mesh of the vehicle, which faces +x and stands on y = 0.
        view: camera, light, background and occlusion.
        size: width and height of the crop, pixels.
        seed: seed of the set, which determines street scenes and occluders.

    Returns:
        (size, size, 3) uint8, RGB.

    Example:
        >>> from mmdet3d_plugin.synthetic.vehicles import sample_model, sample_view, vehicle_mesh
        >>> rng = np.random.default_rng(0)
        >>> vehicle = Solid(vehicle_mesh(sample_model(rng, hue=.6, difficulty=0.)))
        >>> render_view(vehicle, sample_view(rng, difficulty=0.), size=32, seed=0).shape
        (32, 32, 3)
    """
    where = None if view.place is None else place(seed, view.place)
    scene = _CropScene(vehicle, view, where, seed)
    light = scene.render(size)
    if view.blur:
        sigma = view.blur * size / 96
        light = np.stack([cv2.GaussianBlur(plane, (0, 0), max(sigma, .05)) for plane in light])
    return develop(light, view.light, np.random.default_rng(view.noise))


class _CropScene:
    """Vehicle with camera, ground, background and occluder."""

    def __init__(self, vehicle: Solid, view: View, where: Optional[Place], seed: int) -> None:
        self.view, self.where, self.light = view, where, view.light
        if where is None:
            rotation, translation = rotation_about_y(-np.pi / 2), np.zeros(3)
            surface: Surface = _PlainSurface(view.ground)
        else:
            rotation, translation = where.pose(view.along, view.lane, view.turn)
            surface = where.surface
        self.vehicle = _Placed(vehicle, rotation, translation)
        self.surface = _OccludedSurface(surface, self.vehicle)
        self.sun = self.light.sun.astype(np.float32)
        self._place_camera()
        self.background = None if where is None else _Placed(
            where.solid_seen_from(self.eye[0], self.eye[2]), np.eye(3), np.zeros(3))
        occluder = view.occluder and self._place_occluder(view.occluder, seed)
        self.foreground = [self.vehicle]
        if occluder and self._visible_share(occluder) >= LEAST_VISIBLE:
            self.foreground.append(occluder)
        self.shadow_reaches = [placed.shadow_reach(self.sun) for placed in self.foreground]
        self.windows = [self._window(placed) for placed in self.foreground]

    def _place_camera(self) -> None:
        """Set position, axes (rows: right, down, forward) and crop of the camera."""
        view = self.view
        azimuth, elevation, roll = np.radians([view.azimuth, view.elevation, view.roll])
        height = -self.vehicle.solid.mesh.vertices[:, 1].min()
        target = self.vehicle.translation - [0., height / 2, 0.]
        # In the object frame +x is forward and +z is left.
        outward = self.vehicle.rotation @ np.array([
            np.cos(elevation) * np.cos(azimuth), -np.sin(elevation),
            np.cos(elevation) * np.sin(azimuth)])
        self.eye = target + view.distance * outward
        self.eye[1] = min(self.eye[1], -.5)
        forward = (target - self.eye) / np.linalg.norm(target - self.eye)
        right = np.array([forward[2], 0., -forward[0]]) / np.hypot(forward[0], forward[2])
        down = np.cross(forward, right)
        self.axes = np.stack([np.cos(roll) * right + np.sin(roll) * down,
                              np.cos(roll) * down - np.sin(roll) * right, forward])
        self.low, self.high = self._extent(self.vehicle.points)
        self.side = view.margin * (self.high - self.low).max()
        self.corner = (self.low + self.high) / 2 - self.side * (.5 + view.shift)

    def _extent(self, points: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return the (2,) corners of (3, V) world points in the plane at distance 1."""
        local = self.axes @ (points - self.eye[:, None])
        plane = local[:2] / local[2]
        return plane.min(1), plane.max(1)

    def _place_occluder(self, occluder: Occluder, seed: int) -> Optional[_Placed]:
        """Place an occluder between camera and vehicle; None if there is no room."""
        solid = occluder_solid(seed, occluder.kind, occluder.look)
        rotation = rotation_about_y(occluder.turn)
        points = rotation @ solid.mesh.vertices.T
        # Only the lower part counts: a tree stands at its trunk, below the crown.
        low_points = points[:, points[1] > -2.]
        radius = np.abs(low_points[[0, 2]]).max()
        right = self.axes[0] * [1., 0., 1.]
        forward = self.axes[2] * [1., 0., 1.]
        forward /= np.linalg.norm(forward)
        vehicle = (self.vehicle.points - self.eye[:, None])
        depth = (forward @ vehicle).min() - radius - occluder.gap
        if depth < 1.5 + radius:
            return None
        half = (right @ low_points).max() / depth
        share = occluder.share * (self.high[0] - self.low[0])
        if 2 * half < share:  # a slender object may stand anywhere before the vehicle
            centre = self.low[0] + (occluder.share / .36) * (self.high[0] - self.low[0])
        elif occluder.from_left:
            centre = self.low[0] + share - half
        else:
            centre = self.high[0] - share + half
        translation = self.eye + depth * (forward + centre * right)
        translation[1] = 0.
        return _Placed(solid, rotation, translation)

    def render(self, size: int) -> np.ndarray:
        """Return the (3, size, size) float32 linear light of the crop."""
        v, u = np.mgrid[:size, :size].reshape(2, -1).astype(np.float32)
        u, v = (u + .5) / size, (v + .5) / size
        light = self.radiance(u, v)
        edges = _strongest_edges(light.reshape(3, size, size))
        if len(edges):
            more = self.radiance((u[edges] + EDGE_RAYS[:, :1] / size).ravel(),
                                 (v[edges] + EDGE_RAYS[:, 1:] / size).ravel())
            more = more.reshape(3, len(EDGE_RAYS), -1).sum(1)
            light[:, edges] = (light[:, edges] + more) / (1 + len(EDGE_RAYS))
        return light.reshape(3, size, size)

    def _rays(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return (3, N) float32 unit vectors of the rays at (N,) positions in the crop."""
        to_plane = np.diag([self.side, self.side, 1.])
        to_plane[:2, 2] = self.corner
        rays = (self.axes.T @ to_plane).astype(np.float32) @ np.stack([u, v, np.ones_like(u)])
        rays /= np.sqrt(np.einsum('dn,dn->n', rays, rays))
        return rays

    def _window(self, placed: _Placed) -> Tuple[np.ndarray, np.ndarray]:
        """Return the (2,) corners of the part of the crop that a solid may cover, 0 to 1."""
        points = placed.points
        if (self.axes[2] @ (points - self.eye[:, None])).min() < .1:
            return np.zeros(2), np.ones(2)
        low, high = self._extent(points)
        return (low - self.corner) / self.side, (high - self.corner) / self.side

    def _visible_share(self, occluder: _Placed) -> float:
        """Return the share of the vehicle that an occluder leaves visible, from a few rays."""
        v, u = (np.mgrid[:CHECK_RAYS, :CHECK_RAYS].reshape(2, -1).astype(np.float32) + .5) \
            / CHECK_RAYS
        rays = self._rays(u, v)
        seen = self.vehicle.trace(self.eye, rays)
        if not len(seen.rays):
            return 1.
        in_front = occluder.trace(self.eye, rays.take(seen.rays, axis=1))
        hidden = in_front.depths < seen.depths[in_front.rays]
        return 1. - np.count_nonzero(hidden) / len(seen.rays)

    def radiance(self, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return (3, N) float32 linear light at (N,) positions in the crop, 0 to 1."""
        rays = self._rays(u, v)
        light = np.empty_like(rays)
        hits, missed = self._hits(u, v, rays)
        found, missed = np.flatnonzero(~missed), np.flatnonzero(missed)
        if len(found):
            light[:, found] = shade(hits, self.sun, self.light, self.surface)
        if len(missed):
            light[:, missed] = self._sky(rays[:, missed])
        return light

    def _sky(self, rays: np.ndarray) -> np.ndarray:
        """Return (3, N) light of rays that hit nothing."""
        if self.where is not None:
            return sky(rays, self.light, self.view.noise)
        # Behind a plain ground: a wall as bright as the ground.
        bright = max(-float(self.sun[1]), 0.) * self.light.sun_strength + self.light.ambient
        return np.repeat(np.asarray(self.view.ground * bright, dtype=np.float32)[:, None],
                         rays.shape[1], axis=1)

    def _hits(self, u: np.ndarray, v: np.ndarray, rays: np.ndarray) -> Tuple[Hits, np.ndarray]:
        """Return the hits of N rays, and (N,) bool of the rays that hit nothing."""
        count = rays.shape[1]
        distances = np.full(count, np.inf, dtype=np.float32)
        falling = np.flatnonzero(rays[1] > -self.eye[1] / GROUND_REACH)
        distances[falling] = np.float32(-self.eye[1]) / rays[1, falling]
        colours, normals = np.zeros_like(rays), np.zeros_like(rays)
        normals[1] = -1.
        materials = np.full(count, Material.GROUND, dtype=np.uint8)
        # Points and light of the sun follow when the nearest hits are known.
        hits = Hits(rays, distances, normals, None, colours, materials, None)
        foreground = np.zeros(count, dtype=bool)
        for placed, (low, high) in zip(self.foreground, self.windows):
            inside = np.flatnonzero((u > low[0]) & (u < high[0]) & (v > low[1]) & (v < high[1]))
            foreground[self._keep_nearer(placed, inside, hits)] = True
        if self.background is not None:
            self._keep_nearer(self.background, self._may_show_scenery(foreground, hits), hits)
        missed = ~np.isfinite(distances)
        found = np.flatnonzero(~missed)
        rays, distances = rays.take(found, axis=1), distances[found]
        normals, materials = normals.take(found, axis=1), materials[found]
        world = self.eye.astype(np.float32)[:, None] + rays * distances
        sunlit = self._sunlit(world, normals, foreground[found] | (materials == Material.GROUND))
        return Hits(rays, distances, normals, world, colours.take(found, axis=1), materials,
                    sunlit), missed

    def _may_show_scenery(self, foreground: np.ndarray, hits: Hits) -> np.ndarray:
        """Return the indices of rays that may hit the scenery.

        Scenery stands outside of the driving lanes. Between a camera and a near point of the
        driving lanes, or of a roadside that is left out, there is none. The trees at the horizon
        stand across the road, too.

        Args:
            foreground: (N,) bool, whether a ray hits vehicle or occluder.
            hits: hits so far.
        """
        rest = np.flatnonzero(~foreground)
        depths = hits.depths[rest]
        far = depths > OPEN_ROAD
        depths[far] = 0.
        x, z = (self.eye[axis] + hits.rays[axis, rest] * depths for axis in (0, 2))
        assert self.where is not None  # only such scenes have scenery
        side, half = self.where.road.side_of(x, z), self.where.road.half_width
        left, right = self.where.sides_seen_from(self.eye[0], self.eye[2])
        return rest[far | left & (side < -half) | right & (side > half)]

    def _keep_nearer(self, placed: _Placed, chosen: np.ndarray, hits: Hits) -> np.ndarray:
        """Enter the hits of a solid that are nearer than the hits so far.

        Args:
            placed: solid.
            chosen: (M,) indices of the rays to trace.
            hits: hits so far, changed in place.

        Returns:
            Indices of the changed hits.
        """
        found = placed.trace(self.eye, hits.rays.take(chosen, axis=1))
        target = chosen[found.rays]
        near = np.flatnonzero(found.depths < hits.depths[target])
        target, faces, solid = target[near], found.faces[near], placed.solid
        hits.depths[target] = found.depths[near]
        hits.colours[:, target] = solid.colours.take(faces, axis=1)
        hits.normals[:, target] = found.normals.take(near, axis=1)
        hits.materials[target] = solid.mesh.materials[faces]
        return target

    def _sunlit(self, world: np.ndarray, normals: np.ndarray, receives: np.ndarray
                ) -> np.ndarray:
        """Return (N,) float32, 0 in the shadow of vehicle or occluder, else 1.

        Args:
            world: (3, N) points.
            normals: (3, N) unit vectors.
            receives: (N,) bool, whether shadows fall on the point.
        """
        lit = receives & (self.sun @ normals > 0)
        sunlit = np.ones(world.shape[1], dtype=np.float32)
        for placed, (low, high) in zip(self.foreground, self.shadow_reaches):
            near = np.flatnonzero(lit & (world[0] > low[0]) & (world[0] < high[0])
                                  & (world[2] > low[1]) & (world[2] < high[1]))
            origins = world.take(near, axis=1) + SHADOW_OFFSET * normals.take(near, axis=1)
            sunlit[near[placed.shadows(origins, self.sun)]] = 0.
        return sunlit


def _strongest_edges(light: np.ndarray) -> np.ndarray:
    """Return the flat indices of the pixels of (3, H, W) light with the strongest contrast."""
    grey = np.sqrt(np.maximum(light.mean(0), 0.))
    padded = cv2.copyMakeBorder(grey, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    kernel = np.ones((3, 3), np.uint8)
    contrast = (cv2.dilate(padded, kernel) - cv2.erode(padded, kernel))[1:-1, 1:-1].ravel()
    count = int(EDGE_SHARE * contrast.size)
    chosen = np.argpartition(contrast, -count)[-count:]
    return np.sort(chosen[contrast[chosen] > EDGE_CONTRAST])
