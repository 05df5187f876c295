"""Names of KITTI's figures in mmdet3d's form, and their table."""
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from ..metric_style import Metrics, without_prefix

DIFFICULTIES = ('easy', 'moderate', 'hard')
OVERLAPS = ('strict', 'loose')
TABLE_METRICS = ('3D', 'BEV', '2D', 'AOS')  # in the order of the table's rows

_KEY = re.compile(r'(?P<class_name>\w+?)_(?P<metric>3D|BEV|2D|AOS)_AP(?P<recalls>40|11)'
                  r'_(?P<difficulty>easy|moderate|hard)_(?P<overlap>strict|loose)')


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
        for metric in TABLE_METRICS:
            if any((match['class_name'], match['metric']) == (class_name, metric)
                   for match in found):
                rows.append(MetricRow(class_name, metric, tuple(
                    short.get(metric_key(class_name, metric, recalls, difficulty, overlap))
                    for overlap, difficulty in columns())))
    return rows

