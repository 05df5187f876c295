"""Errors of predicted depth maps: per image, then their mean (Eigen et al., 2014)."""
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Union

import numpy as np

from ...errors import InputError
from ..metric_style import MetricStyle
from .crops import CROPS, crop_bounds

THRESHOLD = 1.25


def _style(name: str, unit: str, decimals: int, better: str) -> MetricStyle:
    return MetricStyle(name, unit, decimals, better, from_zero=False)


# The metrics, in the order in which they are computed and shown. As many decimals as in the
# papers' tables, where methods differ by a few percent.
DEPTH_STYLES = {
    'AbsRel': _style('AbsRel', 'share of the true depth', 4, '↓'),
    'SqRel': _style('SqRel, m', 'm', 3, '↓'),
    'RMSE': _style('RMSE, m', 'm', 3, '↓'),
    'RMSElog': _style('RMSElog', 'natural logarithm', 4, '↓'),
    'log10': _style('log10', 'decimal logarithm', 4, '↓'),
    'delta1': _style('δ < 1.25', 'share of the pixels', 4, '↑'),
    'delta2': _style('δ < 1.25²', 'share of the pixels', 4, '↑'),
    'delta3': _style('δ < 1.25³', 'share of the pixels', 4, '↑'),
}


@dataclass(frozen=True)
class DepthProtocol:
    """Evaluation protocol: the pixels that count, and the preparation of predictions.

    A pixel counts if its true depth lies between ``min_depth`` and ``max_depth`` (both
    excluded) and inside the crop. Predictions are clamped to these two depths, so that a
    pixel without prediction (0) counts as ``min_depth``.

    Attributes:
        min_depth: metres.
        max_depth: metres.
        crop: names as in :func:`~.crops.crop_bounds`; None for the whole image.
        median_scaling: whether each prediction is multiplied by the median of the true
            depth divided by the median of the prediction before it is clamped, for
            predictions without a scale.

    Raises:
        InputError: the depths are not a range of positive numbers, or there is no such crop.

    Example:
        Two pixels of known depth; the second prediction is 1 m too far:

        >>> errors = DepthProtocol().errors(
        ...     np.array([[4., 2., 0.]]), np.array([[4., 3., 5.]]), 'image')
        >>> errors['AbsRel'], errors['delta1']
        (0.25, 0.5)
    """
    min_depth: float = 1e-3
    max_depth: float = 80.
    crop: Optional[Union[str, Sequence[str]]] = None
    median_scaling: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.min_depth < self.max_depth:
            raise InputError(f'depths from {self.min_depth:g} to {self.max_depth:g} m are no '
                             'range; min_depth has to be positive and less than max_depth')
        unknown = [name for name in self.crop_names if name not in CROPS]
        if unknown:
            raise InputError(f'there is no crop {unknown[0]!r}; choose from {", ".join(CROPS)}')

    @property
    def crop_names(self) -> Sequence[str]:
        """Names of the crops, in the order in which they are applied."""
        return [self.crop] if isinstance(self.crop, str) else list(self.crop or ())

    @property
    def crop_title(self) -> str:
        """Crops as text, e.g. ``'garg of kitti_benchmark'``."""
        return ' of '.join(reversed(self.crop_names)) or 'none'

    @property
    def title(self) -> str:
        """Protocol as text, e.g. ``'depth of 0.001 to 80 m, crop garg'``."""
        scaling = ', scaled by the median' if self.median_scaling else ''
        return (f'depth of {self.min_depth:g} to {self.max_depth:g} m, crop {self.crop_title}'
                f'{scaling}')

    def valid(self, truth: np.ndarray) -> np.ndarray:
        """Return (H, W) bool, the pixels that count.

        Args:
            truth: (H, W) true depth, metres, 0 where unknown.

        Raises:
            InputError: the image is too small for the crop.
        """
        valid = (truth > self.min_depth) & (truth < self.max_depth)
        top, bottom, left, right = crop_bounds(self.crop_names, truth.shape)
        inside = np.zeros_like(valid)
        inside[top:bottom, left:right] = True
        return valid & inside

    def scaled(self, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Return the prediction, with median scaling if the protocol has it.

        Args:
            truth: (H, W) true depth, metres, 0 where unknown.
            predicted: (H, W) metres.

        Returns:
            (H, W) float64, metres.

        Raises:
            InputError: the median of the prediction is not positive and finite.
        """
        predicted = predicted.astype(np.float64)
        valid = self.valid(truth)
        if self.median_scaling and valid.any():
            median = np.median(predicted[valid])
            if not 0 < median < np.inf:
                raise InputError(f'the median of the prediction is {median:g} m, which cannot be '
                                 'scaled; evaluate it without median scaling')
            predicted = predicted * (np.median(truth[valid].astype(np.float64)) / median)
        return predicted

    def compared(self, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Return the prediction that is compared with the true depth: scaled and clamped.

        Arguments, result and errors are those of :meth:`scaled`.
        """
        return self.scaled(truth, predicted).clip(self.min_depth, self.max_depth)

    def signed_errors(self, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Return the prediction, scaled and clamped, minus the true depth.

        Arguments and errors are those of :meth:`scaled`.

        Returns:
            (H, W) float32, metres; NaN where pixels do not count.
        """
        errors = self.compared(truth, predicted) - truth
        return np.where(self.valid(truth), errors, np.nan).astype(np.float32)

    def errors(self, truth: np.ndarray, predicted: np.ndarray, name: str,
               part: Optional[np.ndarray] = None) -> Optional[Dict[str, float]]:
        """Return the errors of one image, or of a part of its pixels.

        Args:
            truth: (H, W) true depth, metres, 0 where unknown.
            predicted: (H, W) metres.
            name: name of the image, for messages.
            part: (H, W) bool, the pixels whose errors count; by default all. The median of a
                protocol with median scaling is that of the whole image all the same.

        Returns:
            Values by name: AbsRel, SqRel (metres), RMSE (metres), RMSElog (natural
            logarithm), log10, and delta1 to delta3: the shares (in [0, 1]) of pixels with
            max(predicted / true, true / predicted) less than 1.25, 1.25² and 1.25³. None if
            no pixel counts.

        Raises:
            InputError: the two maps differ in size, the prediction is NaN at a pixel that
                counts or has no median to scale by, or the crop does not fit.
        """
        if truth.shape != predicted.shape:
            raise InputError(f'{name}: the prediction\'s size {predicted.shape} differs from '
                             f'{truth.shape} of the true depth; predict at the original '
                             'image\'s size')
        try:
            valid = self.valid(truth)
            counted = valid if part is None else valid & part
            if not counted.any():
                return None
            if np.isnan(predicted[valid]).any():
                raise InputError('the prediction holds NaN; correct the program that made it')
            found = self.compared(truth, predicted)[counted]
        except InputError as error:
            raise InputError(f'{name}: {error}') from None
        return dict(zip(DEPTH_STYLES, _errors(truth[counted].astype(np.float64), found)))


def _errors(true: np.ndarray, found: np.ndarray) -> List[float]:
    """Return the errors of (N,) positive depths, N > 0, in the order of DEPTH_STYLES."""
    difference, log_ratio = found - true, np.log(found / true)
    factor = np.maximum(found / true, true / found)
    values = [np.abs(difference / true).mean(),
              (difference ** 2 / true).mean(),
              np.sqrt((difference ** 2).mean()),
              np.sqrt((log_ratio ** 2).mean()),
              np.abs(log_ratio).mean() / np.log(10),
              *((factor < THRESHOLD ** power).mean() for power in (1, 2, 3))]
    return [float(value) for value in values]


@dataclass
class DepthEvaluation:
    """Errors of the images of a data set, and their means.

    Attributes:
        protocol: evaluation protocol of all images.
        images: errors by metric of each image that has pixels to compare.
        without_depth: names of the images without such pixels.

    Example:
        >>> evaluation = DepthEvaluation(DepthProtocol())
        >>> for name, depth in (('a', 5.), ('b', 8.)):
        ...     evaluation.add(name, evaluation.protocol.errors(
        ...         np.full((2, 2), 4.), np.full((2, 2), depth), name))
        >>> evaluation.to_dict()['AbsRel']
        0.625
    """
    protocol: DepthProtocol
    images: List[Dict[str, float]] = field(default_factory=list)
    without_depth: List[str] = field(default_factory=list)

    def add(self, name: str, errors: Optional[Dict[str, float]]) -> None:
        """Add an image.

        Args:
            name: name of the image.
            errors: result of :meth:`DepthProtocol.errors`.
        """
        if errors is None:
            self.without_depth.append(name)
        else:
            self.images.append(errors)

    def to_dict(self) -> Dict[str, float]:
        """Return the means over the images by metric.

        Raises:
            InputError: no image has a pixel that counts.
        """
        if not self.images:
            low, high = self.protocol.min_depth, self.protocol.max_depth
            raise InputError(f'none of {len(self.without_depth)} images has a true depth between '
                             f'{low:g} and {high:g} m inside the crop '
                             f'({self.protocol.crop_title}); check the depth files, their scale, '
                             'the caps and the crop')
        return {key: float(np.mean([errors[key] for errors in self.images]))
                for key in DEPTH_STYLES}

    def table(self) -> str:
        """Return the protocol and the means as text.

        Raises:
            InputError: no image has a pixel that counts.
        """
        means = self.to_dict()
        lines = [f'{len(self.images)} images, {self.protocol.title}']
        if self.without_depth:
            lines.append(f'{len(self.without_depth)} images without such depth are left out, the '
                         f'first one: {self.without_depth[0]}')
        lines += [''.join(f'{key:>9}' for key in DEPTH_STYLES),
                  ''.join(f'{means[key]:>9.4f}' for key in DEPTH_STYLES)]
        return '\n'.join(lines)
