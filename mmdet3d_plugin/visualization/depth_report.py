"""Report of a depth estimator as one self-contained HTML page."""
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Union

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.pixel_errors import PixelDepthErrors
from ..benchmarks.metric_style import Metrics, format_value, without_prefix
from .depth_plots import depth_validation_plot, distance_error_plot
from .frame_entries import Entry
from .frame_explorer import DEPTH_NOTE, explorer_section
from .report_html import Section, details, table, wide
from .report_page import (
    TEST_COMMAND,
    Headline,
    facts_section,
    headline_value,
    training_section,
    write_page,
)
from .report_plots import Rows, loss_plot

HEADLINES, HEADLINE_DECIMALS = ('AbsRel', 'delta1'), 3
METRIC_NOTE = ('Mean over the images at the last validation of the training. ↓: lower is better, '
               '↑: higher is better.')
FRAMES_MISSING = f'Frames need the pictures of {TEST_COMMAND}.'
DISTANCE_NOTE = 'Means over all evaluated pixels, in bins of their true depth.'


def write_depth_report(path: Union[str, Path], *, title: str, frames: Sequence[Entry] = (),
                       scalars: Rows = (), metrics: Optional[Metrics] = None,
                       depth_error: Optional[PixelDepthErrors] = None,
                       summary: Optional[Mapping[str, str]] = None) -> None:
    """Write the report of a depth estimator as one HTML file.

    The file contains all pictures, plots and scripts. A section without data is left out.

    Args:
        path: HTML file, replaced atomically.
        title: heading of the page.
        frames: entries of frames (:mod:`.frame_entries`), such as :func:`~.picture_entry` of a
            picture of :func:`~.depth_panel`, in the order of their importance.
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
    runs = {'run': scalars}
    write_page(path, title, depth_headlines([metrics]), [
        explorer_section(frames, DEPTH_NOTE, FRAMES_MISSING, error_name='AbsRel'),
        Section('Depth metrics', _depth_metric_table(metrics), note=METRIC_NOTE),
        Section('Error by distance', _distance_section(depth_error) if depth_error else None,
                f'Errors by distance need {TEST_COMMAND} and an evaluated pixel.', DISTANCE_NOTE),
        training_section(svg and wide(svg)
                         for svg in (loss_plot(runs), depth_validation_plot(runs))),
        facts_section(summary)])


def depth_headlines(runs: Sequence[Metrics]) -> List[Headline]:
    """Return a card per headline metric, of the last run, with the difference from the first.

    Args:
        runs: metrics without prefix of one run, or of two runs that are compared.

    Example:
        >>> depth_headlines([dict(AbsRel=.2), dict(AbsRel=.15)])[0].figures
        [('', '0.150 −0.050')]
    """
    return [Headline(DEPTH_STYLES[key].title, [('', headline_value(runs, key, HEADLINE_DECIMALS))])
            for key in HEADLINES]


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
    return wide(svg) + details('Values as a table', table(header, rows))
