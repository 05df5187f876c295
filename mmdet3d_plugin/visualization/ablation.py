"""Ablations: one row a variant, one value a seed."""
import io
import statistics
from typing import Callable, List, Mapping, NamedTuple, Sequence

import numpy as np
from matplotlib.figure import Figure

from ..depth_maps import METRICS as DEPTH_METRICS
from .colors import class_colors
from .metric_table import DEPTH_STYLES, UNDEFINED, MetricStyle, is_metric_key, metric_key


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


def ablation_plot(rows: Sequence[AblationRow], metrics: Sequence[str]) -> bytes:
    """PNG with a panel for each metric: a dot a seed, a line at the mean."""
    figure = Figure(figsize=(4.6 * len(metrics) + 2.4, 0.5 * len(rows) + 1.2), dpi=150,
                    layout='constrained')
    panels = np.atleast_1d(figure.subplots(1, len(metrics), sharey=True))
    for panel, metric in zip(panels, metrics):
        for position, row in enumerate(rows):
            values = row.values(metric)
            panel.plot(values, [position] * len(values), 'o', color=class_colors['Car'],
                       alpha=.75, markeredgewidth=0)
            if values:
                mean = statistics.fmean(values)
                panel.plot([mean] * 2, [position - .28, position + .28], color='black')
        style = style_of(metric)
        panel.set_title(style.title, fontsize=9, loc='left')
        panel.set_xlabel(f'{style.unit}; a dot a seed, a line at the mean', fontsize=8)
        panel.margins(x=.06)
        if style.from_zero and panel.get_xlim()[0] > 0:
            panel.set_xlim(left=0)
        panel.grid(axis='x', alpha=.2)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].set_yticks(range(len(rows)), [row.name for row in rows])
    panels[0].set_ylim(len(rows) - .5, -.5)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
