"""Pictures of the ROI locations that a detector takes depth from."""
from typing import Optional

import numpy as np
from mmdet3d.structures import Det3DDataSample
from mmengine.registry import HOOKS

from ...errors import InputError
from ...utils.images import read_image
from ...visualization import sample_panel
from .picture_hook import DetectionPictureHook


@HOOKS.register_module()
class DrawSamplesHook(DetectionPictureHook):
    """Hook that draws the weights of ROI locations over the objects with the highest scores.

    Predictions need ``sample_weights`` (M, L), the weights of L ROI locations of M objects, as
    :class:`CenterMono3D` returns them. Frames without detections are left out.

    Args:
        max_objects: largest number of objects per picture.
        kwargs: arguments of :class:`DetectionPictureHook`.

    Raises:
        InputError: predictions have no ``sample_weights``.
    """
    DEFAULT_FOLDER = 'samples'

    def __init__(self, max_objects: int = 8, **kwargs) -> None:
        super().__init__(**kwargs)
        self.max_objects = max_objects

    def draw(self, sample: Det3DDataSample, index: int) -> Optional[np.ndarray]:
        objects = sample.pred_instances_3d
        if 'sample_weights' not in objects:
            raise InputError('the detector weighs no ROI locations: there are no samples to show')
        # Sorted by falling score.
        objects = objects[objects.scores_3d >= self.score_threshold][:self.max_objects]
        count = len(objects)
        if not count:
            return None
        captions = [
            f'{self.classes[label]} {score:.2f}, {depth:.1f} m' for label, score, depth in zip(
                objects.labels_3d.tolist(), objects.scores_3d.tolist(),
                objects.bboxes_3d.tensor[:, 2].tolist())]
        weights = objects.sample_weights.cpu().numpy()
        size = round(weights.shape[1] ** .5)
        return sample_panel(
            read_image(sample.img_path), sample.pred_instances.bboxes[:count].cpu().numpy(),
            weights.reshape(count, size, size), captions, sample.frame)
