"""Objects per class that a training learns from a folder, and the entry for a config."""
from collections import Counter
from keyword import iskeyword
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np

from ...structures.cameras import project
from ...structures.class_names import class_index, class_key
from ...structures.object_table import DONT_CARE, ObjectTable
from ...structures.training_objects import KEPT, KITTI_LIMITS, OUTSIDE, REASONS, ObjectCounts

# Labels, projection matrix (3, 4), and (width, height) of the image; None where unknown.
LabelledFrame = Tuple[ObjectTable, Optional[np.ndarray], Optional[Tuple[int, int]]]


def count_labels(frames: Iterable[LabelledFrame]) -> ObjectCounts:
    """Count the objects that the limits of the configs on KITTI keep and drop, per class.

    An object is outside if its projected 3D centre is outside the image.

    Args:
        frames: labels, camera and image size of each frame.

    Returns:
        The numbers for all classes of the labels, the most frequent class first. Names that differ
        by case alone are one class.

    Example:
        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> camera = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> labels = ObjectTable.from_table(['car', 'Car'], [row, row])
        >>> counts = count_labels([(labels, camera, (1242, 375)), (labels, camera, (500, 375))])
        >>> counts.classes, counts.learned.tolist(), counts.dropped[0].tolist()
        (('car',), [2], [0, 0, 0, 0, 2, 0])
    """
    frames = [(labels[_real(labels)], camera, size) for labels, camera, size in frames]
    objects = ObjectTable.concatenate([labels for labels, _, _ in frames])
    counts = ObjectCounts(tuple(_spellings(Counter(objects.names.tolist()))), frames=len(frames))
    reasons = KITTI_LIMITS.drop_reasons(objects.boxes_2d, objects.truncations, objects.occlusions,
                                        objects.locations[:, 2])
    outside = np.concatenate([np.zeros(0, bool), *(_outside(*frame) for frame in frames)])
    reasons[(reasons == KEPT) & outside] = REASONS.index(OUTSIDE)
    counts.add(objects.names, reasons)
    return counts


def _real(labels: ObjectTable) -> np.ndarray:
    return np.array([class_index(name, (DONT_CARE, )) < 0 for name in labels.names], dtype=bool)


def _spellings(names: Counter) -> List[str]:
    """Return the most frequent spelling of each class, the most frequent class first."""
    totals: Counter = Counter()
    spellings: Dict[str, str] = {}
    for name, count in names.most_common():
        totals[class_key(name)] += count
        spellings.setdefault(class_key(name), name)
    return [spellings[key] for key, _ in totals.most_common()]


def _outside(labels: ObjectTable, camera: Optional[np.ndarray],
             size: Optional[Tuple[int, int]]) -> np.ndarray:
    """Return which projected 3D centres are outside the image: (N,) bool."""
    if camera is None or size is None or not len(labels):
        return np.full(len(labels), False)
    centers = labels.locations - np.array([0., .5, 0.]) * labels.sizes_hwl[:, :1]
    with np.errstate(divide='ignore', invalid='ignore'):
        points = project(centers, camera)
    return ~((points >= 0) & (points < size)).all(axis=1)


def classes_entry(statistics: Dict[str, dict]) -> str:
    """Return the entry ``classes`` of a config with the mean sizes of a folder's labels.

    Args:
        statistics: ``count`` and ``size_mean`` (height, width, length; metres) by class, as of
            :func:`~.folder_check.class_statistics`.

    Returns:
        Lines of Python, the most frequent class first; empty without classes. Names that differ by
        case alone are one class.

    Example:
        >>> print(classes_entry(dict(Car=dict(count=3, size_mean=[1.5, 1.6, 3.9]),
        ...                          car=dict(count=1, size_mean=[1.9, 2.0, 4.3]))))
        # mean height, width, length in metres, to paste into a config
        classes = dict(
            Car=(1.6, 1.7, 4.0),  # 4 objects
        )
    """
    known = {name: values for name, values in statistics.items() if 'size_mean' in values}
    names = _spellings(Counter({name: values['count'] for name, values in known.items()}))
    plain = all(name.isidentifier() and not iskeyword(name) for name in names)
    lines = []
    for name in names:
        same = [values for other, values in known.items() if class_key(other) == class_key(name)]
        weights = [values['count'] for values in same]
        size = np.average([values['size_mean'] for values in same], axis=0, weights=weights)
        numbers = ', '.join(str(value) for value in size.round(3).tolist())
        start = f'{name}=' if plain else f'{name!r}: '
        lines.append(f'    {start}({numbers}),  # {sum(weights)} object{"s" * (sum(weights) > 1)}')
    if not lines:
        return ''
    start, end = ('dict(', ')') if plain else ('{', '}')
    return '\n'.join(['# mean height, width, length in metres, to paste into a config',
                      f'classes = {start}', *lines, end])


def training_sections(frames: Sequence[LabelledFrame], statistics: Dict[str, dict]) -> List[str]:
    """Return the parts of a folder check's report about training.

    Args:
        frames: see :func:`count_labels`.
        statistics: see :func:`classes_entry`.

    Returns:
        The numbers of objects, and the entry ``classes``; nothing for a folder without objects.
    """
    counts = count_labels(frames)
    if not counts.classes:
        return []
    limits = KITTI_LIMITS
    title = (f'objects to learn from, with the limits of the configs on KITTI (2D boxes of '
             f'{limits.min_height} pixels, occlusion up to {limits.max_occlusion}, truncation up '
             f'to {limits.max_truncation}, {limits.depth_range[0]:g} to {limits.depth_range[1]:g} '
             'm, centre in the image)')
    notes = [f'note: {line}' for line in counts.warnings()]
    return ['\n'.join([title, counts.table(), *notes]), classes_entry(statistics)]
