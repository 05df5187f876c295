"""Entries of data samples as arrays."""
from typing import Any

import numpy as np
import torch


def array_of(entry: Any, ndim: int) -> np.ndarray:
    """Return an entry of a data sample as an array with a given number of dimensions.

    Args:
        entry: array, tensor, or pixel data as a dict with the tensor ``data``. Leading
            dimensions of length 1 may be more than ``ndim``.
        ndim: number of dimensions of the result.

    Example:
        >>> array_of(dict(data=torch.ones(1, 2, 3)), 2).shape
        (2, 3)
    """
    if isinstance(entry, dict):
        entry = entry['data']
    if isinstance(entry, torch.Tensor):
        entry = entry.detach().cpu()
        entry = (entry.float() if entry.dtype == torch.bfloat16 else entry).numpy()
    array = np.asarray(entry)
    while array.ndim > ndim and len(array) == 1:
        array = array[0]
    return array
