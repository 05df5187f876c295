"""Paired comparison of two ablation rows: differences of trainings with the same seed.

Legend: n pairs, differences d_1 ... d_n with mean m and sample standard deviation s.
"""
import math
import statistics
from typing import Mapping, NamedTuple, Optional

from scipy import stats

CONFIDENCE = 0.95  # of intervals; tests are two-sided with a level of 1 - CONFIDENCE
POWER = 0.8
MAX_PAIRS = 10000


class PairedDifference(NamedTuple):
    """Mean of paired differences with its confidence interval.

    Attributes:
        count: number n of pairs, at least 2.
        mean: mean difference m.
        deviation: sample standard deviation s of the differences.
        low: lower end of the confidence interval of the mean difference.
        high: upper end of the interval.
    """
    count: int  # type: ignore[assignment]
    mean: float
    deviation: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """Statement about the sign of the mean difference."""
        if self.low > 0:
            return f'higher at {100 * CONFIDENCE:.0f} %'
        if self.high < 0:
            return f'lower at {100 * CONFIDENCE:.0f} %'
        return f'difference not distinguishable from zero at {100 * CONFIDENCE:.0f} %'


def paired_difference(baseline: Mapping[int, float],
                      row: Mapping[int, float]) -> Optional[PairedDifference]:
    """Compare the values of a row with those of the baseline with the same seed.

    The interval is that of Student's t: ``m ± t s / sqrt(n)`` with n - 1 degrees of freedom. It
    assumes that differences are independent and normally distributed.

    Args:
        baseline: values of the baseline by seed.
        row: values of the row by seed.

    Returns:
        The difference row - baseline over the seeds of both; None with fewer than 2 such seeds.

    Example:
        >>> found = paired_difference({0: 10., 1: 12., 2: 17.}, {0: 11., 1: 15., 2: 19., 3: 5.})
        >>> found.count, found.mean, found.deviation, round(found.low, 3), round(found.high, 3)
        (3, 2.0, 1.0, -0.484, 4.484)
        >>> found.verdict
        'difference not distinguishable from zero at 95 %'
    """
    differences = [row[seed] - baseline[seed] for seed in sorted(baseline.keys() & row.keys())]
    count = len(differences)
    if count < 2:
        return None
    mean, deviation = statistics.fmean(differences), statistics.stdev(differences)
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * deviation / math.sqrt(count)
    return PairedDifference(count, mean, deviation, float(mean - reach), float(mean + reach))


def paired_power(count: int, effect_size: float) -> float:
    """Return the power of the two-sided paired t-test.

    Under a true mean difference the test statistic has a noncentral t distribution with n - 1
    degrees of freedom and noncentrality ``effect_size * sqrt(n)``. The power is the probability
    that its absolute value exceeds the critical value. It is computed from the square of the
    statistic, which has a noncentral F distribution, because scipy's noncentral t returns NaN far
    in its tails.

    Args:
        count: number n of pairs, at least 2.
        effect_size: true mean difference / standard deviation of the differences, not 0.

    Example:
        >>> round(paired_power(34, 0.5), 3)
        0.808
    """
    critical = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)
    return float(stats.ncf.sf(critical ** 2, 1, count - 1, count * effect_size ** 2))


def required_pairs(effect: float, deviation: float) -> Optional[int]:
    """Return the smallest number of pairs with which the test has a power of at least 0.8.

    The number is found by bisection, since the power grows with the number of pairs.

    Args:
        effect: true mean difference to detect, not 0.
        deviation: standard deviation of the differences.

    Returns:
        The number, at least 2; None if it exceeds ``MAX_PAIRS``.

    Example:
        >>> required_pairs(1., deviation=1.), required_pairs(1., deviation=2.)
        (10, 34)
    """
    if deviation == 0:
        return 2
    effect_size = abs(effect) / deviation
    if paired_power(MAX_PAIRS, effect_size) < POWER:
        return None
    too_few, enough = 1, 2
    while paired_power(enough, effect_size) < POWER:
        too_few, enough = enough, 2 * enough
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if paired_power(middle, effect_size) < POWER:
            too_few = middle
        else:
            enough = middle
    return enough


class Effect(NamedTuple):
    """Size of an effect, absolute or relative to the baseline's mean.

    Attributes:
        size: size in the metric's unit, or a fraction of the baseline's mean.
        relative: whether the size is a fraction.
    """
    size: float
    relative: bool

    @classmethod
    def parse(cls, text: str) -> 'Effect':
        """Read a size such as ``'2.5'`` or ``'5%'``.

        Raises:
            ValueError: the text is no positive number.

        Example:
            >>> Effect.parse('5%'), Effect.parse('2.5')
            (Effect(size=0.05, relative=True), Effect(size=2.5, relative=False))
        """
        size = float(text.removesuffix('%'))
        if not 0 < size < math.inf:
            raise ValueError(f'{text}: not a positive number')
        return cls(size / 100, True) if text.endswith('%') else cls(size, False)

    def absolute(self, baseline_mean: float) -> float:
        """Return the size in the metric's unit."""
        return self.size * abs(baseline_mean) if self.relative else self.size


DEFAULT_EFFECT = Effect(0.05, True)
