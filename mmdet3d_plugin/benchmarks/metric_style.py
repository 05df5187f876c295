"""Presentation of metrics: name, unit, decimals and direction."""
import math
from typing import Dict, Mapping, NamedTuple, Optional

UNDEFINED = '–'
Metrics = Mapping[str, Optional[float]]


class MetricStyle(NamedTuple):
    """How a metric is shown: its name, its unit, the decimals that matter, an arrow to where
    it is better, and whether a plot shows how far from zero it is."""
    name: str
    unit: str = 'AP (%)'
    decimals: int = 1
    better: str = ''
    from_zero: bool = True

    @property
    def title(self) -> str:
        return f'{self.name} {self.better}'.rstrip()


def without_prefix(metrics: Metrics) -> Dict[str, Optional[float]]:
    """The metrics with ``'kitti/Car_...'`` shortened to ``'Car_...'``."""
    return {key.rsplit('/', 1)[-1]: value for key, value in metrics.items()}


def format_value(value: Optional[float], decimals: int = 2) -> str:
    """The number, or a dash where it is not defined (None or NaN)."""
    if value is None or math.isnan(value):
        return UNDEFINED
    return f'{value:.{decimals}f}'
