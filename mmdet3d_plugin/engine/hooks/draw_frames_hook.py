"""Pictures of what the detector sees, drawn while it is tested."""
from pathlib import Path
from typing import Optional, Sequence

import cv2
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...evaluation.prediction_conversion import predictions_to_kitti
from ...utils.files import atomic_path
from ...visualization import frame_panel


@HOOKS.register_module()
class DrawFramesHook(Hook):
    """Draws test frames with ground truth and predictions, on the image and in
    bird's-eye view.

    Args:
        out_dir: folder of the pictures; ``WORK_DIR/frames`` by default.
        max_frames: number of pictures; None draws every frame.
        score_threshold: predictions below it are not drawn.
    """

    def __init__(self, out_dir: Optional[str] = None, max_frames: Optional[int] = 12,
                 score_threshold: float = 0.1) -> None:
        self.out_dir = out_dir
        self.max_frames = max_frames
        self.score_threshold = score_threshold
        self._drawn = 0

    def before_test_epoch(self, runner: Runner) -> None:
        self._drawn = 0

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                        outputs: Optional[Sequence] = None) -> None:
        classes = runner.test_dataloader.dataset.metainfo['classes']
        for output in outputs:
            if self.max_frames is not None and self._drawn >= self.max_frames:
                return
            sample = output.to_dict()
            predictions = predictions_to_kitti(sample, classes)
            panel = frame_panel(
                cv2.imread(sample['img_path']),
                sample['cam2img'][:3],
                ground_truth=(sample.get('eval_ann_info') or {}).get('kitti_objects'),
                predictions=predictions[predictions.scores >= self.score_threshold],
                title=sample['frame'])
            with atomic_path(self._folder(runner) / f'{sample["frame"]}.jpg') as path:
                cv2.imwrite(str(path), panel)
            self._drawn += 1

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        print_log(f'{self._drawn} pictures in {self._folder(runner)}', 'current')

    def _folder(self, runner: Runner) -> Path:
        return Path(self.out_dir or Path(runner.work_dir) / 'frames')
