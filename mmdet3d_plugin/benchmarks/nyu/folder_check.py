"""Check of a folder of NYU Depth V2."""
from functools import partial
from pathlib import Path
from typing import Optional, Sequence

from ...errors import InputError
from ..depth.folder_check import check_split, find_split_files
from ..depth.splits import DepthPair
from ..folder_report import FolderReport
from .labelled_file import LABELLED_FILE, read_labelled_list


def check_nyu(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Checks ``sync`` and ``official_splits/test`` for what the splits name: the latter for
    those whose name holds ``test``. Lists whose name starts with ``labelled`` are those of
    frames in ``nyu_depth_v2_labeled.mat``.

    Args:
        root: folder of the set.
        split_files: ``splits/*.txt`` by default.

    Raises:
        InputError: there is no split file.
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
    """Whether a scene is missing."""
    scene = (images / pair.image).parent
    return None if scene.is_dir() else f'{scene}: no such scene; unpack it or mend the split'


def _check_labelled(report: FolderReport, path: Path) -> None:
    try:
        names = read_labelled_list(path, report.root / LABELLED_FILE, 'rawDepths')
        report.splits[path.stem] = len(names)
    except InputError as error:
        report.problems.append(str(error))
