"""Plots of the report of an embedder."""
import re
from typing import Dict, Iterable, List, Optional

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..benchmarks.metric_style import without_prefix
from .colors import ACCENT_COLOR
from .report_plots import LINE_STYLES, WIDTH, Rows, series_of, styled, to_svg, validation_unit

MAP_AT_R = 'mAP@R'


def recall_keys(keys: Iterable[str]) -> List[str]:
    """Return the names of Recall@k among names of metrics, by increasing k.

    Example:
        >>> recall_keys(['R@10', 'mAP@R', 'R@2', 'R@1'])
        ['R@1', 'R@2', 'R@10']
    """
    return sorted((key for key in keys if re.fullmatch(r'R@\d+', key)),
                  key=lambda key: int(key[2:]))


@styled
def retrieval_validation_plot(scalars: Rows) -> Optional[str]:
    """Plot Recall@k and mAP@R over the course of training.

    Args:
        scalars: lines of the training log, with keys such as ``'retrieval/R@1'``.

    Returns:
        SVG, or None if there are less than two validations.

    Example:
        >>> rows = [{'step': step, 'retrieval/R@1': 30. + step} for step in (1, 2)]
        >>> retrieval_validation_plot(rows)[:4], retrieval_validation_plot(rows[:1])
        ('<svg', None)
    """
    rows = [without_prefix(row) for row in scalars]
    curves = {key: series_of(rows, key)
              for key in [*recall_keys({key for row in rows for key in row}), MAP_AT_R]}
    curves = {key: curve for key, curve in curves.items() if len(curve[0]) > 1}
    precision = {key: curves.pop(key) for key in [MAP_AT_R] if key in curves}
    panels = [panel for panel in (curves, precision) if panel]
    if not panels:
        return None
    figure = Figure(figsize=(WIDTH, 2.8))
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        _draw_curves(axes, panel)
        unit = validation_unit(rows, max(steps[-1] for steps, _ in panel.values()))
        axes.set(xlabel=unit, title='validation, ' + ('mAP@R (%)' if panel is precision
                                                      else 'Recall@k (%)'))
    return to_svg(figure)


def _draw_curves(axes: Axes, curves: Dict[str, tuple]) -> None:
    for index, (key, (steps, values)) in enumerate(curves.items()):
        axes.plot(steps, values, LINE_STYLES[index % len(LINE_STYLES)], color=ACCENT_COLOR,
                  alpha=1 - .6 * index / len(curves), marker='o', markersize=3, label=key)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(curves) > 1:
        axes.legend(loc='upper left', bbox_to_anchor=(1, 1))
