"""Waymo's 3D detection metric: AP and APH by class, level, overlap and range.

There are two modes, and their numbers are not comparable; docs/datasets.md lists the
differences. ``official`` follows the released C++ (``compute_detection_metrics_main``).
``deviant`` is the protocol of the numbers that DEVIANT and its successors publish. It
applies the same steps to other boxes, labels and score cutoffs.

Steps for one class, minimum overlap and range of distances:

1. Labels without LiDAR points are removed. Each label has level 1 (easy) or 2 (hard).
2. At each score cutoff, the detections with at least this score take part.
3. In each frame, labels and detections are matched one to one. Only pairs with at least the
   minimum overlap may be matched, and the matching with the largest sum of overlaps is
   chosen.
4. A matched detection is a true positive. An unmatched detection is a false positive,
   unless it overlaps a no-label zone. An unmatched label is a false negative. The figures
   of level 1 ignore unmatched labels of level 2, but matches to them are true positives.
5. Precision and recall at all cutoffs give a curve. Its area is the AP
   (:func:`~..matching.integration.area_under_curve`). For the APH, each true positive
   counts as its heading accuracy in the precision.
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
# Waymo's minimum overlaps, and the looser ones that monocular papers add.
MIN_OVERLAPS = {'Vehicle': (.7, .5), 'Pedestrian': (.5, .3), 'Cyclist': (.5, .3)}
OFFICIAL_CUTOFFS = np.append(np.arange(100) * 0.01, 1.).astype(np.float32)
DEVIANT_NUM_CUTOFFS = 11
MIN_SIDE = 0.01  # metres; boxes need longer sides to overlap with anything
WEIGHT_SCALE = 1e6  # the matching uses overlaps times this, rounded to integers


@dataclass
class WaymoResult:
    """AP and APH of one class, level, minimum overlap and range of distances.

    Attributes:
        class_name: key of :data:`~.objects.TYPES`.
        level: 1 or 2.
        min_overlap: smallest 3D IoU of a match.
        range_name: key of :data:`RANGES`.
        ap: average precision, in [0, 1].
        aph: average precision weighted by heading, in [0, 1].
        precisions: (C,) at the score cutoffs, in [0, 1].
        recalls: (C,) at the score cutoffs, in [0, 1].
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
    """Results of one mode.

    Attributes:
        mode: ``'official'`` or ``'deviant'``.
        results: one entry per class, minimum overlap, range and level.
    """
    mode: str
    results: List[WaymoResult]

    def to_dict(self) -> Dict[str, float]:
        """Return AP and APH by name, e.g. ``official/Vehicle_L1_AP_0.7_[0, 30)``; percent."""
        return {
            f'{self.mode}/{item.class_name}_L{item.level}_{name}_{item.min_overlap}_'
            f'{item.range_name}': 100 * value
            for item in self.results for name, value in (('AP', item.ap), ('APH', item.aph))}

    def table(self) -> str:
        """Return AP and APH as text, one line per class, minimum overlap and level."""
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
    """Evaluate detections.

    Args:
        labels: labels of all frames, with ``num_points``. Mode ``deviant`` needs
            ``camera_boxes`` too. It uses only labels with ``in_front``, if that is known,
            and ignores frames without any label.
        detections: detections in the same frames, with ``scores`` in [0, 1]. Mode
            ``deviant`` needs ``camera_boxes`` too.
        mode: ``'official'`` or ``'deviant'``; see the module docstring.
        class_names: classes to evaluate, keys of :data:`~.objects.TYPES`.

    Raises:
        InputError: there is no such mode or class, or mode ``deviant`` lacks
            ``camera_boxes``.

    Example:
        One car that is found at the right place, but points in the opposite direction:

        >>> box = [10., 0., 1., 4., 2., 1.5, 0.]
        >>> frame = dict(segments=np.array(['a']), timestamps=np.array([0]),
        ...              types=np.array([TYPES['Vehicle']]))
        >>> label = WaymoObjects(**frame, boxes=np.array([box]), num_points=np.array([50]))
        >>> box[6] = np.pi
        >>> found = WaymoObjects(**frame, boxes=np.array([box]), scores=np.array([.9]))
        >>> result = evaluate_waymo(label, found, class_names=['Vehicle']).results[0]
        >>> result.ap, result.aph
        (1.0, 0.0)
    """
    if mode not in MODES:
        raise InputError(f"mode is {mode!r}, expected 'official' or 'deviant'")
    unknown = [name for name in class_names if name not in TYPES]
    if unknown:
        raise InputError(f'{unknown[0]}: no such class; there are {", ".join(TYPES)}')
    if mode == 'deviant':
        detections = _in_labelled_frames(detections, labels)
        labels, detections = _as_deviant(labels), _as_deviant(detections)
    labels = labels[np.asarray(labels.num_points) > 0]
    levels = levels_of(labels, annotated=mode == 'official')
    scores = np.asarray(detections.scores, dtype=np.float32)
    cutoffs = OFFICIAL_CUTOFFS if mode == 'official' else quantile_cutoffs(
        scores, DEVIANT_NUM_CUTOFFS)
    label_frames, frames = _frame_numbers(labels, detections)
    num_reached = np.searchsorted(cutoffs, scores, side='right')
    in_zone = detections.in_no_label_zone
    if in_zone is None:
        in_zone = np.zeros(len(detections), dtype=bool)
    in_ranges = {name: [_in_range(objects.boxes, name) for objects in (labels, detections)]
                 for name in RANGES}
    results = []
    for name in class_names:
        own_labels = np.nonzero(labels.types == TYPES[name])[0]
        own_detections = np.nonzero(detections.types == TYPES[name])[0]
        pairs = _close_pairs(labels, detections, label_frames, frames, own_labels, own_detections)
        overlaps = box_overlaps(detections.boxes[pairs[1]], labels.boxes[pairs[0]])
        headings = heading_accuracies(detections.boxes[pairs[1], 6], labels.boxes[pairs[0], 6])
        for min_overlap in MIN_OVERLAPS[name]:
            enough = overlaps >= np.float32(min_overlap)
            for range_name, (label_in, detection_in) in in_ranges.items():
                chosen = enough & label_in[pairs[0]] & detection_in[pairs[1]]
                results += _results(
                    (name, min_overlap, range_name), pairs[:, chosen], overlaps[chosen],
                    headings[chosen], levels, num_reached, in_zone, len(cutoffs),
                    own_labels[label_in[own_labels]], own_detections[detection_in[own_detections]])
    return WaymoEvaluation(mode, results)


def _results(setting: Tuple[str, float, str], pairs: np.ndarray, overlaps: np.ndarray,
             headings: np.ndarray, levels: np.ndarray, num_reached: np.ndarray,
             in_zone: np.ndarray, num_cutoffs: int, labels: np.ndarray,
             detections: np.ndarray) -> List[WaymoResult]:
    """Return the results of one class, minimum overlap and range, at both levels.

    Args:
        setting: class name, minimum overlap and name of the range.
        pairs: (2, P) indices of labels and detections that may be matched.
        overlaps: (P,) overlaps of the pairs.
        headings: (P,) heading accuracies of the pairs.
        levels: levels of all labels.
        num_reached: number of cutoffs that each detection reaches; cutoffs ascend.
        in_zone: bool, whether each detection overlaps a no-label zone.
        num_cutoffs: C.
        labels: indices of the labels of this class and range.
        detections: indices of the detections of this class and range.
    """
    # Sums over the matched pairs: heading accuracy, labels of level 1, detections in zones.
    counts = assignment_counts(
        pairs[0], pairs[1], np.round(overlaps * WEIGHT_SCALE).astype(np.int64),
        num_reached[pairs[1]],
        np.column_stack([headings, levels[pairs[0]] == 1, in_zone[pairs[1]]]), num_cutoffs)
    true_positives = counts.matched
    matched_headings, matched_level_1, matched_in_zone = counts.weighted.T
    # True and false positives per cutoff: all detections outside no-label zones, plus the
    # matched ones inside.
    outside = np.bincount(num_reached[detections[~in_zone[detections]]],
                          minlength=num_cutoffs + 1)
    positives = outside[::-1].cumsum()[::-1][1:] + matched_in_zone
    class_name, min_overlap, range_name = setting
    results = []
    for level in LEVELS:
        matched_labels = matched_level_1 if level == 1 else true_positives
        false_negatives = (levels[labels] <= level).sum() - matched_labels
        recalls = _share(true_positives, true_positives + false_negatives)
        curves = []
        for numerator in (true_positives, matched_headings):
            precisions = _share(numerator, positives)
            precisions[recalls == 0] = 1.
            curves.append(precisions)
        ap, aph = (area_under_curve(curve, recalls) for curve in curves)
        results.append(WaymoResult(class_name, level, min_overlap, range_name, ap, aph,
                                   curves[0], recalls))
    return results


def quantile_cutoffs(scores: np.ndarray, count: int) -> np.ndarray:
    """Return score cutoffs that divide the detections into nearly equal buckets.

    This is ``DecideScoreCutoffs`` of the released code. The cutoffs are the smallest score
    of each bucket, and 1. If there are no more scores than cutoffs, they are equal steps
    from 0 to 1, summed in single precision.

    Args:
        scores: (D,) in [0, 1], in any order.
        count: number of cutoffs, C.

    Returns:
        (C,) float32, ascending.

    Example:
        Two buckets of three scores each:

        >>> quantile_cutoffs(np.array([.25, .5, .75, 1., 0., .125], np.float32), 3)
        array([0. , 0.5, 1. ], dtype=float32)
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
    """Return the 3D intersection over union of N pairs of boxes.

    Args:
        first: (N, 7) centre x, y, z, length, width, height, heading; vehicle frame.
        second: (N, 7) likewise; box i is compared with box i of ``first``.

    Returns:
        (N,) float32, as in the released code. 0 where a side is not longer than
        :data:`MIN_SIDE`.
    """
    def ground(boxes: np.ndarray) -> np.ndarray:
        # Headings are counter-clockwise from above, rotation_y is clockwise.
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
    """Return the heading accuracies of N pairs of headings.

    Args:
        first: (N,) radians.
        second: (N,) radians.

    Returns:
        (N,) ``1 - |difference| / pi``: 1 for equal and 0 for opposite headings.
    """
    difference = np.abs(wrap_angle(first - second))
    return 1 - difference / np.pi


def _as_deviant(objects: WaymoObjects) -> WaymoObjects:
    """Return objects as DEVIANT passes them to the official metric.

    Boxes and scores are rounded to two decimals. Boxes are in the camera frame, but x and y
    take the place of the ground axes, and the location is that of the bottom centre.
    """
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
    """Return the detections in frames with at least one label of any class."""
    labelled, frames = _frame_numbers(labels[np.isin(labels.types, list(TYPES.values()))],
                                      detections)
    return detections[np.isin(frames, labelled)]


def _frame_numbers(*objects: WaymoObjects) -> List[np.ndarray]:
    """Return frame numbers of the objects of each set; equal frames have equal numbers."""
    segments = np.concatenate([item.segments for item in objects])
    times = np.concatenate([item.timestamps for item in objects])
    _, segment = np.unique(segments, return_inverse=True)
    _, frame = np.unique(np.stack([segment, times]), axis=1, return_inverse=True)
    return np.split(frame.ravel(), np.cumsum([len(item) for item in objects])[:-1])


def _close_pairs(labels: WaymoObjects, detections: WaymoObjects, label_frames: np.ndarray,
                 frames: np.ndarray, own_labels: np.ndarray,
                 own_detections: np.ndarray) -> np.ndarray:
    """Return (2, P) indices of labels and detections in the same frame that may overlap."""
    own_labels = own_labels[np.argsort(label_frames[own_labels], kind='stable')]
    own = label_frames[own_labels]
    first = np.searchsorted(own, frames[own_detections], 'left')
    counts = np.searchsorted(own, frames[own_detections], 'right') - first
    detection = np.repeat(own_detections, counts)
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    label = own_labels[np.repeat(first, counts) + offset]
    a, b = labels.boxes[label], detections.boxes[detection]
    reach = (np.hypot(a[:, 3], a[:, 4]) + np.hypot(b[:, 3], b[:, 4])) / 2
    close = np.hypot(a[:, 0] - b[:, 0], a[:, 1] - b[:, 1]) < reach
    return np.stack([label[close], detection[close]])


def _in_range(boxes: np.ndarray, range_name: str) -> np.ndarray:
    """Return (N,) bool, whether the distance of the centre from the origin is in a range."""
    low, high = RANGES[range_name]
    distances = np.sqrt((boxes[:, :3] ** 2).sum(axis=1))
    return (distances >= low) & (distances < high)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return (N,) quotients; 0 where ``whole`` is not positive."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
