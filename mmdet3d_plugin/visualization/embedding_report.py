"""Report of an embedder as one self-contained HTML page."""
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..benchmarks.metric_style import Metrics, format_value, without_prefix
from .report_html import Section, picture, table, wide
from .report_page import (
    TEST_COMMAND,
    Headline,
    facts_section,
    headline_value,
    training_section,
    write_page,
)
from .report_plots import Rows, loss_plot, series_of, validation_unit
from .retrieval_plots import MAP_AT_R, recall_keys, retrieval_validation_plot

MAIN = 'R@1'
HEADLINES = {MAIN: 'Recall@1 (%)', MAP_AT_R: 'mAP@R (%)'}
METRIC_NOTE = ('Percent. R@k: share of the images with an image of their class among their k '
               'nearest neighbours. mAP@R: precision among the R nearest, where R is the number '
               'of other images of the class, averaged over the ranks of right images. The best '
               'validation is chosen by R@1 on the same images; compare the last one.')
NEIGHBOUR_NOTE = ('Each row is a query and its nearest test images, nearest first, with their '
                  'Euclidean distance. Green: the class of the query. Red: another class.')
EMBEDDING_NOTE = ('Test images in two dimensions by t-SNE, or by principal components if there '
                  'are less than ten. Colours are classes, and after ten classes they repeat '
                  'with another marker. Near points are near in the embedding; distances between '
                  'groups have no meaning.')
PIECE_NOTE = ('A linear piece of the embedding at one test image, grown among its nearest '
              'neighbours, and drawn in the plane of its first two directions. Members have a '
              'thick ring and an image. Other points are coloured by their distance to the '
              'piece; a thin green ring marks the class of the anchor.')


def write_embedding_report(path: Union[str, Path], *, title: str, scalars: Rows = (),
                           metrics: Optional[Metrics] = None,
                           neighbours: Optional[np.ndarray] = None,
                           embedding: Optional[np.ndarray] = None,
                           piece: Optional[np.ndarray] = None,
                           summary: Optional[Mapping[str, str]] = None) -> None:
    """Write the report of an embedder as one HTML file.

    The file contains all pictures and plots. A section without data is left out.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        scalars: lines of the training log, as returned by
            ``commands.training_log.read_scalars``.
        metrics: values of the last validation in percent by key, e.g. ``'R@1'``. Keys may have
            a prefix such as ``'retrieval/'``.
        neighbours: (H, W, 3) uint8 BGR picture, as drawn by :func:`~.neighbour_sheet`.
        embedding: picture, as drawn by :func:`~.embedding_plot`.
        piece: picture, as drawn by :func:`~.piece_picture`.
        summary: facts of the run by name, e.g. config, device and command lines.

    Raises:
        InputError: the folder of ``path`` cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_embedding_report(Path(folder) / 'report.html', title='Demo',
        ...                            metrics={'R@1': 61.7, 'mAP@R': 24.5})
        ...     '61.7' in (Path(folder) / 'report.html').read_text(encoding='utf-8')
        True
    """
    metrics = without_prefix(metrics or {})
    runs = {'run': scalars}
    pictures = [('Nearest neighbours', neighbours, NEIGHBOUR_NOTE),
                ('Embedding', embedding, EMBEDDING_NOTE), ('Linear piece', piece, PIECE_NOTE)]
    missing = ', '.join(title for title, image, _ in pictures if image is None)
    write_page(path, title, retrieval_headlines([metrics]), [
        Section('Retrieval', _metric_table(metrics, scalars), note=METRIC_NOTE),
        *(Section(title, None if image is None else picture(image, ''),
                  f'Missing pictures: {missing}. They need {TEST_COMMAND}.', note)
          for title, image, note in pictures),
        training_section(svg and wide(svg)
                         for svg in (loss_plot(runs), retrieval_validation_plot(runs))),
        facts_section(summary)])


def retrieval_headlines(runs: Sequence[Metrics]) -> List[Headline]:
    """Return a card per headline metric, of the last run, with the difference from the first.

    Args:
        runs: metrics without prefix of one run, or of two runs that are compared.

    Example:
        >>> retrieval_headlines([{'R@1': 61.72, 'mAP@R': 24.5}])[0]
        Headline(title='Recall@1 (%)', figures=[('', '61.7')], color='')
    """
    return [Headline(caption, [('', headline_value(runs, key, 1))])
            for key, caption in HEADLINES.items()]


def _metric_table(metrics: Metrics, scalars: Rows) -> Optional[str]:
    """Return the table of the last validation, and the one of largest R@1 below."""
    keys = [*recall_keys(metrics), *[key for key in [MAP_AT_R] if key in metrics]]
    if not keys:
        return None
    rows: List[Tuple[str, Metrics]] = [('last', metrics)]
    plain = [without_prefix(row) for row in scalars]
    steps, values = series_of(plain, MAIN)
    if len(steps) > 1:
        best = steps[values.argmax()]
        row = next(row for row in reversed(plain) if row.get('step') == best and MAIN in row)
        rows.append((f'best, {validation_unit(plain, steps[-1])} {best:g}', row))
    return table(['validation', *keys],
                 [[name, *(format_value(row.get(key)) for key in keys)] for name, row in rows])
