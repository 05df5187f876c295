"""Writer of whole data sets in KITTI's layout, for converters."""
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Union

import numpy as np

from ...errors import InputError
from ...structures.object_table import ObjectTable
from ...utils.files import inside
from ...utils.images import checked_bytes
from .calibration import KittiCalibration, write_calibration
from .labels import write_objects
from .splits import write_split


@dataclass
class ConvertedFrame:
    """A frame of a converted set.

    Attributes:
        split: name of its split.
        name: name of the frame.
        image: image file that is copied, or the bytes of a file.
        suffix: suffix of the image file.
        camera: (3, 4) projection, pixels.
        objects: labels.
        dropped: number of objects that were left out, by reason.
    """
    split: str
    name: str
    image: Union[Path, bytes]
    suffix: str
    camera: np.ndarray
    objects: ObjectTable
    dropped: Counter = field(default_factory=Counter)


def write_kitti_set(out: Path, frames: Iterable[ConvertedFrame]) -> str:
    """Write frames and their split files in KITTI's layout.

    The set is written to a hidden folder next to ``out`` and renamed at the end, so ``out`` is
    complete or absent.

    Args:
        out: folder of the set. It must not exist, or be empty.
        frames: the frames, read one after the other.

    Returns:
        A line with the counts, and one per reason of omitted objects.

    Raises:
        InputError: ``out`` holds files or cannot be written, a frame cannot be read, or two
            frames have the same name.
    """
    target = out.resolve()
    if target == Path.cwd() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise InputError(f'{out}: exists already; choose another --out, or remove it')
    partial = target.with_name(f'.{target.name}.partial')
    shutil.rmtree(partial, ignore_errors=True)
    splits: Dict[str, str] = {}  # by frame
    dropped: Counter = Counter()
    count = 0
    try:
        for frame in frames:
            if frame.name in splits:
                raise InputError(f'{out}: two frames are named {frame.name}, one of '
                                 f'{splits[frame.name]} and one of {frame.split}; name each frame '
                                 'once in the splits of --root')
            _write_frame(partial / 'training', frame)
            splits[frame.name] = frame.split
            dropped.update(frame.dropped)
            count += len(frame.objects)
        if not splits:
            raise InputError(f'{out}: there is no labelled frame to write; correct --root or its '
                             'split file')
        names = {split: [name for name, other in splits.items() if other == split]
                 for split in dict.fromkeys(splits.values())}
        for split, members in names.items():
            write_split(partial / f'ImageSets/{split}.txt', members)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        raise InputError(f'{out}: cannot write here ({error.strerror}); choose another --out'
                         ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    parts = ', '.join(f'{len(members)} frames of {split}' for split, members in names.items())
    return '\n'.join([f'{out}: {parts}, {count} objects',
                      *(f'  left out: {number} {reason}'
                        for reason, number in (+dropped).items())])


def _write_frame(folder: Path, frame: ConvertedFrame) -> None:
    write_objects(inside(folder / 'label_2', f'{frame.name}.txt'), frame.objects, decimals=4)
    write_calibration(inside(folder / 'calib', f'{frame.name}.txt'),
                      KittiCalibration(frame.camera))
    image = inside(folder / 'image_2', f'{frame.name}{frame.suffix}')
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(frame.image if isinstance(frame.image, bytes)
                      else checked_bytes(frame.image))
