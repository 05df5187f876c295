"""Bird's-eye view of a scene: metric grid, field of view, boxes and headings."""
from dataclasses import dataclass
from typing import Optional, Tuple

import numpy as np

from ..structures.angles import heading_direction
from ..structures.boxes import corners_3d
from ..structures.object_table import DONT_CARE, ObjectTable
from .boxes_on_image import NEAR_PLANE
from .colors import GROUND_TRUTH_COLOR, class_color, to_bgr
from .primitives import blend_polygon, draw_polygon, draw_segments, draw_text

GRID_STEP = 10  # metres
DEPTH_RANGE = (40, 80)  # metres; smallest and largest depth of BirdsEyeView.fitting
_BACKGROUND, _IN_VIEW = '#12161c', '#ffffff'
_GRID, _TEXT = '#333c47', '#9aa7b5'
_IN_VIEW_OPACITY, _BOX_OPACITY = 0.06, 0.3
# Line widths in pixels. Predictions are drawn on top of the ground truth, with thinner lines.
_GROUND_TRUTH_WIDTH, _PREDICTION_WIDTH = 3, 2
_HEADING_TICK = 1.0  # metres from the front face to the end of the heading line
_REAR = 2.  # metres shown behind the camera
_FIT_MARGIN = 3.  # metres between the map's edge and the locations that it is fitted to
_FRONT_BOTTOM = (0, 1)  # corners of the front face on the ground, as numbered by corners_3d


@dataclass(frozen=True)
class BirdsEyeView:
    """Map section and scale of a bird's-eye view.

    The map shows the x-z plane of the camera frame, with z (forward) pointing up.

    Attributes:
        depth: metres shown ahead of the camera.
        half_width: metres shown to the left and to the right of the camera.
        pixels_per_metre: scale.

    Example:
        >>> view = BirdsEyeView(depth=70., half_width=25., pixels_per_metre=10.)
        >>> view.image_size
        (720, 500)
        >>> view.to_pixels((5., 20.)).tolist()
        [300.0, 500.0]
    """
    depth: float = 70.
    half_width: float = 25.
    pixels_per_metre: float = 7.5

    @classmethod
    def fitting(cls, locations: np.ndarray, height: int, width: int) -> 'BirdsEyeView':
        """Return the view of least depth that contains all locations.

        Depths are multiples of the grid step within ``DEPTH_RANGE``. Locations beyond the
        largest depth are not contained.

        Args:
            locations: (N, 3) camera frame, metres.
            height, width: image size of the view, pixels.

        Example:
            >>> BirdsEyeView.fitting(np.array([[0., 1.6, 55.]]), 420, 400).depth
            60.0
        """
        for depth in range(DEPTH_RANGE[0], DEPTH_RANGE[1] + 1, GRID_STEP):
            view = cls.of_depth(depth, height, width)
            if view.shows(locations, _FIT_MARGIN).all():
                break
        return view

    @classmethod
    def of_depth(cls, depth: float, height: int, width: int) -> 'BirdsEyeView':
        """Return the view of a given depth.

        Args:
            depth: metres shown ahead of the camera.
            height, width: image size of the view, pixels.

        Example:
            >>> BirdsEyeView.of_depth(60., 420, 400).image_size
            (420, 400)
        """
        scale = height / (depth + _REAR)
        return cls(float(depth), width / (2 * scale), scale)

    @property
    def image_size(self) -> Tuple[int, int]:
        """Height and width of the map, pixels."""
        return (round((self.depth + _REAR) * self.pixels_per_metre),
                round(2 * self.half_width * self.pixels_per_metre))

    def to_pixels(self, points_xz: np.ndarray) -> np.ndarray:
        """Convert points of the ground plane to pixels of the map.

        Args:
            points_xz: (..., 2) x (right) and z (forward), camera frame, metres.

        Returns:
            (..., 2) pixels (x, y).
        """
        x, z = np.moveaxis(np.asarray(points_xz, dtype=np.float64), -1, 0)
        return np.stack([x + self.half_width, self.depth - z], axis=-1) * self.pixels_per_metre

    def shows(self, locations: np.ndarray, margin: float = 0.) -> np.ndarray:
        """Return which locations lie on the map.

        Args:
            locations: (N, 3) camera frame, metres.
            margin: least distance to the left, right and far edge of the map, metres.

        Returns:
            (N,) bool.
        """
        x, z = locations[:, 0], locations[:, 2]
        return ((np.abs(x) <= self.half_width - margin) & (z <= self.depth - margin)
                & (z >= -_REAR))


def draw_birds_eye_view(ground_truth: Optional[ObjectTable],
                        predictions: Optional[ObjectTable], P2: np.ndarray,
                        image_width: int, view: BirdsEyeView = BirdsEyeView()) -> np.ndarray:
    """Draw ground truth as green outlines and predictions tinted by class, seen from above.

    DontCare regions are not drawn. The number of objects outside of the map is written at the
    top left.

    Args:
        ground_truth: annotated objects in the camera frame, or None.
        predictions: predicted objects in the camera frame, or None.
        P2: (3, 4) projection from the camera frame (metres) to pixels of the camera image.
        image_width: width of the camera image, pixels; bounds the field of view.
        view: section and scale of the map.

    Returns:
        (*view.image_size, 3) uint8, BGR.

    Example:
        >>> P2 = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> row = [0, 0, 0, 0, 0, 9, 9, 1.5, 1.6, 4., 5., 1.6, 20., 0]
        >>> car = ObjectTable.from_table(['Car'], np.array([row]))
        >>> draw_birds_eye_view(car, None, P2, image_width=1200).shape
        (540, 375, 3)
    """
    height, width = view.image_size
    image = np.full((height, width, 3), to_bgr(_BACKGROUND), dtype=np.uint8)
    _draw_field_of_view(image, P2, image_width, view)
    _draw_grid(image, view)
    outside = 0
    for objects, color in ((ground_truth, GROUND_TRUTH_COLOR), (predictions, None)):
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
    """Lighten the part of the plane y = 0 that is in the camera's field of view."""
    reach = view.depth + 1.  # metres; beyond the map's far edge

    def sight(column: float, z: float) -> Tuple[float, float]:
        """Return (x, z) of the point at depth ``z`` that projects to an image column."""
        x = (column * (z + P2[2, 3]) - P2[0, 2] * z - P2[0, 3]) / P2[0, 0]
        return x, z

    wedge = view.to_pixels(np.array([
        sight(0, NEAR_PLANE), sight(0, reach), sight(image_width, reach),
        sight(image_width, NEAR_PLANE)]))
    blend_polygon(image, wedge, _IN_VIEW, _IN_VIEW_OPACITY)
    draw_segments(image, wedge[[[0, 1], [3, 2]]], _GRID)


def _draw_grid(image: np.ndarray, view: BirdsEyeView) -> None:
    """Draw grid lines every ``GRID_STEP`` metres, with depths at the left edge."""
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
    """Draw footprints, each with a line along its heading.

    With a ``color`` boxes are outlines in that colour; without, they are tinted by class.
    """
    footprints = corners_3d(objects)[:, :4, [0, 2]]
    headings = heading_direction(objects.rotations_y)[:, [0, 2]]
    for name, footprint, heading in zip(objects.names, footprints, headings):
        outline = view.to_pixels(footprint)
        line_width = _PREDICTION_WIDTH if color is None else _GROUND_TRUTH_WIDTH
        box_color = color or class_color(str(name))
        if color is None:
            blend_polygon(image, outline, box_color, _BOX_OPACITY)
        draw_polygon(image, outline, box_color, line_width)
        front = footprint[list(_FRONT_BOTTOM)].mean(axis=0)
        tick = view.to_pixels(np.array([footprint.mean(axis=0),
                                        front + _HEADING_TICK * heading]))
        draw_segments(image, tick[None], box_color, line_width)
