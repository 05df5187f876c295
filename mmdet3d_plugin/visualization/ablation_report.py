"""Report of an ablation as one self-contained HTML page."""
import statistics
from pathlib import Path
from typing import NamedTuple, Sequence, Union

from ..benchmarks.metric_style import MetricStyle
from .ablation_plot import Values, ablation_page_plot
from .report_html import Section, table, wide
from .report_page import Headline, write_page

PLOT_NOTE = 'A dot per seed, and a line at the mean of the seeds.'


class PageTable(NamedTuple):
    """Table of texts in a section of its own.

    Attributes:
        title: heading of the section.
        note: plain text above the table.
        header: names of the columns.
        lines: cells of each row.
        sentences: columns of longer texts.
    """
    title: str
    note: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    sentences: Sequence[int] = ()


def write_ablation_report(path: Union[str, Path], *, title: str, rows: Sequence[str],
                          styles: Sequence[MetricStyle], values: Values,
                          tables: Sequence[PageTable]) -> None:
    """Write the report of an ablation: the best row of each metric, a plot and tables.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        rows: names of the R rows.
        styles: name, unit, decimals and direction of the M metrics.
        values: M lists of R lists with the metric's value of each seed; a row may have none.
        tables: tables below the plot.

    Raises:
        InputError: the folder of ``path`` cannot be written.
    """
    headlines = [card for style, by_row in zip(styles, values)
                 if (card := best_row(rows, style, by_row)).figures]
    write_page(path, title, headlines, [
        Section('Values', wide(ablation_page_plot(rows, styles, values)), note=PLOT_NOTE),
        *(Section(item.title, table(item.header, item.lines, item.sentences) if item.lines
                  else None, note=item.note) for item in tables)])


def best_row(rows: Sequence[str], style: MetricStyle,
             values: Sequence[Sequence[float]]) -> Headline:
    """Return the card of the row with the best mean of a metric.

    A metric without a direction, or without values, has no best row.

    Args:
        rows: names of the R rows.
        style: name, decimals and direction of the metric.
        values: R lists of values.

    Example:
        >>> best_row(['plain', 'mixed'], MetricStyle('RMSE', better='↓'), [[3., 4.], [3., 3.2]])
        Headline(title='RMSE ↓', figures=[('best mean: mixed', '3.1')], color='')
    """
    means = {row: statistics.fmean(items) for row, items in zip(rows, values) if items}
    if not means or not style.better:
        return Headline(style.title, [])
    choose = max if style.better == '↑' else min
    best = choose(means, key=lambda row: means[row])
    return Headline(style.title, [(f'best mean: {best}', f'{means[best]:.{style.decimals}f}')])
