"""Result of a folder check: problems, notes and statistics."""
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from ..errors import visible

MAX_LINE = 1000  # characters of a problem or a note


@dataclass
class FolderReport:
    """Result of the check of a data set.

    Attributes:
        root: folder of the data set.
        problems: one line each, which names the file and the fix.
        notes: unusual findings that are allowed, one line each.
        splits: number of frames by name of the split file.
        image_sizes: number of frames by (width, height), pixels.
        classes: statistics by class, the most frequent class first; None for a data set
            without objects.
        sections: further text, printed below the statistics.

    Example:
        >>> report = FolderReport(Path('data/kitti'), splits={'val': 3769}, classes=None)
        >>> print(report.text())
        split val: 3769 frames
        data/kitti: no problems
    """
    root: Path
    problems: List[str] = field(default_factory=list)
    notes: List[str] = field(default_factory=list)
    splits: Dict[str, int] = field(default_factory=dict)
    image_sizes: Counter = field(default_factory=Counter)
    classes: Optional[Dict[str, dict]] = field(default_factory=dict)
    sections: List[str] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return the report as plain values for JSON, image sizes as WIDTHxHEIGHT."""
        return {
            'root': str(self.root), 'problems': self.problems, 'notes': self.notes,
            'splits': self.splits, 'classes': self.classes,
            'image_sizes': {f'{width}x{height}': count for (width, height), count
                            in self.image_sizes.most_common()}}

    def text(self) -> str:
        """Return the report as text. The last line counts the problems."""
        lines = [f'problem: {visible(problem, MAX_LINE)}' for problem in self.problems]
        lines += [f'note: {visible(note, MAX_LINE)}' for note in self.notes]
        lines += [f'split {name}: {count} frames' for name, count in self.splits.items()]
        lines += [f'image size {width}x{height}: {count} frames' for (width, height), count
                  in self.image_sizes.most_common()]
        if self.classes is not None:
            lines += ['', *_class_table(self.classes), '']
        for section in self.sections:
            lines += [section, '']
        count = len(self.problems)
        lines.append(f'{self.root}: {count or "no"} problem{"" if count == 1 else "s"}')
        return '\n'.join(lines)


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
