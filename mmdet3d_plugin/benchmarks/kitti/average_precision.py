"""KITTI's official evaluation: average precision in 2D, BEV and 3D, and AOS.

It follows the C++ program of the KITTI object development kit. docs/evaluation.md
defines the metrics, and :mod:`.matching` lists the steps of the matching.
"""
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ...structures.class_names import class_key, class_keys
from ...structures.object_table import DONT_CARE, ObjectTable
from ..score_reliability import ScoredDetections
from .matching import RECALL_STEPS, Candidates, precision_curves, true_and_false_positives
from .metric_names import DIFFICULTIES, OVERLAPS, metric_key
from .overlaps import METRICS, box_coverages, box_overlaps, close_pairs
from .protocol import MIN_HEIGHTS, MIN_OVERLAPS, check_protocol, neighbour_of, overlaps_of

RECALLS = {'R40': slice(1, None), 'R11': slice(None, None, 4)}
NO_ALPHA = -10.  # a label or a detection with this angle makes AOS undefined
_CHUNK = 50_000  # pairs per call of box_overlaps, to bound the memory

# In the order of DIFFICULTIES.
MAX_OCCLUSIONS = (0, 1, 2)
MAX_TRUNCATIONS = (.15, .3, .5)


@dataclass
class KittiEvaluation:
    """Curves of an evaluation over C classes. All values lie in [0, 1].

    Attributes:
        classes: the C class names.
        label_counts: (C, 3 difficulties) int, number of labels that must be found.
        precision: (C, 3 metrics, 3 difficulties, 2 overlaps, 41 recalls). NaN for a class
            without labels and detections.
        orientation: (C, 3 difficulties, 2 overlaps, 41 recalls), orientation similarity of
            the matches of the 2D metric. NaN for a class without labels and detections, for a
            class with a label without observation angle, and for all classes if a detection has
            no observation angle.
        metrics: names along the axis of metrics.
        difficulties: names along the axis of difficulties.
        overlaps: names along the axis of overlaps.
    """
    classes: Tuple[str, ...]
    label_counts: np.ndarray
    precision: np.ndarray
    orientation: np.ndarray
    metrics: Tuple[str, ...] = METRICS
    difficulties: Tuple[str, ...] = DIFFICULTIES
    overlaps: Tuple[str, ...] = OVERLAPS

    @property
    def recall(self) -> np.ndarray:
        """(41,) the recalls 0, 1/40, ..., 1."""
        return np.arange(RECALL_STEPS) / (RECALL_STEPS - 1)

    def average_precision(self, recall: str = 'R40') -> np.ndarray:
        """Return the average precision in percent.

        Args:
            recall: ``'R40'`` averages over the recalls 1/40, ..., 1; ``'R11'`` over the
                recalls 0, 0.1, ..., 1.

        Returns:
            (C, 4, 3 difficulties, 2 overlaps): AP in 2D, BEV and 3D, then AOS.
        """
        curves = np.concatenate([self.precision, self.orientation[:, None]], axis=1)
        return 100 * curves[..., RECALLS[recall]].mean(axis=-1)

    def to_dict(self) -> Dict[str, float]:
        """Return all values by name, e.g. ``Car_3D_AP40_moderate_strict``; percent."""
        return {
            metric_key(name, metric, int(recall[1:]), difficulty, overlap): float(value)
            for recall in RECALLS
            for name, by_metric in zip(self.classes, self.average_precision(recall))
            for metric, by_difficulty in zip((*self.metrics, 'AOS'), by_metric)
            for difficulty, by_overlap in zip(self.difficulties, by_difficulty)
            for overlap, value in zip(self.overlaps, by_overlap)}

    def table(self) -> str:
        """Return all values as text, one line per class, metric and recall sampling."""
        averages = {recall: self.average_precision(recall) for recall in RECALLS}
        width = max([11, *(len(name) + 1 for name in self.classes)])
        indent = ' ' * (width + 9)
        lines = [indent + ''.join(f'{overlap:^30}' for overlap in self.overlaps).rstrip(),
                 indent + ''.join(f'{name:>10}' for name in self.difficulties * 2)]
        for index, name in enumerate(self.classes):
            for recall, values in averages.items():
                for metric, by_difficulty in zip((*self.metrics, 'AOS'), values[index]):
                    cells = ('-' if np.isnan(value) else f'{value:.2f}'
                             for value in by_difficulty.T.ravel())
                    lines.append(f'{name:<{width}}{metric:<4} {recall:<4}'
                                 + ''.join(f'{cell:>10}' for cell in cells))
        return '\n'.join([*lines, *self._notes()])

    def _notes(self) -> List[str]:
        notes = []
        for name, counts, curve in zip(self.classes, self.label_counts, self.precision):
            if np.isnan(curve).all():
                notes.append(f'{name}: - because there are neither labels nor detections')
            elif not counts.all():
                empty = ', '.join(np.array(self.difficulties)[counts == 0])
                notes.append(f'{name}: 0 at {empty}, where no label counts')
        without = [name for name, precision, orientation
                   in zip(self.classes, self.precision, self.orientation)
                   if np.isnan(orientation).any() and not np.isnan(precision).all()]
        if without:
            notes.append(f'AOS of {", ".join(without)}: - because a label of the class or a '
                         f'detection has no observation angle (alpha is {NO_ALPHA:g})')
        return notes


@dataclass
class _Matchable:
    """Objects of all frames, concatenated, and the pairs that may be matched.

    Attributes:
        labels: L labels.
        detections: D detections.
        pairs: (2, P) index of the label and of the detection, in the same frame, of pairs
            that reach the smallest minimum overlap in some metric.
        overlaps: (P, 3 metrics).
        coverages: (D, 3 metrics), share of the detection inside the DontCare region that
            covers it most.
    """
    labels: ObjectTable
    detections: ObjectTable
    pairs: np.ndarray
    overlaps: np.ndarray
    coverages: np.ndarray


def evaluate_kitti(ground_truths: Sequence[ObjectTable], detections: Sequence[ObjectTable],
                   classes: Sequence[str] = tuple(MIN_OVERLAPS), progress: bool = False,
                   min_overlaps: Optional[Dict[str, Sequence[float]]] = None,
                   min_heights: Sequence[float] = MIN_HEIGHTS) -> KittiEvaluation:
    """Evaluate detections as the KITTI object development kit does.

    Args:
        ground_truths: labels of each frame, including DontCare regions.
        detections: detections of the same frames in the same order, with scores.
        classes: classes to evaluate. Upper and lower case in labels and detections are the
            same.
        progress: whether to show a progress bar on stderr.
        min_overlaps: (strict, loose) IoU that a match must exceed, by class. The defaults are
            those of :func:`~.protocol.overlaps_of`: 0.7 and 0.5 for Car and similar classes,
            0.5 and 0.25 for all others.
        min_heights: smallest heights of image boxes by difficulty, pixels.

    Raises:
        InputError: a class or a limit cannot be evaluated.
        ValueError: labels and detections differ in their number of frames.

    Example:
        50 frames with one car each, which is always found at the right place:

        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> labels = [ObjectTable.from_table(['Car'], [row])] * 50
        >>> found = [ObjectTable.from_table(['Car'], [row + [.9]])] * 50
        >>> evaluate_kitti(labels, found, ('Car',)).to_dict()['Car_3D_AP40_moderate_strict']
        100.0
    """
    classes = tuple(dict.fromkeys(classes))
    check_protocol(classes, min_overlaps, min_heights)
    overlaps_by_class = [overlaps_of(name, min_overlaps) for name in classes]
    if len(ground_truths) != len(detections):
        raise ValueError(f'{len(ground_truths)} frames of labels but {len(detections)} '
                         'frames of detections')
    data = _prepare(ground_truths, detections, progress, min(map(min, overlaps_by_class)))
    label_keys, detection_keys = class_keys(data.labels.names), class_keys(data.detections.names)
    shape = (len(classes), len(METRICS), len(DIFFICULTIES), len(OVERLAPS), RECALL_STEPS)
    precision, orientation = np.full(shape, np.nan), np.full(shape, np.nan)
    label_counts = np.zeros((len(classes), len(DIFFICULTIES)), dtype=np.int64)

    for row, name in enumerate(classes):
        own, matchable, detected = _class_masks(label_keys, detection_keys, name)
        if not own.any() and not detected.any():
            continue
        for level, min_height in enumerate(min_heights):
            must_find = own & ~too_hard(data.labels, level, min_height)
            label_counts[row, level] = must_find.sum()
            for metric, overlap in np.ndindex(len(METRICS), len(OVERLAPS)):
                cell = row, metric, level, overlap
                # The loose overlap is that of BEV and 3D alone.
                limit = overlaps_by_class[row][0 if METRICS[metric] == '2D' else overlap]
                precision[cell], orientation[cell] = precision_curves(_candidates(
                    data, matchable, must_find, detected, min_height, metric, limit))
        if (data.labels.alphas[own] == NO_ALPHA).any():
            orientation[row] = np.nan

    if (data.detections.alphas == NO_ALPHA).any():
        orientation[:] = np.nan
    return KittiEvaluation(classes, label_counts, precision, orientation[:, 0])


def scored_detections(ground_truths: Sequence[ObjectTable], detections: Sequence[ObjectTable],
                      classes: Sequence[str] = tuple(MIN_OVERLAPS), overlap: str = 'loose',
                      min_overlaps: Optional[Dict[str, Sequence[float]]] = None,
                      min_heights: Sequence[float] = MIN_HEIGHTS) -> List[ScoredDetections]:
    """Divide the detections of each class into true positives and false positives.

    Matches are those of the 3D metric at difficulty "hard": each label takes the detection of the
    highest score that overlaps enough. Detections that this metric ignores are left out.

    Args:
        ground_truths, detections, classes, min_overlaps, min_heights: as for
            :func:`evaluate_kitti`.
        overlap: ``'loose'`` or ``'strict'``.

    Returns:
        One result per class.

    Raises:
        InputError: a class or a limit cannot be evaluated.

    Example:
        Two detections of one car; the one with the higher score takes it:

        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> found = ObjectTable.from_table(['Car', 'Car'], [row + [.9], row + [.6]])
        >>> labels = ObjectTable.from_table(['Car'], [row])
        >>> result, = scored_detections([labels], [found], ['Car'])
        >>> result.scores.tolist(), result.true_positives.tolist()
        ([0.9, 0.6], [True, False])
    """
    check_protocol(classes, min_overlaps, min_heights)
    limits = [overlaps_of(name, min_overlaps)[OVERLAPS.index(overlap)] for name in classes]
    data = _prepare(ground_truths, detections, False, min(limits))
    label_keys, detection_keys = class_keys(data.labels.names), class_keys(data.detections.names)
    level = len(DIFFICULTIES) - 1
    results = []
    for name, limit in zip(classes, limits):
        own, matchable, detected = _class_masks(label_keys, detection_keys, name)
        true, false = true_and_false_positives(_candidates(
            data, matchable, own & ~too_hard(data.labels, level, min_heights[level]), detected,
            min_heights[level], METRICS.index('3D'), limit))
        results.append(ScoredDetections(name, np.concatenate([true, false]),
                                        np.arange(len(true) + len(false)) < len(true)))
    return results


def _class_masks(label_keys: np.ndarray, detection_keys: np.ndarray,
                 name: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bool arrays of a class: its labels, its labels with its neighbour's, detections."""
    own = label_keys == class_key(name)
    return (own, own | (label_keys == class_key(neighbour_of(name))),
            detection_keys == class_key(name))


def _prepare(ground_truths: Sequence[ObjectTable], detections: Sequence[ObjectTable],
             progress: bool, smallest_overlap: float) -> _Matchable:
    """Find the overlapping pairs of each frame and concatenate the frames."""
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    label_start = detection_start = 0
    for truth, found in zip(tqdm(ground_truths, 'pairing', disable=not progress), detections):
        pairs.append(np.array(close_pairs(truth, found)) + [[label_start], [detection_start]])
        label_start += len(truth)
        detection_start += len(found)
    labels = ObjectTable.concatenate(ground_truths)
    found = ObjectTable.concatenate(detections, with_scores=True)
    pairs = np.concatenate(pairs, axis=1)

    dont_care = (class_keys(labels.names) == class_key(DONT_CARE))[pairs[0]]
    pairs, dont_care_pairs = pairs[:, ~dont_care], pairs[:, dont_care]
    coverages = np.zeros((len(found), len(METRICS)))
    np.maximum.at(coverages, dont_care_pairs[1],
                  box_coverages(found[dont_care_pairs[1]], labels[dont_care_pairs[0]]))
    chunks = np.array_split(pairs, pairs.shape[1] // _CHUNK + 1, axis=1)
    overlaps = np.concatenate([box_overlaps(found[chunk[1]], labels[chunk[0]])
                               for chunk in chunks])
    enough = overlaps.max(axis=1, initial=0) > smallest_overlap
    return _Matchable(labels, found, pairs[:, enough], overlaps[enough], coverages)


def _candidates(data: _Matchable, matchable: np.ndarray, must_find: np.ndarray,
                detected: np.ndarray, min_height: float, metric: int,
                min_overlap: float) -> Candidates:
    """Return the pairs that may match for one class, difficulty, metric and overlap.

    Args:
        data: all frames.
        matchable: (L,) bool, labels of the class or of its neighbour.
        must_find: (L,) bool, labels of the class within the difficulty.
        detected: (D,) bool, detections of the class.
        min_height: smallest height of the difficulty, pixels.
        metric: index of the metric.
        min_overlap: a pair may match above this overlap.
    """
    too_small = _too_small(data.detections, min_height)
    large_enough = detected & ~too_small
    false_if_unmatched = large_enough & ~(data.coverages[:, metric] > min_overlap)
    of_label, of_detection = data.pairs
    chosen = ((data.overlaps[:, metric] > min_overlap) & matchable[of_label]
              & (detected | too_small)[of_detection])
    of_label, of_detection = of_label[chosen], of_detection[chosen]
    assert data.detections.scores is not None
    angles = data.labels.alphas[of_label] - data.detections.alphas[of_detection]
    return Candidates(
        labels=of_label, detections=of_detection,
        overlaps=data.overlaps[chosen, metric], scores=data.detections.scores[of_detection],
        similarities=(1 + np.cos(angles)) / 2, too_small=too_small[of_detection],
        true_if_matched=must_find[of_label] & large_enough[of_detection],
        false_if_unmatched=false_if_unmatched[of_detection],
        false_if_unmatched_scores=np.sort(data.detections.scores[false_if_unmatched]),
        label_count=int(must_find.sum()))


def too_hard(labels: ObjectTable, level: int, min_height: float) -> np.ndarray:
    """Return (L,) bool, labels beyond a difficulty: they need not be found."""
    heights = labels.boxes_2d[:, 3] - labels.boxes_2d[:, 1]
    return ((labels.occlusions > MAX_OCCLUSIONS[level])
            | (labels.truncations > MAX_TRUNCATIONS[level])
            | (heights <= min_height))


def _too_small(detections: ObjectTable, min_height: float) -> np.ndarray:
    """Return (D,) bool, detections of any class below the minimum height."""
    return np.abs(detections.boxes_2d[:, 3] - detections.boxes_2d[:, 1]) < min_height
