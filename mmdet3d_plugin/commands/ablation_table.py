"""Table of an ablation: one row per config, mean and spread over seeds."""
import statistics
from typing import Callable, List, Mapping, NamedTuple, Sequence

from ..benchmarks.depth.map_errors import METRICS as DEPTH_METRICS
from ..benchmarks.depth.metric_styles import DEPTH_STYLES
from ..benchmarks.kitti.metric_names import is_metric_key, metric_key
from ..benchmarks.metric_style import UNDEFINED, MetricStyle


class EvaluatorMetrics(NamedTuple):
    """What an evaluator yields.

    Attributes:
        columns: metrics that are compared by default.
        yields: whether there is a metric of this name.
    """
    columns: Sequence[str]
    yields: Callable[[str], bool]


EVALUATORS = {
    'KittiAPMetric': EvaluatorMetrics(
        (metric_key('Car', overlap='loose'), metric_key('Car', overlap='strict')), is_metric_key),
    'DepthMetric': EvaluatorMetrics(('AbsRel', 'RMSE', 'delta1'), DEPTH_METRICS.__contains__),
}
METRIC_STYLES = {
    **DEPTH_STYLES,
    metric_key('Car', overlap='loose'): MetricStyle('Car AP 3D R40 moderate, IoU 0.5', better='↑'),
    metric_key('Car', overlap='strict'): MetricStyle('Car AP 3D R40 moderate, IoU 0.7',
                                                     better='↑'),
}
FEATURE_STYLES = {
    'spearman': MetricStyle('Spearman correlation, %', '%', better='↑'),
    'qi_satisfied': MetricStyle('pairs in the band, %', '%', better='↑'),
    'Car_depth_error': MetricStyle('Car depth error, m', 'm', 2, better='↓'),
}


def style_of(metric: str) -> MetricStyle:
    return {**METRIC_STYLES, **FEATURE_STYLES}.get(metric, MetricStyle(metric))


class AblationRow(NamedTuple):
    """One variant.

    Attributes:
        name: of its config.
        title: what it varies.
        results: by seed, the metrics by key.
    """
    name: str
    title: str
    results: Mapping[int, Mapping[str, float]]

    def values(self, metric: str) -> List[float]:
        return [metrics[metric] for metrics in self.results.values()
                if metrics.get(metric) is not None]


def mean_and_spread(values: Sequence[float], decimals: int = 1) -> str:
    """``mean ± sample standard deviation``; a single value has no spread."""
    if not values:
        return UNDEFINED
    mean = f'{statistics.fmean(values):.{decimals}f}'
    return f'{mean} ± {statistics.stdev(values):.{decimals}f}' if len(values) > 1 else mean


def ablation_table(rows: Sequence[AblationRow], metrics: Sequence[str]) -> str:
    """A Markdown table with the mean and the spread over seeds."""
    header = ['config', 'varies', 'seeds', *(style_of(key).title for key in metrics)]
    lines = [header, ['---'] * len(header)]
    lines += [[f'`{row.name}`', row.title, ' '.join(map(str, sorted(row.results))) or UNDEFINED,
               *(mean_and_spread(row.values(key), style_of(key).decimals) for key in metrics)]
              for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
