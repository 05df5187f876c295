"""Panel of a clip that shows how movable objects are treated in training (Dong et al., 2024).

Legend: H x W pixels, n instances. Frames are named by their offset from the target frame in time.
"""
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Tuple

import cv2
import numpy as np

from ..benchmarks.depth.map_errors import DepthProtocol
from ..benchmarks.metric_style import format_value
from .color_scales import UNKNOWN_COLOR, disparity_scale, error_scale
from .colors import ACCENT_COLOR, PANEL_BACKGROUND, to_bgr
from .depth_maps import RELATIVE_LIMIT, depth_picture, error_picture
from .panel_header import panel_header
from .tiles import LETTER, WIDTH, Tile, tile_grid, tile_size

# Colours of the sources of a distilled depth, in the order of their labels 0, 1 and 2.
CHOICE_COLORS = {'teacher': '#5b3fb5', 'average': '#2fb08c', 'student': '#f4e04d'}
MOVING_COLOR, STATIC_COLOR = '#ff9a1f', '#35b6ff'
MOVING_GATE = .5  # instances count as moving from this gate on
_DISPARITY_PERCENTILE = 95  # of true or, without them, predicted disparities; end of the scale
_LINE = 2  # pixels in the panel
_ARROW_TIP = .3  # as a share of the arrow's length
_SHORT = 1.  # pixels in the panel; shorter displacements are drawn as a dot


@dataclass
class MotionHints:
    """Images, depths and decisions of one clip, at the size of the network input.

    Attributes:
        target: (H, W, 3) uint8, BGR, the target frame.
        sources: neighbouring frame (H, W, 3) by offset, such as -1 and 1.
        teacher_depth: (H, W), metres.
        student_depth: (H, W), metres; None for a single-frame model.
        warps: each neighbouring frame warped to the target, (H, W, 3).
        shifted: the same with moving objects in the place of the target (the S images);
            empty without temporal hint.
        choice: (H, W) int, source of each pixel's distilled depth: 0 teacher, 1 average,
            2 student, other values where there is none; None without distillation.
        instances: (n, H, W) bool, instances of the target.
        displacements: (n, 2) half of the way (u, v) of each instance from the earlier to the
            later warped frame, pixels.
        gate: (n,) 1 for moving to 0 for static instances; None without gate.
    """
    target: np.ndarray
    sources: Dict[int, np.ndarray]
    teacher_depth: np.ndarray
    student_depth: Optional[np.ndarray] = None
    warps: Dict[int, np.ndarray] = field(default_factory=dict)
    shifted: Dict[int, np.ndarray] = field(default_factory=dict)
    choice: Optional[np.ndarray] = None
    instances: Optional[np.ndarray] = None
    displacements: Optional[np.ndarray] = None
    gate: Optional[np.ndarray] = None


def motion_hint_panel(hints: MotionHints, truth: Optional[np.ndarray] = None, title: str = '',
                      protocol: Optional[DepthProtocol] = None,
                      width: int = WIDTH) -> np.ndarray:
    """Draw the panel of a clip, with the frames from left to right in time.

    The rows are:

    - the frames;
    - the warped neighbours beside the instances of the target;
    - the S images beside the source of the distilled depth;
    - the disparities of teacher, student and ground truth on one scale;
    - the relative depth errors on the instances.

    Rows without content are left out. With ground truth, both networks are scaled as the
    protocol says, and the title ends with AbsRel on the instances.

    Args:
        hints: content of the panel.
        truth: (H, W) true depth at the size of the target, metres, 0 where unknown.
        title: text at the left of the header.
        protocol: evaluated pixels and scaling of predictions; by default with median scaling,
            because depth from video has no scale.
        width: width of the panel, pixels.

    Returns:
        uint8 BGR image, ``width`` pixels wide.

    Example:
        >>> image, depth = np.zeros((32, 96, 3), np.uint8), np.full((32, 96), 9.)
        >>> car = np.zeros((1, 32, 96), bool)
        >>> car[:, 10:20, 30:50] = True
        >>> hints = MotionHints(image, {-1: image, 1: image}, depth, depth,
        ...                     warps={-1: image, 1: image}, instances=car,
        ...                     displacements=np.array([[6, 0]]), gate=np.ones(1))
        >>> motion_hint_panel(hints, truth=depth).shape
        (1107, 1860, 3)
    """
    protocol = protocol or DepthProtocol(median_scaling=True)
    if truth is not None and not protocol.valid(truth).any():
        truth = None
    depths = {'Teacher': hints.teacher_depth, 'Student': hints.student_depth}
    depths = {name: depth for name, depth in depths.items() if depth is not None}
    if truth is not None:
        depths = {name: protocol.scaled(truth, depth) for name, depth in depths.items()}
    offsets = sorted([0, *hints.sources])
    columns = len(offsets)
    instances = choice = None
    errors: List[Optional[Tile]] = []
    if hints.instances is not None:
        instances = _instance_tile(hints, columns, width)
        if truth is not None:
            errors, figures = _errors(depths, truth, hints.instances, protocol)
            title += figures
    if hints.choice is not None:
        size = tile_size(hints.choice.shape, columns, width)
        choice = Tile(cv2.resize(choice_picture(hints.choice), size,
                                 interpolation=cv2.INTER_NEAREST),
                      'Source of the distilled depth', legend=CHOICE_COLORS)
    rows = [_row(offsets, hints.sources, 'Frame {:+d}', Tile(hints.target, 'Target frame')),
            _row(offsets, hints.warps, 'Frame {:+d}, warped', instances),
            _row(offsets, hints.shifted, 'Frame {:+d}, objects moved (S)', choice),
            _disparities(depths, truth), errors]
    tiles: List[Optional[Tile]] = []
    for row in rows:
        if any(tile is not None for tile in row):
            tiles += row + [None] * (-len(row) % columns)
    return np.vstack([panel_header(width, 3 * LETTER, title, {}),
                      tile_grid(tiles, width, columns)])


def choice_picture(choice: np.ndarray) -> np.ndarray:
    """Draw the source of each pixel's distilled depth.

    Args:
        choice: (H, W) int, indices of ``CHOICE_COLORS``; other values are grey.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> choice_picture(np.array([[0, 2, -1]])).shape
        (1, 3, 3)
    """
    picture = np.full((*choice.shape, 3), to_bgr(UNKNOWN_COLOR), dtype=np.uint8)
    for index, color in enumerate(CHOICE_COLORS.values()):
        picture[choice == index] = to_bgr(color)
    return picture


def draw_instances(image: np.ndarray, hints: MotionHints) -> np.ndarray:
    """Draw outlines of instances in the colour of the gate's decision, and displacements.

    An arrow leads from the place of an instance in the earlier warped frame to its place in the
    later one. It is centred on the instance.

    Args:
        image: (h, w, 3) uint8, BGR, target frame at any size; not changed.
        hints: instances, displacements and gate.

    Returns:
        (h, w, 3) uint8, BGR.

    Example:
        >>> image = np.zeros((20, 40, 3), np.uint8)
        >>> masks = np.zeros((1, 20, 40), bool)
        >>> masks[0, 5:15, 10:30] = True
        >>> drawn = draw_instances(image, MotionHints(
        ...     image, {}, np.ones((20, 40)), instances=masks, gate=np.zeros(1)))
        >>> tuple(drawn[5, 20].tolist()) == to_bgr(STATIC_COLOR)
        True
    """
    canvas = image.copy()
    height, width = image.shape[:2]
    assert hints.instances is not None
    for index, mask in enumerate(hints.instances):
        if not mask.any():
            continue
        color = to_bgr(_gate_color(hints, index))
        scaled = cv2.resize(mask.astype(np.uint8), (width, height),
                            interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(scaled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, outlines, -1, color, _LINE)
        if hints.displacements is not None:
            scale = np.array([width / mask.shape[1], height / mask.shape[0]])
            rows, columns = np.nonzero(mask)
            center = (np.array([columns.mean(), rows.mean()]) + .5) * scale
            _draw_arrow(canvas, center, hints.displacements[index] * scale, color)
    return canvas


def _gate_color(hints: MotionHints, index: int) -> str:
    if hints.gate is None:
        return ACCENT_COLOR
    return MOVING_COLOR if hints.gate[index] >= MOVING_GATE else STATIC_COLOR


def _draw_arrow(canvas: np.ndarray, center: np.ndarray, half: np.ndarray,
                color: Tuple[int, int, int]) -> None:
    """Draw an arrow of twice the length ``half`` around a centre, pixels."""
    ends = [tuple(int(value) for value in np.rint(point))
            for point in (center - half, center + half)]
    if np.hypot(*half) < _SHORT:
        cv2.circle(canvas, ends[0], _LINE, color, -1, cv2.LINE_AA)
        return
    for line_color, thickness in ((to_bgr(PANEL_BACKGROUND), 2 * _LINE), (color, _LINE)):
        cv2.arrowedLine(canvas, *ends, line_color, thickness, cv2.LINE_AA, tipLength=_ARROW_TIP)


def _row(offsets: List[int], pictures: Dict[int, np.ndarray], name: str,
         middle: Optional[Tile]) -> List[Optional[Tile]]:
    """Return one tile per frame in the order of time; ``middle`` is that of the target."""
    return [middle if offset == 0 else
            Tile(pictures[offset], name.format(offset)) if offset in pictures else None
            for offset in offsets]


def _instance_tile(hints: MotionHints, columns: int, width: int) -> Tile:
    """Return the target with its instances, drawn at the size of the tile."""
    size = tile_size(hints.target.shape, columns, width)
    legend = {'moving': MOVING_COLOR, 'static': STATIC_COLOR}
    if hints.gate is None:
        legend = {'not tested for motion': ACCENT_COLOR}
    picture = draw_instances(cv2.resize(hints.target, size, interpolation=cv2.INTER_AREA), hints)
    assert hints.instances is not None
    count = int(hints.instances.any(axis=(1, 2)).sum())
    return Tile(picture, f'{count} instances', legend=legend)


def _disparities(depths: Dict[str, np.ndarray],
                 truth: Optional[np.ndarray]) -> List[Optional[Tile]]:
    """Return the disparity of each network and of the ground truth, on one scale."""
    maps = dict(depths) if truth is None else {**depths, 'Ground truth': truth}
    maps = {name: np.divide(1., depth, where=depth > 0, out=np.zeros(depth.shape))
            for name, depth in maps.items()}
    shown = [maps['Ground truth']] if truth is not None else list(maps.values())
    high = np.percentile(np.stack(shown), _DISPARITY_PERCENTILE)
    scale = disparity_scale(float(high) or 1.)
    return [Tile(depth_picture(disparity, scale), f'{name} (1/m)', scale)
            for name, disparity in maps.items()]


def _errors(depths: Dict[str, np.ndarray], truth: np.ndarray, instances: np.ndarray,
            protocol: DepthProtocol) -> Tuple[List[Optional[Tile]], str]:
    """Return the relative error on the instances, one tile per network, and AbsRel as text."""
    counted = protocol.valid(truth) & instances.any(axis=0)
    if not counted.any():
        return [], ''
    scale = error_scale(RELATIVE_LIMIT)
    tiles: List[Optional[Tile]] = []
    figures: List[str] = []
    for name, depth in depths.items():
        errors = protocol.signed_errors(truth, depth) / np.where(counted, truth, 1)
        errors = np.where(counted, 100 * errors, np.nan)
        tiles.append(Tile(error_picture(errors, scale), f'{name} error (%)', scale))
        figures.append(f'{name.lower()} {format_value(np.nanmean(np.abs(errors)) / 100, 3)}')
    return tiles, f'   AbsRel on objects: {", ".join(figures)}'
