"""Frames of ``nyu_depth_v2_labeled.mat``, a MATLAB 7.3 file, which is an HDF5 file.

Frame numbers start at 1, as in MATLAB's ``splits.mat``. Every read opens the file and closes it
again, so that no handle is shared between processes.
"""
from dataclasses import dataclass
from pathlib import Path
from typing import List, Union

import numpy as np

from ...errors import InputError
from ...utils.files import has_file, shortened
from ..kitti.splits import read_split, write_split
from ..matlab_files import read_matlab
from .hdf5_checks import check_chunks, check_place

PathLike = Union[str, Path]
LABELLED_FILE = 'nyu_depth_v2_labeled.mat'
# Keys of the file: images, measured depth with holes, and depth with the holes filled in.
IMAGES, RAW_DEPTHS, DEPTHS = 'images', 'rawDepths', 'depths'
# MATLAB's dimensions come in reversed order.
IMAGE_SHAPE = (3, 640, 480)
DEPTH_SHAPE = (640, 480)


@dataclass(frozen=True)
class LabelledFrame:
    """Reader of one frame of the labelled file.

    It holds plain values only and opens the file for each read, so it may be copied to any
    process.

    Attributes:
        file: the .mat file.
        number: frame number, from 1.
        depth_kind: ``'rawDepths'``, measured depth with holes, or ``'depths'``, with the holes
            filled in.

    Example:
        >>> import h5py, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, LABELLED_FILE)
        ...     with h5py.File(path, 'w') as file:
        ...         file['rawDepths'] = np.full((1, 640, 480), 2.5)
        ...     depth = LabelledFrame(path, number=1).read_depth_map()
        >>> depth.shape, depth.max().item()
        ((480, 640), 2.5)
    """
    file: Path
    number: int
    depth_kind: str = RAW_DEPTHS

    def read_image(self) -> np.ndarray:
        """Read the image.

        Returns:
            (480, 640, 3) uint8, RGB.

        Raises:
            InputError: the file is missing, is no MATLAB 7.3 file, or has no such frame.
        """
        return self._read(IMAGES).astype(np.uint8, copy=False)

    def read_depth_map(self) -> np.ndarray:
        """Read the depth map.

        Returns:
            (480, 640) float32, metres, 0 where unknown.

        Raises:
            InputError: the file is missing, is no MATLAB 7.3 file, or has no such frame.
        """
        depth = self._read(self.depth_kind).astype(np.float32, copy=False)
        return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))

    def _read(self, kind: str) -> np.ndarray:
        """Read the frame's array of a kind, rows first."""
        with _open(self.file) as file:
            entry = _entry(self.file, file, kind)
            if not 1 <= self.number <= entry.shape[0]:
                raise InputError(f'{self.file}: has frames 1 to {entry.shape[0]}, no frame '
                                 f'{self.number}; correct the split')
            try:
                check_chunks(entry, self.number - 1)
                return np.ascontiguousarray(entry[self.number - 1].T)
            except InputError as error:
                raise InputError(f'{self.file}: its {kind!r} {error}; download it again') from None
            except Exception as error:  # h5py raises many kinds of errors for broken files
                raise InputError(f'{self.file}: frame {self.number} cannot be read '
                                 f'({shortened(str(error))}); download the file again') from error


def read_labelled_list(path: PathLike, file: PathLike, kind: str) -> List[str]:
    """Read a list of frame numbers from 1, one per line.

    Args:
        path: the list.
        file: the .mat file, which must hold these frames.
        kind: key of the depth maps, ``'rawDepths'`` or ``'depths'``, which the file must hold.

    Returns:
        Frame numbers as written in the list.

    Raises:
        InputError: one of the two files is missing or malformed.
    """
    names = read_split(path)
    with _open(file) as content:
        counts = {key: _entry(file, content, key).shape[0] for key in (IMAGES, kind)}
    if len(set(counts.values())) > 1:
        raise InputError(f'{file}: its entries differ in number ({counts}); download it again')
    wrong = [name for name in names if not (name.isdecimal() and 1 <= int(name) <= counts[kind])]
    if wrong:
        raise InputError(f'{path}: {wrong[0]!r} is no frame of {file}; put numbers from 1 to '
                         f'{counts[kind]} there, one per line')
    return names


def write_labelled_lists(splits: PathLike, folder: PathLike) -> List[Path]:
    """Write ``labelled_train.txt`` and ``labelled_test.txt`` from NYU's ``splits.mat``.

    Args:
        splits: NYU's ``splits.mat``.
        folder: folder of the two lists.

    Returns:
        Paths of the two lists.

    Raises:
        InputError: ``splits`` is missing or is not NYU's file.
    """
    content = read_matlab(splits, ['trainNdxs', 'testNdxs'], 'no such file; download it from '
                          f"NYU's page, next to {LABELLED_FILE}")
    try:
        numbers = {part: content[f'{part}Ndxs'].astype(int).ravel() for part in ('train', 'test')}
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f'{splits}: not NYU\'s splits.mat with trainNdxs and testNdxs '
                         f'({type(error).__name__}); download it again') from error
    paths = {Path(folder, f'labelled_{part}.txt'): found for part, found in numbers.items()}
    for path, found in paths.items():
        write_split(path, [str(number) for number in found])
    return list(paths)


def _open(path: PathLike):
    """Open the .mat file for reading."""
    try:
        import h5py
    except ImportError as error:
        raise InputError(f'{path}: reading it needs h5py ({error}); pip install -r '
                         'requirements.txt') from error
    if not has_file(path):
        raise InputError(f'{path}: no such file; put {LABELLED_FILE} there')
    try:
        return h5py.File(path, 'r')
    except OSError as error:
        raise InputError(f'{path}: not a readable MATLAB 7.3 file; download it again') from error


def _entry(path: PathLike, file, kind: str):
    """Return the HDF5 dataset of a kind after a check of its dimensions."""
    shape = IMAGE_SHAPE if kind == IMAGES else DEPTH_SHAPE
    try:
        check_place(file, kind)
        entry = file.get(kind)
        found = None if entry is None else (tuple(entry.shape), entry.dtype.kind)
    except InputError as error:
        raise InputError(f'{path}: its {kind!r} {error}; download it again') from None
    except Exception as error:  # h5py raises many kinds of errors for broken files
        raise InputError(f'{path}: its {kind!r} cannot be read ({shortened(str(error))}); '
                         'download it again') from error
    if found is None or found[0][1:] != shape or found[1] not in 'uf':
        raise InputError(f'{path}: its {kind!r} is {"missing" if found is None else found[0]}, '
                         f'expected N x {" x ".join(map(str, shape))}; download it again')
    return entry
