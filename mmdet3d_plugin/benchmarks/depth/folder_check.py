"""Checks of depth data sets: missing and broken files."""
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from tqdm import tqdm

from ...errors import InputError
from ...utils.files import has_file
from ...utils.images import image_size
from ..folder_report import FolderReport
from .map_files import depth_map_size
from .splits import DepthPair, locate_depth, read_depth_split

LISTS_WITH_DEPTH = ('put the lists of BTS or NeWCRFs there (eigen_*_files_with_gt.txt, '
                    'nyudepthv2_*_files_with_gt.txt)')


def find_split_files(report: FolderReport, split_files: Optional[Sequence[Path]],
                     fix: str = LISTS_WITH_DEPTH) -> List[Path]:
    """Return the split files to check.

    Args:
        report: report of the data set's root folder.
        split_files: split files that the user chose; if there are none, all
            ``splits/*.txt`` in the root folder.
        fix: the files to put there, for the message about missing split files.

    Raises:
        InputError: the root folder is missing or has no split file.
    """
    if not report.root.is_dir():
        raise InputError(f'{report.root}: no such folder; put or link the data set there or '
                         'choose another --root')
    paths = [Path(path) for path in
             split_files or sorted((report.root / 'splits').glob('[!.]*.txt'))]
    if not paths:
        raise InputError(f'{report.root / "splits"}: holds no split file; {fix} or name them with '
                         '--split')
    return paths


def check_split(report: FolderReport, path: Path, images: Path, depths: Path,
                folder_problem: Callable[[DepthPair], Optional[str]]) -> None:
    """Check all frames of a split and add their problems to a report.

    Each problem is added once, also if several frames have it.

    Args:
        report: the report. Its counts of frames per split and per image size grow too.
        path: split file.
        images: folder of the images.
        depths: folder of the depth maps.
        folder_problem: returns the problem of a frame's folder, or None. The files of a
            frame with such a problem are not checked.
    """
    try:
        pairs = read_depth_split(path)
    except InputError as error:
        report.problems.append(str(error))
        return
    report.splits[path.stem] = len(pairs)
    without = sum(pair.depth is None for pair in pairs)
    if without:
        report.notes.append(f'{path}: {without} of {len(pairs)} frames have no depth')
    absent = [folder for folder in dict.fromkeys((images, depths)) if not folder.is_dir()]
    if absent:
        report.problems += [f'{folder}: no such folder, but {path.name} needs it; put or link it '
                            'there' for folder in absent]
        return
    known = set(report.problems)
    for pair in tqdm(pairs, f'checking {path.stem}', unit='frame', disable=None):
        problem = folder_problem(pair) or _frame_problem(report, images, depths, pair)
        if problem and problem not in known:
            known.add(problem)
            report.problems.append(problem)


def _frame_problem(report: FolderReport, images: Path, depths: Path, pair: DepthPair
                   ) -> Optional[str]:
    """Return the problem of a frame's files, from their headers, or None."""
    try:
        image = images / pair.image
        if not has_file(image):
            return f'{image}: no such image; restore it or remove the frame from the split'
        size = image_size(image)
        report.image_sizes[size] += 1
        if pair.depth is None:
            return None
        depth = locate_depth(depths, pair.depth)
        if depth_map_size(depth) != size:
            return f'{depth}: its size differs from that of {image}; restore the two'
    except InputError as error:
        return str(error)
    return None
