"""Check of a folder in KITTI's layout, and statistics of its labels."""
from collections import Counter
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...structures.object_table import DONT_CARE, ObjectTable
from ...utils.files import inner_names
from ...utils.images import IMAGE_SUFFIXES, ImageFolder, image_size
from ..folder_report import FolderReport
from .calibration import read_calibration
from .label_projection import projection_findings, stray_objects
from .label_set import FrameFiles, LabelSet
from .label_values import missing_alphas, value_findings
from .labels import read_object_file
from .layout import camera_folders
from .learned_labels import training_sections
from .splits import read_split

PERCENTILES = (0, 50, 100)
NEEDED_SPLITS = ('train', 'val')
# Smallest and largest (x, y) of principal points, in shares of the image's width and height. KITTI
# has (0.49, 0.46). Images of half or double the size of their calibration are outside.
PRINCIPAL_POINTS = ((1 / 3, .1), (2 / 3, .9))


class _Part:
    """The folder ``training`` or ``testing`` of a data set.

    Attributes:
        folder: the folder.
        camera: camera of the images.
        frames: names of all frames with at least one file.
    """

    def __init__(self, folder: Path, camera: str) -> None:
        self.folder = folder
        self.camera = camera
        self._folders = camera_folders(folder, camera)
        self._images = ImageFolder(self._folders['img'])
        suffixes = dict(img=IMAGE_SUFFIXES, calib=('.txt', ), label=('.txt', ))
        self.frames = sorted({name for key, inner in self._folders.items()
                              for name in inner_names(inner, suffixes[key])})

    def read(self, report: FolderReport, name: str, needs_label: bool) -> FrameFiles:
        """Read the files of a frame, and add the problems of unreadable ones to the report."""
        files = FrameFiles(self._folders['label'] / f'{name}.txt',
                           self._folders['calib'] / f'{name}.txt')
        try:
            files.size = image_size(self._images.find(name))
            report.image_sizes[files.size] += 1
        except InputError as error:
            report.problems.append(str(error))
        try:
            files.camera = read_calibration(files.calibration, self.camera).P2
        except InputError as error:
            report.problems.append(str(error))
        try:
            files.objects = read_object_file(files.label) if needs_label else None
        except InputError as error:
            report.problems.append(str(error))
        return files


def check_folder(root: Path, split_files: Optional[Sequence[Path]] = None,
                 camera: str = 'P2') -> FolderReport:
    """Check the folders ``training`` and, if it exists, ``testing``.

    Args:
        root: folder of the data set.
        split_files: split files to check; by default all ``ImageSets/*.txt``, or all frames
            if there are none. Frames of splits with a name that starts with ``test`` are in
            ``testing``.
        camera: camera of the images, see :func:`~.layout.camera_folders`.

    Raises:
        InputError: ``root`` has no folder ``training``, or there is no such camera.
    """
    root = Path(root)
    if not (root / 'training').is_dir():
        raise InputError(f'{root / "training"}: no such folder; put or link the KITTI data set '
                         'there or choose another --root')
    report = FolderReport(root)
    parts = {is_test: _Part(root / ('testing' if is_test else 'training'), camera)
             for is_test in (False, True)}
    frames = [parts[is_test].read(report, name, needs_label=not is_test)
              for is_test, name in tqdm(_split_frames(report, root, split_files, parts),
                                        unit='frame', desc='checking', disable=None)]
    check_cameras(report, frames)
    _check_labels(report, frames)
    _note_odd_sizes(report)
    report.classes = class_statistics([files.objects.objects for files in frames if files.objects])
    report.sections = training_sections(
        [(files.objects.objects, files.camera, files.size) for files in frames if files.objects],
        report.classes)
    return report


def _split_frames(report: FolderReport, root: Path, split_files: Optional[Sequence[Path]],
                  parts: Dict[bool, _Part]) -> List[Tuple[bool, str]]:
    """Return (whether in testing, frame name) of all frames to check, each once."""
    found = sorted((root / 'ImageSets').glob('[!.]*.txt'))
    paths = list(split_files) if split_files is not None else found
    if split_files is None:
        _demand_splits(report, root, found)
    frames: List[Tuple[bool, str]] = []
    for path in map(Path, paths):
        try:
            names = read_split(path)
        except InputError as error:
            report.problems.append(str(error))
            continue
        report.splits[path.stem] = len(names)
        is_test = path.stem.startswith('test')
        part = parts[is_test]
        if is_test and not part.folder.is_dir():
            report.notes.append(f'{part.folder}: no such folder, so the {len(names)} frames of '
                                f'{path} are not checked')
            continue
        known = set(part.frames)
        report.problems += [f'{path}: frame {name} is not in {part.folder}; {_fix_of_name(name)}'
                            for name in names if name not in known]
        frames += [(is_test, name) for name in names if name in known]
    if not paths:
        frames = [(is_test, name) for is_test, part in parts.items() for name in part.frames]
        if not frames:
            report.problems.append(f'{root / "training"}: holds no frame; put image_2, label_2 '
                                   'and calib there')
    elif split_files is None and not any(is_test for is_test, _ in frames):
        frames += [(True, name) for name in parts[True].frames]
    return sorted(set(frames))


def _fix_of_name(name: str) -> str:
    """Return how to correct the name of a frame without files."""
    if name.lower().endswith((*IMAGE_SUFFIXES, '.txt')):
        return 'leave the suffix out'
    if ' ' in name:
        return 'write one name per line, or add the files of this name'
    return 'add its files or remove the line'


def _demand_splits(report: FolderReport, root: Path, found: Sequence[Path]) -> None:
    """Add a problem if a split file that trainings need is missing."""
    stems = [path.stem for path in found]
    absent = [f'{name}.txt' for name in NEEDED_SPLITS if name not in stems]
    if absent:
        checked = '' if found else ', so all frames are checked'
        report.problems.append(
            f'{root / "ImageSets"}: no {" and no ".join(absent)}{checked}; write one frame name '
            f'per line there, or for KITTI run python tools/create_data.py kitti --root {root} '
            '--write-splits')


def check_cameras(report: FolderReport, frames: Sequence[FrameFiles]) -> None:
    """Add a problem if principal points are far from the middle of their images."""
    known = [files for files in frames if files.size and files.camera is not None]
    if not known:
        return
    sizes = np.array([files.size for files in known])
    points = np.array([files.camera[:2, 2] for files in known if files.camera is not None])
    low, high = (np.array(bound) * sizes for bound in PRINCIPAL_POINTS)
    far = ((points < low) | (points > high)).any(axis=1)
    if far.any():
        first = far.argmax()
        x, y = points[first]
        report.problems.append(
            f'{known[first].calibration}: principal point ({x:.1f}, {y:.1f}) far from the middle '
            f'of the image of {sizes[first, 0]}x{sizes[first, 1]} ({far.sum()} of {len(known)} '
            f'frames): it looks like the calibration of an image of about {2 * x:.0f}x{2 * y:.0f}'
            '; restore images of that size, or scale the first two rows of the projection')


def _check_labels(report: FolderReport, frames: Sequence[FrameFiles]) -> None:
    """Add the findings about the meaning of labels to the report."""
    add_findings(report, LabelSet.of_frames(frames))
    scored = [files.label for files in frames if files.objects and files.objects.ignored_scores]
    if scored:
        report.notes.append(f'{scored[0]}: label lines end with a 16th field, a score, in '
                            f'{len(scored)} of {len(frames)} files; it is ignored')


def add_findings(report: FolderReport, labels: LabelSet) -> None:
    """Add the findings about the meaning of labels to a report."""
    away = projection_findings(labels)
    report.problems += [finding.line(labels) for finding in [*value_findings(labels), *away]]
    notes = [*missing_alphas(labels), *(() if away else stray_objects(labels))]
    report.notes += [finding.line(labels) for finding in notes]


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
