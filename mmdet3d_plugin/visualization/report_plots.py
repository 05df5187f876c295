"""Plots of the report page, as SVG in the text colour of the page.

Figures are made without pyplot. The settings of matplotlib are changed only while a function
runs. All functions return None if there is nothing to plot.
"""
import io
import math
import re
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.object_errors import ObjectDepthErrors
from ..benchmarks.depth.pixel_errors import PixelDepthErrors
from ..benchmarks.kitti.metric_names import OVERLAPS, metric_key
from ..benchmarks.metric_style import without_prefix
from .colors import ACCENT_COLOR, class_color

# Lines of a training log, as returned by commands.training_log.read_scalars.
Rows = Sequence[Mapping[str, Any]]
# (R,) recalls and (R,) precisions, each 0-1, by name of the curve.
Curves = Mapping[str, Tuple[np.ndarray, np.ndarray]]

WIDTH = 10.  # inches; sets the text size relative to the plot
LOG_SCALE_FROM = 20.  # largest over smallest loss from which its axis is logarithmic
LEGEND_ROOM = 1.4  # height of an axis over its largest value
_PAGE_COLOR = '#010203'  # placeholder of the page's text colour
_SMOOTHING = 40  # length of a curve over the length of the smoothing window
_LINE_STYLES = ('-', '--', ':', '-.')

styled = rc_context({
    'svg.fonttype': 'none', 'svg.hashsalt': 'report', 'font.size': 8.,
    'font.family': 'sans-serif', 'font.sans-serif': ['DejaVu Sans'],
    'text.color': _PAGE_COLOR, 'axes.labelcolor': _PAGE_COLOR, 'axes.edgecolor': _PAGE_COLOR,
    'xtick.color': _PAGE_COLOR, 'ytick.color': _PAGE_COLOR, 'axes.linewidth': 0.6,
    'axes.titlesize': 9., 'axes.titlelocation': 'left', 'axes.titleweight': 'bold',
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True,
    'axes.axisbelow': True, 'grid.color': _PAGE_COLOR, 'grid.alpha': 0.14,
    'grid.linewidth': 0.6, 'axes.facecolor': 'none', 'figure.facecolor': 'none',
    'savefig.facecolor': 'none', 'legend.frameon': False, 'lines.linewidth': 1.6,
    'figure.constrained_layout.use': True, 'figure.constrained_layout.h_pad': 0.08,
    'figure.constrained_layout.w_pad': 0.08})


@styled
def loss_plot(scalars: Rows) -> Optional[str]:
    """Plot the total loss and, below, each single loss over the iterations.

    Args:
        scalars: lines of the training log. Losses have keys ``loss``, ``loss_*`` or
            ``*_loss``; values that are not finite are left out.

    Returns:
        SVG, or None if no loss is logged more than once.

    Example:
        >>> svg = loss_plot([{'step': step, 'loss': 1. / step} for step in (1, 2, 3)])
        >>> svg[:4], loss_plot([])
        ('<svg', None)
    """
    parts = sorted({key for row in scalars for key in row
                    if key.startswith('loss_') or key.endswith('_loss')})
    names = [name for name in ['loss', *parts] if len(_series(scalars, name)[0]) > 1]
    if not names:
        return None
    total, parts = names[0], names[1:]
    column_count = min(4, len(parts)) or 1
    row_count = math.ceil(len(parts) / column_count)
    figure = Figure(figsize=(WIDTH, 2.8 + 1.7 * row_count))
    grid = figure.add_gridspec(1 + row_count, column_count,
                               height_ratios=[2.8] + [1.7] * row_count)
    _draw_loss(figure.add_subplot(grid[0, :]), scalars, total)
    for index, name in enumerate(parts):
        row, column = divmod(index, column_count)
        _draw_loss(figure.add_subplot(grid[1 + row, column]), scalars, name)
    return _to_svg(figure)


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
        for overlap, style in zip(OVERLAPS, _LINE_STYLES):
            steps, values = _series(rows, metric_key(name, overlap=overlap))
            if len(steps) > 1:
                axes.plot(steps, values, style, color=class_color(name), marker='o',
                          markersize=3, label=f'{name}, {overlap}')
                last_step = max(last_step, steps[-1])
    if not last_step:
        return None
    axes.set(xlabel=_validation_unit(rows, last_step), ylabel='AP 3D R40 (%)',
             title='validation, moderate')
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc='upper left', bbox_to_anchor=(1, 1))
    return _to_svg(figure)


@styled
def depth_validation_plot(scalars: Rows) -> Optional[str]:
    """Plot AbsRel, RMSE and delta1 over the course of training.

    Args:
        scalars: lines of the training log, with keys such as ``'depth/AbsRel'``.

    Returns:
        SVG, or None if there are less than two validations.
    """
    rows = [without_prefix(row) for row in scalars]
    series = {key: _series(rows, key) for key in ('AbsRel', 'RMSE', 'delta1')}
    series = {key: values for key, values in series.items() if len(values[0]) > 1}
    if not series:
        return None
    figure = Figure(figsize=(WIDTH, 2.4))
    for axes, (key, (steps, values)) in zip(figure.subplots(1, len(series), squeeze=False)[0],
                                            series.items()):
        axes.plot(steps, values, color=ACCENT_COLOR, marker='o', markersize=3)
        axes.set(title=f'validation, {DEPTH_STYLES[key].title}',
                 xlabel=_validation_unit(rows, steps[-1]))
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _to_svg(figure)


@styled
def distance_error_plot(errors: PixelDepthErrors) -> Optional[str]:
    """Plot errors of dense depth by true depth, above the shares of pixels.

    Args:
        errors: as returned by :func:`~.read_pixel_errors`.

    Returns:
        SVG, or None if no pixel is evaluated.
    """
    if not errors.pixels.sum():
        return None
    figure = Figure(figsize=(WIDTH, 4.))
    above, below = figure.subplots(2, 2, sharex='col', height_ratios=[2.4, 1.])
    centers, widths = (errors.edges[:-1] + errors.edges[1:]) / 2, .86 * np.diff(errors.edges)
    for axes, values, title in ((above[0], 100 * errors.relative, 'mean relative error (%)'),
                                (above[1], errors.metres, 'mean absolute error (m)')):
        axes.plot(centers, values, color=ACCENT_COLOR, marker='o', markersize=4)
        axes.set(title=title)
        axes.set_ylim(bottom=0)
    for axes in below:
        axes.bar(centers, 100 * errors.pixels / errors.pixels.sum(), widths, color=_PAGE_COLOR,
                 alpha=.15)
        axes.set(xlabel='true depth (m)', ylabel='pixels (%)', xticks=errors.edges,
                 xlim=(errors.edges[0], errors.edges[-1]))
    return _to_svg(figure)


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
            axes.plot(recall, precision, _LINE_STYLES[index % len(_LINE_STYLES)],
                      color=class_color(name), label=label,
                      alpha=1 - 0.6 * index / len(curves))
        axes.set(title=name, xlabel='recall', ylabel='precision', xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(loc='lower left')
    return _to_svg(figure)


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
    return _to_svg(figure)


def _validation_unit(rows: Rows, last_step: float) -> str:
    """Return 'epoch' or 'iteration', the unit of the validation steps."""
    epochs = max((row['epoch'] for row in rows if 'epoch' in row), default=0)
    return 'epoch' if last_step <= epochs else 'iteration'


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
    counts_axes.bar(centers, result.labels, widths, color=_PAGE_COLOR, alpha=0.15,
                    label='labelled')
    counts_axes.bar(centers, result.matched, widths, color=color, alpha=0.8, label='found')
    counts_axes.set(xlabel='depth of the label (m)', ylabel='objects',
                    xlim=(result.edges[0], result.edges[-1]), xticks=result.edges)
    counts_axes.set_ylim(0, LEGEND_ROOM * max(result.labels))
    counts_axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    counts_axes.legend(loc='upper right', ncols=2)


def _draw_loss(axes: Axes, scalars: Rows, name: str) -> None:
    steps, values = _series(scalars, name)
    axes.plot(steps, values, color=ACCENT_COLOR, alpha=0.3, linewidth=0.8)
    axes.plot(steps, _smoothed(values), color=ACCENT_COLOR)
    if values.min() > 0 and values.max() > LOG_SCALE_FROM * values.min():
        axes.set_yscale('log')
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(title='total loss' if name == 'loss' else name, xlabel='iteration')
    axes.margins(x=0.01)


def _series(rows: Rows, key: str) -> Tuple[np.ndarray, np.ndarray]:
    """Return (K,) steps and (K,) finite values of ``key``, in order of the steps."""
    pairs: Dict[float, float] = {
        row['step']: row[key] for row in rows
        if 'step' in row and isinstance(row.get(key), (int, float)) and math.isfinite(row[key])}
    steps = sorted(pairs)
    return np.array(steps, dtype=float), np.array([pairs[step] for step in steps], dtype=float)


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return the centred running mean; the window is shorter at both ends."""
    half = len(values) // (2 * _SMOOTHING)
    sums = np.concatenate([[0.], np.cumsum(values)])
    index = np.arange(len(values))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def _to_svg(figure: Figure) -> str:
    """Return inline SVG, without XML header, group ids and namespaces."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', metadata={
        'Creator': None, 'Date': None, 'Format': None, 'Type': None})
    svg = buffer.getvalue()
    svg = svg[svg.index('<svg'):].replace(_PAGE_COLOR, 'currentColor')
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', '', svg)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', svg,
                 count=1)
    return re.sub(r'<g id="[^"]*">', '<g>', svg)
