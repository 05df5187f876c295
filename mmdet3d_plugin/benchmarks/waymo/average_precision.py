"""Waymo's 3D detection metric: AP and APH by class, level, overlap and range.

``official`` follows the released C++ (``compute_detection_metrics_main``);
``deviant`` is what DEVIANT's and its successors' published numbers are computed with.
docs/datasets.md states how the two differ; their numbers are not comparable.
"""
from dataclasses import dataclass, replace
from typing import Dict, List, Sequence, Tuple

import numpy as np

from ...errors import InputError
from ...structures.angles import wrap_angle
from ..matching.assignment import assignment_counts
from ..matching.integration import area_under_curve
from ..matching.rotated_overlaps import ground_intersections
from .objects import TYPES, WaymoObjects, levels_of

MODES = ('official', 'deviant')
LEVELS = (1, 2)
RANGES = {'all': (0., np.inf), '[0, 30)': (0., 30.), '[30, 50)': (30., 50.),
          '[50, inf)': (50., np.inf)}
# Waymo's thresholds, and the loose ones that the monocular papers add.
MIN_OVERLAPS = {'Vehicle': (.7, .5), 'Pedestrian': (.5, .3), 'Cyclist': (.5, .3)}
OFFICIAL_CUTOFFS = np.append(np.arange(100) * 0.01, 1.).astype(np.float32)
DEVIANT_NUM_CUTOFFS = 11
MIN_SIDE = 0.01  # metres; smaller boxes overlap nothing
WEIGHT_SCALE = 1e6  # overlaps are matched as integers


@dataclass
class WaymoResult:
    """One figure of the table.

    Attributes:
        class_name, level, min_overlap, range_name: what it is about.
        ap, aph: in [0, 1].
        precisions, recalls: (C,) at the score cutoffs.
    """
    class_name: str
    level: int
    min_overlap: float
    range_name: str
    ap: float
    aph: float
    precisions: np.ndarray
    recalls: np.ndarray


@dataclass
class WaymoEvaluation:
    """All figures of a mode."""
    mode: str
    results: List[WaymoResult]

    def to_dict(self) -> Dict[str, float]:
        """Percent by name, e.g. ``official/Vehicle_L1_AP_0.7_[0, 30)``."""
        return {
            f'{self.mode}/{item.class_name}_L{item.level}_{name}_{item.min_overlap}_'
            f'{item.range_name}': 100 * value
            for item in self.results for name, value in (('AP', item.ap), ('APH', item.aph))}

    def table(self) -> str:
        """The values as text: a line for each class, overlap and level."""
        columns = list(RANGES)
        lines = [f'Waymo 3D, mode {self.mode}, percent: AP / APH by range in metres',
                 f'{"class":11}{"IoU":>4} {"level":>6}'
                 + ''.join(f'{name:>16}' for name in columns)]
        by_row: Dict[tuple, Dict[str, WaymoResult]] = {}
        for item in self.results:
            row = (item.class_name, item.min_overlap, item.level)
            by_row.setdefault(row, {})[item.range_name] = item
        for (name, overlap, level), items in by_row.items():
            cells = (f'{100 * items[column].ap:7.2f} /{100 * items[column].aph:6.2f}'
                     for column in columns)
            lines.append(f'{name:11}{overlap:>4} {level:>6}'
                         + ''.join(f'{cell:>16}' for cell in cells))
        return '\n'.join(lines)


def evaluate_waymo(labels: WaymoObjects, detections: WaymoObjects, mode: str = 'official',
                   class_names: Sequence[str] = tuple(TYPES)) -> WaymoEvaluation:
    """AP and APH.

    Args:
        labels: with ``num_points``. In mode ``deviant`` only those in the front camera's
            image count, and frames without any label are left out.
        detections: with ``scores`` in [0, 1].
        mode: ``'official'`` or ``'deviant'``, see the module.

    Raises:
        InputError: an unknown mode or class, or objects that lack what the mode needs.
    """
    if mode not in MODES:
        raise InputError(f"mode is {mode!r}, expected 'official' or 'deviant'")
    unknown = [name for name in class_names if name not in TYPES]
    if unknown:
        raise InputError(f'{unknown[0]}: no such class; there are {", ".join(TYPES)}')
    if mode == 'deviant':
        detections = _in_labelled_frames(detections, labels)
        labels, detections = _as_deviant(labels), _as_deviant(detections)
    labels = labels[labels.num_points > 0]
    levels = levels_of(labels, annotated=mode == 'official')
    scores = detections.scores.astype(np.float32)
    cutoffs = OFFICIAL_CUTOFFS if mode == 'official' else quantile_cutoffs(
        scores, DEVIANT_NUM_CUTOFFS)
    label_frames, frames = _frame_numbers(labels, detections)
    num_reached = np.searchsorted(cutoffs, scores, side='right')
    forgiven = detections.in_no_label_zone
    if forgiven is None:
        forgiven = np.zeros(len(detections), dtype=bool)
    in_ranges = {name: [_in_range(objects.boxes, name) for objects in (labels, detections)]
                 for name in RANGES}
    results = []
    for name in class_names:
        of_label = np.nonzero(labels.types == TYPES[name])[0]
        of_detection = np.nonzero(detections.types == TYPES[name])[0]
        pairs = _close_pairs(labels, detections, label_frames, frames, of_label, of_detection)
        overlaps = box_overlaps(detections.boxes[pairs[1]], labels.boxes[pairs[0]])
        headings = heading_accuracies(detections.boxes[pairs[1], 6], labels.boxes[pairs[0], 6])
        for min_overlap in MIN_OVERLAPS[name]:
            enough = overlaps >= np.float32(min_overlap)
            for range_name, (label_in, detection_in) in in_ranges.items():
                chosen = enough & label_in[pairs[0]] & detection_in[pairs[1]]
                results += _results(
                    (name, min_overlap, range_name), pairs[:, chosen], overlaps[chosen],
                    headings[chosen], levels, num_reached, forgiven, len(cutoffs),
                    of_label[label_in[of_label]], of_detection[detection_in[of_detection]])
    return WaymoEvaluation(mode, results)


def _results(what: Tuple[str, float, str], pairs: np.ndarray, overlaps: np.ndarray,
             headings: np.ndarray, levels: np.ndarray, num_reached: np.ndarray,
             forgiven: np.ndarray, num_cutoffs: int, labels: np.ndarray,
             detections: np.ndarray) -> List[WaymoResult]:
    """Figures of one class, overlap and range at both levels.

    Args:
        pairs: (2, P) indices of labels and detections that may be matched.
        forgiven: (D,) bool, detections that are no false positives if not matched.
        labels, detections: indices of all that count.
    """
    counts = assignment_counts(
        *pairs, np.round(overlaps * WEIGHT_SCALE).astype(np.int64), num_reached[pairs[1]],
        np.column_stack([headings, levels[pairs[0]] == 1, forgiven[pairs[1]]]), num_cutoffs)
    costly = detections[~forgiven[detections]]
    reaching = np.bincount(num_reached[costly], minlength=num_cutoffs + 1)
    # Of what reaches each cutoff, all that is costly, and what is matched though it is not.
    found = reaching[::-1].cumsum()[::-1][1:] + counts.weighted[:, 2]
    true = counts.matched
    name, min_overlap, range_name = what
    results = []
    for level in LEVELS:
        # Matches to labels of level 2 count as true at level 1 too.
        missed = (levels[labels] <= level).sum() - (counts.weighted[:, 1] if level == 1 else true)
        recalls = _share(true, true + missed)
        curves = []
        for value in (true, counts.weighted[:, 0]):
            precisions = _share(value, found)
            precisions[recalls == 0] = 1.
            curves.append(precisions)
        ap, aph = (area_under_curve(curve, recalls) for curve in curves)
        results.append(WaymoResult(name, level, min_overlap, range_name, ap, aph, curves[0],
                                   recalls))
    return results


def quantile_cutoffs(scores: np.ndarray, count: int) -> np.ndarray:
    """Score cutoffs that part all detections into nearly equal buckets
    (``DecideScoreCutoffs``): the smallest score, the first of each further bucket, 1.

    With no more scores than cutoffs: 0 to 1 in equal steps, added up in single precision.
    """
    if count >= len(scores):
        steps = np.add.accumulate(np.full(count - 2, 1 / (count - 1), dtype=np.float32))
        return np.concatenate([[0.], steps, [1.]]).astype(np.float32)
    scores = np.sort(scores)
    sizes, remaining = [], len(scores)
    for index in range(count - 1):
        sizes.append(remaining // (count - 1 - index))
        remaining -= sizes[-1]
    inner = scores[np.cumsum(sizes)[:-1]].clip(0, 1)
    return np.concatenate([scores[:1], inner, [1.]]).astype(np.float32)


def box_overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, 7) boxes, row by row -> (N,) 3D intersection over union, float32 as in the
    released code."""
    def ground(boxes: np.ndarray) -> np.ndarray:
        # The shared areas' angles turn the other way.
        return np.column_stack([boxes[:, [0, 1, 3, 4]], -boxes[:, 6]])

    lower = np.maximum(first[:, 2] - first[:, 5] / 2, second[:, 2] - second[:, 5] / 2)
    upper = np.minimum(first[:, 2] + first[:, 5] / 2, second[:, 2] + second[:, 5] / 2)
    large = (first[:, 3:6] > MIN_SIDE).all(axis=1) & (second[:, 3:6] > MIN_SIDE).all(axis=1)
    shared = np.zeros(len(first))
    chosen = large & (upper > lower)
    shared[chosen] = (ground_intersections(ground(first[chosen]), ground(second[chosen]))
                      * (upper - lower)[chosen])
    united = first[:, 3:6].prod(axis=1) + second[:, 3:6].prod(axis=1) - shared
    return _share(shared, united).astype(np.float32)


def heading_accuracies(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N,) radians -> (N,) ``1 - |difference| / pi`` in [0, 1]."""
    difference = np.abs(wrap_angle(first - second))
    return 1 - difference / np.pi


def _as_deviant(objects: WaymoObjects) -> WaymoObjects:
    """Objects as DEVIANT hands them to the official metric: boxes and scores with two
    decimals, in the camera frame (x right, y of the bottom down, z forward) as if x and
    y were the ground."""
    if objects.camera_boxes is None:
        raise InputError('mode deviant compares boxes in the camera frame; the files have no '
                         'camera_boxes')
    if objects.in_front is not None:
        objects = objects[objects.in_front]
    x, y, z, length, height, width, yaw = np.round(objects.camera_boxes, 2).T
    boxes = np.column_stack([x, y, z, length, width, height, yaw])
    return replace(objects, boxes=boxes.astype(np.float32).astype(np.float64),
                   scores=None if objects.scores is None else np.round(objects.scores, 2))


def _in_labelled_frames(detections: WaymoObjects, labels: WaymoObjects) -> WaymoObjects:
    """Without the detections of frames in which nothing at all is labelled."""
    labelled, frames = _frame_numbers(labels[np.isin(labels.types, list(TYPES.values()))],
                                      detections)
    return detections[np.isin(frames, labelled)]


def _frame_numbers(*objects: WaymoObjects) -> List[np.ndarray]:
    """The frame of each object of each set, as a number that all sets share."""
    segments = np.concatenate([item.segments for item in objects])
    times = np.concatenate([item.timestamps for item in objects])
    _, segment = np.unique(segments, return_inverse=True)
    _, frame = np.unique(np.stack([segment, times]), axis=1, return_inverse=True)
    return np.split(frame.ravel(), np.cumsum([len(item) for item in objects])[:-1])


def _close_pairs(labels: WaymoObjects, detections: WaymoObjects, label_frames: np.ndarray,
                 frames: np.ndarray, of_label: np.ndarray,
                 of_detection: np.ndarray) -> np.ndarray:
    """(2, P) indices of labels and detections of a frame whose boxes may overlap."""
    of_label = of_label[np.argsort(label_frames[of_label], kind='stable')]
    own = label_frames[of_label]
    first = np.searchsorted(own, frames[of_detection], 'left')
    counts = np.searchsorted(own, frames[of_detection], 'right') - first
    detection = np.repeat(of_detection, counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    label = of_label[np.repeat(first, counts) + offset]
    a, b = labels.boxes[label], detections.boxes[detection]
    reach = (np.hypot(a[:, 3], a[:, 4]) + np.hypot(b[:, 3], b[:, 4])) / 2
    close = np.hypot(a[:, 0] - b[:, 0], a[:, 1] - b[:, 1]) < reach
    return np.stack([label[close], detection[close]])


def _in_range(boxes: np.ndarray, range_name: str) -> np.ndarray:
    """(N,) bool, by the distance of the box's centre from the origin."""
    low, high = RANGES[range_name]
    distances = np.sqrt((boxes[:, :3] ** 2).sum(axis=1))
    return (distances >= low) & (distances < high)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Quotient, 0 where the whole is not positive."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
