"""Display of metrics: name, unit, decimals and direction."""
import math
from typing import Dict, Mapping, NamedTuple, Optional

UNDEFINED = '–'
Metrics = Mapping[str, Optional[float]]


class MetricStyle(NamedTuple):
    """Display style of a metric.

    Attributes:
        name: title of a column or an axis.
        unit: unit of the values.
        decimals: digits after the decimal point.
        better: arrow in the direction of better values, ``'↑'`` or ``'↓'``.
        from_zero: whether the axis of a plot starts at zero.
    """
    name: str
    unit: str = 'AP (%)'
    decimals: int = 1
    better: str = ''
    from_zero: bool = True

    @property
    def title(self) -> str:
        """Name and arrow."""
        return f'{self.name} {self.better}'.rstrip()


def without_prefix(metrics: Metrics) -> Dict[str, Optional[float]]:
    """Return the metrics with the part of each name up to the last slash removed.

    Example:
        >>> without_prefix({'kitti/Car_3D_AP40_easy_strict': 21.5})
        {'Car_3D_AP40_easy_strict': 21.5}
    """
    return {key.rsplit('/', 1)[-1]: value for key, value in metrics.items()}


def format_value(value: Optional[float], decimals: int = 2) -> str:
    """Return a value as text, or a dash if it is None or NaN.

    Example:
        >>> format_value(3.14159), format_value(-.001), format_value(None)
        ('3.14', '0.00', '–')
    """
    if value is None or math.isnan(value):
        return UNDEFINED
    return f'{round(value, decimals) + 0.:.{decimals}f}'  # + 0. turns -0. into 0.


def rounded_difference(first: Optional[float], second: Optional[float], decimals: int = 2
                       ) -> float:
    """Return ``second - first`` as it is shown, or NaN if one value is undefined.

    Example:
        >>> rounded_difference(3., 2.25), rounded_difference(1., .999)
        (-0.75, -0.0)
    """
    if first is None or second is None:
        return math.nan
    return round(second - first, decimals)


def format_difference(first: Optional[float], second: Optional[float], decimals: int = 2) -> str:
    """Return ``second - first`` as text, or a dash if one value is undefined.

    The text has a sign, unless the rounded difference is zero.

    Example:
        >>> format_difference(2., 3.5), format_difference(3., 2.25), format_difference(None, 1.)
        ('+1.50', '−0.75', '–')
        >>> format_difference(1., .999)
        '0.00'
    """
    change = rounded_difference(first, second, decimals)
    sign = '+' if change > 0 else '−' if change < 0 else ''
    return sign + format_value(abs(change), decimals)
