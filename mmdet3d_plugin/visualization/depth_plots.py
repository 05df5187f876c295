"""Plots of the report of a depth estimator."""
from typing import Mapping, Optional

import numpy as np
from matplotlib.figure import Figure

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.pixel_errors import PixelDepthErrors
from .colors import CURVE_COLORS
from .report_plots import PAGE_COLOR, WIDTH, Rows, styled, to_svg, validation_plot_of


def depth_validation_plot(runs: Mapping[str, Rows]) -> Optional[str]:
    """Plot AbsRel, RMSE and delta1 over the course of training.

    Args:
        runs: lines of the training log of each run, by name, with keys such as
            ``'depth/AbsRel'``.

    Returns:
        SVG, or None if there are less than two validations.
    """
    return validation_plot_of(runs, {DEPTH_STYLES[key].title: [key]
                                     for key in ('AbsRel', 'RMSE', 'delta1')})


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
        axes.plot(centers, values, color=CURVE_COLORS[0], marker='o', markersize=4)
        axes.set(title=title)
        axes.set_ylim(bottom=0)
    for axes in below:
        axes.bar(centers, 100 * errors.pixels / errors.pixels.sum(), widths, color=PAGE_COLOR,
                 alpha=.15)
        axes.set(xlabel='true depth (m)', ylabel='pixels (%)', xticks=errors.edges,
                 xlim=(errors.edges[0], errors.edges[-1]))
    return to_svg(figure)
