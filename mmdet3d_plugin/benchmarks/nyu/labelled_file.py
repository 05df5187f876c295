"""Frames of ``nyu_depth_v2_labeled.mat``, a MATLAB 7.3 file, which is HDF5.

What would be a file elsewhere goes by the name ``FILE.mat/KIND/NUMBER``, such as
``nyu_depth_v2_labeled.mat/images/0001``; numbers count from 1, as in MATLAB's ``splits.mat``.
Every read opens the file and closes it again, so that processes share no handle.
"""
from pathlib import Path
from typing import List, Union

import numpy as np

from ...errors import InputError
from ...utils.files import shortened
from ..kitti.splits import read_split, write_split

PathLike = Union[str, Path]
LABELLED_FILE = 'nyu_depth_v2_labeled.mat'
# MATLAB's dimensions come reversed.
IMAGES, IMAGE_SHAPE = 'images', (3, 640, 480)
DEPTH_SHAPE = (640, 480)


def labelled_name(file: PathLike, kind: str, number: int) -> str:
    """Name of a frame's image (kind ``'images'``) or depth map (``'rawDepths'``, as measured,
    with holes, or ``'depths'``, with the holes filled in)."""
    return str(Path(file, kind, f'{number:04d}'))


def is_labelled(name: PathLike) -> bool:
    """Whether a name is one of :func:`labelled_name`."""
    return any(part.suffix == '.mat' for part in list(Path(name).parents)[1:2])


def read_labelled(name: PathLike) -> np.ndarray:
    """A frame's (480, 640, 3) uint8 RGB image, or its (480, 640) float32 depth map, metres,
    0 where unknown; by its name.

    Raises:
        InputError: the file is missing, no MATLAB 7.3 file, or has no such frame.
    """
    path, kind, number = Path(name).parents[1], Path(name).parts[-2], Path(name).name
    if not number.isdecimal():
        raise InputError(f'{path}: {number!r} is no number of a frame; mend the split')
    number = int(number)
    with _open(path) as file:
        entry = _entry(path, file, kind)
        if not 1 <= number <= entry.shape[0]:
            raise InputError(f'{path}: has frames 1 to {entry.shape[0]}, no frame {number}; mend '
                             'the split')
        try:
            content = np.ascontiguousarray(entry[number - 1].T)
        except Exception as error:  # h5py's of broken files, of many kinds
            raise InputError(f'{path}: frame {number} cannot be read '
                             f'({shortened(str(error))}); download the file again') from error
    if kind == IMAGES:
        return content.astype(np.uint8, copy=False)
    depth = content.astype(np.float32, copy=False)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def read_labelled_list(path: PathLike, file: PathLike, kind: str) -> List[str]:
    """Reads a list of frame numbers from 1, one a line.

    Args:
        path: the list.
        file: the .mat file, which has to have these frames and this ``kind`` of depth.

    Raises:
        InputError: one of the two is missing or malformed.
    """
    names = read_split(path)
    with _open(file) as content:
        counts = {key: _entry(file, content, key).shape[0] for key in (IMAGES, kind)}
    if len(set(counts.values())) > 1:
        raise InputError(f'{file}: its entries differ in number ({counts}); download it again')
    odd = [name for name in names if not (name.isdecimal() and 1 <= int(name) <= counts[kind])]
    if odd:
        raise InputError(f'{path}: {odd[0]!r} is no frame of {file}; put numbers from 1 to '
                         f'{counts[kind]} there, one a line')
    return names


def write_labelled_lists(splits: PathLike, folder: PathLike) -> List[Path]:
    """Writes ``labelled_train.txt`` and ``labelled_test.txt`` from NYU's ``splits.mat``.

    Raises:
        InputError: the file is missing or not what it is named.
    """
    from scipy.io import loadmat
    try:
        content = loadmat(str(splits), appendmat=False, variable_names=['trainNdxs', 'testNdxs'])
        numbers = {part: content[f'{part}Ndxs'].astype(int).ravel() for part in ('train', 'test')}
    except FileNotFoundError:
        raise InputError(f'{splits}: no such file; it lies beside {LABELLED_FILE} on NYU\'s '
                         'page') from None
    except Exception as error:  # scipy's of broken files, of many kinds
        raise InputError(f'{splits}: not NYU\'s splits.mat with trainNdxs and testNdxs '
                         f'({type(error).__name__}); download it again') from error
    paths = {Path(folder, f'labelled_{part}.txt'): found for part, found in numbers.items()}
    for path, found in paths.items():
        write_split(path, [str(number) for number in found])
    return list(paths)


def _open(path: PathLike):
    try:
        import h5py
    except ImportError as error:
        raise InputError(f'{path}: reading it needs h5py ({error}); pip install -r '
                         'requirements.txt') from error
    if not Path(path).is_file():
        raise InputError(f'{path}: no such file; put {LABELLED_FILE} there')
    try:
        return h5py.File(path, 'r')
    except OSError as error:
        raise InputError(f'{path}: not a readable MATLAB 7.3 file; download it again') from error


def _entry(path: PathLike, file, kind: str):
    """The HDF5 dataset of a kind, after a check of its dimensions."""
    shape = IMAGE_SHAPE if kind == IMAGES else DEPTH_SHAPE
    try:
        entry = file.get(kind)
        found = None if entry is None else (entry.shape, entry.dtype.kind)
    except Exception as error:  # h5py's of broken files, of many kinds
        raise InputError(f'{path}: its {kind!r} cannot be read ({shortened(str(error))}); download '
                         'it again') from error
    if found is None or found[0][1:] != shape or found[1] not in 'uf':
        raise InputError(f'{path}: its {kind!r} is {"missing" if found is None else found[0]}, '
                         f'expected N x {" x ".join(map(str, shape))}; download it again')
    return entry
