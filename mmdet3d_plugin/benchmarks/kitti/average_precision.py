"""KITTI's official evaluation: average precision in 2D, BEV and 3D, and AOS.

It follows the C++ program of the KITTI object development kit; docs/evaluation.md
states the definition.
"""
from dataclasses import dataclass, fields
from typing import Dict, List, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...structures.object_table import DONT_CARE, ObjectTable
from .matching import RECALL_STEPS, Candidates, precision_curves
from .metric_names import DIFFICULTIES, OVERLAPS
from .overlaps import METRICS, box_coverages, box_overlaps, close_pairs

RECALLS = {'R40': slice(1, None), 'R11': slice(None, None, 4)}
NO_ALPHA = -10.  # a detection with this angle leaves AOS undefined
_CHUNK = 50_000  # pairs at a time, to bound the memory

MIN_OVERLAPS = {'Car': (.7, .5), 'Pedestrian': (.5, .25), 'Cyclist': (.5, .25)}
NEIGHBOURS = {'Car': 'Van', 'Pedestrian': 'Person_sitting'}
MIN_HEIGHTS = (40, 25, 25)  # pixels, by difficulty
MAX_OCCLUSIONS = (0, 1, 2)
MAX_TRUNCATIONS = (.15, .3, .5)


@dataclass
class KittiEvaluation:
    """Curves of an evaluation, over C classes; all values lie in [0, 1].

    The axes metrics, difficulties and overlaps run over :data:`METRICS`,
    :data:`DIFFICULTIES` and :data:`OVERLAPS`; the last axis is :attr:`recall`.

    Attributes:
        classes: the C class names.
        label_counts: (C, 3) int, labels that count, by difficulty.
        precision: (C, 3 metrics, 3, 2, 41); NaN for a class that has neither
            labels nor detections.
        orientation: (C, 3, 2, 41) orientation similarity at the matches of the
            2D metric; NaN as well when a detection has no observation angle.
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
        """(C, 4, 3, 2) percent: AP in 2D, BEV and 3D, then AOS.

        Args:
            recall: ``'R40'`` averages the recalls 1/40, ..., 1, ``'R11'`` the
                recalls 0, 0.1, ..., 1.
        """
        curves = np.concatenate([self.precision, self.orientation[:, None]], axis=1)
        return 100 * curves[..., RECALLS[recall]].mean(axis=-1)

    def to_dict(self) -> Dict[str, float]:
        """All values by mmdet3d's names, e.g. ``Car_3D_AP40_moderate_strict``."""
        return {
            f'{name}_{metric}_AP{recall[1:]}_{difficulty}_{overlap}': float(value)
            for recall in RECALLS
            for name, by_metric in zip(self.classes, self.average_precision(recall))
            for metric, by_difficulty in zip((*self.metrics, 'AOS'), by_metric)
            for difficulty, by_overlap in zip(self.difficulties, by_difficulty)
            for overlap, value in zip(self.overlaps, by_overlap)}

    def table(self) -> str:
        """The values as text, a line for each class, metric and recall sampling."""
        averages = {recall: self.average_precision(recall) for recall in RECALLS}
        lines = [' ' * 20 + ''.join(f'{overlap:^30}' for overlap in self.overlaps).rstrip(),
                 ' ' * 20 + ''.join(f'{name:>10}' for name in self.difficulties * 2)]
        for index, name in enumerate(self.classes):
            for recall, values in averages.items():
                for metric, by_difficulty in zip((*self.metrics, 'AOS'), values[index]):
                    cells = ('-' if np.isnan(value) else f'{value:.2f}'
                             for value in by_difficulty.T.ravel())
                    lines.append(f'{name:<11}{metric:<4} {recall:<4}'
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
        if np.isnan(self.orientation[~np.isnan(self.precision).all((1, 2, 3, 4))]).any():
            notes.append(f'AOS: - because a detection has no observation angle '
                         f'(alpha is {NO_ALPHA:g})')
        return notes


@dataclass
class _Matchable:
    """All frames in a row, with the pairs that overlap enough for some match.

    Attributes:
        labels, detections: the objects of all frames, L and D of them.
        pairs: (2, P) indices of a label and a detection of the same frame.
        overlaps: (P, 3) by metric.
        coverages: (D, 3) by metric, the largest share that one DontCare covers.
    """
    labels: ObjectTable
    detections: ObjectTable
    pairs: np.ndarray
    overlaps: np.ndarray
    coverages: np.ndarray


def evaluate_kitti(ground_truths: Sequence[ObjectTable], detections: Sequence[ObjectTable],
                   classes: Sequence[str] = tuple(MIN_OVERLAPS),
                   progress: bool = False) -> KittiEvaluation:
    """Evaluates detections as the KITTI object development kit does.

    Args:
        ground_truths: the labels of each frame, DontCare regions included.
        detections: the detections of the same frames, with scores.
        classes: the class names to evaluate; letter case in labels and
            detections does not matter.
        progress: show a progress bar on stderr.

    Raises:
        InputError: a class that KITTI does not evaluate.
    """
    classes = tuple(dict.fromkeys(classes))
    unknown = [name for name in classes if name not in MIN_OVERLAPS]
    if unknown or not classes:
        raise InputError(f'cannot evaluate {unknown[0] if unknown else "no class"!r}; '
                         f'choose from {", ".join(MIN_OVERLAPS)}')
    if len(ground_truths) != len(detections):
        raise ValueError(f'{len(ground_truths)} frames of labels but {len(detections)} '
                         'frames of detections')
    data = _prepare(ground_truths, detections, progress)
    label_names, detection_names = _lower(data.labels.names), _lower(data.detections.names)
    shape = (len(classes), len(METRICS), len(DIFFICULTIES), len(OVERLAPS), RECALL_STEPS)
    precision, orientation = np.full(shape, np.nan), np.full(shape, np.nan)
    label_counts = np.zeros((len(classes), len(DIFFICULTIES)), dtype=np.int64)

    for row, name in enumerate(classes):
        own = label_names == name.lower()
        matchable = own | (label_names == NEIGHBOURS.get(name, name).lower())
        detected = detection_names == name.lower()
        if not own.any() and not detected.any():
            continue
        for level in range(len(DIFFICULTIES)):
            counted = own & ~_too_hard(data.labels, level)
            label_counts[row, level] = counted.sum()
            for cell in np.ndindex(len(METRICS), len(OVERLAPS)):
                curves = precision_curves(_candidates(
                    data, matchable, counted, detected, level, cell[0],
                    MIN_OVERLAPS[name][cell[1]]))
                precision[row, cell[0], level, cell[1]] = curves[0]
                orientation[row, cell[0], level, cell[1]] = curves[1]

    if (data.detections.alphas == NO_ALPHA).any():
        orientation[:] = np.nan
    return KittiEvaluation(classes, label_counts, precision, orientation[:, 0])


def _prepare(ground_truths: Sequence[ObjectTable], detections: Sequence[ObjectTable],
             progress: bool) -> _Matchable:
    """Finds the overlapping pairs of each frame and concatenates the frames."""
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    label_start = detection_start = 0
    for truth, found in zip(tqdm(ground_truths, 'pairing', disable=not progress), detections):
        pairs.append(np.array(close_pairs(truth, found)) + [[label_start], [detection_start]])
        label_start += len(truth)
        detection_start += len(found)
    labels, found = _concatenate(ground_truths), _concatenate(detections, with_scores=True)
    pairs = np.concatenate(pairs, axis=1)

    dont_care = (_lower(labels.names) == DONT_CARE.lower())[pairs[0]]
    pairs, forgiving = pairs[:, ~dont_care], pairs[:, dont_care]
    coverages = np.zeros((len(found), len(METRICS)))
    np.maximum.at(coverages, forgiving[1],
                  box_coverages(found[forgiving[1]], labels[forgiving[0]]))
    chunks = np.array_split(pairs, pairs.shape[1] // _CHUNK + 1, axis=1)
    overlaps = np.concatenate([box_overlaps(found[chunk[1]], labels[chunk[0]])
                               for chunk in chunks])
    enough = overlaps.max(axis=1, initial=0) > min(map(min, MIN_OVERLAPS.values()))
    return _Matchable(labels, found, pairs[:, enough], overlaps[enough], coverages)


def _candidates(data: _Matchable, matchable: np.ndarray, counted: np.ndarray,
                detected: np.ndarray, level: int, metric: int,
                min_overlap: float) -> Candidates:
    """The pairs that may match for one class, difficulty, metric and overlap.

    Args:
        matchable, counted: (L,) bool, labels of the class or of its neighbour,
            and those among them that must be found.
        detected: (D,) bool, detections of the class.
    """
    small = _too_low(data.detections, level)
    valid = detected & ~small
    costly = valid & ~(data.coverages[:, metric] > min_overlap)
    of_label, of_detection = data.pairs
    chosen = ((data.overlaps[:, metric] > min_overlap) & matchable[of_label]
              & (detected | small)[of_detection])
    of_label, of_detection = of_label[chosen], of_detection[chosen]
    angles = data.labels.alphas[of_label] - data.detections.alphas[of_detection]
    return Candidates(
        labels=of_label, detections=of_detection,
        overlaps=data.overlaps[chosen, metric], scores=data.detections.scores[of_detection],
        similarities=(1 + np.cos(angles)) / 2, small=small[of_detection],
        hits=counted[of_label] & valid[of_detection], costly=costly[of_detection],
        costly_scores=np.sort(data.detections.scores[costly]),
        label_count=int(counted.sum()))


def _too_hard(labels: ObjectTable, level: int) -> np.ndarray:
    """(L,) bool, labels beyond a difficulty: they need not be found."""
    heights = labels.boxes_2d[:, 3] - labels.boxes_2d[:, 1]
    return ((labels.occlusions > MAX_OCCLUSIONS[level])
            | (labels.truncations > MAX_TRUNCATIONS[level])
            | (heights <= MIN_HEIGHTS[level]))


def _too_low(detections: ObjectTable, level: int) -> np.ndarray:
    """(D,) bool, detections below the minimum height, whatever their class."""
    return np.abs(detections.boxes_2d[:, 3] - detections.boxes_2d[:, 1]) < MIN_HEIGHTS[level]


def _lower(names: np.ndarray) -> np.ndarray:
    return np.array([name.lower() for name in names.tolist()], dtype=str)


def _concatenate(frames: Sequence[ObjectTable], with_scores: bool = False) -> ObjectTable:
    """The objects of all frames in a row."""
    frames = [ObjectTable.empty(with_scores), *frames]
    names = [field.name for field in fields(ObjectTable)
             if with_scores or field.name != 'scores']
    return ObjectTable(**{
        name: np.concatenate([getattr(frame, name) for frame in frames]) for name in names})
