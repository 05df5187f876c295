"""Tables of an ablation: mean and spread over seeds, differences of rows, values per seed."""
import math
import statistics
from typing import Callable, Dict, List, Mapping, NamedTuple, Sequence

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.kitti.metric_names import is_metric_key, metric_key
from ..benchmarks.metric_style import UNDEFINED, MetricStyle, format_value
from ..benchmarks.retrieval.evaluation import is_retrieval_key, retrieval_style
from ..visualization.ablation_report import PageTable
from .paired_comparison import (
    CONFIDENCE,
    DEFAULT_EFFECT,
    MAX_PAIRS,
    POWER,
    Effect,
    paired_difference,
    required_pairs,
)


class EvaluatorMetrics(NamedTuple):
    """Metrics of an evaluator.

    Attributes:
        columns: names of the metrics that are compared by default.
        yields: function that tells whether the evaluator computes a metric of this name.
    """
    columns: Sequence[str]
    yields: Callable[[str], bool]


# Depth errors on the parts of the pixels that InstanceDepthMetric tells apart.
INSTANCE_STYLES = {
    f'{part}_{key}': style._replace(name=f'{style.name}, {part}')
    for part in ('movable', 'moving', 'static') for key, style in DEPTH_STYLES.items()}
POSE_STYLES = {
    'ATE_mean': MetricStyle('ATE, m', 'm', 4, '↓'),
    'rotation_deg': MetricStyle('rotation error, degrees', 'degrees', 3, '↓'),
}
EVALUATORS = {
    'KittiAPMetric': EvaluatorMetrics(
        (metric_key('Car', overlap='loose'), metric_key('Car', overlap='strict')), is_metric_key),
    'DepthMetric': EvaluatorMetrics(('AbsRel', 'RMSE', 'delta1'), DEPTH_STYLES.__contains__),
    'InstanceDepthMetric': EvaluatorMetrics(('moving_AbsRel', 'static_AbsRel'),
                                            INSTANCE_STYLES.__contains__),
    'PoseMetric': EvaluatorMetrics(('ATE_mean',), POSE_STYLES.__contains__),
    'RetrievalMetric': EvaluatorMetrics(('R@1', 'mAP@R'), is_retrieval_key),
}
METRIC_STYLES = {
    **DEPTH_STYLES, **INSTANCE_STYLES, **POSE_STYLES,
    metric_key('Car', overlap='loose'): MetricStyle('Car AP 3D R40 moderate, IoU 0.5',
                                                    better='↑'),
    metric_key('Car', overlap='strict'): MetricStyle('Car AP 3D R40 moderate, IoU 0.7',
                                                     better='↑'),
}
FEATURE_STYLES = {
    'spearman': MetricStyle('Spearman correlation, %', '%', better='↑'),
    'qi_satisfied': MetricStyle('pairs in the band, %', '%', better='↑'),
    'Car_depth_error': MetricStyle('Car depth error, m', 'm', 2, better='↓'),
}


def style_of(metric: str) -> MetricStyle:
    """Return title, unit and decimals of a metric."""
    if is_retrieval_key(metric):
        return retrieval_style(metric)
    return {**METRIC_STYLES, **FEATURE_STYLES}.get(metric, MetricStyle(metric))


class AblationRow(NamedTuple):
    """Row of the table.

    Attributes:
        name: name of the config.
        title: title of the config, which says what it varies.
        results: metrics of the finished runs, by seed and metric name.
    """
    name: str
    title: str
    results: Mapping[int, Mapping[str, float]]

    def values(self, metric: str) -> List[float]:
        """Return the values of a metric over the seeds that have one."""
        return [metrics[metric] for metrics in self.results.values()
                if metrics.get(metric) is not None]

    def values_by_seed(self, metric: str) -> Dict[int, float]:
        """Return the finite values of a metric by seed."""
        return {seed: metrics[metric] for seed, metrics in sorted(self.results.items())
                if metrics.get(metric) is not None and math.isfinite(metrics[metric])}


def mean_and_spread(values: Sequence[float], decimals: int = 1) -> str:
    """Format values as ``mean ± sample standard deviation``.

    A single value is shown without a deviation, no values as a dash.

    Example:
        >>> mean_and_spread([10., 20., 36.])
        '22.0 ± 13.1'
    """
    if not values:
        return UNDEFINED
    mean = f'{statistics.fmean(values):.{decimals}f}'
    return f'{mean} ± {statistics.stdev(values):.{decimals}f}' if len(values) > 1 else mean


class Table(NamedTuple):
    """Table of texts.

    Attributes:
        header: names of the columns.
        lines: cells of each row.
        config: column of the names of configs.
    """
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    config: int

    def to_markdown(self) -> str:
        """Return the table in Markdown, with the names of configs as code.

        Example:
            >>> print(Table(['config', 'ap'], [['plain', '12.3']], 0).to_markdown())
            | config | ap |
            | --- | --- |
            | `plain` | 12.3 |
        """
        lines = [[f'`{cell}`' if column == self.config else cell
                  for column, cell in enumerate(line)] for line in self.lines]
        return '\n'.join(f'| {" | ".join(line)} |'
                         for line in [self.header, ['---'] * len(self.header), *lines])


def ablation_table(rows: Sequence[AblationRow], metrics: Sequence[str]) -> Table:
    """Return a table with the mean and the standard deviation over seeds.

    Args:
        rows: rows in the order of the table.
        metrics: metric names, one column each.

    Example:
        >>> ablation_table([AblationRow('plain', 'Nothing', {0: dict(ap=12.3)})], ['ap']).lines
        [['plain', 'Nothing', '0', '12.3']]
    """
    header = ['config', 'varies', 'seeds', *(style_of(key).title for key in metrics)]
    return Table(header, [
        [row.name, row.title, ' '.join(map(str, sorted(row.results))) or UNDEFINED,
         *(mean_and_spread(row.values(key), style_of(key).decimals) for key in metrics)]
        for row in rows], config=0)


def comparison_table(rows: Sequence[AblationRow], metrics: Sequence[str], baseline: str,
                     effects: Mapping[str, Effect] = {}) -> Table:
    """Return a table that compares rows with a baseline by paired seeds.

    Args:
        rows: rows in the order of the table, including the baseline.
        metrics: metric names.
        baseline: name of the row that all others are compared with.
        effects: by metric name, the effect for which the number of seeds is computed; 5 % of
            the baseline's mean if absent.

    Example:
        >>> rows = [AblationRow('plain', 'Nothing', {0: dict(ap=10.), 1: dict(ap=20.)}),
        ...         AblationRow('mixed', 'MixUp', {0: dict(ap=12.), 1: dict(ap=23.)})]
        >>> table = comparison_table(rows, ['ap'], 'plain', dict(ap=Effect(2., False)))
        >>> table.lines[0][1:5]
        ['mixed', '2', '+2.5', '-3.9 to +8.9']
    """
    reference = next(row for row in rows if row.name == baseline)
    header = ['metric', 'config', 'common seeds', 'mean difference',
              f'{100 * CONFIDENCE:.0f} % interval', 'result', 'seeds for an effect of']
    return Table(header, [
        [style_of(key).title, row.name,
         *_comparison_cells(reference, row, key, effects.get(key, DEFAULT_EFFECT))]
        for key in metrics for row in rows if row is not reference], config=1)


def _comparison_cells(baseline: AblationRow, row: AblationRow, metric: str,
                      effect: Effect) -> List[str]:
    """Return the cells of one comparison: common seeds to seeds for an effect."""
    values, compared = baseline.values_by_seed(metric), row.values_by_seed(metric)
    found = paired_difference(values, compared)
    if found is None:
        return [str(len(values.keys() & compared.keys())), UNDEFINED, UNDEFINED, 'not decidable',
                UNDEFINED]
    decimals = style_of(metric).decimals
    size = effect.absolute(statistics.fmean(values.values()))
    needed = UNDEFINED if size == 0 else (
        required_pairs(size, found.deviation) or f'more than {MAX_PAIRS:,}')
    return [str(found.count), f'{found.mean:+.{decimals}f}',
            f'{found.low:+.{decimals}f} to {found.high:+.{decimals}f}', found.verdict,
            f'{size:.{decimals + 1}f}: {needed}']


def seed_table(rows: Sequence[AblationRow], metrics: Sequence[str]) -> Table:
    """Return a table with the value of each metric, row and seed.

    Args:
        rows: rows in the order of the table.
        metrics: metric names.

    Example:
        >>> seed_table([AblationRow('plain', 'Nothing', {3: dict(ap=12.3)})], ['ap']).lines
        [['ap', 'plain', '12.3']]
    """
    seeds = sorted({seed for row in rows for seed in row.results})
    return Table(['metric', 'config', *(f'seed {seed}' for seed in seeds)], [
        [style_of(key).title, row.name,
         *(format_value(row.results.get(seed, {}).get(key), style_of(key).decimals)
           for seed in seeds)]
        for key in metrics for row in rows], config=1)


def comparison_note(baseline: str) -> str:
    """Return the text above the table of :func:`comparison_table`.

    Args:
        baseline: name of the row that all others are compared with.
    """
    return (f'Differences from `{baseline}`, between trainings with the same seed. The interval '
            "is Student's t interval of the paired differences. It is not corrected for the "
            'number of comparisons. The last column shows the size of an effect and the number '
            f'of seeds that detect it with a probability of {100 * POWER:.0f} %. The number is '
            'rough if the common seeds are few, because they determine the deviation of '
            'differences poorly.')


def ablation_page(rows: Sequence[AblationRow], metrics: Sequence[str], baseline: str,
                  effects: Mapping[str, Effect] = {}) -> str:
    """Return the content of ``table.md``: all tables of an ablation.

    Args:
        rows: rows in the order of the tables.
        metrics: metric names.
        baseline: name of the row that all others are compared with.
        effects: as for :func:`comparison_table`.
    """
    comparison = [
        comparison_note(baseline),
        comparison_table(rows, metrics, baseline, effects).to_markdown()] if len(rows) > 1 else []
    return '\n\n'.join([ablation_table(rows, metrics).to_markdown(), *comparison,
                        'Values per seed:', seed_table(rows, metrics).to_markdown()])


def page_tables(rows: Sequence[AblationRow], metrics: Sequence[str], baseline: str,
                effects: Mapping[str, Effect] = {}) -> List[PageTable]:
    """Return the tables of an ablation for its report.

    Args:
        rows: rows in the order of the tables.
        metrics: metric names.
        baseline: name of the row that all others are compared with.
        effects: as for :func:`comparison_table`.
    """
    means, seeds = ablation_table(rows, metrics), seed_table(rows, metrics)
    differences = comparison_table(rows, metrics, baseline, effects)
    return [PageTable('Means', 'Mean and standard deviation over seeds.', means.header,
                      means.lines, sentences=[1]),
            PageTable('Differences', comparison_note(baseline).replace('`', ''),
                      differences.header, differences.lines, sentences=[5]),
            PageTable('Values per seed', '', seeds.header, seeds.lines)]
