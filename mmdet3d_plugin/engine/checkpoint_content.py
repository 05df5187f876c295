"""Validation of what a checkpoint file holds, before anything uses it.

The file loads without executing code (:mod:`.safe_loading`), but it may come from anywhere. Here
its values are checked that every user of a checkpoint relies on. Whether weights fit a model is
checked by :func:`~.checkpoints.check_weights`, and whether a training can resume by
:mod:`.training_state`.
"""
from collections import deque
from typing import Any, Dict, Iterator, List, NoReturn, Sequence, Tuple

import torch

from ..errors import InputError, visible

# Entries that hold weights in checkpoints of this project and of others. Entries of other names
# may hold weights too, but nothing reads them.
OWN_WEIGHTS = ('state_dict', 'ema_state_dict')
WEIGHTS = (*OWN_WEIGHTS, 'model', 'model_state')
MAX_DEPTH = 20  # dicts and lists inside of each other
MAX_VALUES = 2_000_000  # values of all dicts and lists; a shared list counts at each place
MAX_SHARING = 8  # bytes of all tensors over stored bytes
FREE_SHARING = 1 << 20  # bytes
MAX_INTEGER = 1 << 64
MAX_NAME = 300  # characters of the name of an entry
NUMBERS = {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.bool, torch.uint8,
           torch.int8, torch.int16, torch.int32, torch.int64}
# Last parts of the names of entries that hold real numbers in every layer of torch.
REAL_PARTS = ('weight', 'bias', 'running_mean', 'running_var')
FIX = 'pass a checkpoint of a training'
Place = Tuple[Any, ...]  # keys that lead to a value


def check_content(content: Dict[Any, Any], title: str) -> None:
    """Check the values of a checkpoint.

    - Names of the entries and of weights are printable texts.
    - ``state_dict`` and ``ema_state_dict`` hold tensors by name.
    - Tensors are stored numbers: dense, and neither complex nor quantised. Weights are finite.
    - The content is not nested too deep, and not larger in memory than in the file.

    Args:
        content: content of the file.
        title: name of the file, for messages.

    Raises:
        InputError: a value is refused. The message names its place.

    Example:
        >>> check_content(dict(state_dict=dict(a=torch.ones(2))), 'a.pth')
        >>> check_content(dict(state_dict=dict(a=torch.tensor(float('nan')))), 'a.pth')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.pth: state_dict.a holds NaN or infinity; pass a \
checkpoint of a training
    """
    _check_names(content, (), title)
    for entry in WEIGHTS:
        if entry in OWN_WEIGHTS and entry in content:
            _check_own_weights(content[entry], entry, title)
        if isinstance(content.get(entry), dict):
            _check_names(content[entry], (entry, ), title)
    declared, stored, storages = 0, 0, set()
    for place, tensor in _tensors(content, title):
        _check_tensor(tensor, place, title)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in storages:
            storages.add(storage.data_ptr())
            stored += storage.nbytes()
        declared += tensor.numel() * tensor.element_size()
        if declared > MAX_SHARING * (stored + FREE_SHARING):
            _refuse(title, place, 'repeats the same stored numbers')
        if len(place) == 1 or place[0] in WEIGHTS:
            _check_weight(tensor, place, title)


def weights_of(content: Dict[str, Any], title: str,
               entries: Sequence[str] = ('state_dict', )) -> Dict[str, Any]:
    """Return the weights of a checkpoint: one of its entries, or all of it.

    Args:
        content: checked content of the file.
        title: name of the file, for messages.
        entries: names of entries that hold weights; the first that exists is returned.

    Raises:
        InputError: there are no weights.

    Example:
        >>> list(weights_of(dict(state_dict=dict(a=torch.ones(2)), meta={}), 'a.pth'))
        ['a']
        >>> list(weights_of(dict(b=torch.ones(2)), 'a.pth'))
        ['b']
    """
    weights = next((content[entry] for entry in entries if entry in content), content)
    if not isinstance(weights, dict) or not any(
            isinstance(value, torch.Tensor) for value in weights.values()):
        raise InputError(f'{title}: holds no weights by name; {FIX}')
    return weights


def _check_names(entries: Dict[Any, Any], place: Place, title: str) -> None:
    for key in entries:
        if not isinstance(key, str) or len(key) > MAX_NAME or not key.isprintable():
            _refuse(title, (*place, key), 'has a name that is no short text')


def _check_own_weights(weights: Any, entry: str, title: str) -> None:
    """Check that an entry holds tensors by name."""
    if not isinstance(weights, dict) or not weights:
        _refuse(title, (entry, ), f'is {"an empty" if weights == {} else "a"} '
                                  f'{type(weights).__name__}, not tensors by name')
    for key, value in weights.items():
        if not isinstance(value, torch.Tensor):
            _refuse(title, (entry, key), f'is a {type(value).__name__}, not a tensor')


def _tensors(content: Dict[Any, Any], title: str) -> Iterator[Tuple[Place, torch.Tensor]]:
    """Yield all tensors with their places. Refuse content that is too deep or too large."""
    waiting: List[Tuple[Place, Any]] = [((), content)]
    count = 0
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, torch.Tensor):
            yield place, value
        elif isinstance(value, dict):
            waiting += [((*place, key), item) for key, item in dict.items(value)]
            waiting += [((*place, key), item) for key, item in _attributes(value, place, title)]
        elif isinstance(value, (list, tuple, set, frozenset, deque)):
            waiting += [((*place, index), item) for index, item in enumerate(value)]
        elif isinstance(value, int) and abs(value) > MAX_INTEGER:
            _refuse(title, place, 'is a number of too many digits')
        count += 1
        if len(place) > MAX_DEPTH:
            _refuse(title, place[:3], f'is nested deeper than {MAX_DEPTH} levels')
        if count + len(waiting) > MAX_VALUES:
            _refuse(title, place[:3], f'makes the file hold more than {MAX_VALUES:,} values')


def _attributes(value: dict, place: Place, title: str) -> List[Tuple[str, Any]]:
    """Return the attributes of a dict: the versions of modules, which torch stores there."""
    attributes = vars(value) if hasattr(value, '__dict__') else {}
    versions = attributes.get('_metadata', {})
    if set(attributes) - {'_metadata'} or not isinstance(versions, dict) or not all(
            isinstance(version, dict) for version in versions.values()):
        _refuse(title, place, 'has odd attributes')
    return list(attributes.items())


def _check_tensor(tensor: torch.Tensor, place: Place, title: str) -> None:
    """Check that a tensor consists of stored numbers."""
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or vars(tensor):
        _refuse(title, place, f'is a {type(tensor).__name__} with odd attributes, no plain tensor')
    if tensor.is_meta:
        _refuse(title, place, 'holds no numbers (device meta)')
    if tensor.is_nested or tensor.layout != torch.strided:
        _refuse(title, place, f'is no dense tensor (nested, or {tensor.layout})')
    if tensor.is_quantized or tensor.dtype not in NUMBERS:
        _refuse(title, place, f'is of type {tensor.dtype}, not of plain numbers')


def _check_weight(tensor: torch.Tensor, place: Place, title: str) -> None:
    """Check that weights are finite, and real numbers where each layer of torch has them."""
    if not tensor.is_floating_point():
        if str(place[-1]).rpartition('.')[2] in REAL_PARTS:
            _refuse(title, place, f'is of type {tensor.dtype}, not of real numbers')
    elif not torch.isfinite(tensor).all():
        _refuse(title, place, 'holds NaN or infinity')


def _refuse(title: str, place: Place, reason: str) -> NoReturn:
    name = '.'.join(visible(key, 60) for key in place)
    raise InputError(f'{title}: {name or "content"} {reason}; {FIX}')
