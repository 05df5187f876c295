"""Report of a depth estimator as one self-contained HTML page."""
from pathlib import Path
from typing import Mapping, Optional, Union

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.pixel_errors import PixelDepthErrors
from ..benchmarks.metric_style import Metrics, format_value, without_prefix
from .depth_plots import depth_validation_plot, distance_error_plot
from .report_html import details, section, table, wide
from .report_page import Pictures, frame_pictures, write_page
from .report_plots import Rows

HEADLINES, HEADLINE_DECIMALS = ('AbsRel', 'delta1'), 3
METRIC_NOTE = ('Mean over the images at the last validation of the training. ↓: lower is better, '
               '↑: higher is better.')
FRAME_NOTE = ('True and predicted depth share one colour scale, near bright and far dark. '
              'Errors are blue where the prediction is too near and red where it is too far. '
              'Grey pixels are unknown or not evaluated. Features are the input of the '
              'prediction layer.')


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
    first, frame_section = frame_pictures(frames, FRAME_NOTE)
    headlines = [(format_value(metrics.get(key), HEADLINE_DECIMALS),
                  DEPTH_STYLES[key].title) for key in HEADLINES]
    results = [
        section('Depth metrics', _depth_metric_table(metrics), 'No metrics were given.',
                METRIC_NOTE),
        section('Error by distance', depth_error and _distance_section(depth_error),
                'No errors by distance were given, or no pixel is evaluated.',
                'Means over all evaluated pixels, in bins of their true depth.'),
        frame_section]
    write_page(path, title, headlines, summary, scalars, depth_validation_plot(scalars), results,
               first)


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
