"""Pictures of where the detector takes depth from, drawn while it is tested."""
from pathlib import Path
from typing import Optional, Sequence

import cv2
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...utils.files import atomic_path
from ...visualization.sample_weights import sample_panel


@HOOKS.register_module()
class DrawSamplesHook(Hook):
    """Draws the weights of ROI locations over the most certain objects of frames.

    Reads ``sample_weights`` (M, L) of ``pred_instances_3d``, as of
    :class:`CenterROIMono3D`.

    Args:
        out_dir: folder of the pictures; ``WORK_DIR/samples`` by default.
        max_frames: number of pictures, of the first frames with objects; None
            draws all.
        max_objects: objects in a picture.
        score_threshold: objects below it are not drawn.
    """

    def __init__(self, out_dir: Optional[str] = None, max_frames: Optional[int] = 12,
                 max_objects: int = 8, score_threshold: float = 0.1) -> None:
        self.out_dir = out_dir
        self.max_frames = max_frames
        self.max_objects = max_objects
        self.score_threshold = score_threshold
        self._drawn = 0

    def before_test_epoch(self, runner: Runner) -> None:
        self._drawn = 0

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                        outputs: Optional[Sequence] = None) -> None:
        classes = runner.test_dataloader.dataset.metainfo['classes']
        for output in outputs:
            objects = output.pred_instances_3d
            if 'sample_weights' not in objects:
                raise InputError('the detector weighs no ROI locations: there are no samples '
                                 'to show')
            shown = int((objects.scores_3d >= self.score_threshold).sum().clamp(
                max=self.max_objects))
            if not shown or self._drawn == self.max_frames:
                continue
            depths = objects.bboxes_3d.tensor[:shown, 2].tolist()
            captions = [f'{classes[label]} {score:.2f}, {depth:.1f} m' for label, score, depth in
                        zip(objects.labels_3d[:shown].tolist(),
                            objects.scores_3d[:shown].tolist(), depths)]
            weights = objects.sample_weights[:shown].cpu().numpy()
            size = round(weights.shape[1] ** .5)
            boxes = output.pred_instances.bboxes[:shown].cpu().numpy()
            panel = sample_panel(cv2.imread(output.img_path), boxes,
                                 weights.reshape(shown, size, size), captions, output.frame)
            with atomic_path(self._folder(runner) / f'{output.frame}.jpg') as path:
                cv2.imwrite(str(path), panel)
            self._drawn += 1

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        print_log(f'{self._drawn} pictures of samples in {self._folder(runner)}', 'current')

    def _folder(self, runner: Runner) -> Path:
        return Path(self.out_dir or Path(runner.work_dir) / 'samples')
