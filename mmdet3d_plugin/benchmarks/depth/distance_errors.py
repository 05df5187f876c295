"""How well dense depth is estimated, by distance."""
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from ...errors import InputError
from .map_errors import DepthProtocol

DISTANCE_ERRORS = 'distance_errors.json'  # beside the pictures of the tested frames
BINS = 8


@dataclass
class DistanceErrors:
    """Errors of the pixels of all images, in B bins of their true depth.

    Other than the benchmarks' figures, which are means over images, every pixel counts alike.

    Attributes:
        edges: (B + 1,) bounds of the bins, metres.
        sums: (3, B): how many pixels count, and the sums of their absolute errors over the
            true depth and in metres.
    """
    edges: np.ndarray
    sums: np.ndarray

    @classmethod
    def up_to(cls, max_depth: float) -> 'DistanceErrors':
        """Bins that divide the depths up to a largest one, metres, evenly; empty."""
        return cls(np.linspace(0, max_depth, BINS + 1), np.zeros((3, BINS)))

    def add(self, truth: np.ndarray, prediction: np.ndarray, protocol: DepthProtocol) -> None:
        """Adds an image's true and predicted depth, (H, W) metres, 0 where unknown."""
        counted = protocol.valid(truth)
        true = truth[counted].astype(np.float64)
        errors = np.abs(protocol.signed_errors(truth, prediction)[counted])
        self.sums += [np.histogram(true, self.edges, weights=weights)[0]
                      for weights in (np.ones_like(true), errors / true, errors)]

    @property
    def pixels(self) -> np.ndarray:
        """(B,) how many count."""
        return self.sums[0]

    @property
    def relative(self) -> np.ndarray:
        """(B,) mean absolute error over the true depth, NaN without pixels."""
        return self._mean(1)

    @property
    def metres(self) -> np.ndarray:
        """(B,) mean absolute error, metres, NaN without pixels."""
        return self._mean(2)

    def _mean(self, row: int) -> np.ndarray:
        with np.errstate(invalid='ignore'):
            return self.sums[row] / self.sums[0]

    def to_json(self) -> str:
        return json.dumps(dict(edges=self.edges.tolist(), sums=self.sums.tolist()))


def read_distance_errors(path: Path) -> Optional[DistanceErrors]:
    """Reads what :meth:`DistanceErrors.to_json` writes; None if there is no such file.

    Raises:
        InputError: the file is malformed.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        errors = DistanceErrors(*(np.array(content[key], dtype=np.float64)
                                  for key in ('edges', 'sums')))
    except (ValueError, KeyError, TypeError):
        errors = None
    if errors is None or errors.sums.shape != (3, len(errors.edges) - 1):
        raise InputError(f'{path}: holds no errors by distance; make it again with tools/test.py')
    return errors
