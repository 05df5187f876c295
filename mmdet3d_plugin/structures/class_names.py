"""Names of classes: compared without regard to case, in this module alone."""
from typing import Dict, Iterable, Mapping, Optional, Sequence, Tuple

import numpy as np

from ..errors import InputError
from .object_table import DONT_CARE


def class_key(name: str) -> str:
    """Return the form of a class name that is compared.

    Example:
        >>> class_key('Car') == class_key('CAR')
        True
    """
    return str(name).casefold()


def class_keys(names: Iterable[str]) -> np.ndarray:
    """Return the compared form of N class names as an array (N,).

    Example:
        >>> (class_keys(['Car', 'van', 'CAR']) == class_key('car')).tolist()
        [True, False, True]
    """
    names = np.asarray(names, dtype=str).tolist()
    folded = {name: class_key(name) for name in set(names)}
    return np.array([folded[name] for name in names], dtype=str)


def class_index(name: str, classes: Sequence[str]) -> int:
    """Return the position of a name among classes, or -1.

    Example:
        >>> class_index('car', ['Pedestrian', 'Car']), class_index('Van', ['Car'])
        (1, -1)
    """
    return next((index for index, other in enumerate(classes)
                 if class_key(other) == class_key(name)), -1)


def find_class(name: str, classes: Iterable[str]) -> Optional[str]:
    """Return the class of a name in the spelling of ``classes``, or None.

    Example:
        >>> find_class('car', ['Pedestrian', 'Car']), find_class('Van', ['Car'])
        ('Car', None)
    """
    return next((other for other in classes if class_key(other) == class_key(name)), None)


def check_class_names(classes: Sequence[str], title: str) -> Tuple[str, ...]:
    """Return classes as a tuple, or refuse them.

    Args:
        classes: the names.
        title: origin of the names, for messages.

    Raises:
        InputError: there is no class, one is no text without blanks, is DontCare, or two differ by
            case alone.

    Example:
        >>> check_class_names(['Car', 'car'], 'a.py')  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.py: the classes 'Car' and 'car' are the same...
    """
    if isinstance(classes, str) or not isinstance(classes, (list, tuple)):
        raise InputError(f'{title}: classes is {classes!r}, expected a list of names such as '
                         "['Car', 'Truck']")
    if not classes:
        raise InputError(f'{title}: classes is empty; name at least one class')
    seen: Dict[str, str] = {}
    for name in classes:
        if not isinstance(name, str) or not name or name.split() != [name]:
            raise InputError(f'{title}: {name!r} is no class name; use text without blanks')
        if class_key(name) == class_key(DONT_CARE):
            raise InputError(f'{title}: {name} marks regions without labels and cannot be a '
                             'class; remove it from classes')
        if class_key(name) in seen:
            raise InputError(f'{title}: the classes {seen[class_key(name)]!r} and {name!r} are '
                             'the same, since upper and lower case are not told apart; keep one')
        seen[class_key(name)] = name
    return tuple(classes)


def check_class_map(class_map: Dict[str, str], classes: Sequence[str],
                    title: str) -> Dict[str, str]:
    """Return the class of each mapped name, by the compared form of the name.

    Args:
        class_map: class by name in the labels.
        classes: the classes.
        title: origin of the map, for messages.

    Raises:
        InputError: a target is no class or is mapped itself, or a mapped name is another class.

    Example:
        >>> check_class_map(dict(truck='car', Van='Car'), ['Car'], 'a.py')
        {'truck': 'Car', 'van': 'Car'}
    """
    if not isinstance(class_map, dict):
        raise InputError(f"{title}: class_map is {class_map!r}, expected names such as "
                         "dict(van='Car')")
    found: Dict[str, str] = {}
    mapped = {class_key(name) for name, target in class_map.items()
              if class_key(target) != class_key(name)}
    for name, target in class_map.items():
        known = find_class(target, classes)
        if class_key(target) in mapped:
            raise InputError(f'{title}: class_map maps {name} to {target}, which it maps too; map '
                             'every name to a class directly')
        if known is None:
            raise InputError(f'{title}: class_map maps {name} to {target}, which is none of the '
                             f'classes {", ".join(classes)}; correct it or add the class')
        if find_class(name, classes) not in (None, known):
            raise InputError(f'{title}: class_map maps {name}, which is a class itself, to '
                             f'{known}; remove one of the two')
        if found.get(class_key(name), known) != known:
            raise InputError(f'{title}: class_map maps {name} to two classes; keep one')
        found[class_key(name)] = known
    return found


def mapped_names(names: np.ndarray, class_map: Dict[str, str]) -> np.ndarray:
    """Return names with the mapped ones replaced by their classes.

    Args:
        names: (N,) names of labels.
        class_map: result of :func:`check_class_map`.

    Example:
        >>> mapped_names(np.array(['Van', 'Tram']), {'van': 'Car'}).tolist()
        ['Car', 'Tram']
    """
    return np.array([class_map.get(class_key(name), name) for name in names.tolist()], dtype=str)


def check_mean_sizes(classes: Mapping[str, object], title: str) -> None:
    """Check the mean sizes of the entry ``classes`` of a config.

    Args:
        classes: mean (height, width, length) in metres, or None, by class.
        title: origin of the entry, for messages.

    Raises:
        InputError: a size is not three positive numbers.
    """
    for name, size in classes.items():
        if size is None:
            continue
        numbers = size if isinstance(size, (list, tuple)) else ()
        if len(numbers) != 3 or not all(
                isinstance(value, (int, float)) and not isinstance(value, bool)
                and 0 < value < np.inf for value in numbers):
            raise InputError(f'{title}: classes.{name} is {size!r}, expected mean height, width '
                             'and length in metres, such as (1.5, 1.6, 3.9)')
