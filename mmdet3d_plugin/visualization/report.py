"""Report of a training run as one self-contained HTML page."""
from html import escape
from pathlib import Path
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.object_errors import ObjectDepthErrors
from ..benchmarks.depth.pixel_errors import PixelDepthErrors
from ..benchmarks.kitti.metric_names import (DIFFICULTIES, OVERLAPS, columns, metric_key,
                                             metric_rows)
from ..benchmarks.metric_style import Metrics, format_value, without_prefix
from ..utils.files import atomic_write
from .colors import CLASS_COLORS
from .report_html import details, page, picture, section, table, wide
from .report_plots import (Curves, Rows, depth_error_plot, depth_validation_plot,
                           distance_error_plot, loss_plot, precision_recall_plot, validation_plot)

Pictures = Iterable[Tuple[str, np.ndarray]]  # captions and (H, W, 3) uint8 BGR images

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

DEPTH_HEADLINES, DEPTH_HEADLINE_DECIMALS = ('AbsRel', 'delta1'), 3
DEPTH_NOTE = ('Mean over the images at the last validation of the training. ↓: lower is better, '
              '↑: higher is better.')
DEPTH_FRAME_NOTE = ('True and predicted depth share one colour scale, near bright and far dark. '
                    'Errors are blue where the prediction is too near and red where it is too '
                    'far. Grey pixels are unknown or not evaluated. Features are the input of '
                    'the prediction layer.')


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
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_report(Path(folder) / 'report.html', title='Demo',
        ...                  frames=[('frame 7', np.zeros((40, 90, 3), np.uint8))],
        ...                  metrics={'Car_3D_AP40_moderate_strict': 12.3})
        ...     '12.30' in (Path(folder) / 'report.html').read_text(encoding='utf-8')
        True
    """
    metrics = without_prefix(metrics or {})
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
                'No pictures of sample weights were given.', SAMPLE_NOTE)]
    _write_page(path, title, headlines, summary, scalars,
                validation_plot(scalars, list(CLASS_COLORS)), results, frames, FRAME_NOTE)


def write_depth_report(path: Union[str, Path], *, title: str, frames: Pictures = (),
                       scalars: Rows = (), metrics: Optional[Metrics] = None,
                       depth_error: Optional[PixelDepthErrors] = None,
                       summary: Optional[Mapping[str, str]] = None) -> None:
    """Write the report of a depth estimator as one HTML file.

    The file contains all pictures and plots. A section without data says which argument is
    missing.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        frames: caption and picture of each frame, as drawn by :func:`~.depth_panel`; the first
            picture is also shown at the top of the page.
        scalars: lines of the training log, as returned by
            ``commands.training_log.read_scalars``.
        metrics: values by key, e.g. ``'AbsRel'``. Keys may have a prefix such as ``'depth/'``.
        depth_error: as returned by :func:`~.read_pixel_errors`.
        summary: facts of the run by name, e.g. config, device and command lines.

    Raises:
        InputError: the folder of ``path`` cannot be written.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_depth_report(Path(folder) / 'report.html', title='Demo',
        ...                        metrics={'AbsRel': .1234, 'delta1': .9})
        ...     '0.1234' in (Path(folder) / 'report.html').read_text(encoding='utf-8')
        True
    """
    metrics = without_prefix(metrics or {})
    headlines = [(format_value(metrics.get(key), DEPTH_HEADLINE_DECIMALS),
                  DEPTH_STYLES[key].title) for key in DEPTH_HEADLINES]
    results = [
        section('Depth metrics', _depth_metric_table(metrics), 'No metrics were given.',
                DEPTH_NOTE),
        section('Error by distance', depth_error and _distance_section(depth_error),
                'No errors by distance were given, or no pixel is evaluated.',
                'Means over all evaluated pixels, in bins of their true depth.')]
    _write_page(path, title, headlines, summary, scalars, depth_validation_plot(scalars),
                results, frames, DEPTH_FRAME_NOTE)


def _write_page(path: Union[str, Path], title: str, headlines: Sequence[Tuple[str, str]],
                summary: Optional[Mapping[str, str]], scalars: Rows, validations: Optional[str],
                results: Sequence[str], frames: Pictures, frame_note: str) -> None:
    """Write a page with the sections of every report and the task's ``results`` sections."""
    pictures = [picture(image, name) for name, image in frames]
    training = ''.join(wide(svg) for svg in (loss_plot(scalars), validations) if svg)
    parts = [
        _headline(headlines), *pictures[:1],
        section('Run', _facts(summary or {}), 'No facts of the run were given.'),
        section('Training', training, 'No training log was given.'), *results,
        section('Held-out frames', '\n'.join(pictures), 'No frames were given.', frame_note)]
    atomic_write(path, page(title, '\n'.join(parts)))


def _headline(headlines: Sequence[Tuple[str, str]]) -> str:
    items = ''.join(f'<div><strong>{value}</strong><span>{escape(caption)}</span></div>'
                    for value, caption in headlines)
    return f'<div class="headline">{items}</div>'


def _facts(summary: Mapping[str, str]) -> Optional[str]:
    rows = ''.join(f'<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>\n'
                   for key, value in summary.items())
    return f'<table class="facts">{rows}</table>' if rows else None


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


def _depth_metric_table(metrics: Metrics) -> Optional[str]:
    found = [(key, style) for key, style in DEPTH_STYLES.items() if key in metrics]
    if not found:
        return None
    return table([style.title for _, style in found],
                 [[format_value(metrics[key], style.decimals) for key, style in found]])


def _distance_section(errors: PixelDepthErrors) -> Optional[str]:
    svg = distance_error_plot(errors)
    if svg is None:
        return None
    rows = [(f'{low:g}–{high:g}', format_value(100 * relative), format_value(metres),
             f'{pixels:.0f}') for low, high, pixels, relative, metres in zip(
                 errors.edges[:-1], errors.edges[1:], errors.pixels, errors.relative,
                 errors.metres)]
    header = ('depth (m)', 'mean relative error (%)', 'mean absolute error (m)', 'pixels')
    return wide(svg) + details('The numbers', table(header, rows))
