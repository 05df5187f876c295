"""Check of 3D boxes against the 2D boxes of the same labels.

A conversion from another format often leaves labels that can be read but mean something else, such
as box centres in place of bottom centres. Such mistakes move the projected 3D box away from the 2D
box. The check compares the two on visible objects, by the median of their IoU:

- Ten real KITTI frames have a median of 0.97 and a smallest value of 0.81. Rendered frames have
  0.91 and 0.57: their 2D boxes enclose visible pixels, not corners. Broken conversions have
  medians of 0.00 to 0.72. Labels below :data:`GOOD_IOU`, between the two, are suspicious.
- Every known mistake is undone on suspicious labels. A mistake that explains them is named.
  Without an explanation, only labels below :data:`BAD_IOU` are a problem, because 2D boxes that
  are drawn loosely or cover the visible part alone have medians above it.
"""
from dataclasses import replace
from functools import partial
from itertools import permutations, product
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ...structures.boxes import corners_3d
from ..matching.image_overlaps import image_intersections
from .label_set import Finding, LabelSet
from .label_values import FULL_TURN

GOOD_IOU = .75
BAD_IOU = .5
GAIN = .15  # smallest gain of the median by undoing a mistake that explains it
COST = .03  # loss of the median that one mistake less is worth
LIDAR_IOU = .3  # explains labels in the LiDAR frame: the distance to the camera stays
STRAY_IOU = .3  # among good labels, single ones below it are noted
BEHIND = .05  # share of objects behind the camera that is a mistake of the whole set
MAX_TRIED = 1000  # objects on which mistakes are undone
MIN_FITTED = 5  # objects that are needed to estimate the size of another image
NEAR = .1  # metres; smallest depth of a corner of a visible object
AWAY = 'with a 3D box away from its 2D box'

Transform = Callable[[LabelSet], LabelSet]


class Mistake(NamedTuple):
    """A mistake of labels, or several.

    Attributes:
        text: what the labels look like.
        fix: how to correct them.
        undo: returns the corrected labels.
        count: number of mistakes.
        min_iou: smallest median after the correction.
    """
    text: str
    fix: str
    undo: Transform
    count: int = 1  # type: ignore[assignment]
    min_iou: float = GOOD_IOU


def projection_findings(labels: LabelSet) -> List[Finding]:
    """Return at most one finding: 3D boxes that do not belong to the 2D boxes.

    Args:
        labels: N objects.
    """
    visible = visible_objects(labels)
    if not visible.any():
        return []
    ious = projected_ious(_in_radians(labels))
    median = np.median(ious[visible])
    behind = visible & (labels.objects.locations[:, 2] <= 0)
    few_behind = behind.sum() <= BEHIND * visible.sum()
    if median >= GOOD_IOU and few_behind:
        return []
    chosen = visible & (ious < GOOD_IOU)
    what = f'{AWAY} (median IoU of visible objects: {median:.2f})'
    mistake = explain(_in_radians(labels)[visible])
    if mistake is not None:
        return [Finding(chosen, what, f'it looks like {mistake.text}; {mistake.fix}')]
    if not few_behind:
        return [Finding(behind, 'behind the camera', 'z points forward from the camera; correct '
                        'the sign of the depth or the coordinate frame')]
    if median < BAD_IOU:
        return [Finding(chosen, what, 'check that labels, calibration and image belong together; '
                        'locations are bottom centres in metres in the camera frame (x right, y '
                        'down, z forward), rotation_y in radians')]
    return []


def stray_objects(labels: LabelSet) -> List[Finding]:
    """Return the finding about single objects with a 3D box away from their 2D box, if any."""
    stray = visible_objects(labels) & (projected_ious(_in_radians(labels)) < STRAY_IOU)
    return [Finding(stray, AWAY, 'look at these labels')] if stray.any() else []


def visible_objects(labels: LabelSet) -> np.ndarray:
    """Return (N,) bool, objects with 2D and 3D boxes that can be compared.

    They are neither truncated nor occluded. If there are none, occluded objects are taken too,
    and then truncated ones: some exporters write neither.
    """
    objects = labels.objects
    whole = ((objects.sizes_hwl > 0).all(axis=1) & np.isfinite(labels.cameras).all(axis=(1, 2))
             & (objects.boxes_2d[:, 2:] > objects.boxes_2d[:, :2]).all(axis=1))
    for kind in ((objects.truncations <= 0) & (objects.occlusions <= 0), objects.truncations <= 0):
        if (whole & kind).any():
            return whole & kind
    return whole


def projected_ious(labels: LabelSet) -> np.ndarray:
    """Return the (N,) IoU of projected 3D boxes and 2D boxes, 0 for a box behind the camera.

    Args:
        labels: N objects.
    """
    projected = _projected_boxes(labels)
    limits = np.where(np.isfinite(labels.image_sizes), labels.image_sizes, np.inf)
    projected = projected.clip(0, np.tile(limits, (1, 2)))
    boxes = labels.objects.boxes_2d
    shared = image_intersections(projected, boxes)
    areas = sum(np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (projected, boxes))
    with np.errstate(divide='ignore', invalid='ignore'):
        return np.nan_to_num(shared / (areas - shared), nan=0., posinf=0., neginf=0.)


def explain(labels: LabelSet) -> Optional[Mistake]:
    """Return the mistake whose undoing moves 3D boxes to their 2D boxes, or None.

    Args:
        labels: visible objects.
    """
    labels = labels[np.unique(np.linspace(0, len(labels) - 1, MAX_TRIED).astype(int))]
    before = np.median(projected_ious(labels))
    best, best_value = None, before
    for mistake in [*_label_mistakes(), *_image_mistakes(labels)]:
        median = np.median(projected_ious(mistake.undo(labels)))
        value = median - COST * mistake.count
        if median >= max(mistake.min_iou, before + GAIN) and value > best_value:
            best, best_value = mistake, value
    return best


def _in_radians(labels: LabelSet) -> LabelSet:
    """Return labels with rotations in radians if most of them are in degrees.

    The check of values reports them.
    """
    angles = labels.objects.rotations_y
    if 2 * np.sum(np.abs(angles) > FULL_TURN) <= len(angles):
        return labels
    return _with(labels, rotations_y=np.radians(angles))


def _projected_boxes(labels: LabelSet) -> np.ndarray:
    """Return the (N, 4) boxes around projected corners, NaN if a corner is behind the camera."""
    corners = corners_3d(labels.objects)
    uvw = (np.einsum('nij,nkj->nki', labels.cameras[..., :3], corners)
           + labels.cameras[:, None, :, 3])
    with np.errstate(divide='ignore', invalid='ignore'):
        points = uvw[..., :2] / uvw[..., 2:]
    points[(uvw[..., 2] < NEAR).any(axis=1)] = np.nan
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def _with(labels: LabelSet, **columns: np.ndarray) -> LabelSet:
    """Return labels with other columns of the object table."""
    return replace(labels, objects=replace(labels.objects, **columns))


def _move(change: Callable[[np.ndarray], np.ndarray]) -> Transform:
    """Return the function that applies a change to the (N, 3) locations."""
    return lambda labels: _with(labels, locations=change(labels.objects.locations))


def _reorder(order: Tuple[str, ...]) -> Transform:
    """Return the function that brings sizes in a written order to height, width, length."""
    columns = [order.index(name) for name in SIZES]
    return lambda labels: _with(labels, sizes_hwl=labels.objects.sizes_hwl[:, columns])


def _lower_centres(labels: LabelSet) -> LabelSet:
    objects = labels.objects
    return _with(labels, locations=objects.locations + objects.sizes_hwl[:, :1] * (0, .5, 0))


def _turn_back(labels: LabelSet) -> LabelSet:
    return _with(labels, rotations_y=-labels.objects.rotations_y)


NONE = Mistake('', '', lambda labels: labels, count=0)
SIZES = ('height', 'width', 'length')
FRAMES = [
    NONE,
    Mistake('a negative depth', 'negate z', _move(lambda xyz: xyz * (1, 1, -1))),
    Mistake('locations with y up', 'negate y', _move(lambda xyz: xyz * (1, -1, 1))),
    Mistake('locations with y up and z backward', 'negate y and z',
            _move(lambda xyz: xyz * (1, -1, -1))),
    Mistake('locations in the LiDAR frame (x forward, y left, z up)',
            'transform them and rotation_y to the camera frame (x right, y down, z forward)',
            _move(lambda xyz: xyz[:, [1, 2, 0]] * (-1, -1, 1)), min_iou=LIDAR_IOU)]
ORDERS = [NONE] + [
    Mistake(f'sizes in the order {", ".join(order)}'
            + (' (or rotation_y a quarter turn off)' if order[0] == 'height' else ''),
            'write height, width, length', _reorder(order))
    for order in permutations(SIZES) if order != SIZES]
CENTRES = [NONE, Mistake('box centres in place of bottom centres', 'add half the height to y',
                         _lower_centres)]
TURNS = [NONE, Mistake('rotation_y that turns the other way', 'negate rotation_y', _turn_back)]


def _label_mistakes() -> Iterator[Mistake]:
    """Return all combinations of mistakes of location, size and angle."""
    for combination in product(FRAMES, ORDERS, CENTRES, TURNS):
        parts = [part for part in combination if part is not NONE]
        if parts:
            yield Mistake(
                ' and '.join(part.text for part in parts),
                ' and '.join(part.fix for part in parts),
                partial(_undo_all, parts), len(parts), min(part.min_iou for part in parts))


def _undo_all(parts: Sequence[Mistake], labels: LabelSet) -> LabelSet:
    for part in parts:
        labels = part.undo(labels)
    return labels


def _image_mistakes(labels: LabelSet) -> Iterator[Mistake]:
    """Return the mistakes of 2D boxes and calibrations."""
    yield Mistake('2D boxes as left, top, width, height', 'write left, top, right, bottom',
                  _from_width_and_height)
    boxes, projected = labels.objects.boxes_2d, _projected_boxes(labels)
    fitted = np.isfinite(projected).all(axis=1)
    if fitted.sum() < MIN_FITTED:
        return
    centres, written = (box[fitted].reshape(-1, 2, 2).mean(axis=1) for box in (projected, boxes))
    x, y = np.median(written / np.where(centres == 0, np.nan, centres), axis=0)
    left, top = np.median(written - centres, axis=0)
    if x > 0 and y > 0:
        yield Mistake(
            f'a calibration of an image of another size, {1 / x:.2f} times as wide and '
            f'{1 / y:.2f} times as high',
            f'multiply the first row of the projection by {x:.3f} and the second by {y:.3f}, or '
            'restore images and 2D boxes of the original size',
            _moved_camera(np.diag([x, y, 1])))
    yield Mistake(
        'a calibration of an image that was cropped or padded since',
        f'add {left:.1f} and {top:.1f} to the principal point of the projection',
        _moved_camera(np.array([[1, 0, left], [0, 1, top], [0, 0, 1]])))


def _from_width_and_height(labels: LabelSet) -> LabelSet:
    boxes = labels.objects.boxes_2d
    return _with(labels, boxes_2d=np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1))


def _moved_camera(change: np.ndarray) -> Transform:
    """Return the function that applies a (3, 3) change of pixels to all cameras."""
    return lambda labels: replace(labels, cameras=change @ labels.cameras)
