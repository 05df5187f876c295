"""The flat metrics of an evaluation, KITTI's or that of depth maps, arranged for reading."""
import math
import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

DIFFICULTIES = ('easy', 'moderate', 'hard')
OVERLAPS = ('strict', 'loose')
METRICS = ('3D', 'BEV', '2D', 'AOS')
UNDEFINED = '–'

_KEY = re.compile(r'(?P<class_name>\w+?)_(?P<metric>3D|BEV|2D|AOS)_AP(?P<recalls>40|11)'
                  r'_(?P<difficulty>easy|moderate|hard)_(?P<overlap>strict|loose)')

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


def _depth_style(name: str, unit: str, decimals: int, better: str) -> MetricStyle:
    return MetricStyle(name, unit, decimals, better, from_zero=False)


# Names and decimals of the papers' tables, whose methods differ by few percent.
DEPTH_STYLES = {
    'AbsRel': _depth_style('AbsRel', 'share of the true depth', 4, '↓'),
    'SqRel': _depth_style('SqRel, m', 'm', 3, '↓'),
    'RMSE': _depth_style('RMSE, m', 'm', 3, '↓'),
    'RMSElog': _depth_style('RMSElog', 'natural logarithm', 4, '↓'),
    'log10': _depth_style('log10', 'decimal logarithm', 4, '↓'),
    'delta1': _depth_style('δ < 1.25', 'share of the pixels', 4, '↑'),
    'delta2': _depth_style('δ < 1.25²', 'share of the pixels', 4, '↑'),
    'delta3': _depth_style('δ < 1.25³', 'share of the pixels', 4, '↑'),
}


class MetricRow(NamedTuple):
    """One line of the table: AP in percent for each of ``columns()``."""
    class_name: str
    metric: str
    values: Tuple[Optional[float], ...]


def metric_key(class_name: str, metric: str = '3D', recalls: int = 40,
               difficulty: str = 'moderate', overlap: str = 'strict') -> str:
    return f'{class_name}_{metric}_AP{recalls}_{difficulty}_{overlap}'


def is_metric_key(key: str) -> bool:
    """Whether a metric can have this name, of :func:`metric_key`'s form."""
    return _KEY.fullmatch(key) is not None


def columns() -> List[Tuple[str, str]]:
    """(overlap, difficulty) of the table's six columns."""
    return [(overlap, difficulty) for overlap in OVERLAPS for difficulty in DIFFICULTIES]


def metric_rows(metrics: Metrics, recalls: int) -> List[MetricRow]:
    """Rows of the AP over ``recalls`` (40 or 11) recall positions.

    Classes come in the order in which ``metrics`` names them. Keys may carry a
    prefix that ends with a slash; keys of other forms are left out.
    """
    short: Dict[str, Optional[float]] = without_prefix(metrics)
    found = [match for match in map(_KEY.fullmatch, short)
             if match and int(match['recalls']) == recalls]
    rows = []
    for class_name in dict.fromkeys(match['class_name'] for match in found):
        for metric in METRICS:
            if any((match['class_name'], match['metric']) == (class_name, metric)
                   for match in found):
                rows.append(MetricRow(class_name, metric, tuple(
                    short.get(metric_key(class_name, metric, recalls, difficulty, overlap))
                    for overlap, difficulty in columns())))
    return rows


def without_prefix(metrics: Metrics) -> Dict[str, Optional[float]]:
    """The metrics with ``'kitti/Car_...'`` shortened to ``'Car_...'``."""
    return {key.rsplit('/', 1)[-1]: value for key, value in metrics.items()}


def format_value(value: Optional[float], decimals: int = 2) -> str:
    """The number, or a dash where it is not defined (None or NaN)."""
    if value is None or math.isnan(value):
        return UNDEFINED
    return f'{value:.{decimals}f}'
