"""Images, depths and instances of a scene by Embree ray casting."""
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from ..structures.angles import wrap_angle
from .camera import Camera
from .mesh import Material, Mesh, coloured, merge
from .road import Ground
from .scene import Scene, user_mesh
from .shading import Hits, RoadSurface, develop, shade, sky

GROUND_REACH = 500.  # metres
USER_REACH = 6.  # metres from the middle of the largest road user to its shadow's end
BAND_ROWS = 40  # of the image, shaded at a time
SHADOW_STEP = 2  # pixels of a row for each shadow ray
SHADOW_OFFSET = .02  # metres off the surface, so that no face shadows itself


@dataclass
class PlacedUser:
    """A road user in one frame.

    Attributes:
        kind: class name; ``size_hwl`` (3,) metres.
        mesh: in the camera frame of this image.
        location: (3,) bottom centre, camera frame, metres.
        rotation_y: radians, camera frame.
        instance: its value in the instance image, the same in all frames of a clip.
    """
    kind: str
    size_hwl: np.ndarray
    mesh: Mesh
    location: np.ndarray
    rotation_y: float
    instance: int


@dataclass
class RenderedFrame:
    """
    Attributes:
        image: (H, W, 3) uint8, red, green, blue.
        depth: (H, W) float32 z in the camera frame, metres; 0 where nothing is hit.
        instances: (H, W) uint16, 0 for background.
        users: who stands where, visible or not.
    """
    image: np.ndarray
    depth: np.ndarray
    instances: np.ndarray
    users: List[PlacedUser]


class RayCaster:
    """An Embree scene of one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._scene = EmbreeScene()
        TriangleMesh(scene=self._scene, vertices=mesh.vertices.astype(np.float32),
                     indices=mesh.faces.astype(np.int32))

    def first_hits(self, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """(N,) faces that (N, 3) rays from one origin meet first, -1 for none."""
        return self._scene.run(_rows(origin, directions), directions, query='INTERSECT')

    def any_hit(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """(N,) bool, whether rays meet a face; (N, 3), or (3,) for all alike."""
        return self._scene.run(_rows(origins, directions), _rows(directions, origins),
                               query='OCCLUDED') >= 0


def face_planes(mesh: Mesh) -> np.ndarray:
    """(4, F) float32 unit normals of the faces, and their planes' signed
    distances from the origin."""
    first, second, third = mesh.vertices[mesh.faces.T]
    normals = np.cross(second - first, third - first)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    distances = np.einsum('fd,fd->f', normals, first)
    return np.vstack([normals.T, distances]).astype(np.float32)


def _rows(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """(N, 3) float32, repeated if there is one row for all."""
    values = np.asarray(values, dtype=np.float32)
    if values.ndim == 2:
        return values
    rows = np.empty(like.shape, dtype=np.float32)
    rows[:] = values
    return rows


def place_users(scene: Scene, frame: int) -> List[PlacedUser]:
    """The road users near the view of image ``frame``, in its camera frame."""
    rotation, translation = scene.camera_poses[frame, :, :3], scene.camera_poses[frame, :, 3]
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
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
    """Whether a road user at x and z in the camera frame may be in the image or
    cast a shadow into it; the view is about 40 degrees wide to either side."""
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
    """One image of a scene.

    Args:
        frame: index of the moment, 0 to T - 1.
        rng: draws the sensor noise.
    """
    pose = scene.camera_poses[frame]
    users = place_users(scene, frame)
    still = _to_camera(merge([_ground_mesh(scene.ground), scene.scenery]), pose[:, :3],
                       pose[:, 3])
    world = merge([still] + [user.mesh for user in users])
    owners = np.repeat(np.array([0] + [user.instance for user in users], dtype=np.uint16),
                       [len(still.faces)] + [len(user.mesh.faces) for user in users])
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
    """What one camera sees, band by band: small arrays stay in the processor's
    cache."""

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
        """Linear light (3, N), depth (N,) and instances (N,) of (N, 3) rays."""
        faces = self.caster.first_hits(self.centre, rays)
        hit, missed = np.flatnonzero(faces >= 0), np.flatnonzero(faces < 0)
        # Components come first: numpy is fastest along long last axes.
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
        """(N,) float32; surfaces turned away from the sun are dark already.

        Neighbours share a ray, which the lens blur hides and which saves time.
        """
        turned = np.flatnonzero(self.sun @ normals > 0)
        sampled = turned[::SHADOW_STEP]
        origins = places.take(sampled, axis=1) + SHADOW_OFFSET * normals.take(sampled, axis=1)
        shadowed = self.caster.any_hit(np.ascontiguousarray(origins.T), self.sun)
        sunlit = np.zeros(places.shape[1], dtype=np.float32)
        sunlit[turned] = np.repeat(~shadowed, SHADOW_STEP)[:len(turned)]
        return sunlit
