"""One self-contained HTML page that shows what a training run has reached."""
from html import escape
from pathlib import Path
from typing import Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..benchmarks.depth.distance_errors import DistanceErrors
from ..benchmarks.depth.metric_styles import DEPTH_STYLES
from ..benchmarks.depth.object_errors import DepthErrors
from ..benchmarks.kitti.metric_names import (DIFFICULTIES, OVERLAPS, columns, metric_key,
                                             metric_rows)
from ..benchmarks.metric_style import Metrics, format_value, without_prefix
from ..utils.files import atomic_write
from .colors import class_colors
from .page import details, page, picture, section, table, wide
from .plots import (Curves, Rows, depth_error_plot, depth_validation_plot, distance_error_plot,
                    loss_plot, precision_recall_plot, validation_plot)

Pictures = Iterable[Tuple[str, np.ndarray]]

HEADLINES = (('loose', '0.5'), ('strict', '0.7'))  # of Car
OVERLAP_NOTE = ('Average precision in percent over 40 recall positions. Strict asks for an IoU '
                'of 0.7 for Car and 0.5 for Pedestrian and Cyclist, loose for 0.5 and 0.25.')
SAMPLE_NOTE = ('Each object is divided into a grid of locations that predict depth. The brighter '
               'one is tinted, the larger its weight, and the largest is framed; plain ones were '
               'dropped.')
FRAME_NOTE = ('Ground truth green, predictions by class with their scores; the front face is '
              "tinted. Beside each image the bird's-eye view, in metres.")

DEPTH_HEADLINES, DEPTH_HEADLINE_DECIMALS = ('AbsRel', 'delta1'), 3
DEPTH_NOTE = ('Of each image, then their mean, at the last validation of the training. Arrows '
              'point to where a figure is better.')
DEPTH_FRAME_NOTE = ('True and predicted depth share one scale, near bright and far dark. Errors '
                    'are blue where the prediction is too near and red where it is too far. Grey '
                    'is unknown, or does not count. Features are those that the prediction layer '
                    'reads.')


def write_report(path: Union[str, Path], *, title: str,
                 frames: Pictures = (),
                 scalars: Rows = (),
                 metrics: Optional[Metrics] = None,
                 precision_recall: Optional[Mapping[str, Curves]] = None,
                 depth_error: Sequence[DepthErrors] = (),
                 samples: Pictures = (),
                 summary: Optional[Mapping[str, str]] = None) -> None:
    """Writes the report of a detector; a part that is not given is named as missing.

    Args:
        path: of the HTML file, replaced atomically.
        frames: (caption, uint8 BGR image) of each frame, as of
            :func:`~.frame_panel`; the first also opens the page.
        scalars: the training log, as of :func:`~.read_scalars`.
        metrics: AP in percent by key, e.g. ``'Car_3D_AP40_moderate_strict'``;
            None and NaN mean not defined.
        precision_recall: by class, by label of the curve: (R,) recalls and
            (R,) precisions, 0-1.
        depth_error: one result a class.
        samples: (caption, uint8 BGR image) of ROI weights, as of
            :func:`~.sample_panel`.
        summary: key facts of the run, e.g. config, device, command lines.
    """
    metrics = without_prefix(metrics or {})
    headlines = [(format_value(metrics.get(metric_key('Car', overlap=overlap))),
                  f'Car AP 3D R40 moderate, IoU {threshold} (%)')
                 for overlap, threshold in HEADLINES]
    results = [
        section('Average precision', _metric_tables(metrics), 'No metrics were given.',
                OVERLAP_NOTE),
        section('Precision and recall', _plot(precision_recall_plot(precision_recall or {})),
                'No precision-recall curves were given.'),
        section('Depth error by distance', _depth_section(depth_error),
                'No depth errors were given, or no prediction matches a label.',
                'Of objects found in the image: a prediction of the class overlaps the label '
                'in 2D by an IoU of 0.5 or more.'),
        section('Where depth comes from',
                '\n'.join(picture(image, name) for name, image in samples),
                'No pictures of sample weights were given.', SAMPLE_NOTE)]
    _write_page(path, title, headlines, summary, scalars,
                validation_plot(scalars, list(class_colors)), results, frames, FRAME_NOTE)


def write_depth_report(path: Union[str, Path], *, title: str, frames: Pictures = (),
                       scalars: Rows = (), metrics: Optional[Metrics] = None,
                       depth_error: Optional[DistanceErrors] = None,
                       summary: Optional[Mapping[str, str]] = None) -> None:
    """Writes the report of a depth estimator; a part that is not given is named as missing.

    Args:
        path: of the HTML file, replaced atomically.
        frames: (caption, uint8 BGR image) of each frame, as of :func:`~.depth_panel`; the
            first also opens the page.
        scalars: the training log, as of :func:`~.read_scalars`.
        metrics: by key, e.g. ``'AbsRel'``.
        depth_error: as of :func:`~.read_distance_errors`.
        summary: key facts of the run, e.g. config, device, command lines.
    """
    metrics = without_prefix(metrics or {})
    headlines = [(format_value(metrics.get(key), DEPTH_HEADLINE_DECIMALS),
                  DEPTH_STYLES[key].title) for key in DEPTH_HEADLINES]
    results = [
        section('Depth metrics', _depth_metric_table(metrics), 'No metrics were given.',
                DEPTH_NOTE),
        section('Error by distance', depth_error and _distance_section(depth_error),
                'No errors by distance were given, or no pixel counts.',
                'Of all pixels alike, in bins of their true depth.')]
    _write_page(path, title, headlines, summary, scalars, depth_validation_plot(scalars),
                results, frames, DEPTH_FRAME_NOTE)


def _write_page(path: Union[str, Path], title: str, headlines: Sequence[Tuple[str, str]],
                summary: Optional[Mapping[str, str]], scalars: Rows, validations: Optional[str],
                results: Sequence[str], frames: Pictures, frame_note: str) -> None:
    """Writes what every report shows, around the sections of the task's ``results``."""
    pictures = [picture(image, name) for name, image in frames]
    training = ''.join(wide(svg) for svg in (loss_plot(scalars), validations) if svg)
    parts = [
        _headline(headlines), *pictures[:1],
        section('Run', _facts(summary or {}), 'No facts of the run were given.'),
        section('Training', training, 'No training log was given.'), *results,
        section('Held-out frames', '\n'.join(pictures), 'No frames were given.', frame_note)]
    atomic_write(path, page(title, '\n'.join(parts)))


def _headline(headlines: Sequence[Tuple[str, str]]) -> str:
    cards = ''.join(f'<div><strong>{value}</strong><span>{escape(caption)}</span></div>'
                    for value, caption in headlines)
    return f'<div class="headline">{cards}</div>'


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


def _depth_section(results: Sequence[DepthErrors]) -> Optional[str]:
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


def _distance_section(errors: DistanceErrors) -> Optional[str]:
    svg = distance_error_plot(errors)
    if svg is None:
        return None
    rows = [(f'{low:g}–{high:g}', format_value(100 * relative), format_value(metres),
             f'{pixels:.0f}') for low, high, pixels, relative, metres in zip(
                 errors.edges[:-1], errors.edges[1:], errors.pixels, errors.relative,
                 errors.metres)]
    header = ('depth (m)', 'mean relative error (%)', 'mean absolute error (m)', 'pixels')
    return wide(svg) + details('The numbers', table(header, rows))
