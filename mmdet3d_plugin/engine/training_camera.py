"""Record of the camera of a training set, for predictions on other cameras."""
from typing import Optional, Sequence

import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..datasets.transforms.sample_images import camera_record

MAX_FRAMES = 200  # frames that the median is taken of


def training_camera(dataset) -> Optional[dict]:
    """Return the typical camera of a dataset.

    Args:
        dataset: dataset in mmdet3d's sample format, or a wrapper of one.

    Returns:
        ``focal_length`` in pixels of the original images, the median over at most ``MAX_FRAMES``
        frames, and of the frame of that focal length ``image_size``, (width, height), and
        ``principal_point``, (u, v); None if the dataset does not say them.
    """
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    found = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, MAX_FRAMES).astype(int)):
        info = dataset.get_data_info(int(index))
        camera = camera_record(info) if info.get('images') else {}
        if not {'cam2img', 'width', 'height'} <= set(camera):
            return None
        matrix = camera['cam2img']
        found.append((focal_length(matrix), camera['width'], camera['height'],
                      float(matrix[0][2]), float(matrix[1][2])))
    focal, width, height, u, v = sorted(found)[(len(found) - 1) // 2]
    return dict(focal_length=focal, image_size=(int(width), int(height)), principal_point=(u, v))


def focal_length(cam2img: Sequence) -> float:
    """Return the focal length of a camera matrix: the geometric mean of both directions, pixels.

    Args:
        cam2img: (3 or 4, 3 or 4) projection.

    Example:
        >>> focal_length([[400., 0., 50.], [0., 900., 20.], [0., 0., 1.]])
        600.0
    """
    return float(np.sqrt(cam2img[0][0] * cam2img[1][1]))


@HOOKS.register_module()
class TrainingCameraHook(Hook):
    """Hook that adds the camera of the training set to the config in checkpoints.

    ``Predictor`` corrects depths for cameras of another focal length with it, see
    ``prediction/focal_correction.py``. A config that has a ``training_camera`` keeps it.
    """

    def before_train(self, runner: Runner) -> None:
        if runner.cfg.get('training_camera') is None:
            camera = training_camera(runner.train_dataloader.dataset)
            if camera is not None:
                runner.cfg.training_camera = camera
