"""Frames of Cityscapes' sequences: their names, runs of consecutive frames, and lists.

The name of a frame is ``SPLIT/CITY/CITY_SSSSSS_FFFFFF``: sequence and number in six digits each.
"""
import os
import re
from itertools import groupby
from pathlib import Path
from typing import Collection, Dict, Iterable, List, NamedTuple, Optional, Sequence, Union

from ...errors import InputError
from ...utils.files import is_inner_name, read_text, shortened

PathLike = Union[str, Path]
SPLITS = ('train', 'val', 'test')
# Ends of the names of a frame's files.
IMAGE, CAMERA, DISPARITY = '_leftImg8bit.png', '_camera.json', '_disparity.png'
SNIPPET = 30  # frames of a snippet; the 20th is annotated
FORM = 'SPLIT/CITY/CITY_SSSSSS_FFFFFF, such as train/aachen/aachen_000000_000019'


class CityscapesFrame(NamedTuple):
    """One frame of a sequence.

    Attributes:
        split: folder of the split.
        city: name of the city.
        sequence: number of the sequence in its city.
        number: number of the frame in its sequence.

    Example:
        >>> frame = CityscapesFrame('train', 'aachen', 0, 19)
        >>> frame.name, frame.neighbour(-2).name
        ('train/aachen/aachen_000000_000019', 'train/aachen/aachen_000000_000017')
    """
    split: str
    city: str
    sequence: int
    number: int

    @property
    def name(self) -> str:
        """Name of the frame."""
        return f'{self.split}/{self.city}/{self.city}_{self.sequence:06d}_{self.number:06d}'

    @property
    def sequence_name(self) -> str:
        """Name of the frame's sequence, for messages."""
        return f'{self.split}/{self.city}/{self.city}_{self.sequence:06d}'

    def path(self, folder: PathLike, ending: str = IMAGE) -> Path:
        """Return the path of a file of the frame.

        Args:
            folder: folder that holds the splits.
            ending: :data:`IMAGE`, :data:`CAMERA` or :data:`DISPARITY`.
        """
        return Path(folder, f'{self.name}{ending}')

    def neighbour(self, offset: int) -> 'CityscapesFrame':
        """Return the frame ``offset`` frames later."""
        return self._replace(number=self.number + offset)


def parse_frame(name: str) -> Optional[CityscapesFrame]:
    """Return the frame of a name, or None if the name has another form.

    Example:
        >>> parse_frame('val/bonn/bonn_000012_000019').number
        19
        >>> parse_frame('val/bonn/mainz_000012_000019') is None
        True
    """
    split, _, rest = name.partition('/')
    match = re.fullmatch(r'([^/]+)/([^/]+)_([0-9]{6})_([0-9]{6})', rest)
    if match is None or match[1] != match[2] or not is_inner_name(name):
        return None
    return CityscapesFrame(split, match[1], int(match[3]), int(match[4]))


def list_frames(folder: PathLike, split: str, ending: str = IMAGE) -> List[CityscapesFrame]:
    """Return the frames of a split that have a file, sorted by city, sequence and number.

    Files with other names are left out.

    Args:
        folder: folder that holds the splits.
        split: name of the split.
        ending: end of the names of the files.

    Raises:
        InputError: ``folder`` has no such split.
    """
    root = Path(folder, split)
    try:
        cities = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
        names = [f'{split}/{city}/{name.removesuffix(ending)}' for city in cities
                 for name in os.listdir(root / city) if name.endswith(ending)]
    except OSError as error:
        raise InputError(f'{root}: no readable folder ({error.strerror}); unpack the split there '
                         'or choose another one') from None
    return sorted(frame for frame in map(parse_frame, names) if frame is not None)


def read_frame_list(path: PathLike) -> List[CityscapesFrame]:
    """Read a list of frames, one name per line. Empty lines are skipped.

    Raises:
        InputError: the file is missing, is not text, names no frame or names a frame twice, or
            a line has another form. The message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'train.txt').write_text('train/aachen/aachen_000000_000001')
        ...     read_frame_list(f'{folder}/train.txt')
        [CityscapesFrame(split='train', city='aachen', sequence=0, number=1)]
    """
    lines = read_text(path, f'no such list; put names of the form {FORM} there').splitlines()
    places: Dict[CityscapesFrame, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        frame = parse_frame(line.strip())
        if frame is None:
            raise InputError(f'{path}:{number}: {shortened(line.strip())} is no frame, expected '
                             f'{FORM}; correct the line')
        if frame in places:
            raise InputError(f'{path}:{number}: repeats the frame of line {places[frame]}; remove '
                             'one of the two lines')
        places[frame] = number
    if not places:
        raise InputError(f'{path}: names no frame; put names of the form {FORM} there')
    return list(places)


def consecutive_runs(frames: Iterable[CityscapesFrame]) -> List[List[CityscapesFrame]]:
    """Group sorted frames into runs of consecutive numbers of one sequence.

    In some cities a sequence is a long video from which snippets are kept, so its numbers have
    gaps.

    Args:
        frames: sorted frames.

    Example:
        >>> frames = [CityscapesFrame('train', 'bochum', 0, number) for number in (3, 4, 9, 10)]
        >>> [[frame.number for frame in run] for run in consecutive_runs(frames)]
        [[3, 4], [9, 10]]
    """
    groups = groupby(enumerate(frames),
                     key=lambda item: (*item[1][:3], item[1].number - item[0]))
    return [[frame for _, frame in group] for _, group in groups]


def clip_targets(frames: Collection[CityscapesFrame], offsets: Sequence[int]
                 ) -> List[CityscapesFrame]:
    """Return the frames that are the target of a clip without a gap.

    Args:
        frames: sorted frames.
        offsets: frame offsets of the neighbours. All frames from the earliest to the latest
            one must exist, so that no clip reaches over a gap.

    Example:
        >>> frames = [CityscapesFrame('train', 'bochum', 0, number) for number in (3, 4, 5, 8, 9)]
        >>> [frame.number for frame in clip_targets(frames, (-1, 1))]
        [4]
    """
    before, after = max(0, -min(offsets, default=0)), max(0, *offsets, 0)
    return [frame for run in consecutive_runs(frames)
            for frame in run[before:len(run) - after]]
