"""Check of a folder in KITTI's layout, and statistics of its labels."""
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...structures.object_table import DONT_CARE, ObjectTable
from ...utils.images import image_size
from ..folder_report import FolderReport
from .calibration import read_calibration
from .labels import read_objects
from .splits import read_split

FOLDERS = {'image_2': '.png', 'calib': '.txt', 'label_2': '.txt'}
PERCENTILES = (0, 50, 100)


def check_folder(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Check the folders ``training`` and, if it exists, ``testing``.

    Args:
        root: folder of the data set.
        split_files: split files to check; by default all ``ImageSets/*.txt``, or all frames
            if there are none. Frames of splits with a name that starts with ``test`` are in
            ``testing``.

    Raises:
        InputError: ``root`` has no folder ``training``.
    """
    root = Path(root)
    training, testing = root / 'training', root / 'testing'
    if not training.is_dir():
        raise InputError(f'{training}: no such folder; put or link the KITTI data set there '
                         'or choose another --root')
    report = FolderReport(root)
    on_disk = {False: _frames_on_disk(training), True: _frames_on_disk(testing)}
    frames = _split_frames(report, root, split_files, on_disk)
    objects = [
        _check_frame(report, testing if is_test else training, name, needs_label=not is_test)
        for is_test, name in tqdm(frames, unit='frame', desc='checking', disable=None)]
    _note_odd_sizes(report)
    report.classes = class_statistics([item for item in objects if item is not None])
    return report


def _frames_on_disk(part: Path) -> List[str]:
    """Return the names of all frames with at least one file in ``part``."""
    return sorted({path.stem for folder, suffix in FOLDERS.items()
                   for path in (part / folder).glob(f'[!.]*{suffix}')})


def _split_frames(report: FolderReport, root: Path, split_files: Optional[Sequence[Path]],
                  on_disk: Dict[bool, List[str]]) -> List[Tuple[bool, str]]:
    """Return (whether in testing, frame name) of all frames to check, each once."""
    found = sorted((root / 'ImageSets').glob('[!.]*.txt'))
    paths = list(split_files) if split_files is not None else found
    frames: List[Tuple[bool, str]] = []
    for path in map(Path, paths):
        try:
            names = read_split(path)
        except InputError as error:
            report.problems.append(str(error))
            continue
        report.splits[path.stem] = len(names)
        is_test = path.stem.startswith('test')
        known = set(on_disk[is_test])
        absent = [name for name in names if name not in known]
        part = 'testing' if is_test else 'training'
        report.problems += [f'{path}: frame {name} is not in {root / part}; add its files or '
                            'remove the line' for name in absent]
        frames += [(is_test, name) for name in names if name in known]
    if not paths:
        report.notes.append(f'{root / "ImageSets"}: no split files, checking all frames')
        frames = [(is_test, name) for is_test, names in on_disk.items() for name in names]
        if not frames:
            report.problems.append(f'{root / "training"}: holds no frame; put image_2, label_2 '
                                   'and calib there')
    elif split_files is None and not any(is_test for is_test, _ in frames):
        frames += [(True, name) for name in on_disk[True]]
    return sorted(set(frames))


def _check_frame(report: FolderReport, part: Path, name: str, needs_label: bool
                 ) -> Optional[ObjectTable]:
    """Add the problems of one frame to the report; return its labels if they are valid."""
    size = _image_size(report, part / 'image_2' / f'{name}.png')
    if size:
        report.image_sizes[size] += 1
    objects = None
    try:
        read_calibration(part / 'calib' / f'{name}.txt')
    except InputError as error:
        report.problems.append(str(error))
    if needs_label:
        path = part / 'label_2' / f'{name}.txt'
        try:
            objects = read_objects(path)
            report.problems += _object_problems(path, objects, size)
        except InputError as error:
            report.problems.append(str(error))
    return objects


def _image_size(report: FolderReport, path: Path) -> Optional[Tuple[int, int]]:
    """Return (width, height) of an image from its header, or report a problem."""
    if not path.exists():
        report.problems.append(f'{path}: no such image; restore it or remove the frame from '
                               'the split')
        return None
    try:
        return image_size(path)
    except InputError as error:
        report.problems.append(str(error))
        return None


def _object_problems(path: Path, objects: ObjectTable, size: Optional[Tuple[int, int]]
                     ) -> List[str]:
    """Return problems of impossible values, one per kind. DontCare regions are skipped."""
    real = objects[objects.names != DONT_CARE]
    checks = [
        ('a size that is not positive', (real.sizes_hwl <= 0).any(axis=1)),
        ('a 2D box without area', (real.boxes_2d[:, 2:] <= real.boxes_2d[:, :2]).any(axis=1))]
    if size is not None:
        outside = (real.boxes_2d[:, :2] < -1) | (real.boxes_2d[:, 2:] > np.array(size) + 1)
        checks.append((f'a 2D box outside the image of {size[0]}x{size[1]}',
                       outside.any(axis=1)))
    return [f'{path}: {real.names[bad][0]} with {kind}; correct or remove the line'
            for kind, bad in checks if bad.any()]


def _note_odd_sizes(report: FolderReport) -> None:
    if len(report.image_sizes) > 1:
        (width, height), count = report.image_sizes.most_common(1)[0]
        others = sum(report.image_sizes.values()) - count
        report.notes.append(f'images differ in size: {others} are not {width}x{height} '
                            '(KITTI\'s own differ by some pixels)')


def class_statistics(frames: Sequence[ObjectTable]) -> Dict[str, dict]:
    """Return statistics of the labels by class, the most frequent class first.

    Args:
        frames: labels of each frame.

    Returns:
        For each class ``count``, ``height_2d`` (minimum, median, maximum; pixels) and,
        except for DontCare, ``size_mean`` and ``size_std`` (height, width, length; metres),
        ``depth`` (minimum, median, maximum; metres) and ``occlusion`` (counts by level).

    Example:
        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> statistics = class_statistics([ObjectTable.from_table(['Car'], [row])])
        >>> statistics['Car']['size_mean'], statistics['Car']['height_2d']
        ([1.5, 1.6, 3.9], [60.0, 60.0, 60.0])
    """
    frames = [objects for objects in frames if len(objects)]
    if not frames:
        return {}
    names = np.concatenate([objects.names for objects in frames])
    sizes, locations, boxes = (np.concatenate([getattr(objects, column) for objects in frames])
                               for column in ('sizes_hwl', 'locations', 'boxes_2d'))
    occlusions = np.concatenate([objects.occlusions for objects in frames])
    statistics = {}
    for name, count in Counter(names.tolist()).most_common():
        own = names == name
        heights = boxes[own, 3] - boxes[own, 1]
        statistics[name] = {'count': count, 'height_2d': _spread(heights)}
        if name != DONT_CARE:
            levels = Counter(occlusions[own].tolist())
            statistics[name].update(
                size_mean=sizes[own].mean(0).round(3).tolist(),
                size_std=sizes[own].std(0).round(3).tolist(),
                depth=_spread(locations[own, 2]),
                occlusion={str(level): levels[level] for level in sorted(levels)})
    return statistics


def _spread(values: np.ndarray) -> List[float]:
    return np.percentile(values, PERCENTILES).round(2).tolist()
