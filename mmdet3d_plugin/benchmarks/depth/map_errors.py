"""Errors of predicted depth maps: of each image, then their mean (Eigen et al., 2014)."""
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Union

import numpy as np

from ...errors import InputError
from .crops import CROPS, crop_bounds

METRICS = ('AbsRel', 'SqRel', 'RMSE', 'RMSElog', 'log10', 'delta1', 'delta2', 'delta3')
THRESHOLD = 1.25


@dataclass(frozen=True)
class DepthProtocol:
    """Which pixels count, and what happens to predictions before they are compared.

    Pixels count where the true depth lies between ``min_depth`` and ``max_depth`` (both
    excluded) and inside the crop. Predictions are clamped to the two, so that one where
    nothing was predicted (0) counts as ``min_depth``.

    Attributes:
        min_depth, max_depth: metres.
        crop: names as in :func:`~.crops.crop_bounds`; None for the whole image.
        median_scaling: multiplies each prediction by the ratio of the medians of true and
            predicted depth first, for predictions without a scale.
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
        return [self.crop] if isinstance(self.crop, str) else list(self.crop or ())

    @property
    def crop_title(self) -> str:
        return ' of '.join(reversed(self.crop_names)) or 'none'

    def valid(self, truth: np.ndarray) -> np.ndarray:
        """(H, W) bool, the pixels of a true depth map (H, W) that count."""
        valid = (truth > self.min_depth) & (truth < self.max_depth)
        top, bottom, left, right = crop_bounds(self.crop_names, truth.shape)
        inside = np.zeros_like(valid)
        inside[top:bottom, left:right] = True
        return valid & inside

    def scaled(self, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """(H, W) float64, metres: the prediction, with median scaling times the ratio.

        Raises:
            InputError: the prediction has no median to scale by.
        """
        predicted = predicted.astype(np.float64)
        valid = self.valid(truth)
        if self.median_scaling and valid.any():
            median = np.median(predicted[valid])
            if not 0 < median < np.inf:
                raise InputError(f'the median of the prediction is {median:g} m, which no median '
                                 'scaling mends; evaluate it without')
            predicted = predicted * (np.median(truth[valid].astype(np.float64)) / median)
        return predicted

    def compared(self, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """(H, W) float64, metres: the prediction as it is compared with the true depth, scaled
        and clamped."""
        return self.scaled(truth, predicted).clip(self.min_depth, self.max_depth)

    def signed_errors(self, truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """(H, W) float32, metres: prediction minus true depth of the pixels that count, scaled
        and clamped; NaN elsewhere."""
        errors = self.compared(truth, predicted) - truth
        return np.where(self.valid(truth), errors, np.nan).astype(np.float32)

    def errors(self, truth: np.ndarray, predicted: np.ndarray, name: str
               ) -> Optional[Dict[str, float]]:
        """Errors of one image by name; None if none of its pixels counts.

        AbsRel, SqRel (metres), RMSE (metres), RMSElog (natural logarithm), log10, and the
        shares (0-1) of pixels off by less than a factor of 1.25, 1.25² and 1.25³.

        Args:
            truth, predicted: (H, W), metres, 0 where unknown.
            name: of the image, for messages.

        Raises:
            InputError: the two differ in size, or a prediction that counts is NaN, or has
                no median to scale by, or the crop does not fit.
        """
        if truth.shape != predicted.shape:
            raise InputError(f'{name}: the prediction\'s size {predicted.shape} differs from '
                             f'{truth.shape} of the true depth; predict at the original '
                             'image\'s size')
        try:
            valid = self.valid(truth)
            if not valid.any():
                return None
            if np.isnan(predicted[valid]).any():
                raise InputError('the prediction holds NaN; mend what made it')
            found = self.compared(truth, predicted)[valid]
        except InputError as error:
            raise InputError(f'{name}: {error}') from None
        return dict(zip(METRICS, _errors(truth[valid].astype(np.float64), found)))


def _errors(true: np.ndarray, found: np.ndarray) -> List[float]:
    """Errors in the order of METRICS of (N,) positive depths, N > 0."""
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
    """Errors of a set of images, and their mean.

    Attributes:
        protocol: what counts.
        images: errors by metric of every image that has depth to compare with.
        without_depth: names of the others.
    """
    protocol: DepthProtocol
    images: List[Dict[str, float]] = field(default_factory=list)
    without_depth: List[str] = field(default_factory=list)

    def add(self, name: str, errors: Optional[Dict[str, float]]) -> None:
        """Adds what :meth:`DepthProtocol.errors` tells of an image."""
        if errors is None:
            self.without_depth.append(name)
        else:
            self.images.append(errors)

    def to_dict(self) -> Dict[str, float]:
        """Means over the images by metric.

        Raises:
            InputError: no image has a pixel that counts.
        """
        if not self.images:
            low, high = self.protocol.min_depth, self.protocol.max_depth
            raise InputError(f'none of {len(self.without_depth)} images has a true depth between '
                             f'{low:g} and {high:g} m inside the crop '
                             f'({self.protocol.crop_title}); check the depth files, their scale, '
                             'the caps and the crop')
        return {key: float(np.mean([errors[key] for errors in self.images])) for key in METRICS}

    def table(self) -> str:
        """What was evaluated, and the means."""
        protocol, means = self.protocol, self.to_dict()
        title = (f'{len(self.images)} images, depth of {protocol.min_depth:g} to '
                 f'{protocol.max_depth:g} m, crop {protocol.crop_title}')
        if protocol.median_scaling:
            title += ', scaled by the median'
        lines = [title]
        if self.without_depth:
            lines.append(f'{len(self.without_depth)} images without such depth are left out, the '
                         f'first one: {self.without_depth[0]}')
        lines += [''.join(f'{key:>9}' for key in METRICS),
                  ''.join(f'{means[key]:>9.4f}' for key in METRICS)]
        return '\n'.join(lines)
