"""How well depth is estimated, by distance, on objects found in the image."""
from dataclasses import dataclass
from typing import List, Sequence

import numpy as np

from ...structures.object_table import ObjectTable
from ..matching.assignment import claims_by_score
from ..matching.image_overlaps import iou_2d

MIN_OVERLAP = 0.5
DEPTH_BINS = tuple(range(0, 81, 10))  # metres


@dataclass
class DepthErrors:
    """Depth errors of one class over M matched objects and B bins of depth.

    Bins are half-open, ``[edges[i], edges[i + 1])``; bins without a match have
    NaN errors, bins without a label NaN recall.

    Attributes:
        class_name: of labels and predictions.
        depths: (M,) depth of each matched label, metres.
        errors: (M,) absolute depth error of its prediction, metres.
        edges: (B + 1,) bounds of the bins, metres.
        mean_errors, median_errors: (B,) metres.
        matched, labels: (B,) int, number of matched and of all labels.
    """
    class_name: str
    depths: np.ndarray
    errors: np.ndarray
    edges: np.ndarray
    mean_errors: np.ndarray
    median_errors: np.ndarray
    matched: np.ndarray
    labels: np.ndarray

    @property
    def recall(self) -> np.ndarray:
        """(B,) share of the labels that were matched, 0-1."""
        with np.errstate(invalid='ignore'):
            return self.matched / self.labels


def depth_errors(ground_truths: Sequence[ObjectTable], predictions: Sequence[ObjectTable],
                 class_name: str, bins: Sequence[float] = DEPTH_BINS,
                 min_overlap: float = MIN_OVERLAP) -> DepthErrors:
    """Matches predictions to labels in 2D and measures their depth errors.

    In each frame, predictions claim the best overlapping free label in order of
    score. All labels of the class count, however occluded or truncated, so the
    recall is not KITTI's. Depth is the camera-frame z.

    Args:
        ground_truths, predictions: one entry a frame, in the same order.
        bins: B + 1 increasing depths, metres; labels outside count in no bin.
        min_overlap: 2D IoU at which a prediction may claim a label.
    """
    if len(ground_truths) != len(predictions):
        raise ValueError(f'{len(ground_truths)} frames of labels but {len(predictions)} of '
                         'predictions')
    label_depths: List[np.ndarray] = [np.zeros(0)]
    depths: List[np.ndarray] = [np.zeros(0)]
    errors: List[np.ndarray] = [np.zeros(0)]
    for truth, predicted in zip(ground_truths, predictions):
        truth = truth[truth.names == class_name]
        predicted = predicted[predicted.names == class_name]
        matched_truth, matched_predicted = claims_by_score(
            iou_2d(predicted.boxes_2d, truth.boxes_2d), predicted.scores, min_overlap)
        z = truth.locations[:, 2]
        label_depths.append(z)
        depths.append(z[matched_truth])
        errors.append(np.abs(predicted.locations[matched_predicted, 2] - z[matched_truth]))
    return _binned(class_name, np.concatenate(depths), np.concatenate(errors),
                   np.concatenate(label_depths), np.asarray(bins, dtype=np.float64))


def _binned(class_name: str, depths: np.ndarray, errors: np.ndarray,
            label_depths: np.ndarray, edges: np.ndarray) -> DepthErrors:
    bounds = list(zip(edges[:-1], edges[1:]))
    in_bins = [errors[(depths >= low) & (depths < high)] for low, high in bounds]
    return DepthErrors(
        class_name, depths, errors, edges,
        mean_errors=np.array([part.mean() if len(part) else np.nan for part in in_bins]),
        median_errors=np.array([np.median(part) if len(part) else np.nan
                                for part in in_bins]),
        matched=np.array([len(part) for part in in_bins]),
        labels=np.array([((label_depths >= low) & (label_depths < high)).sum()
                         for low, high in bounds]))
