"""Coloured triangle meshes and the few shapes that everything is built from.

Meshes live in an object frame: x forward, y down (as in KITTI's camera frame)
and z sideways, metres; the ground under the object is y = 0.
"""
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from typing import Optional, Sequence, Tuple

import numpy as np
import trimesh

Colour = Sequence[float]


class Material(IntEnum):
    """How a face answers to light; see :mod:`.shading`."""
    MATTE = 0
    PAINT = 1
    GLASS = 2
    LIGHT = 3
    WALL = 4
    FOLIAGE = 5
    GROUND = 6


@dataclass
class Mesh:
    """Triangles with one colour and one material each.

    Attributes:
        vertices: (V, 3) float, metres.
        faces: (F, 3) int, indices of vertices.
        colours: (F, 3) float, red, green, blue reflectance, 0-1.
        materials: (F,) uint8, :class:`Material` values.
    """
    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    materials: np.ndarray

    def moved(self, rotation: np.ndarray, translation: Sequence[float]) -> 'Mesh':
        """The mesh after ``rotation`` (3, 3) and then ``translation`` (3,)."""
        return replace(self, vertices=self.vertices @ np.asarray(rotation).T + translation)

    def scaled_to(self, size_hwl: Sequence[float]) -> 'Mesh':
        """Stretched to be exactly ``size_hwl`` metres, standing centred on y = 0."""
        height, width, length = size_hwl
        low, high = self.vertices.min(0), self.vertices.max(0)
        target_low = np.array([-length / 2, -height, -width / 2])
        scale = np.array([length, height, width]) / (high - low)
        return replace(self, vertices=(self.vertices - low) * scale + target_low)


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of all, faces in the order of ``meshes``."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]),
        colours=np.concatenate([mesh.colours for mesh in meshes]),
        materials=np.concatenate([mesh.materials for mesh in meshes]))


def coloured(vertices: np.ndarray, faces: np.ndarray, colour: Colour,
             material: Material = Material.MATTE) -> Mesh:
    """A mesh of one colour and material."""
    faces = np.asarray(faces)
    colours = np.empty((len(faces), 3), dtype=np.float32)
    colours[:] = colour
    return Mesh(np.asarray(vertices, dtype=np.float64), faces, colours,
                np.full(len(faces), int(material), dtype=np.uint8))


@lru_cache(maxsize=None)
def _unit_shape(name: str, detail: int) -> Tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of a shape of trimesh: cylinders have radius 1 and run
    from z = 0 to z = 1, boxes and spheres are centred and of extent 2."""
    if name == 'cylinder':
        shape = trimesh.creation.cylinder(radius=1., height=1., sections=detail)
        return shape.vertices + [0., 0., .5], np.array(shape.faces)
    if name == 'box':
        shape = trimesh.creation.box(extents=(2., 2., 2.))
    elif name == 'ring':
        shape = trimesh.creation.annulus(r_min=.88, r_max=1., height=.08, sections=detail)
    else:
        shape = trimesh.creation.icosphere(subdivisions=detail, radius=1.)
    return np.array(shape.vertices), np.array(shape.faces)


def box(low: Sequence[float], high: Sequence[float], colour: Colour,
        material: Material = Material.MATTE) -> Mesh:
    """An axis-parallel box between two corners."""
    vertices, faces = _unit_shape('box', 0)
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return coloured((low + high) / 2 + vertices * (high - low) / 2, faces, colour, material)


def ball(centre: Sequence[float], radii: Sequence[float], colour: Colour,
         material: Material = Material.MATTE, detail: int = 1) -> Mesh:
    """An ellipsoid with axis-parallel radii (x, y, z)."""
    vertices, faces = _unit_shape('ball', detail)
    return coloured(np.asarray(centre) + vertices * np.asarray(radii), faces, colour, material)


def ring(centre: Sequence[float], radius: float, colour: Colour) -> Mesh:
    """A thin upright tyre in the plane of x and y."""
    vertices, faces = _unit_shape('ring', 20)
    return coloured(np.asarray(centre) + vertices * radius, faces, colour)


def _cross(a: Sequence[float], b: Sequence[float]) -> np.ndarray:
    """np.cross of two vectors, at a tenth of its time."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                     a[0] * b[1] - a[1] * b[0]])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt(vector @ vector)


def limb(start: Sequence[float], end: Sequence[float], start_radius: float, colour: Colour,
         end_radius: Optional[float] = None, sections: int = 6,
         material: Material = Material.MATTE) -> Mesh:
    """A round bar from ``start`` to ``end``, tapering to ``end_radius``."""
    vertices, faces = _unit_shape('cylinder', sections)
    start, axis = np.asarray(start, dtype=np.float64), np.subtract(end, start)
    side = _cross(axis, (0., 0., 1.) if abs(axis[2]) < abs(axis[0]) + abs(axis[1])
                  else (1., 0., 0.))
    frame = np.array([_unit(side), _unit(_cross(axis, side))])
    along = vertices[:, 2:]
    radii = start_radius + along * ((start_radius if end_radius is None else end_radius)
                                    - start_radius)
    return coloured(start + along * axis + (vertices[:, :2] * radii) @ frame, faces,
                    colour, material)


def polygon(corners: np.ndarray, colour: Colour, material: Material = Material.MATTE) -> Mesh:
    """A filled outline of (N, 3) corners, star-shaped around its mean."""
    corners = np.asarray(corners, dtype=np.float64)
    count = len(corners)
    faces = np.full((count, 3), count)
    faces[:, 0] = np.arange(count)
    faces[:, 1] = np.arange(1, count + 1) % count
    return coloured(np.vstack([corners, corners.mean(0)]), faces, colour, material)


def patches(quad: np.ndarray, across: np.ndarray, along: np.ndarray, colour: Colour,
            material: Material = Material.MATTE, lift: float = .008) -> Mesh:
    """N rectangles pasted on a quad, such as the windows on a wall.

    Args:
        quad: (4, 3) corners: start left, start right, end right, end left.
        across: (N, 2) extents from left (0) to right (1).
        along: (N, 2) extents from the start (0) to the end (1) edge.
        lift: metres off the quad, on both of its faces.
    """
    start_left, start_right, end_right, end_left = np.asarray(quad, dtype=np.float64)
    u = np.asarray(across)[:, [0, 1, 1, 0], None]
    v = np.asarray(along)[:, [0, 0, 1, 1], None]
    start = start_left + u * (start_right - start_left)
    corners = start + v * (end_left + u * (end_right - end_left) - start)  # (N, 4, 3)
    a, b = end_right - start_left, end_left - start_right  # the diagonals
    shift = lift * _unit(_cross(a, b))
    vertices = np.concatenate([corners + shift, corners - shift]).reshape(-1, 3)
    firsts = 4 * np.arange(2 * len(corners))[:, None, None]
    faces = (firsts + [[0, 1, 2], [0, 2, 3]]).reshape(-1, 3)
    return coloured(vertices, faces, colour, material)


def patch(quad: np.ndarray, across: Tuple[float, float], along: Tuple[float, float],
          colour: Colour, material: Material = Material.MATTE, lift: float = .008) -> Mesh:
    """One rectangle of :func:`patches`."""
    return patches(quad, np.array([across]), np.array([along]), colour, material, lift)


def extruded(outline: np.ndarray, half_widths: np.ndarray, colour: Colour,
             material: Material = Material.MATTE) -> Mesh:
    """A side view with a width: two outlines at +z and -z, joined by quads.

    Args:
        outline: (N, 2) forward and upward coordinates, star-shaped around its mean.
        half_widths: (N,) half of the width at each point of the outline.
    """
    sides = [side_points(outline, sign * half_widths) for sign in (-1, 1)]
    count = len(outline)
    here = np.arange(count)
    there = (here + 1) % count
    rim = np.concatenate([np.stack([here, there, there + count], axis=1),
                          np.stack([here, there + count, here + count], axis=1)])
    return merge([polygon(side, colour, material) for side in sides]
                 + [coloured(np.vstack(sides), rim, colour, material)])


def side_points(outline: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(N, 3) points of a side view (forward, upward) at sideways positions ``z``."""
    points = np.empty((len(outline), 3))
    points[:, :2] = outline * np.array([1., -1.])
    points[:, 2] = z
    return points
