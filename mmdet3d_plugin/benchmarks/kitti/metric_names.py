"""Names of KITTI's metrics in mmdet3d's form, and the rows of their table."""
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from ..metric_style import Metrics, without_prefix

DIFFICULTIES = ('easy', 'moderate', 'hard')
OVERLAPS = ('strict', 'loose')  # minimum overlaps of a match, see protocol.py
TABLE_METRICS = ('3D', 'BEV', '2D', 'AOS')  # in the order of the table's rows

_KEY = re.compile(rf'(?P<class_name>[^\s/]+?)_(?P<metric>{"|".join(TABLE_METRICS)})'
                  rf'_AP(?P<recalls>40|11)_(?P<difficulty>{"|".join(DIFFICULTIES)})'
                  rf'_(?P<overlap>{"|".join(OVERLAPS)})')


class MetricRow(NamedTuple):
    """One line of the table.

    Attributes:
        class_name: class of the objects.
        metric: one of :data:`TABLE_METRICS`.
        values: AP in percent for each of :func:`columns`; None where it is unknown.
    """
    class_name: str
    metric: str
    values: Tuple[Optional[float], ...]


def metric_key(class_name: str, metric: str = '3D', recalls: int = 40,
               difficulty: str = 'moderate', overlap: str = 'strict') -> str:
    """Return the name of a metric.

    Args:
        class_name: class of the objects.
        metric: one of :data:`TABLE_METRICS`.
        recalls: 40 (R40) or 11 (R11).
        difficulty: one of :data:`DIFFICULTIES`.
        overlap: one of :data:`OVERLAPS`.

    Example:
        >>> metric_key('Car')
        'Car_3D_AP40_moderate_strict'
    """
    return f'{class_name}_{metric}_AP{recalls}_{difficulty}_{overlap}'


def is_metric_key(key: str) -> bool:
    """Return whether a name has the form of :func:`metric_key`.

    Example:
        >>> is_metric_key('Car_3D_AP40_moderate_strict'), is_metric_key('loss')
        (True, False)
    """
    return _KEY.fullmatch(key) is not None


def columns() -> List[Tuple[str, str]]:
    """Return (overlap, difficulty) of the table's six columns."""
    return [(overlap, difficulty) for overlap in OVERLAPS for difficulty in DIFFICULTIES]


def metric_rows(metrics: Metrics, recalls: int) -> List[MetricRow]:
    """Return the rows of the table of average precision.

    Args:
        metrics: AP in percent by name. A name may have a prefix that ends with a slash.
            Names of other forms are ignored.
        recalls: number of recall positions, 40 or 11.

    Returns:
        Rows of the classes in the order of ``metrics``, and of each class in the order of
        :data:`TABLE_METRICS`.

    Example:
        >>> metric_rows({'kitti/Car_3D_AP40_easy_strict': 21.5}, 40)[0].values
        (21.5, None, None, None, None, None)
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
