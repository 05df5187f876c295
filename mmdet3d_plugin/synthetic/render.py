"""Rendering of images, depth maps and instance maps by ray casting with Embree."""
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from ..structures.angles import wrap_angle
from .camera import Camera
from .mesh import Material, Mesh, coloured, merge
from .road import Ground
from .scene import Scene, camera_yaws, user_mesh
from .shading import Hits, RoadSurface, develop, shade, sky

GROUND_REACH = 500.  # metres
USER_REACH = 6.  # metres from the centre of the largest road user to the end of its shadow
BAND_ROWS = 40  # image rows that are shaded at once
SHADOW_STEP = 2  # pixels per shadow ray
SHADOW_OFFSET = .02  # metres above the surface, so that no face shadows itself


@dataclass
class PlacedUser:
    """Road user in one frame.

    Attributes:
        kind: class name.
        size_hwl: (3,) height, width, length, metres.
        mesh: mesh in the camera frame of this frame.
        location: (3,) bottom centre, camera frame, metres.
        rotation_y: yaw about the camera's y axis, radians.
        instance: value in the instance map, the same in all frames of a clip.
    """
    kind: str
    size_hwl: np.ndarray
    mesh: Mesh
    location: np.ndarray
    rotation_y: float
    instance: int


@dataclass
class RenderedFrame:
    """Rendered frame.

    Attributes:
        image: (H, W, 3) uint8, RGB.
        depth: (H, W) float32, z in the camera frame, metres; 0 for the sky.
        instances: (H, W) uint16, instance numbers; 0 for the background.
        users: road users near the camera's view, visible or not.
    """
    image: np.ndarray
    depth: np.ndarray
    instances: np.ndarray
    users: List[PlacedUser]


class RayCaster:
    """Intersection of rays with one mesh.

    Example:
        >>> from mmdet3d_plugin.synthetic.mesh import box
        >>> caster = RayCaster(box((-1, -1, 4), (1, 1, 6), (1, 1, 1)))
        >>> rays = np.array([[0, 0, 1], [.5, 0, 1]], dtype=np.float32)
        >>> caster.any_hit(np.zeros(3), rays).tolist()
        [True, False]
    """

    def __init__(self, mesh: Mesh) -> None:
        self._scene = EmbreeScene()
        TriangleMesh(scene=self._scene, vertices=mesh.vertices.astype(np.float32),
                     indices=mesh.faces.astype(np.int32))

    def first_hits(self, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return the first face that each ray from one origin hits.

        Args:
            origin: (3,) metres.
            directions: (N, 3) float32.

        Returns:
            (N,) indices of faces, -1 for rays that hit nothing.
        """
        return self._scene.run(_rows(origin, directions), directions, query='INTERSECT')

    def any_hit(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Return whether rays hit any face.

        Args:
            origins: (N, 3) metres, or (3,) for one origin of all rays.
            directions: (N, 3), or (3,) for one direction of all rays.

        Returns:
            (N,) bool.
        """
        return self._scene.run(_rows(origins, directions), _rows(directions, origins),
                               query='OCCLUDED') >= 0


def face_planes(mesh: Mesh) -> np.ndarray:
    """Return the planes of the F faces of a mesh.

    Returns:
        (4, F) float32: unit normals, and signed distances of the planes from the origin.
    """
    first, second, third = mesh.vertices[mesh.faces.T]
    normals = np.cross(second - first, third - first)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    distances = np.einsum('fd,fd->f', normals, first)
    return np.vstack([normals.T, distances]).astype(np.float32)


def _rows(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return (N, 3) float32 rows; a single (3,) row is repeated to the shape of ``like``."""
    values = np.asarray(values, dtype=np.float32)
    if values.ndim == 2:
        return values
    rows = np.empty(like.shape, dtype=np.float32)
    rows[:] = values
    return rows


def place_users(scene: Scene, frame: int) -> List[PlacedUser]:
    """Return the road users near the camera's view.

    Args:
        scene: scene of a clip.
        frame: index of the frame in the clip.

    Returns:
        Road users in the camera frame of this frame.
    """
    rotation, translation = scene.camera_poses[frame, :, :3], scene.camera_poses[frame, :, 3]
    yaw = camera_yaws(scene.camera_poses[frame])
    placed = []
    for index, user in enumerate(scene.users):
        if not _may_show(rotation.T[[0, 2]][:, [0, 2]] @ (user.places[frame]
                                                          - translation[[0, 2]])):
            continue
        mesh, location, rotation_y = user_mesh(user, scene.ground, frame)
        placed.append(PlacedUser(
            user.kind, user.size_hwl, _to_camera(mesh, rotation, translation),
            rotation.T @ (location - translation), wrap_angle(rotation_y - yaw), index + 1))
    return placed


def _may_show(place: np.ndarray) -> bool:
    """Return whether a road user may be in the image or cast a shadow into it.

    The camera sees about 40 degrees to the left and to the right.

    Args:
        place: (2,) x and z in the camera frame, metres.
    """
    x, z = place
    return z > -USER_REACH and abs(x) < max(z, 0.) + USER_REACH


def _to_camera(mesh: Mesh, rotation: np.ndarray, translation: np.ndarray) -> Mesh:
    return mesh.moved(rotation.T, -rotation.T @ translation)


def _ground_mesh(ground: Ground) -> Mesh:
    x, z = GROUND_REACH * np.array([[-1, 1, 1, -1], [-1, -1, 1, 1]])
    vertices = np.stack([x, ground.y(x, z), z], axis=1)
    return coloured(vertices, [[0, 1, 2], [0, 2, 3]], (.2, .2, .2), Material.GROUND)


def render_frame(scene: Scene, frame: int, camera: Camera, rng: np.random.Generator
                 ) -> RenderedFrame:
    """Render one frame of a scene.

    Args:
        scene: scene of a clip of T frames.
        frame: index of the frame in the clip, 0 to T - 1.
        camera: camera of the image.
        rng: random generator of the sensor noise.

    Example:
        >>> from mmdet3d_plugin.synthetic import kitti_camera, sample_scene
        >>> rng = np.random.default_rng(0)
        >>> frame = render_frame(sample_scene(rng, num_frames=1), 0, kitti_camera(160, 48), rng)
        >>> frame.image.shape, frame.depth.shape, frame.instances.dtype
        ((48, 160, 3), (48, 160), dtype('uint16'))
    """
    pose = scene.camera_poses[frame]
    users = place_users(scene, frame)
    static = _to_camera(merge([_ground_mesh(scene.ground), scene.scenery]), pose[:, :3],
                        pose[:, 3])
    world = merge([static] + [user.mesh for user in users])
    owners = np.repeat(np.array([0] + [user.instance for user in users], dtype=np.uint16),
                       [len(static.faces)] + [len(user.mesh.faces) for user in users])
    view = _View(scene, camera, pose.astype(np.float32), world, owners)
    light = np.empty((3, camera.height, camera.width), dtype=np.float32)
    depth = np.empty((camera.height, camera.width), dtype=np.float32)
    instances = np.empty((camera.height, camera.width), dtype=np.uint16)
    for top in range(0, camera.height, BAND_ROWS):
        rows = np.s_[top:top + BAND_ROWS]
        band = view.band(camera.directions[rows].reshape(-1, 3))
        for whole, part in zip((light, depth, instances), band):
            whole[..., rows, :] = part.reshape(*whole.shape[:-2], -1, camera.width)
    return RenderedFrame(develop(light, scene.light, rng), depth, instances, users)


class _View:
    """View of one camera, rendered in bands of rows so that arrays fit in the CPU cache."""

    def __init__(self, scene: Scene, camera: Camera, pose: np.ndarray, world: Mesh,
                 owners: np.ndarray) -> None:
        self.scene, self.world, self.owners = scene, world, owners
        self.centre = camera.centre.astype(np.float32)
        self.rotation, self.translation = pose[:, :3], pose[:, 3]
        self.sun = scene.light.sun.astype(np.float32) @ self.rotation
        self.caster = RayCaster(world)
        self.planes = face_planes(world)
        self.colours = np.ascontiguousarray(world.colours.T)
        self.surface = RoadSurface(scene.road, scene.texture_seed)

    def band(self, rays: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return linear light (3, N), depth (N,) and instance numbers (N,) of (N, 3) rays."""
        faces = self.caster.first_hits(self.centre, rays)
        hit, missed = np.flatnonzero(faces >= 0), np.flatnonzero(faces < 0)
        # (3, N) arrays are faster than (N, 3) arrays in numpy.
        rays = np.ascontiguousarray(rays.T)
        light = np.empty(rays.shape, dtype=np.float32)
        depth = np.zeros(rays.shape[1], dtype=np.float32)
        instances = np.zeros(rays.shape[1], dtype=np.uint16)
        if len(missed):
            light[:, missed] = sky(rays[:, missed], self.scene.light,
                                   self.scene.texture_seed)
        if len(hit):
            faces = faces[hit]
            hits = self._hits(rays.take(hit, axis=1), faces)
            light[:, hit] = shade(hits, self.sun, self.scene.light, self.surface)
            depth[hit] = hits.depths + self.centre[2]
            instances[hit] = self.owners[faces]
        return light, depth, instances

    def _hits(self, rays: np.ndarray, faces: np.ndarray) -> Hits:
        planes = self.planes.take(faces, axis=1)
        normals = planes[:3]
        slopes = np.einsum('dn,dn->n', normals, rays)
        depths = (planes[3] - self.centre @ normals) / slopes
        normals *= -np.sign(slopes)
        places = self.centre[:, None] + rays * depths
        return Hits(rays, depths, normals,
                    self.rotation @ places + self.translation[:, None],
                    self.colours.take(faces, axis=1), self.world.materials[faces],
                    self._sunlit(places, normals))

    def _sunlit(self, places: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return (N,) float32, 1 where the sun reaches the place and 0 elsewhere.

        Places on faces that are turned away from the sun are 0. Neighbouring pixels share a
        shadow ray to save time.
        """
        turned = np.flatnonzero(self.sun @ normals > 0)
        sampled = turned[::SHADOW_STEP]
        origins = places.take(sampled, axis=1) + SHADOW_OFFSET * normals.take(sampled, axis=1)
        shadowed = self.caster.any_hit(np.ascontiguousarray(origins.T), self.sun)
        sunlit = np.zeros(places.shape[1], dtype=np.float32)
        sunlit[turned] = np.repeat(~shadowed, SHADOW_STEP)[:len(turned)]
        return sunlit
