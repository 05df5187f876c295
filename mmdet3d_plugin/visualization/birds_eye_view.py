"""The scene from above: metric grid, camera field of view, boxes and headings."""
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from ..structures.boxes import corners_3d
from ..structures.object_table import DONT_CARE, ObjectTable
from .boxes import NEAR_PLANE
from .colors import class_color, ground_truth_color, to_bgr
from .drawing import blend_polygon, draw_polygon, draw_segments, draw_text

GRID_STEP = 10  # metres
DEPTH_RANGE = (40, 80)  # metres, of the views that fit a scene
_BACKGROUND, _IN_VIEW = '#12161c', '#ffffff'
_GRID, _TEXT = '#333c47', '#9aa7b5'
_IN_VIEW_OPACITY, _BOX_OPACITY = 0.06, 0.3
_LABEL_WIDTH, _PREDICTION_WIDTH = 3, 2  # pixels; predictions lie on labels
_HEADING_TICK = 1.0  # metres that the heading reaches beyond the front face
_REAR = 2.  # metres shown behind the camera
_FIT_MARGIN = 3.  # metres from a centre to the edge of a map that fits a scene
_FRONT_BOTTOM = (0, 1)  # corners of the front face on the ground


@dataclass(frozen=True)
class BirdsEyeView:
    """A map of the camera frame's x-z plane, forward pointing up.

    Attributes:
        depth: metres shown ahead of the camera.
        half_width: metres shown to either side.
        pixels_per_metre: scale.
    """
    depth: float = 70.
    half_width: float = 25.
    pixels_per_metre: float = 7.5

    @classmethod
    def fitting(cls, locations: np.ndarray, height: int, width: int) -> 'BirdsEyeView':
        """The closest view, in grid steps, of ``height`` x ``width`` pixels that holds
        all (N, 3) camera-frame locations, metres, as far as ``DEPTH_RANGE`` allows."""
        for depth in range(DEPTH_RANGE[0], DEPTH_RANGE[1] + 1, GRID_STEP):
            scale = height / (depth + _REAR)
            view = cls(float(depth), width / (2 * scale), scale)
            if view.shows(locations, _FIT_MARGIN).all():
                break
        return view

    @property
    def image_size(self) -> Tuple[int, int]:
        """Height and width of the image, pixels."""
        return (round((self.depth + _REAR) * self.pixels_per_metre),
                round(2 * self.half_width * self.pixels_per_metre))

    def to_pixels(self, points_xz: np.ndarray) -> np.ndarray:
        """(..., 2) points (x right, z forward), metres, to (..., 2) pixels (x, y)."""
        x, z = np.moveaxis(np.asarray(points_xz, dtype=np.float64), -1, 0)
        return np.stack([x + self.half_width, self.depth - z], axis=-1) * self.pixels_per_metre

    def shows(self, locations: np.ndarray, margin: float = 0.) -> np.ndarray:
        """(N,) bool, which of (N, 3) camera-frame locations, metres, lie on the map
        and, ahead and sideways, ``margin`` metres from its edge."""
        x, z = locations[:, 0], locations[:, 2]
        return ((np.abs(x) <= self.half_width - margin) & (z <= self.depth - margin)
                & (z >= -_REAR))


def draw_birds_eye_view(ground_truth: Optional[ObjectTable],
                        predictions: Optional[ObjectTable], P2: np.ndarray,
                        image_width: int, view: BirdsEyeView = BirdsEyeView()) -> np.ndarray:
    """Draws labels as green outlines and predictions tinted by class, from above.

    Args:
        P2: (3, 4) projection to pixels of the camera image.
        image_width: of the camera image, pixels; bounds the field of view.

    Returns:
        (*view.image_size, 3) uint8, BGR.
    """
    height, width = view.image_size
    image = np.full((height, width, 3), to_bgr(_BACKGROUND), dtype=np.uint8)
    _draw_field_of_view(image, P2, image_width, view)
    _draw_grid(image, view)
    outside = 0
    for objects, color in ((ground_truth, ground_truth_color), (predictions, None)):
        if objects is None:
            continue
        objects = objects[objects.names != DONT_CARE]
        shown = view.shows(objects.locations)
        outside += int((~shown).sum())
        _draw_objects(image, objects[shown], view, color)
    if outside:
        letter = _letter_height(view)
        draw_text(image, f'{outside} beyond the map', (letter, 2 * letter), _TEXT, letter)
    return image


def _letter_height(view: BirdsEyeView) -> float:
    return max(8., view.image_size[0] / 50)


def _draw_field_of_view(image: np.ndarray, P2: np.ndarray, image_width: int,
                        view: BirdsEyeView) -> None:
    """Lightens what the camera sees of the plane at its own height (y = 0)."""
    reach = view.depth + 1.  # just past the map's far edge

    def sight(column: float, z: float) -> Tuple[float, float]:
        x = (column * (z + P2[2, 3]) - P2[0, 2] * z - P2[0, 3]) / P2[0, 0]
        return x, z

    wedge = view.to_pixels(np.array([
        sight(0, NEAR_PLANE), sight(0, reach), sight(image_width, reach),
        sight(image_width, NEAR_PLANE)]))
    blend_polygon(image, wedge, _IN_VIEW, _IN_VIEW_OPACITY)
    draw_segments(image, wedge[[[0, 1], [3, 2]]], _GRID)


def _draw_grid(image: np.ndarray, view: BirdsEyeView) -> None:
    """Lines each ``GRID_STEP`` metres, depths written at the left edge."""
    reach = view.half_width
    depths = np.arange(0, view.depth, GRID_STEP)
    sides = np.arange(-(reach // GRID_STEP), reach // GRID_STEP + 1) * GRID_STEP
    lines = [[(-reach, z), (reach, z)] for z in depths]
    lines += [[(x, -_REAR), (x, view.depth)] for x in sides]
    draw_segments(image, view.to_pixels(np.array(lines)), _GRID)
    letter = _letter_height(view)
    for z in depths[1:]:
        _, y = view.to_pixels((0., z))
        draw_text(image, f'{z:g} m', (letter / 2, y - letter / 2), _TEXT, letter)


def _draw_objects(image: np.ndarray, objects: ObjectTable, view: BirdsEyeView,
                  color: Optional[str]) -> None:
    """Footprints with a tick along the heading; tinted unless ``color`` is given."""
    footprints = corners_3d(objects)[:, :4, [0, 2]]
    headings = np.stack([np.cos(objects.rotations_y), -np.sin(objects.rotations_y)], axis=-1)
    for name, footprint, heading in zip(objects.names, footprints, headings):
        outline = view.to_pixels(footprint)
        line_width = _PREDICTION_WIDTH if color is None else _LABEL_WIDTH
        box_color = color or class_color(str(name))
        if color is None:
            blend_polygon(image, outline, box_color, _BOX_OPACITY)
        draw_polygon(image, outline, box_color, line_width)
        front = footprint[list(_FRONT_BOTTOM)].mean(axis=0)
        tick = view.to_pixels(np.array([footprint.mean(axis=0),
                                        front + _HEADING_TICK * heading]))
        draw_segments(image, tick[None], box_color, line_width)
