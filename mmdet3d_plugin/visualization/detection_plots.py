"""Plots of the report of a detector."""
from itertools import cycle
from typing import Mapping, Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from ..benchmarks.depth.object_errors import ObjectDepthErrors
from ..benchmarks.kitti.metric_names import OVERLAPS, metric_key
from ..benchmarks.metric_style import without_prefix
from ..benchmarks.score_reliability import (
    NUM_BINS,
    ReliabilityBins,
    ScoredDetections,
    reliability_bins,
)
from .colors import CURVE_COLORS
from .report_plots import (
    LINE_STYLES,
    PAGE_COLOR,
    WIDTH,
    Rows,
    legend_below,
    series_of,
    styled,
    to_svg,
    validation_unit,
)

# (R,) recalls and (R,) precisions, each 0-1, by colour and style of the curve. Curves with the
# same first name share their colour, and those with the same second name their style.
Curves = Mapping[Tuple[str, str], Tuple[np.ndarray, np.ndarray]]

# Axes of the precisions and of the counts, by class.
ReliabilityPanels = Mapping[str, Tuple[Axes, Axes]]

PANELS_PER_ROW = 3


def _panels(figure: Figure, count: int) -> Sequence[Axes]:
    """Return the axes of ``count`` panels in rows."""
    columns = min(count, PANELS_PER_ROW)
    rows = -(-count // columns)
    axes = list(np.ravel(figure.subplots(rows, columns, squeeze=False)))
    for unused in axes[count:]:
        unused.set_visible(False)
    return axes[:count]


@styled
def validation_plot(runs: Mapping[str, Rows], classes: Sequence[str]) -> Optional[str]:
    """Plot AP 3D R40 at moderate difficulty over the course of training, a panel per class.

    Args:
        runs: lines of the training log of each run, by name, with keys such as
            ``'kitti/Car_3D_AP40_moderate_strict'``.
        classes: plotted classes.

    Returns:
        SVG, or None if there are less than two validations.
    """
    rows = {run: [without_prefix(row) for row in scalars] for run, scalars in runs.items()}
    curves = {(name, run, overlap): series_of(rows[run], metric_key(name, overlap=overlap))
              for name in classes for run in runs for overlap in OVERLAPS}
    curves = {key: series for key, series in curves.items() if len(series[0]) > 1}
    shown = [name for name in classes if any(key[0] == name for key in curves)]
    if not shown:
        return None
    figure = Figure(figsize=(WIDTH, 2.9 * -(-len(shown) // PANELS_PER_ROW)))
    runs_shown = list(runs)
    for axes, name in zip(_panels(figure, len(shown)), shown):
        for (_, run, overlap), (steps, values) in (
                item for item in curves.items() if item[0][0] == name):
            label = overlap if len(runs) == 1 else f'{run}, {overlap}'
            axes.plot(steps, values, LINE_STYLES[OVERLAPS.index(overlap)], label=label,
                      color=CURVE_COLORS[runs_shown.index(run) % len(CURVE_COLORS)], marker='o',
                      markersize=3)
            unit = validation_unit(rows[run], steps[-1])
        axes.set(xlabel=unit, ylabel='AP 3D R40 (%)', title=f'validation, {name}')
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_below(figure)
    return to_svg(figure)


@styled
def precision_recall_plot(panels: Mapping[str, Curves]) -> Optional[str]:
    """Plot precision over recall, with one panel per class.

    Args:
        panels: curves by class.

    Returns:
        SVG, or None if no precision is defined.

    Example:
        >>> recall, precision = np.array([0., 1.]), np.array([1., .5])
        >>> precision_recall_plot({'Car': {('3D', 'strict'): (recall, precision)}})[:4]
        '<svg'
    """
    panels = {name: {key: curve for key, curve in curves.items() if np.isfinite(curve[1]).any()}
              for name, curves in panels.items()}
    panels = {name: curves for name, curves in panels.items() if curves}
    if not panels:
        return None
    names = list(dict.fromkeys(key for curves in panels.values() for key in curves))
    colors = list(dict.fromkeys(first for first, _ in names))
    styles = list(dict.fromkeys(second for _, second in names))
    figure = Figure(figsize=(WIDTH, 3.3 * -(-len(panels) // PANELS_PER_ROW)))
    widths = np.linspace(1, 1.6, len(colors))[::-1]  # coinciding curves stay visible
    for axes, (name, curves) in zip(_panels(figure, len(panels)), panels.items()):
        for (first, second), (recall, precision) in curves.items():
            shown = reached(precision)
            color = colors.index(first)
            axes.plot(recall[:shown], precision[:shown],
                      LINE_STYLES[styles.index(second) % len(LINE_STYLES)],
                      color=CURVE_COLORS[color % len(CURVE_COLORS)],
                      linewidth=1.6 * widths[color], label=f'{first}, {second}')
        axes.set(title=name, xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02))
    legend_below(figure)
    return to_svg(figure)


def reached(precision: np.ndarray) -> int:
    """Return the number of points of a curve up to the first recall that is not reached.

    Args:
        precision: (R,) precisions by increasing recall, 0 where the recall is not reached.

    Example:
        >>> reached(np.array([1., .5, 0., 0.])), reached(np.array([1., .5]))
        (3, 2)
    """
    zeros = np.flatnonzero(precision == 0)
    return int(zeros[0]) + 1 if len(zeros) else len(precision)


@styled
def depth_error_plot(results: Sequence[ObjectDepthErrors]) -> Optional[str]:
    """Plot absolute depth errors by depth, above the numbers of objects, per class.

    Args:
        results: one result per class, as returned by :func:`~.object_depth_errors`.

    Returns:
        SVG, or None if no object is matched.
    """
    results = [result for result in results if result.matched.sum()]
    if not results:
        return None
    figure = Figure(figsize=(WIDTH, 4.4))
    above, below = figure.subplots(2, len(results), sharex='col', squeeze=False,
                                   height_ratios=[2.4, 1.])
    for errors_axes, counts_axes, result in zip(above, below, results):
        _draw_depth_errors(errors_axes, counts_axes, result)
    legend_below(figure)
    return to_svg(figure)


def _draw_depth_errors(errors_axes: Axes, counts_axes: Axes, result: ObjectDepthErrors) -> None:
    color = CURVE_COLORS[0]
    centers = (result.edges[:-1] + result.edges[1:]) / 2
    for values, style, fill, label in ((result.mean_errors, '-', 'full', 'mean error'),
                                       (result.median_errors, '--', 'none', 'median error')):
        errors_axes.plot(centers, values, style, color=color, marker='o', markersize=4,
                         fillstyle=fill, label=label)
    errors_axes.set(title=result.class_name, ylabel='absolute depth error (m)')
    errors_axes.set_ylim(bottom=0)
    widths = 0.86 * np.diff(result.edges)
    counts_axes.bar(centers, result.labels, widths, color=PAGE_COLOR, alpha=0.15,
                    label='labelled objects')
    counts_axes.bar(centers, result.matched, widths, color=color, alpha=0.8,
                    label='found objects')
    counts_axes.set(xlabel='depth of the label (m)', ylabel='objects',
                    xlim=(result.edges[0], result.edges[-1]), xticks=result.edges)
    counts_axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


@styled
def reliability_plot(runs: Mapping[str, Sequence[ScoredDetections]]) -> Optional[str]:
    """Plot the precision by score, above the numbers of detections, per class.

    A point is the mean score and the precision of the detections in a tenth of the range of
    scores. Below the diagonal, scores are too high. Results with a score outside 0 to 1 are left
    out. One run has a colour per class, and several runs have a colour each.

    Args:
        runs: one result per class, as returned by :func:`~.scored_detections`, by name of the
            run.

    Returns:
        SVG, or None if there are no detections.

    Example:
        >>> cars = ScoredDetections('Car', np.array([.2, .9]), np.array([False, True]))
        >>> reliability_plot({'run': [cars]})[:4]
        '<svg'
        >>> reliability_plot({'run': []})
    """
    shown = {run: [result for result in results if len(result.scores)
                   and result.scores.min() >= 0 and result.scores.max() <= 1]
             for run, results in runs.items()}
    counted = {result.class_name for results in shown.values() for result in results}
    names = [name for name in dict.fromkeys(
        result.class_name for results in runs.values() for result in results) if name in counted]
    if not names:
        return None
    figure = Figure(figsize=(WIDTH, 4.6))
    above, below = figure.subplots(2, len(names), sharex='col', squeeze=False,
                                   height_ratios=[2.6, 1.])
    panels = dict(zip(names, zip(above, below)))
    for name, axes in panels.items():
        _prepare_reliability(*axes, name)
    if len(runs) == 1:
        _draw_reliability(panels, *shown.values())
        legend_below(figure)
    else:
        _draw_reliability_of_runs(panels, shown)
        legend_below(figure, columns=2)
    return to_svg(figure)


def _prepare_reliability(precision_axes: Axes, count_axes: Axes, class_name: str) -> None:
    precision_axes.plot([0, 1], [0, 1], ':', color=PAGE_COLOR, linewidth=1., label='calibrated')
    precision_axes.set(title=class_name, ylabel='precision', xlim=(0, 1), ylim=(-.02, 1.02))
    count_axes.set(xlabel='score', ylabel='detections', yscale='log')
    count_axes.yaxis.set_major_locator(LogLocator(numticks=5))
    count_axes.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
    count_axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_reliability(panels: ReliabilityPanels, results: Sequence[ScoredDetections]) -> None:
    """Draw the results of one run: a colour per class, and bars of counts."""
    for result, color in zip(results, cycle(CURVE_COLORS)):
        precision_axes, count_axes = panels[result.class_name]
        bins = reliability_bins(result.scores, result.true_positives)
        _draw_precision(precision_axes, bins, color,
                        f'{result.class_name}, error {bins.calibration_error:.3f}')
        for scores, alpha, label in (
                (result.scores, .15, 'detections'),
                (result.scores[result.true_positives], .55, 'true positives')):
            count_axes.hist(scores, NUM_BINS, range=(0, 1), color=PAGE_COLOR, alpha=alpha,
                            rwidth=.86, label=label)
        count_axes.set_ylim(bottom=.7)


def _draw_reliability_of_runs(panels: ReliabilityPanels,
                              runs: Mapping[str, Sequence[ScoredDetections]]) -> None:
    """Draw the results of several runs: a colour per run, and outlines of counts."""
    for (run, results), color in zip(runs.items(), cycle(CURVE_COLORS)):
        bins = {result.class_name: reliability_bins(result.scores, result.true_positives)
                for result in results}
        errors = ', '.join(f'{name} {found.calibration_error:.3f}' for name, found in bins.items())
        for result in results:
            precision_axes, count_axes = panels[result.class_name]
            _draw_precision(precision_axes, bins[result.class_name], color,
                            f'{run}, error: {errors}')
            for scores, style in ((result.scores, '-'),
                                  (result.scores[result.true_positives], '--')):
                count_axes.hist(scores, NUM_BINS, range=(0, 1), histtype='step', color=color,
                                linestyle=style)
    for _, count_axes in panels.values():
        count_axes.set_ylim(bottom=.7)
        for style, label in (('-', 'detections'), ('--', 'true positives')):
            count_axes.plot([], [], style, color=PAGE_COLOR, linewidth=1.,
                            label=label)  # for the legend


def _draw_precision(axes: Axes, bins: ReliabilityBins, color: str, label: str) -> None:
    axes.plot(bins.scores, bins.precisions, color=color, marker='o', markersize=4, label=label)
