"""Output files of ``tools/predict.py``."""
import json
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

import cv2
import numpy as np

from ..errors import InputError
from ..prediction import Prediction, Predictor
from ..prediction.prediction import write_picture
from ..utils.files import atomic_write
from ..visualization import ColorScale
from ..visualization.depth_maps import fitting_scale

PICTURES, JSON, KITTI, VIDEO = FORMATS = ('pictures', 'json', 'kitti', 'video')
SCHEMA = 'mmdet3d_plugin predictions, version 1'
JSON_FILE, VIDEO_FILE = 'predictions.json', 'video.mp4'
STATE_FILE = '.predictions.jsonl'  # settings, then the prediction of each finished image
FOLDER_FRAME_RATE = 10.  # frames per second of a video of single images; KITTI's
VIDEO_MAP_DEPTH = 60.  # metres of the bird's-eye view, the same in all frames
VIDEO_HEIGHT = 432  # pixels of the picture in a frame
VIDEO_QUALITY = 7  # of imageio-ffmpeg, 0 to 10


class PredictionFiles:
    """Outputs of a run: pictures, one JSON, KITTI's result files and a video.

    The prediction of each finished image is appended to a state file. A later run with the same
    settings skips these images.

    Args:
        out: output folder.
        formats: some of :data:`FORMATS`.
        settings: what decides the predictions, as plain values.
        frame_rate: frames per second of a source that is a video; None for images.
        resumes: whether finished images of an earlier run are kept. A video starts anew.
        overwrite: replace predictions of other settings.

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
        found = None if overwrite else self._read_state()
        if found is not None and found[0] != self._settings:
            other = sorted(key for key in {**found[0], **self._settings}
                           if found[0].get(key) != self._settings.get(key))
            raise InputError(f'{out}: holds predictions of other settings ({", ".join(other)}); '
                             'choose another --out, or add --overwrite')
        # The frames of a video are drawn in one go.
        keeps = found is not None and resumes and VIDEO not in formats
        self._done: Dict[str, dict] = {item['image']: item for item in found[1]} if keeps else {}
        self._video: Optional[VideoFile] = None
        self._scale: Optional[ColorScale] = None
        self._stream = None

    def __enter__(self) -> 'PredictionFiles':
        lines = [self._settings, *self._done.values()]
        atomic_write(self._state, ''.join(json.dumps(line) + '\n' for line in lines))
        self._stream = open(self._state, 'a', encoding='utf-8')
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._stream.close()
        if self._video is not None:
            self._video.close(keep=kind is None)

    def is_done(self, name: str) -> bool:
        """Return whether an image is finished."""
        return name in self._done

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
        self._done[prediction.name] = entry
        self._stream.write(json.dumps(entry) + '\n')
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
            images=[self._done[name] for name in sorted(self._done)],
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

    def _read_state(self) -> Optional[tuple]:
        """Return the settings and the predictions of an earlier run; None if there is none."""
        try:
            lines = self._state.read_text(encoding='utf-8').splitlines()
        except (OSError, UnicodeDecodeError):
            return None
        rows = []
        for line in lines:
            try:
                rows.append(json.loads(line))
            except ValueError:  # the last line of a run that was killed
                break
        if not rows or not all(isinstance(row, dict) for row in rows):
            return None
        return rows[0], [row for row in rows[1:] if isinstance(row.get('image'), str)]


class VideoFile:
    """H.264 video in mp4 that replaces the file when it is complete.

    Args:
        path: file to write.
        frame_rate: frames per second.
        first: first picture, (H, W, 3); it determines the size of all frames.

    Raises:
        InputError: ffmpeg cannot write the file.
    """

    def __init__(self, path: Path, frame_rate: float, first: np.ndarray) -> None:
        import imageio_ffmpeg
        self.path = path
        self.size = tuple(length - length % 2 for length in (first.shape[1], first.shape[0]))
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
        except (OSError, StopIteration) as error:
            raise InputError(f'{self.path}: ffmpeg cannot write the video '
                             f'({" ".join(str(error).split())[:120]})') from None

    def close(self, keep: bool) -> None:
        """Complete the file, or remove it."""
        self._writer.close()
        if keep and self._part.exists():
            self._part.replace(self.path)
        self._part.unlink(missing_ok=True)
