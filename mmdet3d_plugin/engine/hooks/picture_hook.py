"""Base classes of hooks that draw frames of a test."""
import json
from pathlib import Path
from typing import Optional, Sequence

import cv2
import numpy as np
from mmdet3d.structures import Det3DDataSample
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from ...models.model_contract import DETECTION, task_of
from ...utils.files import atomic_path, atomic_write, inside
from ...visualization.frame_entries import SCENE_SUFFIX, Entry
from ..process_state import unwrap_model


class PictureHook(Hook):
    """Base class of hooks that write one picture per frame of a test, as FRAME.jpg.

    Args:
        out_dir: folder of the pictures; ``WORK_DIR/DEFAULT_FOLDER`` by default.
        max_frames: number of pictures; None draws every frame.

    Attributes:
        active: whether the hook draws predictions of the model's task.
    """
    DEFAULT_FOLDER: str

    def __init__(self, out_dir: Optional[str] = None, max_frames: Optional[int] = 12) -> None:
        self.out_dir = out_dir
        self.max_frames = max_frames
        self.active = True
        self._drawn = 0

    def draw(self, sample: Det3DDataSample, index: int) -> Optional[np.ndarray]:
        """Draw a frame.

        Args:
            sample: the frame with its predictions.
            index: index of the frame in its batch.

        Returns:
            (H, W, 3) uint8 BGR picture, or None to leave the frame out.

        Raises:
            NotImplementedError: a subclass has to define the method.
        """
        raise NotImplementedError

    def scene(self, sample: Det3DDataSample) -> Optional[Entry]:
        """Return the entry for the 3D view of the report, or None if there is none.

        Args:
            sample: the frame with its predictions.
        """
        return None

    def before_test_epoch(self, runner: Runner) -> None:
        self._drawn = 0

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                        outputs: Sequence[Det3DDataSample] = ()) -> None:
        if not self.active:
            return
        for index, sample in enumerate(outputs):
            if self._drawn == self.max_frames:
                return
            picture = self.draw(sample, index)
            if picture is not None:
                with atomic_path(inside(self._folder(runner), f'{sample.frame}.jpg')) as path:
                    cv2.imwrite(str(path), picture)
                scene = self.scene(sample)
                if scene is not None:
                    atomic_write(inside(self._folder(runner), f'{sample.frame}{SCENE_SUFFIX}'),
                                 json.dumps(scene, allow_nan=False))
                self._drawn += 1

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        if self.active:
            print_log(f'{self._drawn} pictures in {self._folder(runner)}', 'current')

    def _folder(self, runner: Runner) -> Path:
        return Path(self.out_dir or Path(runner.work_dir) / self.DEFAULT_FOLDER)


class DetectionPictureHook(PictureHook):
    """Base class of hooks that draw the detections of a frame. Other models are ignored.

    Args:
        score_threshold: minimum score of a drawn prediction.
        kwargs: arguments of :class:`PictureHook`.

    Attributes:
        classes: class names of the test dataset, by label.
    """

    def __init__(self, score_threshold: float = 0.1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.score_threshold = score_threshold
        self.classes: Sequence[str] = ()

    def before_test_epoch(self, runner: Runner) -> None:
        super().before_test_epoch(runner)
        self.active = task_of(unwrap_model(runner.model)) == DETECTION
        self.classes = runner.test_dataloader.dataset.metainfo['classes']
