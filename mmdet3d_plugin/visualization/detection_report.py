"""Report of a detector as one self-contained HTML page."""
from html import escape
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Union

import numpy as np

from ..benchmarks.depth.object_errors import ObjectDepthErrors
from ..benchmarks.kitti.metric_names import (
    DIFFICULTIES,
    OVERLAPS,
    columns,
    metric_key,
    metric_rows,
)
from ..benchmarks.kitti.protocol import overlaps_of
from ..benchmarks.metric_style import UNDEFINED, Metrics, format_value, without_prefix
from ..benchmarks.score_reliability import ScoredDetections
from .colors import class_color
from .detection_plots import (
    Curves,
    depth_error_plot,
    precision_recall_plot,
    reliability_plot,
    validation_plot,
)
from .frame_entries import Entry
from .frame_explorer import DETECTION_NOTE, explorer_section
from .report_html import Section, details, picture, table, wide
from .report_page import (
    TEST_COMMAND,
    Headline,
    Pictures,
    facts_section,
    headline_value,
    training_section,
    write_page,
)
from .report_plots import Rows, loss_plot, selection_start

HEADLINE_NOTE = '3D AP in percent, R40, moderate difficulty.'
OVERLAP_NOTE = ('Average precision in percent over 40 recall positions. Strict requires an IoU '
                'of 0.7 for Car and 0.5 for Pedestrian and Cyclist, loose for 0.5 and 0.25 in '
                'BEV and 3D. 2D and AOS are strict in both.')
CURVE_NOTE = ('At moderate difficulty. Strict and loose overlaps are those of the table above; 2D '
              'has one overlap.')
RELIABILITY_NOTE = ('True positives are detections that find a label in 3D at the loose overlap '
                    'of the table above, at difficulty "hard". Each point is the mean score and '
                    'the precision of the detections in the bin below it. Under the diagonal, '
                    'scores are too high. The error is the expected calibration error. If the '
                    'checkpoint holds a score calibration (tools/calibrate.py), it was fitted on '
                    'the validation frames, and the error on these frames is optimistic.')
SAMPLE_NOTE = ('Each object is divided into a grid of locations that predict depth. Larger '
               'weights have brighter tints, and the largest weight is framed. Locations without '
               'tint are dropped by sample selection.')
DEPTH_ERROR_NOTE = ('Errors of detected objects. An object is detected if the 2D IoU with a '
                    'prediction of its class is 0.5 or more.')
SELECTION_NOTE = ('The depth loss falls when sample selection starts, because fewer locations '
                  'count from then on. This fall alone does not mean better depths.')
SAMPLES_MISSING = ('Weights of the depth predictions, if the detector has them, need the pictures '
                   f'of {TEST_COMMAND} --show-samples.')
FRAMES_MISSING = 'Frames need the images, labels and result files of a data set.'
SHOWN_SAMPLES = 2  # pictures of sample weights; the others are collapsed
MAX_SAMPLE_BYTES = 3 << 20  # of all pictures of sample weights
RUN = 'run'  # name of the run in a report of one run


def write_report(path: Union[str, Path], *, title: str,
                 frames: Sequence[Entry] = (),
                 scalars: Rows = (),
                 metrics: Optional[Metrics] = None,
                 precision_recall: Optional[Mapping[str, Curves]] = None,
                 depth_error: Sequence[ObjectDepthErrors] = (),
                 reliability: Sequence[ScoredDetections] = (),
                 samples: Pictures = (),
                 summary: Optional[Mapping[str, str]] = None,
                 threshold: float = .1) -> None:
    """Write the report of a detector as one HTML file.

    The file contains all pictures, plots and scripts. A section without data is left out.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        frames: frames with labels and predictions, as returned by :func:`~.detection_entry`, in
            the order of their importance.
        scalars: lines of the training log, as returned by
            ``commands.training_log.read_scalars``.
        metrics: AP in percent by key, e.g. ``'Car_3D_AP40_moderate_strict'``. Keys may have a
            prefix such as ``'kitti/'``. None and NaN are shown as undefined.
        precision_recall: (R,) recalls and (R,) precisions, each 0-1, by class and by (metric,
            overlap).
        depth_error: one result per class, as returned by :func:`~.object_depth_errors`.
        reliability: one result per class, as returned by :func:`~.scored_detections`.
        samples: caption and picture of ROI weights, as drawn by :func:`~.sample_panel`.
        summary: facts of the run by name, e.g. config, device and command lines.
        threshold: minimum score of the predictions that are shown at first.

    Raises:
        InputError: the folder of ``path`` cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(Path(folder) / 'report.html', title='Demo',
        ...                  metrics={'Car_3D_AP40_moderate_strict': 12.3})
        ...     '12.30' in (Path(folder) / 'report.html').read_text(encoding='utf-8')
        True
    """
    metrics = without_prefix(metrics or {})
    classes = classes_of(metrics)
    runs = {RUN: scalars}
    write_page(path, title, class_headlines([metrics]), [
        explorer_section(frames, DETECTION_NOTE, FRAMES_MISSING, [RUN], classes, threshold),
        Section('Average precision', _metric_tables(metrics), note=OVERLAP_NOTE),
        Section('Precision and recall', _plot(precision_recall_plot(precision_recall or {})),
                note=CURVE_NOTE),
        Section('Reliability of scores', _plot(reliability_plot({RUN: reliability})),
                note=RELIABILITY_NOTE),
        Section('Depth error by distance', _depth_section(depth_error),
                'Depth errors need a prediction that matches a label.', DEPTH_ERROR_NOTE),
        Section('Weights of the depth predictions', _samples(samples), SAMPLES_MISSING,
                SAMPLE_NOTE),
        training_section(map(_plot, (loss_plot(runs), validation_plot(runs, classes))),
                         selection_note(runs)),
        facts_section(summary)], HEADLINE_NOTE)


def classes_of(metrics: Metrics) -> List[str]:
    """Return the classes of metrics, in their order.

    Example:
        >>> classes_of({'Car_3D_AP40_easy_strict': 1., 'loss': 2.})
        ['Car']
    """
    return list(dict.fromkeys(row.class_name for recalls in (40, 11)
                              for row in metric_rows(metrics, recalls)))


def class_headlines(runs: Sequence[Metrics]) -> List[Headline]:
    """Return a card per class with AP 3D at moderate difficulty, loose and strict.

    Classes without a defined AP are left out, unless no class has one.

    Args:
        runs: metrics without prefix of one run, or of two runs that are compared. A card of two
            runs shows the second run, and the difference from the first.

    Example:
        >>> class_headlines([{'Car_3D_AP40_moderate_strict': 12.3}])[0].figures
        [('3D AP, IoU 0.5', '–'), ('3D AP, IoU 0.7', '12.3')]
    """
    cards = []
    for name in dict.fromkeys(name for run in runs for name in classes_of(run)):
        figures = []
        for overlap, limit in sorted(zip(OVERLAPS, overlaps_of(name)), key=lambda item: item[1]):
            figures.append((f'3D AP, IoU {limit:g}',
                            headline_value(runs, metric_key(name, overlap=overlap), 1)))
        cards.append(Headline(name, figures, class_color(name)))
    defined = [card for card in cards
               if any(not text.startswith(UNDEFINED) for _, text in card.figures)]
    return defined or cards


def selection_note(runs: Mapping[str, Rows]) -> str:
    """Return the note on sample selection; empty if it starts in no run.

    Args:
        runs: lines of the training log of each run, by name.
    """
    starts = map(selection_start, runs.values())
    return SELECTION_NOTE if any(start is not None for start in starts) else ''


def _samples(samples: Pictures) -> str:
    """Return the first pictures, and the others hidden until the reader opens them.

    Pictures beyond ``MAX_SAMPLE_BYTES`` are left out, and a line says so.
    """
    pictures = [picture(image, name) for name, image in samples]
    fitting = [item for item, size in zip(pictures, np.cumsum(list(map(len, pictures))))
               if size <= MAX_SAMPLE_BYTES]
    first, rest = fitting[:SHOWN_SAMPLES], fitting[SHOWN_SAMPLES:]
    parts = first + [details(f'{len(rest)} more', '\n'.join(rest))] * bool(rest)
    if len(fitting) < len(pictures):
        parts.append(f'<p>Of {len(pictures)} pictures, {len(fitting)} fit into this page.</p>')
    return '\n'.join(parts)


def _plot(svg: Optional[str]) -> Optional[str]:
    return svg and wide(svg)


def _metric_tables(metrics: Metrics) -> Optional[str]:
    table_40, table_11 = (_metric_table(metrics, recalls) for recalls in (40, 11))
    if table_11:
        table_11 = details('Over 11 recall positions (R11)', table_11)
    return ''.join(filter(None, [table_40, table_11])) or None


def _metric_table(metrics: Metrics, recalls: int) -> Optional[str]:
    rows = metric_rows(metrics, recalls)
    if not rows:
        return None
    top = ''.join(f'<th colspan="{len(DIFFICULTIES)}">{overlap}</th>' for overlap in OVERLAPS)
    second = ''.join(f'<th>{difficulty}</th>' for _, difficulty in columns())
    body: List[str] = []
    previous = None
    for row in rows:
        starts = row.class_name != previous
        previous = row.class_name
        cells = ''.join(
            f'<td{" class=strong" if difficulty == "moderate" else ""}>{format_value(value)}</td>'
            for (_, difficulty), value in zip(columns(), row.values))
        body.append(f'<tr{" class=starts" if starts else ""}><td class=group>'
                    f'{escape(row.class_name) if starts else ""}</td>'
                    f'<td>{row.metric}</td>{cells}</tr>')
    return wide('<table class=metrics><thead>'
                f'<tr><th rowspan="2">class</th><th rowspan="2">AP R{recalls}</th>{top}</tr>'
                f'<tr>{second}</tr></thead>\n<tbody>' + '\n'.join(body) + '</tbody></table>')


def _depth_section(results: Sequence[ObjectDepthErrors]) -> Optional[str]:
    svg = depth_error_plot(results)
    if svg is None:
        return None
    rows = [(result.class_name, f'{low:g}–{high:g}', format_value(mean), format_value(median),
             str(matched), str(labels), format_value(100 * recall, 1))
            for result in results
            for low, high, mean, median, matched, labels, recall in zip(
                result.edges[:-1], result.edges[1:], result.mean_errors, result.median_errors,
                result.matched, result.labels, result.recall)]
    header = ('class', 'depth (m)', 'mean error (m)', 'median error (m)', 'found', 'labelled',
              'recall (%)')
    return wide(svg) + details('Values as a table', table(header, rows))
