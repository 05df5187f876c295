"""Coloured triangle meshes and basic shapes.

Meshes of objects are in an object frame: x forward, y down (as in KITTI's camera frame) and z
sideways, metres. The ground under the object is y = 0.
"""
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from typing import Optional, Sequence, Tuple

import numpy as np
import trimesh

Colour = Sequence[float]


class Material(IntEnum):
    """Material of a face; its appearance is defined in :mod:`.shading`."""
    MATTE = 0
    PAINT = 1
    GLASS = 2
    LIGHT = 3
    WALL = 4
    FOLIAGE = 5
    GROUND = 6


@dataclass
class Mesh:
    """Triangles with one colour and one material per face.

    Attributes:
        vertices: (V, 3) float, metres.
        faces: (F, 3) int, indices of vertices.
        colours: (F, 3) float, reflectance 0-1, RGB.
        materials: (F,) uint8, :class:`Material` values.
    """
    vertices: np.ndarray
    faces: np.ndarray
    colours: np.ndarray
    materials: np.ndarray

    def moved(self, rotation: np.ndarray, translation: Sequence[float]) -> 'Mesh':
        """Return the rotated and then translated mesh.

        Args:
            rotation: (3, 3) matrix for column vectors.
            translation: (3,) metres.
        """
        return replace(self, vertices=self.vertices @ np.asarray(rotation).T + translation)

    def scaled_to(self, size_hwl: Sequence[float]) -> 'Mesh':
        """Return the mesh stretched to a size, with the bottom centre at the origin.

        Args:
            size_hwl: height, width, length, metres.

        Example:
            >>> mesh = box((0, 0, 0), (1, 1, 1), (.5, .5, .5)).scaled_to((1.5, 1.6, 4.))
            >>> mesh.vertices.min(0).tolist(), mesh.vertices.max(0).tolist()
            ([-2.0, -1.5, -0.8], [2.0, 0.0, 0.8])
        """
        height, width, length = size_hwl
        low, high = self.vertices.min(0), self.vertices.max(0)
        target_low = np.array([-length / 2, -height, -width / 2])
        scale = np.array([length, height, width]) / (high - low)
        return replace(self, vertices=(self.vertices - low) * scale + target_low)


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """Join meshes to one; faces stay in order."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]),
        colours=np.concatenate([mesh.colours for mesh in meshes]),
        materials=np.concatenate([mesh.materials for mesh in meshes]))


def coloured(vertices: np.ndarray, faces: np.ndarray, colour: Colour,
             material: Material = Material.MATTE) -> Mesh:
    """Return a mesh of one colour and material.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) indices of vertices.
        colour: reflectance 0-1, RGB.
        material: material of all faces.
    """
    faces = np.asarray(faces)
    colours = np.empty((len(faces), 3), dtype=np.float32)
    colours[:] = colour
    return Mesh(np.asarray(vertices, dtype=np.float64), faces, colours,
                np.full(len(faces), int(material), dtype=np.uint8))


@cache
def _unit_shape(name: str, detail: int) -> Tuple[np.ndarray, np.ndarray]:
    """Return vertices and faces of a basic shape.

    Cylinders have radius 1 and extend from z = 0 to z = 1. Boxes and balls are centred at the
    origin and extend from -1 to 1 along each axis.
    """
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
    """Return an axis-parallel box.

    Args:
        low, high: (3,) smallest and largest coordinates, metres.
        colour: reflectance 0-1, RGB.
        material: material of all faces.
    """
    vertices, faces = _unit_shape('box', 0)
    lower, upper = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return coloured((lower + upper) / 2 + vertices * (upper - lower) / 2, faces, colour, material)


def ball(centre: Sequence[float], radii: Sequence[float], colour: Colour,
         material: Material = Material.MATTE, detail: int = 1) -> Mesh:
    """Return an ellipsoid.

    Args:
        centre: (3,) metres.
        radii: (3,) radii along x, y and z, metres.
        colour: reflectance 0-1, RGB.
        material: material of all faces.
        detail: number of subdivisions; each one has four times as many faces.
    """
    vertices, faces = _unit_shape('ball', detail)
    return coloured(np.asarray(centre) + vertices * np.asarray(radii), faces, colour, material)


def ring(centre: Sequence[float], radius: float, colour: Colour) -> Mesh:
    """Return a thin upright tyre in the x-y plane, with (3,) centre and radius in metres."""
    vertices, faces = _unit_shape('ring', 20)
    return coloured(np.asarray(centre) + vertices * radius, faces, colour)


def _cross(a: Sequence[float], b: Sequence[float]) -> np.ndarray:
    """Return the cross product of two (3,) vectors, ten times faster than np.cross."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                     a[0] * b[1] - a[1] * b[0]])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.sqrt(vector @ vector)


def limb(start: Sequence[float], end: Sequence[float], start_radius: float, colour: Colour,
         end_radius: Optional[float] = None, sections: int = 6,
         material: Material = Material.MATTE) -> Mesh:
    """Return a round bar, e.g. an arm or a pole.

    Args:
        start, end: (3,) ends of the axis, metres.
        start_radius: radius at ``start``, metres.
        colour: reflectance 0-1, RGB.
        end_radius: radius at ``end``, metres; by default ``start_radius``.
        sections: number of faces around the axis.
        material: material of all faces.
    """
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
    """Return a filled polygon.

    Args:
        corners: (N, 3) corners in order, star-shaped around their mean, metres.
        colour: reflectance 0-1, RGB.
        material: material of all faces.
    """
    corners = np.asarray(corners, dtype=np.float64)
    count = len(corners)
    faces = np.full((count, 3), count)
    faces[:, 0] = np.arange(count)
    faces[:, 1] = np.arange(1, count + 1) % count
    return coloured(np.vstack([corners, corners.mean(0)]), faces, colour, material)


def patches(quad: np.ndarray, across: np.ndarray, along: np.ndarray, colour: Colour,
            material: Material = Material.MATTE, lift: float = .008) -> Mesh:
    """Return N rectangles on both sides of a quad, such as windows on a wall.

    Args:
        quad: (4, 3) corners: start left, start right, end right, end left, metres.
        across: (N, 2) extents from the left (0) to the right (1) edge.
        along: (N, 2) extents from the start (0) to the end (1) edge.
        colour: reflectance 0-1, RGB.
        material: material of all faces.
        lift: distance to the quad, metres.
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
    """Return one rectangle on a quad; see :func:`patches`."""
    return patches(quad, np.array([across]), np.array([along]), colour, material, lift)


def extruded(outline: np.ndarray, half_widths: np.ndarray, colour: Colour,
             material: Material = Material.MATTE) -> Mesh:
    """Return a solid of a side view and a width: two outlines at +z and -z, joined by quads.

    Args:
        outline: (N, 2) forward and upward coordinates, star-shaped around their mean, metres.
        half_widths: (N,) half of the width at each point of the outline, metres.
        colour: reflectance 0-1, RGB.
        material: material of all faces.
    """
    sides = [side_points(outline, sign * half_widths) for sign in (-1, 1)]
    count = len(outline)
    index = np.arange(count)
    following = (index + 1) % count
    rim = np.concatenate([np.stack([index, following, following + count], axis=1),
                          np.stack([index, following + count, index + count], axis=1)])
    return merge([polygon(side, colour, material) for side in sides]
                 + [coloured(np.vstack(sides), rim, colour, material)])


def side_points(outline: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the 3D points of a side view.

    Args:
        outline: (N, 2) forward and upward coordinates, metres.
        z: (N,) or scalar sideways coordinates, metres.

    Returns:
        (N, 3) points in the object frame.
    """
    points = np.empty((len(outline), 3))
    points[:, :2] = outline * np.array([1., -1.])
    points[:, 2] = z
    return points
