"""Checks a folder in KITTI's layout and gathers its statistics."""
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..errors import InputError
from ..utils.images import image_size
from .calibration import read_calibration
from .objects import DONT_CARE, KittiObjects, read_objects
from .splits import read_split

FOLDERS = {'image_2': '.png', 'calib': '.txt', 'label_2': '.txt'}
PERCENTILES = (0, 50, 100)


@dataclass
class FolderReport:
    """What a check found.

    Attributes:
        problems: one line each, naming the file and the fix.
        notes: unusual, but allowed.
        splits: frames per split file.
        image_sizes: frames per (width, height).
        classes: statistics per class, most frequent first; None of a set without objects.
    """
    root: Path
    problems: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    splits: Dict[str, int] = field(default_factory=dict)
    image_sizes: Counter = field(default_factory=Counter)
    classes: Optional[Dict[str, dict]] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """For JSON; image sizes are written as WIDTHxHEIGHT."""
        return {
            'root': str(self.root), 'problems': self.problems, 'notes': self.notes,
            'splits': self.splits, 'classes': self.classes,
            'image_sizes': {f'{width}x{height}': count for (width, height), count
                            in self.image_sizes.most_common()}}

    def text(self) -> str:
        lines = [f'problem: {problem}' for problem in self.problems]
        lines += [f'note: {note}' for note in self.notes]
        lines += [f'split {name}: {count} frames' for name, count in self.splits.items()]
        lines += [f'image size {width}x{height}: {count} frames' for (width, height), count
                  in self.image_sizes.most_common()]
        if self.classes is not None:
            lines += ['', *_class_table(self.classes), '']
        count = len(self.problems)
        lines.append(f'{self.root}: {count or "no"} problem{"" if count == 1 else "s"}')
        return '\n'.join(lines)


def check_folder(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Checks ``training`` (and ``testing`` if there is one) under ``root``.

    Args:
        split_files: splits to check; ``ImageSets/*.txt`` by default, or all
            frames if there are none.

    Raises:
        InputError: ``root`` is not a folder with ``training``.
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
    """Names that any of the part's folders holds a file of."""
    return sorted({path.stem for folder, suffix in FOLDERS.items()
                   for path in (part / folder).glob(f'[!.]*{suffix}')})


def _split_frames(report: FolderReport, root: Path, split_files: Optional[Sequence[Path]],
                  on_disk: Dict[bool, List[str]]) -> List[Tuple[bool, str]]:
    """(is of testing, frame name) of all frames to check, each once."""
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
                 ) -> Optional[KittiObjects]:
    """Adds the problems of one frame; its labels if they can be read."""
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
    """(width, height) from the header."""
    if not path.exists():
        report.problems.append(f'{path}: no such image; restore it or remove the frame from '
                               'the split')
        return None
    try:
        return image_size(path)
    except InputError as error:
        report.problems.append(str(error))
        return None


def _object_problems(path: Path, objects: KittiObjects, size: Optional[Tuple[int, int]]
                     ) -> List[str]:
    """Values that can't be right for objects that count."""
    real = objects[objects.names != DONT_CARE]
    checks = [
        ('a size that is not positive', (real.sizes_hwl <= 0).any(axis=1)),
        ('a 2D box without area', (real.boxes_2d[:, 2:] <= real.boxes_2d[:, :2]).any(axis=1))]
    if size is not None:
        outside = (real.boxes_2d[:, :2] < -1) | (real.boxes_2d[:, 2:] > np.array(size) + 1)
        checks.append((f'a 2D box outside the image of {size[0]}x{size[1]}',
                       outside.any(axis=1)))
    return [f'{path}: {real.names[bad][0]} with {what}; mend or remove the line'
            for what, bad in checks if bad.any()]


def _note_odd_sizes(report: FolderReport) -> None:
    if len(report.image_sizes) > 1:
        (width, height), count = report.image_sizes.most_common(1)[0]
        others = sum(report.image_sizes.values()) - count
        report.notes.append(f'images differ in size: {others} are not {width}x{height} '
                            '(KITTI\'s own differ by some pixels)')


def class_statistics(frames: Sequence[KittiObjects]) -> Dict[str, dict]:
    """Per class, most frequent first: ``count``, ``size_mean`` and ``size_std``
    (h, w, l in metres), ``depth`` and ``height_2d`` (least, median, greatest; metres
    and pixels), and ``occlusion`` (counts by level)."""
    frames = [objects for objects in frames if len(objects)]
    if not frames:
        return {}
    names = np.concatenate([objects.names for objects in frames])
    sizes, locations, boxes = (np.concatenate([getattr(objects, column) for objects in frames])
                               for column in ('sizes_hwl', 'locations', 'boxes_2d'))
    occlusions = np.concatenate([objects.occlusions for objects in frames])
    statistics = {}
    for name, count in Counter(names.tolist()).most_common():
        mine = names == name
        heights = boxes[mine, 3] - boxes[mine, 1]
        statistics[name] = {'count': count, 'height_2d': _spread(heights)}
        if name != DONT_CARE:
            levels = Counter(occlusions[mine].tolist())
            statistics[name].update(
                size_mean=sizes[mine].mean(0).round(3).tolist(),
                size_std=sizes[mine].std(0).round(3).tolist(),
                depth=_spread(locations[mine, 2]),
                occlusion={str(level): levels[level] for level in sorted(levels)})
    return statistics


def _spread(values: np.ndarray) -> List[float]:
    return np.percentile(values, PERCENTILES).round(2).tolist()


def _class_table(classes: Dict[str, dict]) -> List[str]:
    if not classes:
        return ['no objects']
    row = '{:<15}{:>7}  {:<20}{:<20}{:<20}{:<20}{}'
    lines = [row.format('class', 'count', 'mean h w l (m)', 'std h w l (m)',
                        'depth min/med/max', '2D height (px)', 'occlusion level: count')]
    for name, values in classes.items():
        mean, deviation, depth, height = (
            _numbers(values.get(key, ()), form) for key, form in (
                ('size_mean', '.2f'), ('size_std', '.2f'), ('depth', '.1f'),
                ('height_2d', '.0f')))
        occlusion = ' '.join(f'{level}:{count}' for level, count
                             in values.get('occlusion', {}).items())
        lines.append(row.format(name, values['count'], mean, deviation, depth, height,
                                occlusion).rstrip())
    return lines


def _numbers(values: Sequence[float], form: str) -> str:
    return ' '.join(format(value, form) for value in values)
