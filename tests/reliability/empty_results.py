"""Input of the metrics for a detector without detections."""
import numpy as np
import torch
from mmdet3d.structures import CameraInstance3DBoxes


def empty_sample(**entries):
    """Return a test sample without predictions, in the format of metrics."""
    nothing = dict(bboxes_3d=CameraInstance3DBoxes(torch.zeros(0, 7)),
                   scores_3d=torch.zeros(0), labels_3d=torch.zeros(0, dtype=torch.long))
    return {**dict(pred_instances_3d=nothing, cam2img=np.eye(4), ori_shape=(100, 200),
                   img_path='a.png', frame='000000'), **entries}
