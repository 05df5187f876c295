"""Depth errors of objects that are found in the image, by distance."""
from dataclasses import dataclass
from typing import List, Sequence

import numpy as np

from ...structures.class_names import class_key, class_keys
from ...structures.object_table import ObjectTable
from ..matching.assignment import claims_by_score
from ..matching.image_overlaps import iou_2d

MIN_OVERLAP = 0.5
DEPTH_BINS = tuple(range(0, 81, 10))  # metres


@dataclass
class ObjectDepthErrors:
    """Depth errors of one class, over M matched labels and B bins of their true depth.

    Bins are half-open, ``[edges[i], edges[i + 1])``. Errors are NaN in bins without a match,
    and the recall is NaN in bins without a label.

    Attributes:
        class_name: class of labels and predictions.
        depths: (M,) depth of each matched label, metres.
        errors: (M,) absolute depth error of the label's prediction, metres.
        edges: (B + 1,) bounds of the bins, metres.
        mean_errors: (B,) metres.
        median_errors: (B,) metres.
        matched: (B,) int, number of matched labels.
        labels: (B,) int, number of labels.
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
        """(B,) share of the labels that are matched, in [0, 1]."""
        with np.errstate(invalid='ignore'):
            return self.matched / self.labels


def object_depth_errors(ground_truths: Sequence[ObjectTable], predictions: Sequence[ObjectTable],
                        class_name: str, bins: Sequence[float] = DEPTH_BINS,
                        min_overlap: float = MIN_OVERLAP) -> ObjectDepthErrors:
    """Match predictions to labels in the image and measure their depth errors.

    In each frame, the predictions are matched in the order of their scores to the free label
    of the largest 2D overlap. All labels of the class count, whatever their occlusion and
    truncation, so the recall differs from KITTI's. Depth is the z of the camera frame.

    Args:
        ground_truths: labels of each frame.
        predictions: predictions of the same frames in the same order, with scores.
        class_name: class to evaluate.
        bins: B + 1 increasing depths, metres. Labels outside count in no bin.
        min_overlap: smallest 2D IoU of a match.

    Raises:
        ValueError: labels and predictions differ in their number of frames.

    Example:
        A car at 20 m that is predicted at 21 m:

        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> label = ObjectTable.from_table(['Car'], [row])
        >>> row[12] = 21.
        >>> found = ObjectTable.from_table(['Car'], [row + [.9]])
        >>> object_depth_errors([label], [found], 'Car', bins=(0, 10, 30)).mean_errors
        array([nan,  1.])
    """
    if len(ground_truths) != len(predictions):
        raise ValueError(f'{len(ground_truths)} frames of labels but {len(predictions)} of '
                         'predictions')
    label_depths: List[np.ndarray] = [np.zeros(0)]
    depths: List[np.ndarray] = [np.zeros(0)]
    errors: List[np.ndarray] = [np.zeros(0)]
    for truth, predicted in zip(ground_truths, predictions):
        truth = truth[class_keys(truth.names) == class_key(class_name)]
        predicted = predicted[class_keys(predicted.names) == class_key(class_name)]
        matched_truth, matched_predicted = claims_by_score(
            iou_2d(predicted.boxes_2d, truth.boxes_2d), predicted.scores, min_overlap)
        z = truth.locations[:, 2]
        label_depths.append(z)
        depths.append(z[matched_truth])
        errors.append(np.abs(predicted.locations[matched_predicted, 2] - z[matched_truth]))
    return _binned(class_name, np.concatenate(depths), np.concatenate(errors),
                   np.concatenate(label_depths), np.asarray(bins, dtype=np.float64))


def _binned(class_name: str, depths: np.ndarray, errors: np.ndarray,
            label_depths: np.ndarray, edges: np.ndarray) -> ObjectDepthErrors:
    bounds = list(zip(edges[:-1], edges[1:]))
    in_bins = [errors[(depths >= low) & (depths < high)] for low, high in bounds]
    return ObjectDepthErrors(
        class_name, depths, errors, edges,
        mean_errors=np.array([part.mean() if len(part) else np.nan for part in in_bins]),
        median_errors=np.array([np.median(part) if len(part) else np.nan
                                for part in in_bins]),
        matched=np.array([len(part) for part in in_bins]),
        labels=np.array([((label_depths >= low) & (label_depths < high)).sum()
                         for low, high in bounds]))
