"""Files of embeddings: NumPy's ``.npz`` with one row per image.

Entries: ``embeddings`` (N, D) float32, ``labels`` (N,) int64, ``names`` (N,) text and
``classes`` (C,) text, the class name of each label.
"""
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence, Tuple

import numpy as np

from ...errors import InputError
from ...utils.archives import read_arrays
from ...utils.files import PathLike, atomic_path, shortened

ENTRIES = ('embeddings', 'labels', 'names', 'classes')


@dataclass(frozen=True)
class LabelledEmbeddings:
    """Embeddings of a labelled set of images.

    Attributes:
        embeddings: (N, D) float32.
        labels: (N,) int64, class index of each image.
        names: name of each image.
        classes: name of each class.
    """
    embeddings: np.ndarray
    labels: np.ndarray
    names: Tuple[str, ...]
    classes: Tuple[str, ...]


def write_embeddings(path: PathLike, embeddings: np.ndarray, labels: Sequence[int],
                     names: Sequence[str], classes: Sequence[str]) -> None:
    """Write embeddings, labels and names of images.

    Args:
        path: ``.npz`` file to write.
        embeddings: (N, D) numbers.
        labels: (N,) class index of each image.
        names: unique name of each image.
        classes: name of each class.

    Raises:
        InputError: the path does not end with ``.npz``, the folder cannot be written, or
            :func:`read_embeddings` cannot read these values.
    """
    _check_suffix(path)
    entries = dict(embeddings=np.asarray(embeddings, np.float32), labels=np.asarray(labels),
                   names=np.asarray(names, str), classes=np.asarray(classes, str))
    _checked(path, entries)
    with atomic_path(path) as temporary:
        np.savez(temporary, **entries)


def read_embeddings(path: PathLike) -> LabelledEmbeddings:
    """Read a file of embeddings. Nothing in the file is executed.

    Args:
        path: ``.npz`` file.

    Raises:
        InputError: the file is missing, is not readable or lacks an entry; the entries differ
            in length; an embedding holds NaN or infinity; a label has no class; or two images
            have the same name.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, 'embeddings.npz')
        ...     write_embeddings(path, [[0., 1.], [1., 0.]], [0, 1], ['a/1', 'b/1'], ['a', 'b'])
        ...     read_embeddings(path).labels
        array([0, 1])
    """
    _check_suffix(path)
    entries = read_arrays(path, 'no such file; tools/test.py --submission-dir writes one',
                          'write it again with tools/test.py --submission-dir')
    missing = [key for key in ENTRIES if key not in entries]
    if missing:
        raise InputError(f'{path}: has no entry {missing[0]}; expected {", ".join(ENTRIES)}')
    return _checked(path, entries)


def _check_suffix(path: PathLike) -> None:
    if Path(path).suffix != '.npz':
        raise InputError(f'{path}: expected a file name that ends with .npz')


def _checked(path: PathLike, entries: Dict[str, np.ndarray]) -> LabelledEmbeddings:
    """Check types, shapes and values of the entries of a file."""
    embeddings, labels, names, classes = (entries[key] for key in ENTRIES)
    if embeddings.ndim != 2 or embeddings.dtype.kind != 'f' or not embeddings.size:
        raise InputError(f'{path}: embeddings are {embeddings.dtype} of shape '
                         f'{embeddings.shape}; expected floats (N, D)')
    for key, kind in (('labels', 'iu'), ('names', 'U'), ('classes', 'U')):
        if entries[key].ndim != 1 or entries[key].dtype.kind not in kind:
            raise InputError(f'{path}: {key} are {entries[key].dtype} of shape '
                             f'{entries[key].shape}; expected a list of '
                             f'{"texts" if kind == "U" else "integers"}')
        if key != 'classes' and len(entries[key]) != len(embeddings):
            raise InputError(f'{path}: {len(entries[key])} {key} for {len(embeddings)} '
                             'embeddings; expected one per embedding')
    with np.errstate(over='ignore'):
        embeddings = embeddings.astype(np.float32)
    finite = np.isfinite(embeddings).all(1)
    if not finite.all():
        raise InputError(f'{path}: the embedding of {shortened(str(names[finite.argmin()]))} '
                         'holds NaN or infinity; check the model that made it')
    without_class = (labels < 0) | (labels >= len(classes))
    if without_class.any():
        raise InputError(f'{path}: label {labels[without_class.argmax()]} has no name; '
                         f'the file has {len(classes)} classes')
    values, counts = np.unique(names, return_counts=True)
    if len(values) < len(names):
        raise InputError(f'{path}: two images have the name '
                         f'{shortened(str(values[counts.argmax()]))}; names must be unique')
    return LabelledEmbeddings(embeddings, labels.astype(np.int64), tuple(names.tolist()),
                              tuple(classes.tolist()))
