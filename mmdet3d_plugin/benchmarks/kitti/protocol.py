"""Limits of KITTI's evaluation: minimum overlaps by class, minimum heights by difficulty."""
from typing import Dict, Optional, Sequence, Tuple

from ...errors import InputError
from ...structures.class_names import check_class_names, class_key, find_class
from .metric_names import DIFFICULTIES

# By class, strict and loose. The loose ones are those of BEV and 3D alone: 2D, and with it AOS,
# keeps the strict ones in both tables, as in mmdet3d and the development kit's variants.
MIN_OVERLAPS = {'Car': (.7, .5), 'Pedestrian': (.5, .25), 'Cyclist': (.5, .25)}
OTHER_OVERLAPS = MIN_OVERLAPS['Pedestrian']  # of all other classes
# Classes of KITTI and of other sets with the overlaps of Car.
CAR_LIKE = ('Van', 'Truck', 'Bus', 'Tram', 'Train', 'Trailer', 'Vehicle')
# In the order of DIFFICULTIES; pixels of the original image.
MIN_HEIGHTS = (40., 25., 25.)
# Labels of these classes may be matched, and are neither found nor missed.
NEIGHBOURS = {'Car': 'Van', 'Pedestrian': 'Person_sitting'}

Overlaps = Tuple[float, float]


def overlaps_of(name: str, min_overlaps: Optional[Dict[str, Sequence[float]]] = None) -> Overlaps:
    """Return the (strict, loose) overlaps that a match of a class must exceed.

    Args:
        name: any class.
        min_overlaps: overlaps by class in place of the defaults.

    Example:
        >>> overlaps_of('truck'), overlaps_of('Forklift'), overlaps_of('Car', dict(car=(.6, .4)))
        ((0.7, 0.5), (0.5, 0.25), (0.6, 0.4))
    """
    for table in (min_overlaps or {}, MIN_OVERLAPS):
        known = find_class(name, table)
        if known is not None:
            strict, loose = table[known]
            return float(strict), float(loose)
    return MIN_OVERLAPS['Car'] if find_class(name, CAR_LIKE) else OTHER_OVERLAPS


def neighbour_of(name: str) -> str:
    """Return the class with labels that are neither found nor missed, or the class itself.

    Example:
        >>> neighbour_of('car'), neighbour_of('Truck')
        ('Van', 'Truck')
    """
    known = find_class(name, NEIGHBOURS)
    return name if known is None else NEIGHBOURS[known]


def check_protocol(classes: Sequence[str],
                   min_overlaps: Optional[Dict[str, Sequence[float]]] = None,
                   min_heights: Sequence[float] = MIN_HEIGHTS, title: str = 'KITTI') -> None:
    """Check the classes and limits of an evaluation.

    Args:
        classes: classes to evaluate.
        min_overlaps: (strict, loose) overlaps by class.
        min_heights: smallest heights by difficulty, pixels.
        title: origin of the values, for messages.

    Raises:
        InputError: a class or a limit cannot be evaluated.

    Example:
        >>> check_protocol(['Truck'], dict(truck=(.6, .4)), (60, 40, 20))
    """
    check_class_names(list(classes), title)
    for name, overlaps in (min_overlaps or {}).items():
        if find_class(name, classes) is None:
            raise InputError(f'{title}: min_overlaps names {name}, which is not evaluated; the '
                             f'classes are {", ".join(classes)}')
        if len(overlaps) != 2 or not 0 < overlaps[1] <= overlaps[0] < 1:
            raise InputError(f'{title}: min_overlaps of {name} is {tuple(overlaps)}, expected a '
                             'strict and a loose IoU between 0 and 1, such as (0.7, 0.5)')
    if len({class_key(name) for name in min_overlaps or {}}) < len(min_overlaps or {}):
        raise InputError(f'{title}: min_overlaps names a class twice; keep one')
    if len(min_heights) != len(DIFFICULTIES) or not all(0 <= height < 1e6
                                                        for height in min_heights):
        raise InputError(f'{title}: min_heights is {tuple(min_heights)}, expected pixels of easy, '
                         'moderate and hard, such as (40, 25, 25)')
