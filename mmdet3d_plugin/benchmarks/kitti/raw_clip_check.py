"""Check of a folder with KITTI's raw drives for training on clips."""
from pathlib import Path
from typing import Dict, Generator, Iterator, Optional, Sequence, Tuple

from tqdm import tqdm

from ...errors import InputError
from ...utils.images import image_size
from ..depth.folder_check import find_split_files
from ..depth.map_files import depth_map_size
from ..depth.splits import locate_depth
from ..folder_report import FolderReport
from .raw_clips import RawFrame, RawImages, read_raw_split
from .raw_drives import RawCameras
from .velodyne_depth import RawScanners, scan_problem

LISTS = 'put the lists of Eigen and Zhou\'s split there (lines of "DATE/DRIVE INDEX l")'
NEIGHBOURS = (-1, 1)


def check_kitti_raw(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Check that ``raw`` holds all files of the frames that the lists name.

    Frames of training need an image before and after them. Frames of lists with ``test`` in
    their name need depth: an annotated depth map in ``data_depth_annotated``, or a scan. A test
    frame without an image before it is counted in a note.

    Args:
        root: folder of the data set.
        split_files: lists to check; by default all ``splits/*.txt``.

    Returns:
        Counts and problems. Each problem is one line that names the file and the fix.

    Raises:
        InputError: ``root`` is missing or has no list.
    """
    report = FolderReport(Path(root), classes=None)
    check = _FrameCheck(report)
    for path in find_split_files(report, split_files, LISTS):
        try:
            frames = read_raw_split(path)
        except InputError as error:
            report.problems.append(str(error))
            continue
        report.splits[path.stem] = len(frames)
        if not check.folder.is_dir():
            report.problems.append(f'{check.folder}: no such folder, but {path.name} needs it; '
                                   'put or link it there')
            continue
        problems_of = check.of_test if 'test' in path.stem else check.of_training
        first = 0
        for frame in tqdm(frames, f'checking {path.stem}', unit='frame', disable=None):
            report.problems += problems_of(frame, path)
            first += check.images.find(frame.neighbour(-1)) is None
        if 'test' in path.stem and first:
            report.notes.append(f'{path}: {first} of {len(frames)} frames have no image before '
                                'them; they are predicted from one image')
    report.problems = list(dict.fromkeys(report.problems))
    return report


class _FrameCheck:
    """Checks of single frames. The header of each image is read once."""

    def __init__(self, report: FolderReport) -> None:
        self.report = report
        self.folder = report.root / 'raw'
        self.images, self.cameras = RawImages(self.folder), RawCameras(self.folder)
        self.scanners = RawScanners(self.folder)
        self._sizes: Dict[Path, Tuple[int, int]] = {}

    def of_training(self, frame: RawFrame, split: Path) -> Iterator[str]:
        """Yield the problems of a training frame."""
        size = yield from self._of_image(frame, split)
        if size:
            for offset in NEIGHBOURS:
                yield from self._of_neighbour(frame.neighbour(offset), frame, size, split)

    def of_test(self, frame: RawFrame, split: Path) -> Iterator[str]:
        """Yield the problems of a test frame."""
        size = yield from self._of_image(frame, split)
        if not size:
            return
        before = frame.neighbour(-1)
        if self.images.find(before) is not None:
            yield from self._of_neighbour(before, frame, size, split)
        try:
            depth = locate_depth(self.report.root / 'data_depth_annotated', frame.annotated_depth)
        except InputError:
            depth = None
        try:
            if depth is None:
                yield from filter(None, [scan_problem(self.folder / frame.scan)])
                self.scanners[frame.date]
            elif depth_map_size(depth) != size:
                yield f'{depth}: its size differs from that of {frame.name}; restore the two'
        except InputError as error:
            yield str(error)

    def _of_image(self, frame: RawFrame, split: Path
                  ) -> Generator[str, None, Optional[Tuple[int, int]]]:
        """Yield the problems of a frame's drive, camera and image. Return the image's size."""
        drive = self.folder / frame.drive
        if not drive.is_dir():
            yield f'{drive}: no such drive; download and unpack {drive.name}.zip'
            return None
        image = self.images.find(frame)
        if image is None:
            yield (f'{self.folder / frame.name}.png: no such image; restore it or remove the '
                   f'frame from {split.name}')
            return None
        try:
            self.cameras[frame.name]
            size = self._size(image)
        except InputError as error:
            yield str(error)
            return None
        self.report.image_sizes[size] += 1
        return size

    def _of_neighbour(self, neighbour: RawFrame, frame: RawFrame, size: Tuple[int, int],
                      split: Path) -> Iterator[str]:
        """Yield the problem of a neighbour's image."""
        image = self.images.find(neighbour)
        if image is None:
            yield (f'{self.folder / neighbour.name}.png: no such image, but it is a neighbour of '
                   f'frame {frame.index} of {split.name}; restore it or remove that frame')
            return
        try:
            if self._size(image) != size:
                yield (f'{image}: its size differs from that of frame {frame.index}; restore the '
                       'two')
        except InputError as error:
            yield str(error)

    def _size(self, image: Path) -> Tuple[int, int]:
        if image not in self._sizes:
            self._sizes[image] = image_size(image)
        return self._sizes[image]
