"""Output files of ``tools/predict.py``."""
import json
import os
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Set, Type, Union

import cv2
import numpy as np

from ..errors import InputError
from ..prediction import Prediction, Predictor, open_images
from ..prediction.image_sources import SourceImage
from ..prediction.prediction import write_picture
from ..utils.files import atomic_write, check_output, is_inner_name, read_text
from ..visualization import ColorScale
from ..visualization.depth_maps import fitting_scale

PICTURES, JSON, KITTI, VIDEO = FORMATS = ('pictures', 'json', 'kitti', 'video')
SCHEMA = 'mmdet3d_plugin predictions, version 1'
JSON_FILE, VIDEO_FILE = 'predictions.json', 'video.mp4'
STATE_FILE = '.predictions.jsonl'  # settings, then one record per finished image
MAX_STATE = 1 << 30  # bytes
FOLDER_FRAME_RATE = 10.  # frames per second of a video of single images; KITTI's
VIDEO_MAP_DEPTH = 60.  # metres of the bird's-eye view, the same in all frames
VIDEO_HEIGHT = 432  # pixels of the picture in a frame
VIDEO_QUALITY = 7  # of imageio-ffmpeg, 0 to 10


def file_record(path: Union[str, Path, None]) -> Optional[list]:
    """Return absolute path, bytes and time of change (ns) of a file, to detect another content.

    Args:
        path: a file; None or the name of no file returns None.

    Example:
        >>> file_record('https://host/model.pth') is None
        True
    """
    try:
        status = os.stat(path or '')
    except (OSError, ValueError):
        return None
    return [os.path.abspath(path or ''), status.st_size, status.st_mtime_ns]


class Record(NamedTuple):
    """A finished image of a run.

    Attributes:
        origin: path or URL of the image, or the number of a frame.
        file: :func:`file_record` of the image before it was read.
        entry: the prediction as in the JSON; ``image`` is the name of the outputs.
    """
    origin: str
    file: Optional[list]
    entry: Dict[str, Any]

    @classmethod
    def from_row(cls, row: Any) -> Optional['Record']:
        """Build from a line of a state file; None if the line is no record."""
        if not (isinstance(row, list) and len(row) == 3 and isinstance(row[0], str)
                and isinstance(row[2], dict) and isinstance(row[2].get('image'), str)
                and is_inner_name(row[2]['image'])):
            return None
        return cls(*row)

    @property
    def name(self) -> str:
        """Name of the outputs."""
        return self.entry['image']


class PredictionFiles:
    """Outputs of a run: pictures, one JSON, KITTI's result files and a video.

    A record of each finished image is appended to a state file. A later run with the same
    settings skips these images, unless their files have changed. An image keeps the name of its
    outputs.

    Args:
        out: output folder.
        formats: some of :data:`FORMATS`.
        settings: settings that determine the predictions, as plain values.
        frame_rate: frames per second of a source that is a video; None for images.
        resumes: whether finished images of an earlier run are kept. A video starts anew.
        overwrite: remove the outputs of an earlier run before the first image.

    Attributes:
        count: number of images written in this run.
        objects: number of objects in them.

    Raises:
        InputError: the folder holds predictions of other settings.
    """

    def __init__(self, out: Path, formats: List[str], settings: Dict[str, Any],
                 frame_rate: Optional[float], resumes: bool, overwrite: bool) -> None:
        self.out = out
        self.formats = formats
        self.frame_rate = frame_rate
        self.count = self.objects = 0
        self._settings = json.loads(json.dumps(settings))
        self._state = out / STATE_FILE
        self._overwrite = overwrite
        found = None if overwrite else self._read_state()
        if found is not None and found[0] != self._settings:
            other = sorted(key for key in {**found[0], **self._settings}
                           if found[0].get(key) != self._settings.get(key))
            raise InputError(f'{out}: holds predictions of other settings ({", ".join(other)}); '
                             'choose another --out, or add --overwrite')
        # A video file cannot be continued, so a run that writes one predicts all images.
        finished = found[1] if found and resumes and VIDEO not in formats else []
        self._done: Dict[str, Record] = {item.origin: item for item in finished}
        self._names = {item.origin: item.name for item in self._done.values()}
        self._used: Set[str] = set(self._names.values())
        self._begun: Dict[str, tuple] = {}  # origin and file by name
        self._video: Optional[VideoFile] = None
        self._scale: Optional[ColorScale] = None
        self._stream: Any = None  # the open state file

    def __enter__(self) -> 'PredictionFiles':
        if self._overwrite:
            self._remove_old()
        lines = [self._settings, *self._done.values()]
        atomic_write(self._state, ''.join(json.dumps(line) + '\n' for line in lines))
        self._stream = open(self._state, 'a', encoding='utf-8')
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._stream.close()
        if self._video is not None:
            self._video.close(keep=kind is None)

    def begin(self, image: SourceImage) -> Optional[SourceImage]:
        """Return an image under the name of its outputs; None if it is finished.

        Args:
            image: image of the source.
        """
        origin = image.origin or image.name
        file = file_record(image.origin)
        record = self._done.get(origin)
        if record is not None and record.file == file:
            return None
        self._done.pop(origin, None)  # the file has changed
        if origin not in self._names:
            self._names[origin] = self._unused(image.name)
        name = self._names[origin]
        self._begun[name] = (origin, file)
        return replace(image, name=name)

    def _unused(self, name: str) -> str:
        """Return the name, with a number if another image has it already."""
        unique, number = name, 1
        while unique in self._used:
            number += 1
            unique = f'{name}_{number}'
        self._used.add(unique)
        return unique

    def write(self, prediction: Prediction) -> None:
        """Write all outputs of one image."""
        if PICTURES in self.formats:
            write_picture(self.out / PICTURES / f'{prediction.name}.jpg', prediction.plot())
        if KITTI in self.formats:
            prediction.save_kitti(self.out / KITTI)
        if VIDEO in self.formats:
            self._write_frame(prediction)
        entry = prediction.to_dict()
        if self.frame_rate is not None:
            entry['time'] = round(len(self._done) / self.frame_rate, 4)
        origin, file = self._begun.pop(prediction.name)
        record = Record(origin, file, entry)
        self._done[record.origin] = record
        self._stream.write(json.dumps(record) + '\n')
        self._stream.flush()
        self.count += 1
        self.objects += len(prediction)

    def finish(self, predictor: Predictor, skipped: Dict[str, str]) -> None:
        """Write the JSON of all images, those of earlier runs included.

        Args:
            predictor: the model.
            skipped: message by name of each unreadable image.
        """
        if JSON not in self.formats:
            return
        content = dict(
            format=SCHEMA, model=predictor.title, task=predictor.task,
            class_names=list(predictor.class_names),
            units='metres, radians, pixels; camera frame x right, y down, z forward',
            images=[record.entry for record in sorted(self._done.values(), key=lambda record:
                                                      record.name)],
            skipped=[dict(image=name, reason=reason) for name, reason in skipped.items()])
        atomic_write(self.out / JSON_FILE, json.dumps(content, indent=1) + '\n')

    def outputs(self) -> List[str]:
        """Return the names of the outputs, for the summary."""
        names = {PICTURES: f'{PICTURES}/', JSON: JSON_FILE, KITTI: f'{KITTI}/', VIDEO: VIDEO_FILE}
        return [names[name] for name in FORMATS if name in self.formats]

    def _write_frame(self, prediction: Prediction) -> None:
        if self._scale is None and prediction.depth is not None:
            self._scale = fitting_scale(prediction.depth)
        picture = prediction.plot(VIDEO_HEIGHT, VIDEO_MAP_DEPTH, self._scale)
        if self._video is None:
            self._video = VideoFile(self.out / VIDEO_FILE, self.frame_rate or FOLDER_FRAME_RATE,
                                    picture)
        self._video.write(picture)

    def _remove_old(self) -> None:
        """Remove the outputs that the state file of an earlier run names, and no others."""
        settings, records = self._read_state() or ({}, [])
        saved = settings.get('save') or ()
        names = [record.name for record in records]
        removed = {
            PICTURES: [f'{PICTURES}/{name}.jpg' for name in names],
            KITTI: [f'{KITTI}/{name}{suffix}' for name in names for suffix in ('.txt', '.png')],
            JSON: [JSON_FILE], VIDEO: [VIDEO_FILE]}
        for output in FORMATS:
            for path in removed[output] if output in saved else ():
                (self.out / path).unlink(missing_ok=True)

    def _read_state(self) -> Optional[tuple]:
        """Return the settings and the records of an earlier run; None if there is none."""
        try:
            lines = read_text(self._state, 'no such file', MAX_STATE).splitlines()
        except InputError:
            return None
        rows = []
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:  # the last line of a run that was killed
                break
        if not rows or not isinstance(rows[0], dict):
            return None
        records = map(Record.from_row, rows[1:])
        return rows[0], [record for record in records if record is not None]


class VideoFile:
    """H.264 video in mp4 that replaces the file when it is complete.

    Args:
        path: file to write.
        frame_rate: frames per second.
        first: first picture, (H, W, 3); it determines the size of all frames.

    Raises:
        InputError: ffmpeg cannot write the file, or something else than a file is there.
    """

    def __init__(self, path: Path, frame_rate: float, first: np.ndarray) -> None:
        import imageio_ffmpeg
        check_output(path)
        self.path = path
        self.size = tuple(length - length % 2 for length in (first.shape[1], first.shape[0]))
        self.count = 0
        self._part = path.with_name(f'.{path.stem}.part{path.suffix}')
        self._writer = imageio_ffmpeg.write_frames(
            str(self._part), self.size, fps=frame_rate, quality=VIDEO_QUALITY,
            macro_block_size=2, ffmpeg_log_level='error',
            output_params=['-preset', 'veryfast'])
        self._writer.send(None)

    def write(self, picture: np.ndarray) -> None:
        """Append a picture, (H, W, 3) uint8, BGR. Pictures of another size are resized."""
        width, height = self.size
        if picture.shape[0] - height in (0, 1) and picture.shape[1] - width in (0, 1):
            picture = picture[:height, :width]
        else:
            picture = cv2.resize(picture, self.size, interpolation=cv2.INTER_AREA)
        try:
            self._writer.send(np.ascontiguousarray(picture[..., ::-1]))
            self.count += 1
        except (OSError, StopIteration) as error:
            raise InputError(f'{self.path}: ffmpeg cannot write the video '
                             f'({" ".join(str(error).split())[:120]})') from None

    def close(self, keep: bool) -> None:
        """Complete the file, or remove it.

        Raises:
            InputError: the file is incomplete.
        """
        try:
            self._writer.close()  # does not tell whether ffmpeg failed
            if keep:
                self._check()
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)

    def _check(self) -> None:
        try:
            count = open_images(self._part).count or 0
        except InputError:
            count = 0
        if count < self.count:
            raise InputError(f'{self.path}: ffmpeg has written {count} of {self.count} frames; '
                             'make room on the disk and run the command again')
