"""Plots of the report of a detector."""
from typing import Mapping, Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..benchmarks.depth.object_errors import ObjectDepthErrors
from ..benchmarks.kitti.metric_names import OVERLAPS, metric_key
from ..benchmarks.metric_style import without_prefix
from .colors import class_color
from .report_plots import (
    LINE_STYLES,
    PAGE_COLOR,
    WIDTH,
    Rows,
    series_of,
    styled,
    to_svg,
    validation_unit,
)

# (R,) recalls and (R,) precisions, each 0-1, by name of the curve.
Curves = Mapping[str, Tuple[np.ndarray, np.ndarray]]

LEGEND_ROOM = 1.4  # height of an axis over its largest value


@styled
def validation_plot(scalars: Rows, classes: Sequence[str]) -> Optional[str]:
    """Plot AP 3D R40 at moderate difficulty over the course of training.

    Args:
        scalars: lines of the training log, with keys such as
            ``'kitti/Car_3D_AP40_moderate_strict'``.
        classes: plotted classes.

    Returns:
        SVG, or None if there are less than two validations.
    """
    rows = [without_prefix(row) for row in scalars]
    figure = Figure(figsize=(WIDTH, 2.8))
    axes = figure.add_subplot()
    last_step = 0
    for name in classes:
        for overlap, style in zip(OVERLAPS, LINE_STYLES):
            steps, values = series_of(rows, metric_key(name, overlap=overlap))
            if len(steps) > 1:
                axes.plot(steps, values, style, color=class_color(name), marker='o',
                          markersize=3, label=f'{name}, {overlap}')
                last_step = max(last_step, steps[-1])
    if not last_step:
        return None
    axes.set(xlabel=validation_unit(rows, last_step), ylabel='AP 3D R40 (%)',
             title='validation, moderate')
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1))
    return to_svg(figure)


@styled
def precision_recall_plot(panels: Mapping[str, Curves]) -> Optional[str]:
    """Plot precision over recall, with one panel per class.

    Args:
        panels: curves by class.

    Returns:
        SVG, or None if no precision is defined.
    """
    panels = {name: curves for name, curves in panels.items()
              if any(np.isfinite(precision).any() for _, precision in curves.values())}
    if not panels:
        return None
    figure = Figure(figsize=(WIDTH, 0.8 * WIDTH / max(len(panels), 2)))
    row, = figure.subplots(1, len(panels), squeeze=False)
    for axes, (name, curves) in zip(row, panels.items()):
        for index, (label, (recall, precision)) in enumerate(curves.items()):
            axes.plot(recall, precision, LINE_STYLES[index % len(LINE_STYLES)],
                      color=class_color(name), label=label,
                      alpha=1 - 0.6 * index / len(curves))
        axes.set(title=name, xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(loc='lower left')
    return to_svg(figure)


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
    figure = Figure(figsize=(WIDTH, 4.))
    above, below = figure.subplots(2, len(results), sharex='col', squeeze=False,
                                   height_ratios=[2.4, 1.])
    for errors_axes, counts_axes, result in zip(above, below, results):
        _draw_depth_errors(errors_axes, counts_axes, result)
    return to_svg(figure)


def _draw_depth_errors(errors_axes: Axes, counts_axes: Axes, result: ObjectDepthErrors) -> None:
    color = class_color(result.class_name)
    centers = (result.edges[:-1] + result.edges[1:]) / 2
    for values, style, fill, label in ((result.mean_errors, '-', 'full', 'mean'),
                                       (result.median_errors, '--', 'none', 'median')):
        errors_axes.plot(centers, values, style, color=color, marker='o', markersize=4,
                         fillstyle=fill, label=label)
    errors_axes.set(title=result.class_name, ylabel='absolute depth error (m)')
    largest = np.nanmax([result.mean_errors, result.median_errors])
    errors_axes.set_ylim(0, LEGEND_ROOM * largest or None)
    errors_axes.legend(loc='upper left', ncols=2)
    widths = 0.86 * np.diff(result.edges)
    counts_axes.bar(centers, result.labels, widths, color=PAGE_COLOR, alpha=0.15,
                    label='labelled')
    counts_axes.bar(centers, result.matched, widths, color=color, alpha=0.8, label='found')
    counts_axes.set(xlabel='depth of the label (m)', ylabel='objects',
                    xlim=(result.edges[0], result.edges[-1]), xticks=result.edges)
    counts_axes.set_ylim(0, LEGEND_ROOM * max(result.labels))
    counts_axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    counts_axes.legend(loc='upper right', ncols=2)
