"""KITTI's published splits: Chen et al., 3D Object Proposals, NeurIPS 2015.

KITTI's download has no split files. Nearly all papers train on 3,712 and validate on 3,769 of its
7,481 training frames. The list of the former is downloaded, or read from a file, and recognised
by its checksum. All other training frames are for validation.
"""
import hashlib
from http.client import HTTPException
from pathlib import Path
from typing import Dict, List, Union
from urllib.request import urlopen

from ...errors import InputError
from ...utils.files import inner_names
from ...utils.images import IMAGE_SUFFIXES
from .layout import camera_folders
from .splits import read_split, write_split

TRAINING_FRAMES, TESTING_FRAMES = 7481, 7518
TRAIN_URL = ('https://raw.githubusercontent.com/open-mmlab/OpenPCDet/master/data/kitti/ImageSets/'
             'train.txt')
# SHA-256 of the 3,712 names, joined by line feeds
TRAIN_CHECKSUM = 'b6417a1d9b18c8fdb085128e633d28ff321b7674a6d1b3841b8f43d865b281cb'
LARGEST_LIST = 1 << 20  # bytes
TIMEOUT = 30  # seconds


def published_splits(train_list: Union[str, Path] = TRAIN_URL) -> Dict[str, List[str]]:
    """Return the frame names of KITTI's splits ``train``, ``val``, ``trainval`` and ``test``.

    Args:
        train_list: file or address of the published training split, one name per line.

    Raises:
        InputError: the list cannot be read, or it is another one.
    """
    train = _read_list(str(train_list))
    if hashlib.sha256('\n'.join(train).encode()).hexdigest() != TRAIN_CHECKSUM:
        raise InputError(f'{train_list}: is not the published training split of 3,712 frames '
                         '(another checksum); give its train.txt')
    trainval = [f'{number:06d}' for number in range(TRAINING_FRAMES)]
    return dict(train=train, val=sorted(set(trainval) - set(train)), trainval=trainval,
                test=[f'{number:06d}' for number in range(TESTING_FRAMES)])


def _read_list(source: str) -> List[str]:
    """Return the frame names of a file or an address."""
    if not source.startswith(('http://', 'https://')):
        return read_split(source)
    try:
        with urlopen(source, timeout=TIMEOUT) as answer:
            content = answer.read(LARGEST_LIST)
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(f'{source}: cannot download KITTI\'s training split ({error}); download '
                         'it elsewhere and give the file: --write-splits train.txt') from None
    return content.decode('ascii', 'replace').split()


def write_published_splits(root: Union[str, Path], train_list: Union[str, Path] = TRAIN_URL,
                           camera: str = 'P2') -> List[Path]:
    """Write KITTI's four split files to ``ImageSets``. Files with the same frames are kept.

    Args:
        root: folder of the data set.
        train_list: file or address of the published training split.
        camera: camera of the images.

    Returns:
        Paths of all four files.

    Raises:
        InputError: the list cannot be read or is another one, an image of KITTI's training
            frames is missing, a split file has other frames, or the folder cannot be written.
    """
    published = published_splits(train_list)
    images = camera_folders(Path(root, 'training'), camera)['img']
    absent_frames = set(published['trainval']) - set(inner_names(images, IMAGE_SUFFIXES))
    if absent_frames:
        raise InputError(f'{images}: {len(absent_frames)} of KITTI\'s {TRAINING_FRAMES} images '
                         f'are missing, such as {min(absent_frames)}.png; add them, or write '
                         'split files of your own')
    splits = {Path(root, 'ImageSets', f'{name}.txt'): frames
              for name, frames in published.items()}
    absent = [path for path in splits if not path.exists()]
    for path in splits:
        if path not in absent and read_split(path) != splits[path]:
            raise InputError(f'{path}: has other frames than KITTI\'s published split; move it '
                             'away first')
    for path in absent:
        write_split(path, splits[path])
    return list(splits)
