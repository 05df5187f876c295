"""Forms of the plain values that a checkpoint holds beside its weights.

A form is one of

- a :class:`Form`, which tests a value,
- ``[form]``, a list or tuple whose items all have the form,
- ``{key: form}``, a dict with these keys; the key of an entry that may be missing ends in ``?``.
"""
import math
from typing import Any, Callable, NamedTuple, Optional

import torch


class Form(NamedTuple):
    """A test of a value.

    Attributes:
        title: what the value has to be, for messages.
        fits: function that returns whether a value is of this form.
    """
    title: str
    fits: Callable[[Any], bool]


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number; true and false are none."""
    return type(value) in (int, float) and math.isfinite(value)


FLAG = Form('true or false', lambda value: type(value) is bool)
COUNT = Form('a whole number of at least 0',
             lambda value: type(value) is int and 0 <= value < 1 << 53)
POSITIVE = Form('a whole number of at least 1', lambda value: COUNT.fits(value) and value > 0)
NUMBER = Form('a finite number', is_number)
TEXT = Form('a text', lambda value: isinstance(value, str))
TABLE = Form('a dict', lambda value: isinstance(value, dict))
NUMBERS = Form('numbers in one row', lambda value: (
    value.dim() == 1 and value.is_floating_point() if isinstance(value, torch.Tensor) else
    isinstance(value, (list, tuple)) and all(map(is_number, value))))


def row_numbers(dims: int) -> Form:
    """Return the form of a tensor that holds numbers of its own rows.

    Args:
        dims: number of dimensions.
    """
    return Form(f'a tensor of {dims} dimensions with numbers of its rows', lambda value: (
        isinstance(value, torch.Tensor) and value.dtype in (torch.int32, torch.int64)
        and value.dim() == dims and value.numel() > 0
        and bool(((value >= 0) & (value < len(value))).all())))


def stored(own: torch.Tensor) -> Form:
    """Return the form of a tensor of the same shape and type as another one."""
    return Form(f'a tensor of {own.dtype} and the shape {tuple(own.shape)}', lambda value: (
        isinstance(value, torch.Tensor) and value.dtype == own.dtype and value.shape == own.shape))


def optional(form: Form) -> Form:
    """Return the form of a value that may be None."""
    return Form(f'{form.title}, or None', lambda value: value is None or form.fits(value))


def first_misfit(value: Any, form: Any, name: str) -> Optional[str]:
    """Return what is wrong with the first value that does not have its form, or None.

    Args:
        value: any value.
        form: its form, see the module.
        name: name of the value, for the message; empty for the content of a file.

    Example:
        >>> form = dict(frozen=FLAG, losses=[NUMBER])
        >>> first_misfit(dict(frozen=True, losses=[1., 2.]), form, 'state') is None
        True
        >>> first_misfit(dict(frozen=True, losses=[1., 'a']), form, 'state')
        'state.losses.1 is not a finite number'
        >>> first_misfit(dict(losses=[]), form, 'state')
        'state.frozen is missing'
    """
    if isinstance(form, Form):
        return None if form.fits(value) else f'{name} is not {form.title}'
    inside = f'{name}.' if name else ''
    if isinstance(form, list):
        if not isinstance(value, (list, tuple)):
            return f'{name} is not a list'
        items = {index: (item, form[0]) for index, item in enumerate(value)}
    else:
        if not isinstance(value, dict):
            return f'{name} is not a dict'
        missing = [key for key in form if not key.endswith('?') and key not in value]
        if missing:
            return f'{inside}{missing[0]} is missing'
        items = {key: (value[key], inner) for key, inner in (
            (key.removesuffix('?'), inner) for key, inner in form.items()) if key in value}
    found = (first_misfit(item, inner, f'{inside}{key}') for key, (item, inner) in items.items())
    return next(filter(None, found), None)
