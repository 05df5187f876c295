"""Page with the sections that the reports of all tasks share."""
from html import escape
from pathlib import Path
from typing import Iterable, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..utils.files import atomic_write
from .report_html import page, picture, section, wide
from .report_plots import Rows, loss_plot

Pictures = Iterable[Tuple[str, np.ndarray]]  # captions and (H, W, 3) uint8 BGR images


def write_page(path: Union[str, Path], title: str, headlines: Sequence[Tuple[str, str]],
               summary: Optional[Mapping[str, str]], scalars: Rows, validations: Optional[str],
               results: Sequence[str], first: Optional[str] = None) -> None:
    """Write a page with a headline, the facts of the run, its training and its results.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        headlines: values and their captions, shown in large letters.
        summary: facts of the run by name.
        scalars: lines of the training log.
        validations: SVG of the validations.
        results: HTML of the sections of the task.
        first: HTML shown below the headline.

    Raises:
        InputError: the folder of ``path`` cannot be written.
    """
    training = ''.join(wide(svg) for svg in (loss_plot(scalars), validations) if svg)
    parts = [
        _headline(headlines), first or '',
        section('Run', _facts(summary or {}), 'No facts of the run were given.'),
        section('Training', training, 'No training log was given.'), *results]
    atomic_write(path, page(title, '\n'.join(filter(None, parts))))


def frame_pictures(frames: Pictures, note: str) -> Tuple[Optional[str], str]:
    """Return the first picture, and the section of all pictures, as HTML.

    Args:
        frames: caption and picture of each frame.
        note: plain text between the heading and the pictures.
    """
    pictures = [picture(image, name) for name, image in frames]
    return (pictures[0] if pictures else None,
            section('Held-out frames', '\n'.join(pictures), 'No frames were given.', note))


def _headline(headlines: Sequence[Tuple[str, str]]) -> str:
    items = ''.join(f'<div><strong>{value}</strong><span>{escape(caption)}</span></div>'
                    for value, caption in headlines)
    return f'<div class="headline">{items}</div>'


def _facts(summary: Mapping[str, str]) -> Optional[str]:
    rows = ''.join(f'<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>\n'
                   for key, value in summary.items())
    return f'<table class="facts">{rows}</table>' if rows else None
