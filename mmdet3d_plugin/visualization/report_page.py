"""Page with the sections that the reports of all tasks share."""
from html import escape
from pathlib import Path
from typing import Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ..benchmarks.metric_style import Metrics, format_difference, format_value
from ..utils.files import atomic_write
from .report_html import Section, page

Pictures = Iterable[Tuple[str, np.ndarray]]  # captions and (H, W, 3) uint8 BGR images
EXPLORER = 'explorer-data'  # id of the data of the explorer of frames
# Command that writes the pictures of a report, for notes on what is missing.
TEST_COMMAND = 'tools/test.py CONFIG CKPT --work-dir WORK_DIR/test'


class Headline(NamedTuple):
    """Card of large figures at the top of the page.

    Attributes:
        title: plain text.
        figures: captions and values. A value may have a second one after a space: the
            difference from the first of two runs.
        color: ``'#rrggbb'`` of a square before the title; empty for none.
    """
    title: str
    figures: Sequence[Tuple[str, str]]
    color: str = ''


def write_page(path: Union[str, Path], title: str, headlines: Sequence[Headline],
               sections: Sequence[Section], headline_note: str = '') -> None:
    """Write a page with large figures, a table of contents and sections.

    Sections without content are left out. Their notes on what is missing stand at the end, each
    note once.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        headlines: cards of large figures.
        sections: sections in order.
        headline_note: plain text above the cards.

    Raises:
        InputError: the folder of ``path`` cannot be written.
    """
    shown = [section for section in sections if section.content]
    missing = dict.fromkeys(section.missing for section in sections
                            if not section.content and section.missing)
    links = ''.join(f'<a href="#{section.anchor}">{escape(section.title)}</a>'
                    for section in shown)
    parts = [f'<nav aria-label="Contents">{links}</nav>' if links else '',
             _headline(headlines, headline_note),
             *(section.to_html() for section in shown),
             f'<footer>{escape(" ".join(missing))}</footer>' if missing else '']
    body = '\n'.join(filter(None, parts))
    atomic_write(path, page(title, body, with_explorer=f'id="{EXPLORER}"' in body))


def headline_value(runs: Sequence[Metrics], key: str, decimals: int) -> str:
    """Return the value of a metric, and for two runs its difference from the first run.

    Args:
        runs: metrics of one run, or of two runs that are compared.
        key: name of the metric.
        decimals: digits after the decimal point.

    Example:
        >>> headline_value([dict(RMSE=3.)], 'RMSE', 1)
        '3.0'
        >>> headline_value([dict(RMSE=3.), dict(RMSE=2.5)], 'RMSE', 1)
        '2.5 −0.5'
    """
    values = [run.get(key) for run in runs]
    change = [format_difference(values[0], values[1], decimals)] if len(values) > 1 else []
    return ' '.join([format_value(values[-1], decimals), *change])


def facts_section(summary: Optional[Mapping[str, str]]) -> Section:
    """Return the section of the facts of a run, by name."""
    rows = ''.join(f'<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>\n'
                   for key, value in (summary or {}).items())
    return Section('Run', f'<table class="facts">{rows}</table>' if rows else None)


def training_section(plots: Iterable[Optional[str]], note: str = '') -> Section:
    """Return the section of the plots of a training, as SVG."""
    return Section('Training', ''.join(filter(None, plots)),
                   'Training curves need the training log.', note)


def _headline(headlines: Sequence[Headline], note: str) -> str:
    cards = []
    for title, figures, color in headlines:
        swatch = f'<i class="swatch" style="background:{escape(color)}"></i>' if color else ''
        rows = []
        for caption, value in figures:
            first, _, second = value.partition(' ')
            small = f'<small>{escape(second)}</small>' if second else ''
            rows.append(f'<div><dd>{escape(first)}{small}</dd><dt>{escape(caption)}</dt></div>')
        cards.append(f'<div><h2>{swatch}{escape(title)}</h2><dl>{"".join(rows)}</dl></div>')
    if not cards:
        return ''
    above = f'<p>{escape(note)}</p>\n' if note else ''
    return f'{above}<div class="headline">{"".join(cards)}</div>'
