"""Labelled objects of a folder, and findings about them."""
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ...structures.class_names import class_key, class_keys
from ...structures.object_table import DONT_CARE, ObjectTable
from .labels import ObjectFile


@dataclass
class FrameFiles:
    """Files of a frame, and their content as far as it is readable.

    Attributes:
        label: label file.
        calibration: calibration file.
        objects: content of the label file.
        size: (width, height) of the image, pixels.
        camera: (3, 4) projection.
    """
    label: Path
    calibration: Path
    objects: Optional[ObjectFile] = None
    size: Optional[Tuple[int, int]] = None
    camera: Optional[np.ndarray] = None


@dataclass
class LabelSet:
    """The N labelled objects of a folder, without DontCare regions.

    Attributes:
        objects: the objects.
        places: (N,) str, FILE:LINE of each label.
        image_sizes: (N, 2) width and height of each image, pixels, or NaN.
        cameras: (N, 3, 4) projection of each image, or NaN.
    """
    objects: ObjectTable
    places: np.ndarray
    image_sizes: np.ndarray
    cameras: np.ndarray

    def __len__(self) -> int:
        return len(self.objects)

    def __getitem__(self, index) -> 'LabelSet':
        """Select objects by a mask, a slice or an index array."""
        return LabelSet(self.objects[index], self.places[index], self.image_sizes[index],
                        self.cameras[index])

    @classmethod
    def of_frames(cls, frames: Sequence[FrameFiles]) -> 'LabelSet':
        """Create the set of all objects of frames with readable labels."""
        frames = [frame for frame in frames if frame.objects is not None]
        files = [frame.objects for frame in frames if frame.objects is not None]
        tables = [file.objects for file in files]
        counts = [len(table) for table in tables]
        sizes = [frame.size or (np.nan, np.nan) for frame in frames]
        cameras = [np.full((3, 4), np.nan) if frame.camera is None else frame.camera
                   for frame in frames]
        whole = cls(
            ObjectTable.concatenate(tables),
            np.array([f'{frame.label}:{line}' for frame, file in zip(frames, files)
                      for line in file.lines],
                     dtype=object),
            np.repeat(np.array(sizes, dtype=np.float64).reshape(-1, 2), counts, axis=0),
            np.repeat(np.array(cameras, dtype=np.float64).reshape(-1, 3, 4), counts, axis=0))
        return whole[class_keys(whole.objects.names) != class_key(DONT_CARE)]


class Finding(NamedTuple):
    """Objects whose labels look wrong for the same reason.

    Attributes:
        chosen: (N,) bool, the objects; at least one.
        what: the property, which follows "a Car".
        meaning: what it looks like, and the fix.
    """
    chosen: np.ndarray
    what: str
    meaning: str

    def line(self, labels: LabelSet) -> str:
        """Return the finding as one line, which names the first label and the number of labels.

        Args:
            labels: the N objects.
        """
        first = self.chosen.argmax()
        return (f'{labels.places[first]}: {labels.objects.names[first]} {self.what} '
                f'({self.chosen.sum()} of {len(labels)} objects): {self.meaning}')
