"""Frames as plain values that the report's page shows: pictures, boxes and depths.

An entry is a dictionary that fits into JSON. All coordinates are those of the camera frame
(metres) and of the original image (pixels).

=============== ==================================================================================
``name``        name of the frame
``pictures``    list of ``[caption, address of a JPEG or PNG]``
``image``       address of the camera image, for the views that draw on it
``width``       of the original image, pixels; so is ``height``
``camera``      12 numbers, the (3, 4) projection by rows
``truth``       labelled objects
``runs``        one list of predicted objects per run
``depth``       ``width`` and ``height`` of a grid of cells over the image, ``maps`` of depths by
                name, ``low`` and ``high`` end of their colours in metres
``errors``      one number per run that sorts frames, larger is worse
=============== ==================================================================================

An object has ``class``, ``box`` (x, y, z of the bottom centre, height, width, length, yaw) and, if
it is predicted, ``score``, ``outcome`` and ``label``, the index of the label that it finds, or -1.
A label has ``counted`` and ``finders``: for each run the index of the prediction that finds it.
"""
import base64
import math
from pathlib import Path
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Sequence, Union

import cv2
import numpy as np

from ..benchmarks.kitti.frame_outcomes import FrameOutcomes, frame_outcomes
from ..errors import InputError
from ..structures.object_table import DONT_CARE, ObjectTable
from ..utils.json_files import read_json
from .depth_maps import fitting_scale

Entry = Dict[str, Any]
JPEG_QUALITY = 86
MAX_SIDE = 1280  # pixels of an image in the page
MAX_PREDICTIONS = 100  # per frame and run, those of highest score
MAX_CELLS = 16000  # of a grid of depths
DEPTH_UNIT = 1 / 256  # metres; KITTI's unit, up to 255 m in 16 bits
SCENE_SUFFIX = '.scene.json'  # of the files that read_scene reads
TRUE_DEPTH, PREDICTED_DEPTH = 'true depth', 'predicted depth'
_JPEG, _DECIMALS = 'data:image/jpeg;base64,', 3
_MAX_SCENE_BYTES = 1 << 24
_MAX_SIZE = 1 << 16  # pixels


def picture_address(image: np.ndarray, max_side: int = MAX_SIDE) -> str:
    """Return an image as data address of a JPEG.

    Args:
        image: (H, W, 3) uint8, BGR.
        max_side: longest side of the JPEG, pixels; larger images are resized.

    Example:
        >>> picture_address(np.zeros((4, 6, 3), np.uint8))[:23]
        'data:image/jpeg;base64,'
    """
    scale = max_side / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return _JPEG + base64.b64encode(content.tobytes()).decode('ascii')


def picture_entry(name: str, image: np.ndarray) -> Entry:
    """Return the entry of a finished picture, which is shown as it is.

    Args:
        name: caption.
        image: (H, W, 3) uint8, BGR.
    """
    return dict(name=name, pictures=[[name, picture_address(image, max(image.shape))]])


def scene_entry(name: str, image: np.ndarray, P2: np.ndarray,
                maps: Optional[Mapping[str, np.ndarray]] = None) -> Entry:
    """Return the entry of a camera image, with depths if there are some.

    Args:
        name: name of the frame.
        image: (H, W, 3) uint8, BGR.
        P2: (3 or 4, 4) projection to pixels of ``image``.
        maps: (H, W) depths by name, metres, 0 where unknown.

    Example:
        >>> P2 = np.array([[9., 0., 3., 0.], [0., 9., 2., 0.], [0., 0., 1., 0.]])
        >>> entry = scene_entry('a', np.zeros((4, 6, 3), np.uint8), P2,
        ...                     {TRUE_DEPTH: np.full((4, 6), 2.)})
        >>> entry['width'], entry['height'], entry['depth']['width']
        (6, 4, 6)
    """
    height, width = image.shape[:2]
    entry = dict(name=name, image=picture_address(image), width=width, height=height,
                 camera=np.asarray(P2)[:3].ravel().round(6).tolist())
    if maps:
        grids = {title: depth_grid(depth) for title, depth in maps.items()}
        first = next(iter(grids.values()))
        scale = fitting_scale(first)
        entry['depth'] = dict(
            width=first.shape[1], height=first.shape[0], low=scale.low, high=scale.high,
            maps={title: _encoded(grid) for title, grid in grids.items()})
    return entry


def depth_grid(depth: np.ndarray, max_cells: int = MAX_CELLS) -> np.ndarray:
    """Reduce a depth map to a grid of cells with the median of the known depths of each cell.

    Of an even number of depths the lower middle one is taken, so that every value occurs in the
    map, and no cell lies between two surfaces.

    Args:
        depth: (H, W), metres, 0 where unknown.
        max_cells: largest number of cells.

    Returns:
        (h, w) metres, 0 in cells without known depth.

    Example:
        >>> depth_grid(np.array([[1., 0., 4., 4.], [3., 2., 9., 9.]]), max_cells=2).tolist()
        [[2.0, 4.0]]
    """
    height, width = depth.shape
    step = max(1, math.ceil(math.sqrt(height * width / max_cells)))
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    padded = np.full((rows * step, columns * step), np.inf)
    padded[:height, :width] = np.where(depth > 0, depth, np.inf)
    cells = padded.reshape(rows, step, columns, step).swapaxes(1, 2).reshape(rows, columns, -1)
    counts = np.isfinite(cells).sum(axis=-1)
    middle = np.sort(cells, axis=-1)[
        np.arange(rows)[:, None], np.arange(columns), (counts - 1).clip(0) // 2]
    return np.where(counts > 0, middle, 0)


def detection_entry(scene: Entry, truth: ObjectTable, runs: Sequence[ObjectTable],
                    classes: Sequence[str]) -> Entry:
    """Add labels, predictions and their matches to the entry of a frame.

    Args:
        scene: entry of :func:`scene_entry`.
        truth: labels of the frame.
        runs: predictions of each run, with scores.
        classes: evaluated classes.

    Example:
        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 4., 0., 1.7, 20., 0.]
        >>> car = ObjectTable.from_table(['Car'], [row])
        >>> found = ObjectTable.from_table(['Car'], [row + [.9]])
        >>> detection_entry({}, car, [found], ['Car'])['runs'][0][0]['outcome']
        'right'
    """
    runs = [best_predictions(run) for run in runs]
    outcomes = [frame_outcomes(truth, run, classes) for run in runs]
    kept = truth.names != DONT_CARE
    position = np.append(np.where(kept, kept.cumsum() - 1, -1), -1)
    labels = _objects(truth[kept])
    for label, index in zip(labels, np.flatnonzero(kept)):
        label.update(counted=bool(outcomes[0].counted[index]),
                     finders=[int(run.finders[index]) for run in outcomes])
    return dict(scene, truth=labels, runs=[
        _predictions(run, result, position) for run, result in zip(runs, outcomes)])


def best_predictions(predictions: ObjectTable) -> ObjectTable:
    """Return the predictions that a page shows, by descending score."""
    assert predictions.scores is not None
    return predictions[np.argsort(-predictions.scores, kind='stable')[:MAX_PREDICTIONS]]


def _predictions(objects: ObjectTable, outcomes: FrameOutcomes, position: np.ndarray
                 ) -> List[Dict[str, Any]]:
    """Return predictions as plain values; ``position`` maps labels to those of the entry."""
    assert objects.scores is not None
    entries = _objects(objects)
    for entry, score, outcome, label in zip(entries, objects.scores, outcomes.outcomes,
                                            position[outcomes.found]):
        entry.update(score=round(float(score), 4), outcome=str(outcome), label=int(label))
    return entries


def _objects(objects: ObjectTable) -> List[Dict[str, Any]]:
    boxes = np.column_stack([objects.locations, objects.sizes_hwl, objects.rotations_y])
    return [{'class': str(name), 'box': box}
            for name, box in zip(objects.names, boxes.round(_DECIMALS).tolist())]


def _encoded(grid: np.ndarray) -> str:
    """Return a grid of depths as base64 of 16-bit integers, little endian, in DEPTH_UNIT."""
    units = np.rint(np.asarray(grid) / DEPTH_UNIT).clip(0, 65535).astype('<u2')
    return base64.b64encode(units.tobytes()).decode('ascii')


def read_scene(path: Union[str, Path]) -> Entry:
    """Read the entry of a depth map that a test wrote.

    Args:
        path: file of :func:`scene_entry` with depths.

    Raises:
        InputError: the file is missing, or has another content.
    """
    entry = read_json(path, 'no such file; run tools/test.py again', _MAX_SCENE_BYTES)

    def refuse(what: str) -> NoReturn:
        raise InputError(f'{path}: {what}; run tools/test.py again')

    if not isinstance(entry, dict) or not isinstance(entry.get('name'), str):
        refuse('is no frame of a depth estimator')
    if not _is_jpeg(entry.get('image')):
        refuse('image is no JPEG in base64')
    if not all(_is_count(entry.get(key), _MAX_SIZE) for key in ('width', 'height')):
        refuse('width or height is no number of pixels')
    if not _is_numbers(entry.get('camera'), 12):
        refuse('camera is not 12 numbers')
    if not _is_numbers(entry.get('errors'), None):
        refuse('errors is no list of numbers')
    depth = entry.get('depth')
    if not isinstance(depth, dict) or not _is_depth(depth):
        refuse('depth is no grid of depths')
    return {key: entry[key] for key in ('name', 'image', 'width', 'height', 'camera', 'errors',
                                        'depth')}


def _is_depth(depth: Dict[str, Any]) -> bool:
    sizes: List[Any] = [depth.get(key) for key in ('width', 'height')]
    ends: List[Any] = [depth.get(key) for key in ('low', 'high')]
    maps = depth.get('maps')
    if not (all(_is_count(size, MAX_CELLS) for size in sizes) and _is_numbers(ends, 2)
            and 0 < ends[0] < ends[1] and isinstance(maps, dict) and maps):
        return False
    return all((content := _decoded(text)) is not None and len(content) == 2 * math.prod(sizes)
               for text in maps.values())


def _is_jpeg(text: Any) -> bool:
    return (isinstance(text, str) and text.startswith(_JPEG)
            and _decoded(text[len(_JPEG):]) is not None)


def _decoded(text: Any) -> Optional[bytes]:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except ValueError:
        return None


def _is_count(value: Any, largest: int) -> bool:
    return type(value) is int and 0 < value <= largest


def _is_numbers(values: Any, count: Optional[int]) -> bool:
    return (isinstance(values, list) and (count is None or len(values) == count)
            and all(type(value) in (int, float) and abs(value) < 1e9 for value in values))


def spread_indices(total: int, count: int) -> List[int]:
    """Return ``count`` indices that are evenly spaced over ``total`` frames.

    Example:
        >>> spread_indices(10, 3), spread_indices(2, 5)
        ([0, 4, 9], [0, 1])
    """
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(int)).tolist()


def choose_frames(errors: Sequence[float], count: int) -> List[int]:
    """Return the frames that a page shows: the worst ones, and evenly spaced ones.

    Half of them, rounded up, are the frames with the most errors. The others are evenly spaced
    over the remaining frames.

    Args:
        errors: error of each frame, larger is worse.
        count: largest number of frames.

    Returns:
        Indices, worst frames first.

    Example:
        >>> choose_frames([0., 5., 1., 9., 0., 0.], 4)
        [3, 1, 0, 5]
    """
    order = np.argsort(-np.asarray(errors, dtype=float), kind='stable').tolist()
    worst = order[:math.ceil(min(count, len(order)) / 2)]
    rest = sorted(set(order) - set(worst))
    chosen = worst + [rest[index] for index in spread_indices(len(rest), count - len(worst))]
    return sorted(chosen, key=order.index)
