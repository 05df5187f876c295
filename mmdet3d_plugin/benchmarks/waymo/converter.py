"""Conversion of Waymo's Parquet release to images, annotation files and split files.

A converted data set has these files:

- ``images/SPLIT/SEGMENT/FRAME.jpg``: the camera's JPEG files, unchanged.
- ``annotations/SPLIT/SEGMENT.json``: calibration, and time and objects of each frame.
- ``ImageSets/train.txt`` or ``val.txt``: ``SPLIT/SEGMENT/FRAME``, one frame per line.

The name of a frame is a number of six digits: 1000 x rank of the segment in its split + rank
of the time in the segment.
"""
import json
import shutil
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from tqdm import tqdm

from ...errors import InputError, visible
from ...utils.files import atomic_write, inside, shortened
from ..kitti.labels import LIMIT
from .annotations import FORMAT, read_annotations
from .frames import camera_boxes
from .objects import TYPES
from .release import FrameLabels, Segment, list_segments

SPLIT_FILES = {'training': 'train', 'validation': 'val'}
FRAMES_PER_SEGMENT = 1000  # spacing of the frame numbers, as in DEVIANT's lists
TYPE_NAMES = {number: name for name, number in TYPES.items()}


@dataclass
class ConversionSettings:
    """Settings of a conversion.

    Attributes:
        camera: name of the camera, a key of :data:`~.release.CAMERAS`.
        every: frames with a number that is a multiple of this are kept.
    """
    camera: str = 'FRONT'
    every: int = 1


class Job(NamedTuple):
    """Arguments of :func:`convert_segment`."""
    root: Path
    out: Path
    split: str
    name: str
    rank: int
    settings: ConversionSettings


@dataclass
class ConversionReport:
    """Counts of a conversion.

    Attributes:
        segments: number of segments.
        frames: number of frames in the split file.
        objects: number of objects.
        dropped: number of frames and objects that were left out, by reason.
    """
    segments: int
    frames: int
    objects: int
    dropped: Dict[str, int]

    def text(self) -> str:
        """Return the counts as text, one line per reason."""
        lines = [f'{self.segments} segments, {self.frames} frames, {self.objects} objects']
        lines += [f'  left out: {count} {visible(reason, 100)}'
                  for reason, count in self.dropped.items()]
        return '\n'.join(lines)


def convert_waymo(root: Path, out: Path, split: str, settings: ConversionSettings,
                  workers: int) -> ConversionReport:
    """Convert all segments of a split that are not converted yet, and write its split file.

    Args:
        root: folder of the Parquet release.
        out: folder of the converted data set.
        split: ``'training'`` or ``'validation'``.
        settings: settings of the conversion.
        workers: number of processes.

    Raises:
        InputError: segments cannot be converted, or one was converted with other settings
            before. In the first case, all other segments are converted first. The split
            file is not written.
    """
    names = list_segments(root, split)
    done: Dict[str, dict] = {}
    failures: List[Exception] = []
    waiting = []
    for rank, name in enumerate(names):
        try:
            finished = _finished(out, split, name, rank, settings)
        except OtherSettings:
            raise
        except InputError as error:
            failures.append(error)
            continue
        if finished is None:
            waiting.append(Job(root, out, split, name, rank, settings))
        else:
            done[name] = finished
    with tqdm(total=len(names), initial=len(done), desc=split, unit='segment',
              dynamic_ncols=True) as bar:
        for failure in failures:
            bar.write(f'failed: {failure}', file=sys.stderr)
        for name, outcome in _outcomes(waiting, workers):
            if isinstance(outcome, InputError):
                failures.append(outcome)
                bar.write(f'failed: {outcome}', file=sys.stderr)
            else:
                done[name] = outcome
            bar.update()
    if failures:
        raise InputError(f'{failures[0]}; {len(done)} of {len(names)} segments are converted, '
                         'and the same command continues with the others')
    return _write_split(out, split, [done[name] for name in names])


def _outcomes(jobs: Sequence[Job], workers: int
              ) -> Iterator[Tuple[str, Union[dict, InputError]]]:
    """Convert segments in processes, and yield the result or the error of each.

    If a process dies, its pool loses all jobs that it has not finished. Those that may have
    been running are repeated alone, so that the segment that ends its process is named.
    """
    lost = []
    with ProcessPoolExecutor(workers) as pool:
        futures = {}
        try:
            for job in jobs:
                try:
                    futures[pool.submit(convert_segment, *job)] = job
                except BrokenProcessPool:
                    lost.append(job)
            for future in as_completed(futures):
                job, error = futures[future], future.exception()
                if isinstance(error, BrokenProcessPool):
                    lost.append(job)
                else:
                    yield job.name, future.result() if error is None else _named(job, error)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    lost.sort(key=lambda job: job.rank)
    if len(jobs) == 1 and lost:
        yield lost[0].name, InputError(
            f'{lost[0].name}: the process that converts this segment ended, possibly by a lack of '
            'memory; download the segment again, or use another machine')
        return
    for job in lost[:workers]:
        yield from _outcomes([job], 1)
    if lost[workers:]:
        yield from _outcomes(lost[workers:], workers)


def _named(job: Job, error: BaseException) -> InputError:
    """Return the error of a segment with the name of the segment."""
    if isinstance(error, InputError):
        return error
    return InputError(f'{job.name}: this segment cannot be converted ({type(error).__name__}: '
                      f'{shortened(str(error), 200)})')


def convert_segment(root: Path, out: Path, split: str, name: str, rank: int,
                    settings: ConversionSettings) -> dict:
    """Convert one segment.

    The annotation file is written last, so it exists only if all images do.

    Args:
        root: folder of the Parquet release.
        out: folder of the converted data set.
        split: ``'training'`` or ``'validation'``.
        name: name of the segment.
        rank: index of the segment in its split.
        settings: settings of the conversion.

    Returns:
        ``names``: frames for the split file; ``objects``: their number; ``dropped``: number
        of frames and objects that were left out, by reason.

    Raises:
        InputError: the segment cannot be read, or ``out`` cannot be written.
    """
    segment = Segment(root, split, name, settings.camera)
    calibration = segment.calibration()
    numbers = {time: rank * FRAMES_PER_SEGMENT + index
               for index, time in enumerate(segment.timestamps())}
    kept = {time: number for time, number in numbers.items() if number % settings.every == 0}
    labels = segment.labels()

    folder = inside(out / 'images' / split, name)
    partial = folder.with_name(f'.{name}.partial')
    for stale in (folder, partial):
        shutil.rmtree(stale, ignore_errors=True)
    written = set()
    try:
        partial.mkdir(parents=True)
        for time, image in segment.images():
            if time in kept:
                if not image:
                    raise InputError(f'{name}: no image at {time}; download camera_image again')
                (partial / f'{kept[time]:06d}.jpg').write_bytes(image)
                written.add(time)
        if not written:
            raise InputError(f'{name}: camera_image has no image of camera {settings.camera} to '
                             'keep')
        partial.rename(folder)
    except OSError as error:
        raise InputError(f'{folder}: cannot write here ({error.strerror}); make room, or choose '
                         'another --out') from error

    dropped = Counter({'frames between those of --every': len(numbers) - len(kept),
                       'labelled times without an image': len(set(labels) - set(numbers))})
    frames = []
    for time in sorted(written):
        objects, reasons = describe_objects(labels.get(time), calibration.optical_from_vehicle)
        dropped.update(reasons)
        # Evaluation needs frames without labels too: detections there are false positives.
        listed = bool(objects) or split == 'validation'
        dropped['frames without labelled vehicle, pedestrian or cyclist'] += not listed
        frames.append(dict(frame=f'{kept[time]:06d}', timestamp=time, listed=listed,
                           objects=objects))
    content = dict(
        format=FORMAT, settings=asdict(settings), segment=name, split=split, rank=rank,
        cam2img=calibration.cam2img.tolist(), size=list(calibration.size),
        optical_from_vehicle=calibration.optical_from_vehicle.tolist(),
        dropped=dict(dropped), frames=frames)
    atomic_write(_annotation_file(out, split, name), json.dumps(content, allow_nan=False))
    return _summary(content, name)


def describe_objects(labels: Optional[FrameLabels],
                     optical_from_vehicle: np.ndarray) -> Tuple[List[dict], Counter]:
    """Return the objects of a frame as plain values for the annotation file.

    Args:
        labels: labels of the frame, or None if it has none.
        optical_from_vehicle: (4, 4) vehicle frame to optical camera frame.

    Returns:
        The objects, and the number of objects that were left out, by reason.
    """
    dropped: Counter = Counter()
    if labels is None:
        return [], dropped
    kept = []
    for index, number in enumerate(labels.types.tolist()):
        reason = _drop_reason(number, labels.boxes[index], labels.boxes_2d[index])
        if reason is None:
            kept.append(index)
        else:
            dropped[reason] += 1
    boxes = camera_boxes(labels.boxes[kept], optical_from_vehicle)
    objects = []
    for index, camera_box in zip(kept, boxes.tolist()):
        box_2d = labels.boxes_2d[index]
        objects.append(dict(
            id=labels.ids[index], type=TYPE_NAMES[int(labels.types[index])],
            box=labels.boxes[index].tolist(), camera_box=camera_box,
            box_2d=None if np.isnan(box_2d).any() else box_2d.tolist(),
            num_points=int(labels.num_points[index]),
            difficulty=int(labels.difficulties[index])))
    return objects, dropped


def _drop_reason(number: int, box: np.ndarray, box_2d: np.ndarray) -> Optional[str]:
    """Return the reason to leave an object out, or None.

    Args:
        number: Waymo's type number.
        box: (7,) box in the vehicle frame.
        box_2d: (4,) projected box, pixels, NaN outside the image.
    """
    if number not in TYPE_NAMES:
        return 'objects of other classes (signs, unknown)'
    if not np.isfinite(box).all() or np.isinf(box_2d).any():
        return 'objects with an incomplete box'
    if (box[3:6] <= 0).any() or (np.abs([*box, *box_2d]) > LIMIT).any():
        return f'objects with a side that is not positive, or a value above {LIMIT:g}'
    return None


class OtherSettings(InputError):
    """A segment that was converted with other settings."""


def _finished(out: Path, split: str, name: str, rank: int, settings: ConversionSettings
              ) -> Optional[dict]:
    """Return the summary of a converted segment, or None if it must be converted (again).

    That is the case if the annotation file or an image is missing, or if the rank differs
    because segments were added or removed.

    Raises:
        OtherSettings: the segment was converted with other settings.
        InputError: the annotation file is not readable.
    """
    path = _annotation_file(out, split, name)
    if not path.is_file():
        return None
    content = read_annotations(path)
    if content['settings'] != asdict(settings):
        raise OtherSettings(f'{path}: was converted with {shortened(content["settings"], 100)}; '
                            'use another --out')
    images = out / 'images' / split / name
    whole = all(inside(images, f'{frame["frame"]}.jpg').is_file() for frame in content['frames'])
    return _summary(content, name) if whole and content['rank'] == rank else None


def _summary(content: dict, name: str) -> dict:
    frames = content['frames']
    return dict(
        names=[f'{content["split"]}/{name}/{frame["frame"]}' for frame in frames
               if frame['listed']],
        objects=sum(len(frame['objects']) for frame in frames), dropped=content['dropped'])


def _write_split(out: Path, split: str, summaries: List[dict]) -> ConversionReport:
    names = [name for item in summaries for name in item['names']]
    atomic_write(out / 'ImageSets' / f'{SPLIT_FILES[split]}.txt', '\n'.join([*names, '']))
    dropped: Counter = Counter()
    for item in summaries:
        dropped.update(item['dropped'])
    return ConversionReport(len(summaries), len(names), sum(item['objects'] for item in summaries),
                            {reason: count for reason, count in dropped.items() if count})


def _annotation_file(out: Path, split: str, name: str) -> Path:
    inside(out / 'annotations' / split, name)
    return out / 'annotations' / split / f'{name}.json'
