"""Loss plot of the report page, and the parts that all its plots share.

Plots are SVG in the text colour of the page. Figures are made without pyplot. The settings of
matplotlib are changed only while a function runs. All functions return None if there is nothing
to plot.
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

from ..benchmarks.metric_style import without_prefix
from .colors import CURVE_COLORS

# Lines of a training log, as returned by commands.training_log.read_scalars.
Rows = Sequence[Mapping[str, Any]]

WIDTH = 10.  # inches; sets the text size relative to the plot
LOG_SCALE_FROM = 20.  # largest over smallest loss from which its axis is logarithmic
PAGE_COLOR = '#010203'  # placeholder of the page's text colour
LINE_STYLES = ('-', '--', ':', '-.')
LEGEND_COLUMNS = 6
MAX_LOSSES = 24  # single losses that are plotted, since 300 take minutes
_SMOOTHING = 40  # length of a curve over the length of the smoothing window

styled = rc_context({
    'svg.fonttype': 'none', 'svg.hashsalt': 'report', 'font.size': 8.,
    'text.parse_math': False, 'font.family': 'sans-serif', 'font.sans-serif': ['DejaVu Sans'],
    'text.color': PAGE_COLOR, 'axes.labelcolor': PAGE_COLOR, 'axes.edgecolor': PAGE_COLOR,
    'xtick.color': PAGE_COLOR, 'ytick.color': PAGE_COLOR, 'axes.linewidth': 0.6,
    'axes.titlesize': 9., 'axes.titlelocation': 'left', 'axes.titleweight': 'bold',
    'axes.spines.top': False, 'axes.spines.right': False, 'axes.grid': True,
    'axes.axisbelow': True, 'grid.color': PAGE_COLOR, 'grid.alpha': 0.14,
    'grid.linewidth': 0.6, 'axes.facecolor': 'none', 'figure.facecolor': 'none',
    'savefig.facecolor': 'none', 'legend.frameon': False, 'lines.linewidth': 1.6,
    'figure.constrained_layout.use': True, 'figure.constrained_layout.h_pad': 0.08,
    'figure.constrained_layout.w_pad': 0.08})


@styled
def loss_plot(runs: Mapping[str, Rows]) -> Optional[str]:
    """Plot the total loss and, below, each single loss over the iterations.

    A vertical line shows where sample selection starts, see :func:`selection_start`.

    Args:
        runs: lines of the training log of each run, by name. Losses have keys ``loss``,
            ``loss_*`` or ``*_loss``; values that are not finite are left out, and so are
            single losses after the first :data:`MAX_LOSSES`.

    Returns:
        SVG, or None if no loss is logged more than once.

    Example:
        >>> svg = loss_plot({'run': [{'step': step, 'loss': 1. / step} for step in (1, 2, 3)]})
        >>> svg[:4], loss_plot({})
        ('<svg', None)
    """
    parts = sorted({key for rows in runs.values() for row in rows for key in row
                    if key.startswith('loss_') or key.endswith('_loss')})
    names = [name for name in ['loss', *parts]
             if any(len(series_of(rows, name)[0]) > 1 for rows in runs.values())]
    if not names:
        return None
    total, parts = names[0], names[1:1 + MAX_LOSSES]
    column_count = min(4, len(parts)) or 1
    row_count = math.ceil(len(parts) / column_count)
    figure = Figure(figsize=(WIDTH, 2.8 + 1.7 * row_count))
    grid = figure.add_gridspec(1 + row_count, column_count,
                               height_ratios=[2.8] + [1.7] * row_count)
    _draw_loss(figure.add_subplot(grid[0, :]), runs, total)
    for index, name in enumerate(parts):
        row, column = divmod(index, column_count)
        _draw_loss(figure.add_subplot(grid[1 + row, column]), runs, name)
    legend_below(figure)
    return to_svg(figure)


def _draw_loss(axes: Axes, runs: Mapping[str, Rows], name: str) -> None:
    curves = {run: series_of(rows, name) for run, rows in runs.items()}
    for (run, (steps, values)), color, style in zip(curves.items(), CURVE_COLORS, LINE_STYLES):
        if len(steps):
            axes.plot(steps, values, color=color, alpha=0.3, linewidth=0.8)
            axes.plot(steps, _smoothed(values), style, color=color, label=run)
        start = selection_start(runs[run])
        if start is not None:
            label = ', '.join(['sample selection starts', *[run] * (len(runs) > 1)])
            axes.axvline(start, linestyle=style, color=color, linewidth=0.8, label=label)
    values = np.concatenate([values for _, values in curves.values()])
    if values.min() > 0 and values.max() > LOG_SCALE_FROM * values.min():
        axes.set_yscale('log')
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axes.yaxis.set_major_formatter(StrMethodFormatter('{x:g}'))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(title='total loss' if name == 'loss' else name, xlabel='iteration')
    axes.margins(x=0.01)


@styled
def validation_plot_of(runs: Mapping[str, Rows], panels: Mapping[str, Sequence[str]]
                       ) -> Optional[str]:
    """Plot metrics of validations over the course of training.

    Metrics of one panel have different colours, and runs different line styles. A panel with one
    metric gives each run its own colour.

    Args:
        runs: lines of the training log of each run, by name.
        panels: names of the metrics of each panel, by title.

    Returns:
        SVG, or None if no metric has two validations.

    Example:
        >>> rows = [{'step': step, 'depth/AbsRel': .1 * step} for step in (1, 2)]
        >>> validation_plot_of({'run': rows}, {'AbsRel': ['AbsRel']})[:4]
        '<svg'
        >>> validation_plot_of({'run': rows[:1]}, {'AbsRel': ['AbsRel']})
    """
    rows = {run: [without_prefix(row) for row in scalars] for run, scalars in runs.items()}
    series = {title: {(key, run): curve for key in keys for run in runs
                      if len((curve := series_of(rows[run], key))[0]) > 1}
              for title, keys in panels.items()}
    series = {title: curves for title, curves in series.items() if curves}
    if not series:
        return None
    figure = Figure(figsize=(WIDTH, 2.9))
    order = list(runs)
    for axes, (title, curves) in zip(figure.subplots(1, len(series), squeeze=False)[0],
                                     series.items()):
        keys = list(dict.fromkeys(key for key, _ in curves))
        for (key, run), (steps, values) in curves.items():
            number = order.index(run)
            color = CURVE_COLORS[(keys.index(key) if len(keys) > 1 else number)
                                 % len(CURVE_COLORS)]
            parts = [key] * (len(keys) > 1) + [run] * (len(runs) > 1)
            axes.plot(steps, values, LINE_STYLES[number % len(LINE_STYLES)], color=color,
                      marker='o', markersize=3, label=', '.join(parts) or '_')
            axes.set(xlabel=validation_unit(rows[run], steps[-1]))
        axes.set(title=f'validation, {title}')
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_below(figure)
    return to_svg(figure)


def legend_below(figure: Figure, columns: int = LEGEND_COLUMNS) -> None:
    """Place one legend of all axes below them, outside of the curves, if it has two names.

    Args:
        figure: figure of the axes; changed in place.
        columns: largest number of columns.
    """
    handles = {label: handle for axes in figure.axes
               for handle, label in zip(*axes.get_legend_handles_labels())}
    if len(handles) > 1:
        figure.legend(handles.values(), handles.keys(), loc='outside lower left',
                      ncols=min(len(handles), columns))


def validation_unit(rows: Rows, last_step: float) -> str:
    """Return 'epoch' or 'iteration', the unit of the validation steps."""
    epochs = max((row['epoch'] for row in rows if 'epoch' in row), default=0)
    return 'epoch' if last_step <= epochs else 'iteration'


def series_of(rows: Rows, key: str) -> Tuple[np.ndarray, np.ndarray]:
    """Return (K,) steps and (K,) finite values of ``key``, in order of the steps."""
    pairs: Dict[float, float] = {
        row['step']: row[key] for row in rows
        if 'step' in row and isinstance(row.get(key), (int, float)) and math.isfinite(row[key])}
    steps = sorted(pairs)
    return np.array(steps, dtype=float), np.array([pairs[step] for step in steps], dtype=float)


def selection_start(rows: Rows) -> Optional[float]:
    """Return the last step before sample selection starts, or None if it does not start.

    Args:
        rows: lines of a training log. ``selecting`` is 0 before the start and 1 after it.

    Example:
        >>> selection_start([dict(step=10, selecting=0.), dict(step=20, selecting=1.)])
        10.0
        >>> selection_start([dict(step=10, selecting=1.), dict(step=20, selecting=1.)])
    """
    steps, selecting = series_of(rows, 'selecting')
    starts = np.flatnonzero(np.diff(selecting) > 0)
    return float(steps[starts[0]]) if len(starts) else None


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return the centred running mean; the window is shorter at both ends."""
    half = len(values) // (2 * _SMOOTHING)
    sums = np.concatenate([[0.], np.cumsum(values)])
    index = np.arange(len(values))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(values))
    return (sums[high] - sums[low]) / (high - low)


def to_svg(figure: Figure) -> str:
    """Return inline SVG, without XML header, group ids and namespaces."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', metadata={
        'Creator': None, 'Date': None, 'Format': None, 'Type': None})
    svg = buffer.getvalue()
    svg = svg[svg.index('<svg'):].replace(PAGE_COLOR, 'currentColor')
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', '', svg)
    svg = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
                 r'<svg class="plot zoomable" tabindex="0" viewBox="\1" role="img">', svg, count=1)
    return re.sub(r'<g id="[^"]*">', '<g>', svg)
