"""Checks folders of depth data sets: what is missing, and what is broken."""
from functools import partial
from pathlib import Path
from typing import Callable, List, Optional, Sequence

from tqdm import tqdm

from ..errors import InputError
from ..kitti.folder_check import FolderReport
from ..utils.images import image_size
from .files import depth_map_size
from .kitti_raw import RawCameras
from .labelled_nyu import LABELLED_FILE, read_labelled_list
from .splits import DepthPair, locate_depth, read_depth_split


def check_kitti_depth(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Checks ``raw`` and ``data_depth_annotated`` for what the splits name.

    Args:
        root: folder of the set.
        split_files: ``splits/*.txt`` by default.

    Raises:
        InputError: there is no split file.
    """
    report = FolderReport(Path(root), classes=None)
    images = report.root / 'raw'
    for path in _split_files(report, split_files):
        _check_split(report, path, images, report.root / 'data_depth_annotated',
                     partial(_drive_problem, RawCameras(images)))
    return report


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
    for path in _split_files(report, split_files):
        if path.stem.startswith('labelled'):
            _check_labelled(report, path)
        else:
            folder = report.root / ('official_splits/test' if 'test' in path.stem else 'sync')
            _check_split(report, path, folder, folder, partial(_scene_problem, folder))
    return report


def _split_files(report: FolderReport, split_files: Optional[Sequence[Path]]) -> List[Path]:
    if not report.root.is_dir():
        raise InputError(f'{report.root}: no such folder; put or link the data set there or choose '
                         'another --root')
    paths = [Path(path) for path in
             split_files or sorted((report.root / 'splits').glob('[!.]*.txt'))]
    if not paths:
        raise InputError(f'{report.root / "splits"}: holds no split file; put the lists of BTS or '
                         'NeWCRFs there (eigen_*_files_with_gt.txt, '
                         'nyudepthv2_*_files_with_gt.txt) or name them with --split')
    return paths


def _check_split(report: FolderReport, path: Path, images: Path, depths: Path,
                 folder_problem: Callable[[DepthPair], Optional[str]]) -> None:
    """Adds the problems of a split's frames; a missing folder is told of once."""
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
    told = set(report.problems)
    for pair in tqdm(pairs, f'checking {path.stem}', unit='frame', disable=None):
        problem = folder_problem(pair) or _frame_problem(report, images, depths, pair)
        if problem and problem not in told:
            told.add(problem)
            report.problems.append(problem)


def _frame_problem(report: FolderReport, images: Path, depths: Path, pair: DepthPair
                   ) -> Optional[str]:
    """What is wrong with a frame's files, by their headers."""
    try:
        image = images / pair.image
        if not image.is_file():
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


def _scene_problem(images: Path, pair: DepthPair) -> Optional[str]:
    """Whether a scene is missing."""
    scene = (images / pair.image).parent
    return None if scene.is_dir() else f'{scene}: no such scene; unpack it or mend the split'


def _drive_problem(cameras: RawCameras, pair: DepthPair) -> Optional[str]:
    """Whether a raw image's drive is missing, or the calibration of its date."""
    parts = pair.image.split('/')
    folder = cameras.folder.joinpath(*parts[:2])
    if len(parts) > 2 and not folder.is_dir():
        return f'{folder}: no such drive; download and unpack {folder.name}.zip'
    try:
        cameras[pair.image]
    except InputError as error:
        return str(error)
    return None


def _check_labelled(report: FolderReport, path: Path) -> None:
    try:
        names = read_labelled_list(path, report.root / LABELLED_FILE, 'rawDepths')
        report.splits[path.stem] = len(names)
    except InputError as error:
        report.problems.append(str(error))
