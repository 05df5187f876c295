"""Explorer of frames in the report page: filters, images, 3D view and views from above."""
import base64
from typing import List, Optional, Sequence

import numpy as np
from matplotlib import colormaps

from ..benchmarks.kitti.frame_outcomes import DEPTH_TOLERANCE
from .colors import CLASS_COLORS, CURVE_COLORS, GROUND_TRUTH_COLOR, OTHER_CLASS_COLOR, class_color
from .depth_maps import RELATIVE_LIMIT
from .frame_entries import TRUE_DEPTH, Entry
from .report_html import Section, json_block
from .report_page import EXPLORER

MAX_BYTES = 11 << 20  # of the frames in a page, which should stay below 15 MB
ERROR_COLORS = {'right': '#e8edf2', 'missed': '#ffe14d', 'false': '#ff4747', 'far': '#b044ff',
                'near': '#b9a7ff', 'ignored': '#8a96a3'}
DARKEST = .85  # end of the colours of depth; darker points vanish on the background
RUN_COLORS = CURVE_COLORS[:2]  # as in the plots of the page
DETECTION_NOTE = (
    'Ground truth is green; a dashed green box is missed at this score. The tinted face of a box '
    'is its front. A prediction finds a label of its class at a 2D IoU of 0.5 or more, and is too '
    f'far or too near if its depth is off by more than {100 * DEPTH_TOLERANCE:.0f} %. Predictions '
    'on labels that KITTI ignores are ignored.')
DEPTH_NOTE = (
    'True and predicted depth share one colour scale, near bright and far dark. Errors are blue '
    'where the prediction is too near and red where it is too far. Grey pixels are unknown or not '
    'evaluated. The 3D view shows every grid cell of the depth map as a point.')


def explorer_section(frames: Sequence[Entry], note: str, missing: str,
                     runs: Sequence[str] = ('run', ), classes: Sequence[str] = (),
                     threshold: float = 0., error_name: str = '') -> Section:
    """Return the section in which readers explore frames.

    Frames beyond ``MAX_BYTES`` are left out, and the note says so.

    Args:
        frames: entries of the frames (:mod:`.frame_entries`), the most important ones first.
        note: plain text above the frames.
        missing: plain text if there are no frames.
        runs: names of the runs with predictions, one or two.
        classes: names of the classes; by default those of all objects.
        threshold: minimum score of predictions that are shown at first.
        error_name: name of the errors of frames without boxes.
    """
    frames = list(frames)
    shown = _fitting(frames)
    if len(shown) < len(frames):
        note += f' Of {len(frames)} frames, {len(shown)} fit into this page.'
    if not shown:
        return Section('Frames', None, 'The first frame is too large for this page.' if frames
                       else missing)
    objects = [item for frame in shown for part in (frame.get('truth', ()), *frame.get('runs', ()))
               for item in part]
    classes = classes or list(dict.fromkeys(item['class'] for item in objects))
    scores = [item['score'] for frame in shown for run in frame.get('runs', ()) for item in run]
    settings = dict(
        runs=list(runs), classes=list(classes), threshold=threshold, errorName=error_name,
        scores=[min([0., *scores]), max([1., *scores])],
        colors={name: class_color(name) for name in [*CLASS_COLORS, *classes]},
        otherColor=OTHER_CLASS_COLOR, truthColor=GROUND_TRUTH_COLOR, kindColors=ERROR_COLORS,
        runColors=list(RUN_COLORS), trueDepth=TRUE_DEPTH, errorLimit=RELATIVE_LIMIT / 100,
        palettes=dict(depth=_palette('magma_r', DARKEST), error=_palette('RdBu_r')))
    content = ('<noscript><p>Frames need JavaScript, which this browser does not run.</p>'
               '</noscript><div id="explorer"></div>'
               + json_block(EXPLORER, dict(frames=shown, settings=settings)))
    return Section('Frames', content, note=note)


def _fitting(frames: Sequence[Entry]) -> List[Entry]:
    """Return the first frames that together have at most ``MAX_BYTES``."""
    sizes = np.cumsum([_size(frame) for frame in frames])
    return list(frames[:int(np.searchsorted(sizes, MAX_BYTES, side='right'))])


def _size(entry: Optional[object]) -> int:
    """Return the approximate number of bytes of an entry in JSON."""
    if isinstance(entry, str):
        return len(entry)
    if isinstance(entry, dict):
        return sum(len(key) + 4 + _size(value) for key, value in entry.items())
    if isinstance(entry, (list, tuple)):
        return sum(map(_size, entry))
    return 8


def _palette(name: str, end: float = 1.) -> str:
    """Return 256 colours of a colormap, from 0 to ``end``, as base64 of (256, 3) bytes."""
    colors = colormaps[name](np.linspace(0, end, 256), bytes=True)[:, :3]
    return base64.b64encode(np.ascontiguousarray(colors).tobytes()).decode('ascii')
