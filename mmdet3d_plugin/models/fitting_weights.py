"""Comparison of weights with the entries of a model."""
from typing import Any, Dict, List

import torch


def misfits(weights: Dict[str, Any], own: Dict[str, torch.Tensor]) -> List[str]:
    """Return the entries that both sides have but whose shape or type of numbers differs.

    torch copies whole numbers, and true and false, into real numbers without a complaint.

    Args:
        weights: weights by name.
        own: state dict of the model.

    Returns:
        Name of each such entry, with the difference.

    Example:
        >>> own = torch.nn.Linear(2, 3).state_dict()
        >>> misfits(dict(weight=torch.zeros(3, 2), bias=torch.zeros(4)), own)
        ['bias has the shape (4,) in place of (3,)']
        >>> misfits(dict(bias=torch.zeros(3, dtype=torch.bool)), own)
        ['bias is of type torch.bool in place of torch.float32']
    """
    found = []
    for name, expected in own.items():
        given = weights.get(name)
        if not isinstance(given, torch.Tensor):
            if name in weights:
                found.append(f'{name} is no tensor')
        elif given.shape != expected.shape:
            found.append(f'{name} has the shape {tuple(given.shape)} in place of '
                         f'{tuple(expected.shape)}')
        elif _kind(given) != _kind(expected):
            found.append(f'{name} is of type {given.dtype} in place of {expected.dtype}')
    return found


def _kind(tensor: torch.Tensor) -> str:
    """Return which numbers a tensor holds."""
    if tensor.is_floating_point():
        return 'real'
    return str(tensor.dtype) if tensor.dtype in (torch.bool, torch.uint8) else 'whole'
