"""Check of a folder with KITTI's raw drives and annotated depth maps."""
from functools import partial
from pathlib import Path
from typing import Optional, Sequence

from ...errors import InputError
from ..depth.folder_check import check_split, find_split_files
from ..depth.splits import DepthPair
from ..folder_report import FolderReport
from .raw_drives import RawCameras


def check_kitti_depth(root: Path, split_files: Optional[Sequence[Path]] = None) -> FolderReport:
    """Check that ``raw`` and ``data_depth_annotated`` hold all files that the splits name.

    Args:
        root: folder of the data set.
        split_files: split files to check; by default all ``splits/*.txt``.

    Raises:
        InputError: ``root`` is missing or has no split file.
    """
    report = FolderReport(Path(root), classes=None)
    images = report.root / 'raw'
    for path in find_split_files(report, split_files):
        check_split(report, path, images, report.root / 'data_depth_annotated',
                    partial(_drive_problem, RawCameras(images)))
    return report


def _drive_problem(cameras: RawCameras, pair: DepthPair) -> Optional[str]:
    """Return the problem if an image's drive or calibration is missing, or None."""
    parts = pair.image.split('/')
    folder = cameras.folder.joinpath(*parts[:2])
    if len(parts) > 2 and not folder.is_dir():
        return f'{folder}: no such drive; download and unpack {folder.name}.zip'
    try:
        cameras[pair.image]
    except InputError as error:
        return str(error)
    return None
