"""Plot of an ablation: one dot per seed and a line at the mean of each row."""
import io
import statistics
from typing import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..benchmarks.metric_style import MetricStyle
from .colors import CURVE_COLORS
from .report_plots import PAGE_COLOR, WIDTH, styled, to_svg

Values = Sequence[Sequence[Sequence[float]]]
PANELS_PER_ROW = 3  # of the plot in a page


def ablation_plot(rows: Sequence[str], styles: Sequence[MetricStyle], values: Values) -> bytes:
    """Plot the metrics of an ablation, with one panel per metric and one line of dots per row.

    Args:
        rows: names of the R rows, top to bottom.
        styles: name, unit and decimals of the M metrics.
        values: M lists of R lists with the metric's value of each seed; a row may have none.

    Returns:
        PNG file content.

    Example:
        >>> content = ablation_plot(['baseline', 'mixup'], [MetricStyle('Car AP')],
        ...                         [[[10., 12.], [11.5, 13.]]])
        >>> content[1:4]
        b'PNG'
    """
    figure = Figure(figsize=(4.6 * len(styles) + 2.4, 0.5 * len(rows) + 1.2), dpi=150,
                    layout='constrained')
    _draw(figure, rows, styles, values, len(styles), 'black')
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()


@styled
def ablation_page_plot(rows: Sequence[str], styles: Sequence[MetricStyle],
                       values: Values) -> str:
    """Plot the metrics of an ablation for a page, as SVG in the text colour of the page.

    Args:
        rows: names of the R rows, top to bottom.
        styles: name, unit and decimals of the M metrics.
        values: as for :func:`ablation_plot`.

    Example:
        >>> ablation_page_plot(['baseline'], [MetricStyle('Car AP')], [[[10., 12.]]])[:4]
        '<svg'
    """
    columns = min(len(styles), PANELS_PER_ROW)
    height = 0.36 * len(rows) + 1.1
    figure = Figure(figsize=(WIDTH, height * -(-len(styles) // columns)))
    _draw(figure, rows, styles, values, columns, PAGE_COLOR)
    return to_svg(figure)


def _draw(figure: Figure, rows: Sequence[str], styles: Sequence[MetricStyle], values: Values,
          columns: int, mean_color: str) -> None:
    """Draw one panel per metric, in rows of ``columns`` panels."""
    panels = list(np.ravel(figure.subplots(-(-len(styles) // columns), columns, sharey=True,
                                           squeeze=False)))
    for unused in panels[len(styles):]:
        unused.set_visible(False)
    for panel, style, values_by_row in zip(panels, styles, values):
        for position, row_values in enumerate(values_by_row):
            panel.plot(row_values, [position] * len(row_values), 'o', color=CURVE_COLORS[0],
                       alpha=.75, markeredgewidth=0)
            if row_values:
                mean = statistics.fmean(row_values)
                panel.plot([mean] * 2, [position - .28, position + .28], color=mean_color)
        panel.set_title(style.title, fontsize=9, loc='left')
        panel.set_xlabel(f'{style.unit}; a dot per seed, a line at the mean', fontsize=8)
        panel.margins(x=.06)
        if style.from_zero and panel.get_xlim()[0] > 0:
            panel.set_xlim(left=0)
        panel.grid(visible=False)
        panel.grid(axis='x', alpha=.2)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].set_ylim(len(rows) - .5, -.5)
