"""Objects that a training learns from, and the reasons why it drops others.

The limits are those of :class:`~mmdet3d_plugin.datasets.transforms.FilterObjects`, which uses them
per sample. Trainings and folder checks count with them.
"""
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from .class_names import class_index
from .object_table import DONT_CARE

# Reasons why an object is dropped. An object with several counts for the first.
TOO_SMALL, HIDDEN, TRUNCATED, OUT_OF_RANGE, OUTSIDE, NOT_CHOSEN = REASONS = (
    'too small', 'hidden', 'truncated', 'depth', 'outside', 'not chosen')
KEPT = -1  # in place of an index into REASONS
TEXTS = {TOO_SMALL: 'too small', HIDDEN: 'hidden', TRUNCATED: 'truncated',
         OUT_OF_RANGE: 'outside the depth range', OUTSIDE: 'outside the input',
         NOT_CHOSEN: 'of classes that are not chosen'}
# Likely mistake, by the most frequent reason.
FIXES = {
    TOO_SMALL: 'lower min_height of FilterObjects; it is in pixels of the original image',
    HIDDEN: 'check the occlusion levels 0-3 of the labels, or raise max_occlusion of '
            'FilterObjects',
    TRUNCATED: 'check the truncations 0-1 of the labels, or raise max_truncation of FilterObjects',
    OUT_OF_RANGE: 'check the locations of the labels: metres in the camera frame, z forward; or '
                  'change depth_range of FilterObjects',
    OUTSIDE: "show whole images with input_fit='contain' in the config, and check that the "
             'calibrations fit the images',
    NOT_CHOSEN: 'correct labels of FilterObjects, the indices of the trained classes',
}
FEW = 0.1  # a class that keeps a smaller share of its objects gets a warning
SHOWN_NAMES = 8  # of unknown classes in the table


@dataclass(frozen=True)
class ObjectLimits:
    """Limits of the objects that are learned. All limits are inclusive.

    Attributes:
        min_height: smallest height of the 2D box plus one, pixels of the original image.
        max_truncation: largest share of the object outside the image, 0-1.
        max_occlusion: largest KITTI occlusion level, 0-3.
        depth_range: smallest and largest depth (camera z of the 3D centre), metres.
        labels: class indices of the objects that are kept; None keeps all classes.
    """
    min_height: float
    max_truncation: float
    max_occlusion: int
    depth_range: Tuple[float, float]
    labels: Optional[Sequence[int]] = None

    def drop_reasons(self, boxes_2d: np.ndarray, truncations: np.ndarray,
                     occlusions: np.ndarray, depths: np.ndarray,
                     labels: Optional[np.ndarray] = None) -> np.ndarray:
        """Return why N objects are dropped.

        Args:
            boxes_2d: (N, 4) left, top, right, bottom, pixels of the original image.
            truncations: (N,) share of the object outside the image.
            occlusions: (N,) KITTI's occlusion levels.
            depths: (N,) metres.
            labels: (N,) class indices; needed by limits with ``labels``.

        Returns:
            (N,) indices into :data:`REASONS`, or :data:`KEPT`.

        Example:
            >>> limits = ObjectLimits(25, .5, 2, (2., 65.))
            >>> boxes = np.array([[0., 0., 9., 39.], [0., 0., 9., 9.], [0., 0., 9., 39.]])
            >>> depths = np.array([9., 9., 80.])
            >>> found = limits.drop_reasons(boxes, np.zeros(3), np.zeros(3), depths)
            >>> [REASONS[index] for index in found if index != KEPT]
            ['too small', 'depth']
        """
        heights = boxes_2d[:, 3] - boxes_2d[:, 1] + 1
        nearest, farthest = self.depth_range
        chosen = np.full(len(boxes_2d), True) if self.labels is None else (
            np.isin(labels, self.labels))
        kept = {
            NOT_CHOSEN: chosen,
            TOO_SMALL: heights >= self.min_height,
            HIDDEN: occlusions <= self.max_occlusion,
            TRUNCATED: truncations <= self.max_truncation,
            OUT_OF_RANGE: (depths >= nearest) & (depths <= farthest)}
        return first_reasons({reason: ~mask for reason, mask in kept.items()}, len(boxes_2d))


# Limits of the configs on KITTI, which folder checks count with.
KITTI_LIMITS = ObjectLimits(min_height=25, max_truncation=.5, max_occlusion=2,
                            depth_range=(2., 1000.))


def first_reasons(dropped: Dict[str, np.ndarray], count: int) -> np.ndarray:
    """Return the first reason that applies to each of N objects.

    Args:
        dropped: (N,) bool by reason, in order.
        count: N.

    Returns:
        (N,) indices into :data:`REASONS`, or :data:`KEPT`.

    Example:
        >>> first_reasons({HIDDEN: np.array([False, True])}, 2).tolist()
        [-1, 1]
    """
    found = np.full(count, KEPT)
    for reason, mask in dropped.items():
        found[(found == KEPT) & mask] = REASONS.index(reason)
    return found


@dataclass
class ObjectCounts:
    """Numbers of objects that are learned and dropped, per class.

    Attributes:
        classes: the K classes.
        learned: (K,) objects per class.
        dropped: (K, R) objects per class and reason of :data:`REASONS`.
        unknown: number of objects by name that is no class, DontCare left out.
        frames: number of frames.

    Example:
        >>> counts = ObjectCounts(('Car', 'Cyclist'))
        >>> counts.add(np.array(['car', 'car', 'Van']), np.array([KEPT, 1, KEPT]))
        >>> counts.learned.tolist(), counts.unknown
        ([1, 0], {'Van': 1})
        >>> print(counts.table())
        class    labelled  learned  too small  hidden  truncated  depth  outside
        Car             2        1          0       1          0      0        0
        Cyclist         0        0          0       0          0      0        0
        unknown class names: Van 1
        >>> counts.warnings()
        ['Cyclist: no object in the labels to learn from']
    """
    classes: Tuple[str, ...]
    learned: np.ndarray = field(init=False)
    dropped: np.ndarray = field(init=False)
    unknown: Dict[str, int] = field(init=False, default_factory=dict)
    frames: int = 0

    def __post_init__(self) -> None:
        self.learned = np.zeros(len(self.classes), dtype=np.int64)
        self.dropped = np.zeros((len(self.classes), len(REASONS)), dtype=np.int64)

    def add(self, names: np.ndarray, reasons: np.ndarray) -> None:
        """Count objects.

        Args:
            names: (N,) names of the objects, in the labels' spelling; DontCare is left out.
            reasons: (N,) indices into :data:`REASONS`, or :data:`KEPT`. Those of unknown names
                have no effect.
        """
        spellings, inverse = np.unique(np.asarray(names, dtype=str), return_inverse=True)
        for index, name in enumerate(spellings.tolist()):
            own = reasons[inverse == index]
            label = class_index(name, self.classes)
            if label >= 0:
                self.learned[label] += (own == KEPT).sum()
                self.dropped[label] += np.bincount(own[own != KEPT], minlength=len(REASONS))
            elif class_index(name, (DONT_CARE, )) < 0:
                self.unknown[name] = self.unknown.get(name, 0) + len(own)

    @property
    def labelled(self) -> np.ndarray:
        """(K,) objects per class in the labels."""
        return self.learned + self.dropped.sum(axis=1)

    @property
    def chosen(self) -> np.ndarray:
        """(K,) bool, classes that are not left out on purpose."""
        return self.dropped[:, REASONS.index(NOT_CHOSEN)] == 0

    def table(self) -> str:
        """Return the numbers as text, one line per class."""
        reasons = [index for index, reason in enumerate(REASONS)
                   if reason != NOT_CHOSEN or not self.chosen.all()]
        titles = ['labelled', 'learned', *(REASONS[index] for index in reasons)]
        width = max(len(name) for name in ('class', *self.classes))
        lines = [f'{"class":<{width}}  ' + '  '.join(titles)]
        for name, labelled, learned, dropped in zip(self.classes, self.labelled, self.learned,
                                                    self.dropped):
            values = [labelled, learned, *dropped[reasons]]
            lines.append(f'{name:<{width}}  ' + '  '.join(
                f'{value:>{len(title)}}' for value, title in zip(values, titles)))
        if self.unknown:
            lines.append(f'unknown class names: {self._unknown_names()}')
        return '\n'.join(lines)

    def warnings(self) -> List[str]:
        """Return one line per class that keeps none, or less than a tenth, of its objects."""
        lines = []
        for name, labelled, learned, dropped, chosen in zip(
                self.classes, self.labelled, self.learned, self.dropped, self.chosen):
            if not chosen:
                continue
            if labelled == 0:
                lines.append(f'{name}: no object in the labels to learn from')
            elif learned < FEW * labelled:
                amount = learned or 'no object'
                lines.append(f'{name}: {amount} of {labelled} is left to learn from; dropped: '
                             f'{_most_frequent(dropped)}')
        return lines

    def refusal(self) -> Optional[str]:
        """Return why nothing at all is left to learn from, with the fix; None if something is."""
        if self.learned.any():
            return None
        known = self.labelled.sum()
        if not known and not self.unknown:
            return ('no object in the labels; check the split and the label files, or train on '
                    'another set')
        if not known:
            return (f'no object to learn from: the labels name {self._unknown_names()}, but the '
                    f'classes are {", ".join(self.classes)}; set classes to the names of the '
                    'labels, or class_map')
        dropped = self.dropped.sum(axis=0)
        return (f'no object of {known} is left to learn from: {_most_frequent(dropped)}; '
                f'{FIXES[REASONS[int(dropped.argmax())]]}')

    def _unknown_names(self) -> str:
        ordered = sorted(self.unknown.items(), key=lambda item: -item[1])
        more = [f'{len(ordered) - SHOWN_NAMES} more'] if len(ordered) > SHOWN_NAMES else []
        return ', '.join([*(f'{name} {count}' for name, count in ordered[:SHOWN_NAMES]), *more])


def _most_frequent(dropped: np.ndarray) -> str:
    """Return the reasons with their numbers, the most frequent one first."""
    order = np.argsort(-dropped, kind='stable')
    return ', '.join(f'{dropped[index]} {TEXTS[REASONS[index]]}'
                     for index in order if dropped[index])
