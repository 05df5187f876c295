"""Check of a folder with Cityscapes' sequences for training on clips."""
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from tqdm import tqdm

from ...errors import InputError
from ...utils.images import image_size
from ..depth.map_files import depth_map_size
from ..folder_report import FolderReport
from .depth import SnippetCameras
from .files import (
    CAMERA,
    DISPARITY,
    SNIPPET,
    SPLITS,
    CityscapesFrame,
    clip_targets,
    consecutive_runs,
    list_frames,
    read_frame_list,
)

IMAGES = 'leftImg8bit_sequence'
NEIGHBOURS = (-1, 1)  # of training
LOOKUP = -2  # of the test


def check_cityscapes(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Check the sequences, the cameras, the disparities and the lists.

    Every split in ``leftImg8bit_sequence`` is checked: each snippet has a camera and images of
    one size, each camera file an image, and each disparity map an image of its size and the
    image two frames earlier. Frames of lists need an image before and after them.

    Args:
        root: folder of the data set.
        split_files: lists to check; by default all ``splits/*.txt``, if there are any.

    Returns:
        Counts and problems. Each problem is one line that names the file and the fix.

    Raises:
        InputError: ``root`` is missing.
    """
    report = FolderReport(Path(root), classes=None)
    if not report.root.is_dir():
        raise InputError(f'{report.root}: no such folder; put or link the data set there or '
                         'choose another --root')
    images = report.root / IMAGES
    splits = [split for split in SPLITS if (images / split).is_dir()]
    if not splits:
        report.problems.append(f'{images}: holds neither train, val nor test; unpack '
                               'leftImg8bit_sequence_trainvaltest.zip there')
    sizes: Dict[CityscapesFrame, Tuple[int, int]] = {}
    for split in splits:
        try:
            report.problems += _SplitCheck(report, split, sizes).problems()
        except InputError as error:
            report.problems.append(str(error))
    for path in split_files or sorted((report.root / 'splits').glob('[!.]*.txt')):
        try:
            report.problems += _list_problems(report, Path(path), images)
        except InputError as error:
            report.problems.append(str(error))
    report.problems = list(dict.fromkeys(report.problems))
    return report


class _SplitCheck:
    """Check of one split.

    Args:
        report: the report. Its counts and notes grow.
        split: name of the split.
        sizes: sizes of images that are known; the split's are added.
    """

    def __init__(self, report: FolderReport, split: str,
                 sizes: Dict[CityscapesFrame, Tuple[int, int]]) -> None:
        self.report, self.split, self.sizes = report, split, sizes
        self.images, self.cameras, self.disparities = (
            report.root / name for name in (IMAGES, 'camera', 'disparity'))
        self.frames = list_frames(self.images, split)
        report.splits[split] = len(self.frames)

    def problems(self) -> Iterator[str]:
        """Yield the problems of the split."""
        if not self.frames:
            yield (f'{self.images / self.split}: holds no frame '
                   'CITY/CITY_SSSSSS_FFFFFF_leftImg8bit.png; unpack the archive again')
            return
        runs, cameras = consecutive_runs(self.frames), SnippetCameras(self.cameras)
        self._add_notes(runs)
        with tqdm(total=len(self.frames), desc=f'checking {self.split}', unit='frame',
                  disable=None) as progress:
            for run in runs:
                yield from self._of_run(run, cameras)
                progress.update(len(run))
        yield from self._of_annotated_frames(set(self.frames))

    def _add_notes(self, runs: List[List[CityscapesFrame]]) -> None:
        """Count the clips and the snippets of unusual length."""
        clips = len(clip_targets(self.frames, NEIGHBOURS))
        folder = self.images / self.split
        self.report.notes.append(f'{folder}: {clips} frames have both neighbours')
        odd = [run for run in runs if len(run) % SNIPPET]
        if odd:
            self.report.notes.append(
                f'{folder}: {len(odd)} of {len(runs)} runs of consecutive frames do not consist '
                f'of snippets of {SNIPPET}, the first one starts at {odd[0][0].name}; no clip '
                'reaches over a gap')

    def _of_run(self, run: List[CityscapesFrame], cameras: SnippetCameras) -> Iterator[str]:
        """Yield the problems of consecutive frames: the first one of cameras, and each image."""
        try:
            for frame in run:
                cameras[frame]
        except InputError as error:
            yield str(error)
        for frame in run:
            try:
                size = self.sizes[frame] = image_size(frame.path(self.images))
            except InputError as error:
                yield str(error)
                continue
            self.report.image_sizes[size] += 1
            if size != self.sizes.get(run[0], size):
                yield (f'{frame.path(self.images)}: its size differs from that of frame '
                       f'{run[0].number}; restore the two')

    def _of_annotated_frames(self, present: Set[CityscapesFrame]) -> Iterator[str]:
        """Yield the problems of frames with a camera or a disparity map."""
        if (self.cameras / self.split).is_dir():
            for frame in list_frames(self.cameras, self.split, CAMERA):
                if frame not in present:
                    yield self._missing_image(frame, 'it has a camera')
        if not (self.disparities / self.split).is_dir():
            if self.split == 'test':
                self.report.notes.append(f'{self.disparities / self.split}: no such folder; a '
                                         'test needs the disparities as ground truth')
            return
        for frame in list_frames(self.disparities, self.split, DISPARITY):
            yield from self._of_disparity(frame, present)

    def _of_disparity(self, frame: CityscapesFrame, present: Set[CityscapesFrame]
                      ) -> Iterator[str]:
        """Yield the problems of a frame with a disparity map."""
        if frame not in present:
            yield self._missing_image(frame, 'it has a disparity map')
        elif frame.neighbour(LOOKUP) not in present:
            yield self._missing_image(frame.neighbour(LOOKUP),
                                      f'frame {frame.number} is tested with it')
        path = frame.path(self.disparities, DISPARITY)
        try:
            size = depth_map_size(path)
        except InputError as error:
            yield str(error)
            return
        if size != self.sizes.get(frame, size):
            yield f'{path}: its size differs from that of its image; restore the two'

    def _missing_image(self, frame: CityscapesFrame, reason: str) -> str:
        return f'{frame.path(self.images)}: no such image, but {reason}; restore it'


def _list_problems(report: FolderReport, path: Path, images: Path) -> Iterator[str]:
    """Yield the problems of a list: frames without an image or a neighbour."""
    frames = read_frame_list(path)
    report.splits[path.stem] = len(frames)
    known: Dict[str, Set[CityscapesFrame]] = {}
    for frame in frames:
        if frame.split not in known:
            known[frame.split] = set(list_frames(images, frame.split))
        for offset in (0, *NEIGHBOURS):
            if frame.neighbour(offset) not in known[frame.split]:
                reason = f'{path.name} names it' if offset == 0 else \
                    f'it is a neighbour of frame {frame.number} of {path.name}'
                yield (f'{frame.neighbour(offset).path(images)}: no such image, but {reason}; '
                       'restore it or remove that frame from the list')
