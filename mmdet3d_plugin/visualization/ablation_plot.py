"""Plot of an ablation: a dot per seed, a line at the mean of each row."""
import io
import statistics
from typing import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..benchmarks.metric_style import MetricStyle
from .colors import class_colors


def ablation_plot(rows: Sequence[str], styles: Sequence[MetricStyle],
                  values: Sequence[Sequence[Sequence[float]]]) -> bytes:
    """PNG with one panel per metric and one line of dots per row.

    Args:
        rows: names of the R rows, top to bottom.
        styles: how each of the M metrics is shown.
        values: M x R lists, the metric's value of each seed.
    """
    figure = Figure(figsize=(4.6 * len(styles) + 2.4, 0.5 * len(rows) + 1.2), dpi=150,
                    layout='constrained')
    panels = np.atleast_1d(figure.subplots(1, len(styles), sharey=True))
    for panel, style, by_row in zip(panels, styles, values):
        for position, of_row in enumerate(by_row):
            panel.plot(of_row, [position] * len(of_row), 'o', color=class_colors['Car'],
                       alpha=.75, markeredgewidth=0)
            if of_row:
                mean = statistics.fmean(of_row)
                panel.plot([mean] * 2, [position - .28, position + .28], color='black')
        panel.set_title(style.title, fontsize=9, loc='left')
        panel.set_xlabel(f'{style.unit}; a dot per seed, a line at the mean', fontsize=8)
        panel.margins(x=.06)
        if style.from_zero and panel.get_xlim()[0] > 0:
            panel.set_xlim(left=0)
        panel.grid(axis='x', alpha=.2)
        panel.spines[['top', 'right']].set_visible(False)
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].set_ylim(len(rows) - .5, -.5)
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return buffer.getvalue()
