"""Check of a JSON file with own labels, and statistics of its labels."""
from pathlib import Path
from typing import List, Tuple, Union

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...structures.object_table import ObjectTable
from ..folder_report import FolderReport
from ..kitti.folder_check import add_findings, check_cameras, class_statistics
from ..kitti.label_set import FrameFiles, LabelSet
from ..kitti.learned_labels import LabelledFrame, training_sections
from .label_file import CustomFrame, CustomLabelFile


def check_custom(path: Union[str, Path]) -> FolderReport:
    """Check a label file of ``CustomMonoDataset`` and its images.

    Labels with a ``box_2d`` are compared with the projection of their 3D boxes, as in
    :func:`~mmdet3d_plugin.benchmarks.kitti.folder_check.check_folder`.

    Args:
        path: the JSON file.

    Returns:
        Counts, statistics and problems. Each problem is one line that names the frame and the fix.

    Raises:
        InputError: the file is missing, is not JSON, or has no list of frames.
    """
    labels = CustomLabelFile(path)
    report = FolderReport(labels.path, splits={labels.path.stem: len(labels.names)})
    cameras: List[FrameFiles] = []
    known: List[LabelledFrame] = []
    sets: List[LabelSet] = []
    for name in tqdm(labels.names, unit='frame', desc='checking', disable=None):
        try:
            frame = labels.frame(name)
            size = frame.size()
            table = frame.table(size)
        except InputError as error:
            report.problems.append(str(error))
            continue
        report.image_sizes[size] += 1
        place = Path(frame.place)
        cameras.append(FrameFiles(place, place, size=size, camera=frame.camera))
        if table is not None:
            known.append((table, frame.camera, size))
            sets.append(_drawn_labels(frame, table, size))
    check_cameras(report, cameras)
    if sets:
        add_findings(report, _joined(sets))
    report.classes = class_statistics([table for table, _, _ in known])
    report.sections = training_sections(known, report.classes)
    return report


def _drawn_labels(frame: CustomFrame, table: ObjectTable,
                  size: Tuple[int, int]) -> LabelSet:
    """Return the labels with a 2D box of their own. Projected boxes say nothing about 3D boxes."""
    chosen = np.array([item.get('box_2d') is not None for item in frame.objects or ()],
                      dtype=bool)
    count = len(table)
    places = np.array([f'{frame.place}: object {index}' for index in range(count)], dtype=object)
    return LabelSet(table, places, np.tile(np.array(size, dtype=np.float64), (count, 1)),
                    np.tile(frame.camera, (count, 1, 1)))[chosen]


def _joined(sets: List[LabelSet]) -> LabelSet:
    return LabelSet(ObjectTable.concatenate([labels.objects for labels in sets]),
                    *(np.concatenate([getattr(labels, column) for labels in sets])
                      for column in ('places', 'image_sizes', 'cameras')))
