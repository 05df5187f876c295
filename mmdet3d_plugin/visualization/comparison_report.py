"""Comparison of two runs of one task as one self-contained HTML page."""
from html import escape
from pathlib import Path
from typing import List, Mapping, NamedTuple, Optional, Sequence, Union

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.kitti.metric_names import OVERLAPS, metric_key, metric_rows
from ..benchmarks.metric_style import (
    Metrics,
    MetricStyle,
    format_difference,
    format_value,
    rounded_difference,
    without_prefix,
)
from ..benchmarks.retrieval.evaluation import retrieval_style
from ..benchmarks.score_reliability import ScoredDetections
from .depth_plots import depth_validation_plot
from .depth_report import depth_headlines
from .detection_plots import Curves, precision_recall_plot, reliability_plot, validation_plot
from .detection_report import (
    HEADLINE_NOTE,
    OVERLAP_NOTE,
    RELIABILITY_NOTE,
    class_headlines,
    classes_of,
    selection_note,
)
from .embedding_report import retrieval_headlines
from .frame_entries import Entry
from .frame_explorer import DEPTH_NOTE, DETECTION_NOTE, explorer_section
from .report_html import Section, wide
from .report_page import facts_section, training_section, write_page
from .report_plots import Rows, loss_plot
from .retrieval_plots import MAP_AT_R, recall_keys, retrieval_validation_plot

TWO_OVERLAPS = ('3D', 'BEV')  # metrics with a strict and a loose overlap
ORDER_NOTE = 'Frames in which the errors of the runs differ most come first. '


class ComparedRun(NamedTuple):
    """Run of a comparison.

    Attributes:
        name: name of the run in the page.
        scalars: lines of the training log.
        metrics: metrics by name; a prefix such as ``'depth/'`` is ignored.
    """
    name: str
    scalars: Rows
    metrics: Metrics


def write_detection_comparison(path: Union[str, Path], *, title: str,
                               runs: Sequence[ComparedRun],
                               precision_recall: Optional[Mapping[str, Curves]] = None,
                               reliability: Optional[
                                   Mapping[str, Sequence[ScoredDetections]]] = None,
                               frames: Sequence[Entry] = (),
                               summary: Optional[Mapping[str, str]] = None,
                               threshold: float = .1) -> None:
    """Write the comparison of two detectors: AP and differences, curves, changed frames.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        runs: the two runs.
        precision_recall: (R,) recalls and precisions by class and by (run, metric).
        reliability: one result per class, as returned by :func:`~.scored_detections`, by name of
            the run.
        frames: entries of :func:`~.detection_entry` with the predictions of both runs.
        summary: facts by name.
        threshold: minimum score of the predictions that are shown at first.

    Raises:
        InputError: the folder of ``path`` cannot be written.
    """
    metrics = [without_prefix(run.metrics) for run in runs]
    classes = list(dict.fromkeys(name for run in metrics for name in classes_of(run)))
    logs = _logs(runs)
    styles = {
        metric_key(row.class_name, row.metric, overlap=overlap): MetricStyle(
            ', '.join([row.class_name, row.metric, *[overlap] * (row.metric in TWO_OVERLAPS)]),
            decimals=2, better='↑')
        for row in metric_rows({**metrics[0], **metrics[1]}, 40) for overlap in OVERLAPS
        if overlap == 'strict' or row.metric in TWO_OVERLAPS}
    write_page(path, title, class_headlines(metrics), [
        explorer_section(frames, ORDER_NOTE + DETECTION_NOTE,
                         'Frames need the images, labels and result files of a data set.',
                         [run.name for run in runs], classes, threshold),
        Section('Average precision', difference_table(runs, styles),
                note='Moderate difficulty. ' + OVERLAP_NOTE),
        Section('Precision and recall', _wide(precision_recall_plot(precision_recall or {})),
                note='3D at moderate difficulty.'),
        Section('Reliability of scores', _wide(reliability_plot(reliability or {})),
                note=RELIABILITY_NOTE),
        training_section(map(_wide, (loss_plot(logs), validation_plot(logs, classes))),
                         selection_note(logs)),
        facts_section(summary)], f'{HEADLINE_NOTE} {difference_note(runs)}')


def write_depth_comparison(path: Union[str, Path], *, title: str, runs: Sequence[ComparedRun],
                           frames: Sequence[Entry] = (),
                           summary: Optional[Mapping[str, str]] = None) -> None:
    """Write the comparison of two depth estimators.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        runs: the two runs.
        frames: entries of frames with the pictures, depths and errors of both runs.
        summary: facts by name.

    Raises:
        InputError: the folder of ``path`` cannot be written.
    """
    logs = _logs(runs)
    write_page(path, title, depth_headlines([without_prefix(run.metrics) for run in runs]), [
        explorer_section(frames, ORDER_NOTE + DEPTH_NOTE,
                         'Frames need the pictures of tools/test.py of both runs.',
                         [run.name for run in runs], error_name='AbsRel'),
        Section('Depth metrics', difference_table(runs, DEPTH_STYLES)),
        training_section(map(_wide, (loss_plot(logs), depth_validation_plot(logs)))),
        facts_section(summary)], difference_note(runs))


def write_embedding_comparison(path: Union[str, Path], *, title: str,
                               runs: Sequence[ComparedRun],
                               summary: Optional[Mapping[str, str]] = None) -> None:
    """Write the comparison of two embedders.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        runs: the two runs.
        summary: facts by name.

    Raises:
        InputError: the folder of ``path`` cannot be written.
    """
    metrics = [without_prefix(run.metrics) for run in runs]
    keys = [*recall_keys({**metrics[0], **metrics[1]}), MAP_AT_R]
    logs = _logs(runs)
    write_page(path, title, retrieval_headlines(metrics), [
        Section('Retrieval', difference_table(runs, {key: retrieval_style(key) for key in keys}),
                note='Percent, of the last validation of each training.'),
        training_section(map(_wide, (loss_plot(logs), retrieval_validation_plot(logs)))),
        facts_section(summary)], difference_note(runs))


def difference_table(runs: Sequence[ComparedRun], styles: Mapping[str, MetricStyle]) -> str:
    """Return the table of the metrics of two runs, with their differences.

    Args:
        runs: the two runs.
        styles: name, decimals and direction of the metrics.

    Example:
        >>> runs = [ComparedRun('a', [], dict(RMSE=3.)), ComparedRun('b', [], dict(RMSE=2.5))]
        >>> row = difference_table(runs, dict(RMSE=MetricStyle('RMSE', better='↓'))).splitlines()
        >>> row[2]
        '<tr><td>RMSE ↓</td><td>3.0</td><td>2.5</td><td class="better">−0.5</td></tr>'
    """
    metrics = [without_prefix(run.metrics) for run in runs]
    head = ''.join(f'<th>{escape(text)}</th>'
                   for text in ('metric', *(run.name for run in runs), 'difference'))
    lines: List[str] = []
    for key, style in styles.items():
        values = [run.get(key) for run in metrics]
        kind = _direction(rounded_difference(values[0], values[1], style.decimals), style)
        lines.append(f'<tr><td>{escape(style.title)}</td>'
                     + ''.join(f'<td>{format_value(value, style.decimals)}</td>'
                               for value in values)
                     + f'<td{kind}>{format_difference(values[0], values[1], style.decimals)}'
                       '</td></tr>')
    return wide(f'<table><thead><tr>{head}</tr></thead>\n<tbody>\n' + '\n'.join(lines)
                + '\n</tbody></table>')


def _direction(change: float, style: MetricStyle) -> str:
    """Return the class attribute of a difference, empty if it is neither better nor worse."""
    gain = change * {'↑': 1, '↓': -1}.get(style.better, 0)
    return ' class="better"' if gain > 0 else ' class="worse"' if gain < 0 else ''


def difference_note(runs: Sequence[ComparedRun]) -> str:
    """Return the line above the headline cards of two runs.

    Example:
        >>> difference_note([ComparedRun('A: old', [], {}), ComparedRun('B: new', [], {})])
        'B: new, with the difference from A: old.'
    """
    return f'{runs[1].name}, with the difference from {runs[0].name}.'


def _logs(runs: Sequence[ComparedRun]) -> Mapping[str, Rows]:
    return {run.name: run.scalars for run in runs}


def _wide(svg: Optional[str]) -> Optional[str]:
    return svg and wide(svg)
