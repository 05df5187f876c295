"""Pictures of the detections of a test."""
import numpy as np
from mmdet3d.structures import Det3DDataSample
from mmengine.registry import HOOKS

from ...evaluation.prediction_conversion import predictions_to_table
from ...utils.images import read_image
from ...visualization import frame_panel
from .picture_hook import DetectionPictureHook


@HOOKS.register_module()
class DrawFramesHook(DetectionPictureHook):
    """Hook that draws ground truth and predictions of test frames.

    A picture shows them on the image and in bird's-eye view.
    """
    DEFAULT_FOLDER = 'frames'

    def draw(self, sample: Det3DDataSample, index: int) -> np.ndarray:
        frame = sample.to_dict()
        predictions = predictions_to_table(frame, self.classes)
        assert predictions.scores is not None
        return frame_panel(
            read_image(frame['img_path']),
            frame['cam2img'][:3],
            ground_truth=(frame.get('eval_ann_info') or {}).get('object_table'),
            predictions=predictions[predictions.scores >= self.score_threshold],
            title=frame['frame'])
