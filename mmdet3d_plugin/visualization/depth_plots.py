"""Plots of the report of a depth estimator."""
from typing import Optional

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.pixel_errors import PixelDepthErrors
from ..benchmarks.metric_style import without_prefix
from .colors import ACCENT_COLOR
from .report_plots import PAGE_COLOR, WIDTH, Rows, series_of, styled, to_svg, validation_unit


@styled
def depth_validation_plot(scalars: Rows) -> Optional[str]:
    """Plot AbsRel, RMSE and delta1 over the course of training.

    Args:
        scalars: lines of the training log, with keys such as ``'depth/AbsRel'``.

    Returns:
        SVG, or None if there are less than two validations.
    """
    rows = [without_prefix(row) for row in scalars]
    series = {key: series_of(rows, key) for key in ('AbsRel', 'RMSE', 'delta1')}
    series = {key: values for key, values in series.items() if len(values[0]) > 1}
    if not series:
        return None
    figure = Figure(figsize=(WIDTH, 2.4))
    for axes, (key, (steps, values)) in zip(figure.subplots(1, len(series), squeeze=False)[0],
                                            series.items()):
        axes.plot(steps, values, color=ACCENT_COLOR, marker='o', markersize=3)
        axes.set(title=f'validation, {DEPTH_STYLES[key].title}',
                 xlabel=validation_unit(rows, steps[-1]))
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return to_svg(figure)


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
        axes.bar(centers, 100 * errors.pixels / errors.pixels.sum(), widths, color=PAGE_COLOR,
                 alpha=.15)
        axes.set(xlabel='true depth (m)', ylabel='pixels (%)', xticks=errors.edges,
                 xlim=(errors.edges[0], errors.edges[-1]))
    return to_svg(figure)
