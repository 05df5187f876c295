"""Report of a detector as one self-contained HTML page."""
from html import escape
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Union

from ..benchmarks.depth.object_errors import ObjectDepthErrors
from ..benchmarks.kitti.metric_names import (
    DIFFICULTIES,
    OVERLAPS,
    columns,
    metric_key,
    metric_rows,
)
from ..benchmarks.metric_style import Metrics, format_value, without_prefix
from .colors import CLASS_COLORS
from .detection_plots import Curves, depth_error_plot, precision_recall_plot, validation_plot
from .report_html import details, picture, section, table, wide
from .report_page import Pictures, frame_pictures, write_page
from .report_plots import Rows

HEADLINE_CLASS = 'Car'
HEADLINES = (('loose', '0.5'), ('strict', '0.7'))  # overlap and IoU of HEADLINE_CLASS
OVERLAP_NOTE = ('Average precision in percent over 40 recall positions. Strict asks for an IoU '
                'of 0.7 for Car and 0.5 for Pedestrian and Cyclist, loose for 0.5 and 0.25 in '
                'BEV and 3D. 2D and AOS are strict in both.')
SAMPLE_NOTE = ('Each object is divided into a grid of locations that predict depth. Larger '
               'weights have brighter tints, and the largest weight is framed. Locations without '
               'tint are dropped by sample selection.')
FRAME_NOTE = ('Ground truth is green. Predictions have the colours of their classes and their '
              "scores; the front face is tinted. The bird's-eye view beside each image is in "
              'metres.')


def write_report(path: Union[str, Path], *, title: str,
                 frames: Pictures = (),
                 scalars: Rows = (),
                 metrics: Optional[Metrics] = None,
                 precision_recall: Optional[Mapping[str, Curves]] = None,
                 depth_error: Sequence[ObjectDepthErrors] = (),
                 samples: Pictures = (),
                 summary: Optional[Mapping[str, str]] = None) -> None:
    """Write the report of a detector as one HTML file.

    The file contains all pictures and plots. A section without data says which argument is
    missing.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        frames: caption and picture of each frame, as drawn by :func:`~.frame_panel`; the first
            picture is also shown at the top of the page.
        scalars: lines of the training log, as returned by
            ``commands.training_log.read_scalars``.
        metrics: AP in percent by key, e.g. ``'Car_3D_AP40_moderate_strict'``. Keys may have a
            prefix such as ``'kitti/'``. None and NaN are shown as undefined.
        precision_recall: (R,) recalls and (R,) precisions, each 0-1, by class and name of the
            curve.
        depth_error: one result per class, as returned by :func:`~.object_depth_errors`.
        samples: caption and picture of ROI weights, as drawn by :func:`~.sample_panel`.
        summary: facts of the run by name, e.g. config, device and command lines.

    Raises:
        InputError: the folder of ``path`` cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(Path(folder) / 'report.html', title='Demo',
        ...                  frames=[('frame 7', np.zeros((40, 90, 3), np.uint8))],
        ...                  metrics={'Car_3D_AP40_moderate_strict': 12.3})
        ...     '12.30' in (Path(folder) / 'report.html').read_text(encoding='utf-8')
        True
    """
    metrics = without_prefix(metrics or {})
    first, frame_section = frame_pictures(frames, FRAME_NOTE)
    headlines = [(format_value(metrics.get(metric_key(HEADLINE_CLASS, overlap=overlap))),
                  f'{HEADLINE_CLASS} AP 3D R40 moderate, IoU {threshold} (%)')
                 for overlap, threshold in HEADLINES]
    results = [
        section('Average precision', _metric_tables(metrics), 'No metrics were given.',
                OVERLAP_NOTE),
        section('Precision and recall', _plot(precision_recall_plot(precision_recall or {})),
                'No precision-recall curves were given.'),
        section('Depth error by distance', _depth_section(depth_error),
                'No depth errors were given, or no prediction matches a ground truth.',
                'Errors of detected objects. An object is detected if the 2D IoU with a '
                'prediction of its class is 0.5 or more.'),
        section('Weights of the depth predictions',
                '\n'.join(picture(image, name) for name, image in samples),
                'No pictures of sample weights were given.', SAMPLE_NOTE),
        frame_section]
    write_page(path, title, headlines, summary, scalars,
               validation_plot(scalars, list(CLASS_COLORS)), results, first)


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
    return wide(svg) + details('The numbers', table(header, rows))
