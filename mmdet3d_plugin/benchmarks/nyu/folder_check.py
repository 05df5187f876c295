"""Folder check of NYU Depth V2."""
from functools import partial
from pathlib import Path
from typing import Optional, Sequence

from ...errors import InputError
from ..depth.folder_check import check_split, find_split_files
from ..depth.splits import DepthPair
from ..folder_report import FolderReport
from .labelled_file import LABELLED_FILE, RAW_DEPTHS, read_labelled_list


def check_nyu(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Check that every frame named by the splits exists and is readable by its headers.

    A split file whose name starts with ``labelled`` lists frames of
    ``nyu_depth_v2_labeled.mat``. A split file whose name contains ``test`` lists files of
    ``official_splits/test``, any other one files of ``sync``.

    Args:
        root: folder of the set.
        split_files: split files to check, ``splits/*.txt`` by default.

    Returns:
        Counts and problems. Each problem is one line that names the file and the fix.

    Raises:
        InputError: the folder is missing, or there is no split file.
    """
    report = FolderReport(Path(root), classes=None)
    for path in find_split_files(report, split_files):
        if path.stem.startswith('labelled'):
            _check_labelled(report, path)
        else:
            folder = report.root / ('official_splits/test' if 'test' in path.stem else 'sync')
            check_split(report, path, folder, folder, partial(_scene_problem, folder))
    return report


def _scene_problem(images: Path, pair: DepthPair) -> Optional[str]:
    """Return a message if the scene's folder is missing."""
    scene = (images / pair.image).parent
    return None if scene.is_dir() else f'{scene}: no such scene; unpack it or correct the split'


def _check_labelled(report: FolderReport, path: Path) -> None:
    """Add the problems of a list of frames of the labelled file."""
    try:
        names = read_labelled_list(path, report.root / LABELLED_FILE, RAW_DEPTHS)
        report.splits[path.stem] = len(names)
    except InputError as error:
        report.problems.append(str(error))
