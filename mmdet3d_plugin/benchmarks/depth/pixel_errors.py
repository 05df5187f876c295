"""Depth errors of the pixels of depth maps, by distance."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from ...errors import InputError
from ...utils.files import has_file
from ...utils.json_files import read_json
from .map_errors import DepthProtocol

DISTANCE_ERRORS = 'distance_errors.json'  # in the folder of the tested frames' pictures
BINS = 8
MAX_BYTES = 1 << 20
MAX_NUMBER = 1e30


@dataclass
class PixelDepthErrors:
    """Errors of the pixels of all images, in B bins of their true depth.

    Every pixel has the same weight. The benchmarks' metrics (:class:`DepthEvaluation`) are
    means over images instead.

    Attributes:
        edges: (B + 1,) bounds of the bins, metres.
        sums: (3, B): number of pixels, sum of their absolute errors divided by the true
            depth, and sum of their absolute errors in metres.

    Example:
        >>> errors = PixelDepthErrors.up_to(80.)
        >>> errors.add(np.array([[5., 20.]]), np.array([[6., 18.]]), DepthProtocol())
        >>> errors.metres[:3]
        array([ 1., nan,  2.])
    """
    edges: np.ndarray
    sums: np.ndarray

    @classmethod
    def up_to(cls, max_depth: float) -> 'PixelDepthErrors':
        """Create empty bins of equal width from 0 to ``max_depth`` metres."""
        return cls(np.linspace(0, max_depth, BINS + 1), np.zeros((3, BINS)))

    def add(self, truth: np.ndarray, prediction: np.ndarray, protocol: DepthProtocol) -> None:
        """Add the pixels of one image.

        Args:
            truth: (H, W) true depth, metres, 0 where unknown.
            prediction: (H, W) predicted depth, metres.
            protocol: the pixels that count, and the scaling and clamping of predictions.

        Raises:
            InputError: the crop does not fit the image, or the prediction has no median to
                scale by.
        """
        counted = protocol.valid(truth)
        true = truth[counted].astype(np.float64)
        errors = np.abs(protocol.signed_errors(truth, prediction)[counted])
        self.sums += [np.histogram(true, self.edges, weights=weights)[0]
                      for weights in (np.ones_like(true), errors / true, errors)]

    @property
    def pixels(self) -> np.ndarray:
        """(B,) number of pixels."""
        return self.sums[0]

    @property
    def relative(self) -> np.ndarray:
        """(B,) mean absolute error divided by the true depth; NaN without pixels."""
        return self._mean(1)

    @property
    def metres(self) -> np.ndarray:
        """(B,) mean absolute error, metres; NaN without pixels."""
        return self._mean(2)

    def _mean(self, row: int) -> np.ndarray:
        with np.errstate(invalid='ignore'):
            return self.sums[row] / self.sums[0]

    def to_json(self) -> str:
        """Return the bins as JSON, for :func:`read_pixel_errors`."""
        return json.dumps(dict(edges=self.edges.tolist(), sums=self.sums.tolist()))


def read_pixel_errors(path: Path) -> Optional[PixelDepthErrors]:
    """Read a file with the content of :meth:`PixelDepthErrors.to_json`.

    Returns:
        The bins, or None if there is no such file.

    Raises:
        InputError: the file is malformed.
    """
    if not has_file(path):
        return None
    content = read_json(path, 'no such file', MAX_BYTES)
    try:
        errors = PixelDepthErrors(*(np.array(content[key], dtype=np.float64)
                                    for key in ('edges', 'sums')))
    except (ValueError, KeyError, TypeError, OverflowError):
        errors = None
    if errors is None or not _is_whole(errors):
        raise InputError(f'{path}: holds no errors by distance; make it again with tools/test.py')
    return errors


def _is_whole(errors: PixelDepthErrors) -> bool:
    """Return whether bins have increasing bounds and sums that are finite and not negative."""
    edges, sums = errors.edges, errors.sums
    return (edges.ndim == 1 and len(edges) > 1 and sums.shape == (3, len(edges) - 1)
            and bool((np.abs(edges) < MAX_NUMBER).all() and (np.diff(edges) > 0).all()
                     and (sums >= 0).all() and (sums < MAX_NUMBER).all()))
