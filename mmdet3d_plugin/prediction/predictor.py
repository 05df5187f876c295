"""Predictions for images in memory, without a dataset and without a runner."""
import copy
import logging
from itertools import islice
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

import numpy as np
import torch
import torch.nn as nn
from mmcv.transforms import Compose
from mmdet3d.datasets.transforms import LoadImageFromFileMono3D
from mmdet3d.registry import TRANSFORMS
from mmdet3d.structures import Det3DDataSample, get_box_type
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import init_default_scope

from ..datasets.transforms import CropScaleAffine
from ..engine.deployment import deploy_config
from ..engine.trained_model import read_trained_model
from ..engine.training_start import MAX_HIDDEN
from ..errors import InputError
from ..evaluation.prediction_conversion import predictions_to_table
from ..geometry import apply_affine
from ..models.model_contract import (
    EMBEDDING,
    FOLLOWS_CAMERA,
    FOLLOWS_ZOOM,
    depth_follows_of,
    task_of,
)
from .cameras import AUTO, Camera, CameraSource
from .focal_correction import FocalCorrection, TrainingCamera, feature_stride, input_zoom
from .image_sources import ImageSource, SourceImage, open_images, shortfall_of
from .prediction import Prediction
from .virtual_camera import VirtualCamera, VirtualPicture

# Transforms that read files. The image is in memory, and there is no ground truth.
LOADERS = ('LoadClip', 'LoadAnnotationsMono3D', 'LoadAnnotations3D', 'LoadDepthMap',
           'LoadClipInstances')
SCORE_THRESHOLD = 0.1  # that of the pictures of tools/test.py


class Picture(NamedTuple):
    """An image that is ready for the model.

    Attributes:
        name: name of the image.
        image: (H, W, 3) uint8, BGR, without lens distortion.
        camera: its camera.
        virtual: the picture that the network sees instead, see ``prediction/virtual_camera.py``;
            None if it sees ``image``.
    """
    name: str
    image: np.ndarray
    camera: Camera
    virtual: Optional[VirtualPicture] = None


class Predictor:
    """Model that predicts boxes or depth for images in memory.

    A checkpoint of ``tools/train.py`` holds its config, so naming the checkpoint is enough. No
    code of the file is executed.

    Args:
        model: a checkpoint (file or URL), a model folder of ``tools/export_weights.py``, the
            work dir of a training (its last checkpoint), or a model of
            :func:`~mmdet3d_plugin.load_model`.
        device: such as ``'cpu'`` or ``'cuda:0'``; ``'auto'`` is a GPU if there is one.
        config: config of the weights, for a checkpoint that holds none.
        training_camera: ``dict(focal_length=PIXELS, image_size=(WIDTH, HEIGHT))``, the camera
            of the training images, for a checkpoint that does not say it.
        correct_focal: correct depth for a focal length unlike the training's, see
            ``prediction/focal_correction.py`` and ``prediction/virtual_camera.py``.
        score_threshold: minimum score of a predicted object.

    Attributes:
        model: the model.
        class_names: its classes, in label order.
        training_camera: camera of the training; None if unknown.

    Raises:
        InputError: the weights cannot be read, do not fit the config, or belong to a model that
            neither detects nor estimates depth; or the device does not exist.

    Example:
        >>> from mmdet3d_plugin import Predictor, load_model
        >>> model = load_model('configs/monodle/monodle_dla34_synthetic.py', device='cpu')
        >>> predictor = Predictor(model, device='cpu', training_camera=dict(
        ...     focal_length=721.5, image_size=(1242, 375)))
        >>> image = np.zeros((375, 1242, 3), np.uint8)
        >>> predictor(image, focal=721.5)[0].boxes_3d.shape[1]
        7
    """

    def __init__(self, model: Union[str, Path, nn.Module], device: str = AUTO,
                 config: Union[str, Path, Config, None] = None,
                 training_camera: Optional[dict] = None, correct_focal: bool = True,
                 score_threshold: float = SCORE_THRESHOLD) -> None:
        self.title = 'model' if isinstance(model, nn.Module) else str(model)
        if not isinstance(model, nn.Module):
            model = read_trained_model(model, config).build()
        self.config = deploy_config(model.cfg)
        self.task = task_of(model)
        if self.task == EMBEDDING:
            raise InputError(f'{self.title}: embeds images; Predictor needs a detector or a '
                             'depth estimator')
        self.device = torch_device(device)
        self.model = model.to(self.device).eval()
        self._warned: Set[str] = set()
        self.class_names = tuple(self.config.class_names)
        self.score_threshold = score_threshold
        init_default_scope(self.config.default_scope)
        self.pipeline = memory_pipeline(self.config.test_pipeline)
        self.takes_clips = any(item['type'] == 'LoadClip' for item in self.config.test_pipeline)
        entry = training_camera or self.config.get('training_camera')
        self.training_camera = entry and TrainingCamera.from_config(entry, self.title)
        self.depth_follows = depth_follows_of(self.model)
        self._pipelines: Dict[Tuple[int, int], Compose] = {}
        self._correction: Optional[FocalCorrection] = None
        self._virtual: Optional[VirtualCamera] = None
        if correct_focal and self.training_camera is not None:
            if self.depth_follows == FOLLOWS_ZOOM:
                self._virtual = self._virtual_camera()
            elif self.depth_follows != FOLLOWS_CAMERA:
                self._correction = self._focal_correction()

    def __call__(self, images: Any, camera: Any = None, *,
                 focal: Union[float, str, None] = None, fov: Optional[float] = None,
                 distortion: Optional[Sequence[float]] = None,
                 batch_size: int = 1) -> List[Prediction]:
        """Predict for all images of a source.

        Args:
            images: see :func:`~mmdet3d_plugin.prediction.open_images`.
            camera, focal, fov, distortion: see
                :class:`~mmdet3d_plugin.prediction.cameras.CameraSource`.
            batch_size: images per step of the model.

        Returns:
            One prediction per image, in order.

        Raises:
            InputError: an image or the camera is invalid.
        """
        return list(self.stream(images, camera, focal=focal, fov=fov, distortion=distortion,
                                batch_size=batch_size))

    def stream(self, images: Any, camera: Any = None, *,
               focal: Union[float, str, None] = None, fov: Optional[float] = None,
               distortion: Optional[Sequence[float]] = None,
               batch_size: int = 1) -> Iterator[Prediction]:
        """Predict for one batch after another, as the images come.

        The arguments are those of :meth:`__call__`; invalid ones raise an error at once.

        Yields:
            One prediction per image, in order.
        """
        if batch_size < 1:
            raise InputError(f'batch_size={batch_size}: expected 1 or more')
        cameras = camera if isinstance(camera, CameraSource) else CameraSource(
            camera, focal, fov, distortion)
        return self._stream(open_images(images), cameras, batch_size)

    def _stream(self, source: ImageSource, cameras: CameraSource, batch_size: int
                ) -> Iterator[Prediction]:
        images, read = iter(source), 0
        while batch := list(islice(images, batch_size)):
            yield from self.predict([self.picture(item, cameras) for item in batch])
            read += len(batch)
        if (shortfall := shortfall_of(source, read)) is not None:
            self._warn(shortfall, shortfall)

    def picture(self, item: SourceImage, cameras: CameraSource) -> Picture:
        """Decode an image, find its camera, and remove lens distortion.

        Raises:
            InputError: the image is broken, or its size does not fit the camera.
        """
        camera, image = cameras.view(item.load(), item.name)
        if cameras.is_guess:
            self._warn('auto', f'{item.name}: the focal length is a guess, '
                       f'{camera.focal_length:.0f} pixels from the image size; all depths scale '
                       'with it')
        if self._virtual is None or self._virtual.is_own(camera, image.shape[1::-1]):
            return Picture(item.name, image, camera)
        return Picture(item.name, image, camera, self._virtual.view(image, camera))

    @torch.no_grad()
    def predict(self, pictures: Sequence[Picture]) -> List[Prediction]:
        """Predict for one batch of pictures."""
        for picture in pictures:
            self._warn_of_hidden_pixels(picture)
        if self.depth_follows != FOLLOWS_CAMERA and self.training_camera is None:
            self._warn('camera', f'{self.title}: does not say the focal length that it was '
                       'trained with, so depths are right for the camera of its training only; '
                       'give training_camera (--training-camera)')
        # Pictures of a step have one input size, because padding moves the borders of a picture.
        found: Dict[int, Prediction] = {}
        steps: Dict[Any, List[int]] = {}
        for index, picture in enumerate(pictures):
            steps.setdefault(picture.virtual and picture.virtual.input_size, []).append(index)
        for indices in steps.values():
            batch = pseudo_collate([self.sample(pictures[index]) for index in indices])
            outputs = self.model.test_step(batch)
            found.update((index, self._prediction(pictures[index], output))
                         for index, output in zip(indices, outputs))
        return [found[index] for index in range(len(pictures))]

    def sample(self, picture: Picture) -> dict:
        """Return the packed sample of a picture, as the test pipeline makes it of a file."""
        image, camera, pipeline = picture.image, picture.camera, self.pipeline
        if picture.virtual is not None:
            image, camera = picture.virtual.image, picture.virtual.camera
            pipeline = self._pipeline_of(picture.virtual.input_size)
        shape = image.shape[:2]
        box_type, box_mode = get_box_type('Camera')
        results = dict(
            img=image, img_shape=shape, ori_shape=shape, pad_shape=shape,
            cam2img=camera.cam2img, img_path=picture.name, frame=picture.name,
            box_type_3d=box_type, box_mode_3d=box_mode)
        if self.takes_clips:
            results.update(img=[image], clip_offsets=(0, ), clip_present=(True, ))
        return pipeline(results)

    def _prediction(self, picture: Picture, output: Det3DDataSample) -> Prediction:
        """Return the result for one picture."""
        ratio = None
        if self._correction is not None:
            ratio = self._correction.apply(output)
        elif self._virtual is not None:
            ratio = picture.camera.focal_length / self.training_camera.focal_length
        result = Prediction(picture.name, picture.image, picture.camera, self.class_names,
                            focal_correction=ratio)
        if 'pred_depth_map' in output:
            result.depth = output.pred_depth_map.data[0].float().cpu().numpy()
            return result
        sample = output.to_dict()
        objects = predictions_to_table(sample, self.class_names)
        assert objects.scores is not None  # of predictions
        kept = objects.scores >= self.score_threshold
        if picture.virtual is not None:
            height, width = picture.image.shape[:2]
            corners = apply_affine(objects.boxes_2d.reshape(-1, 2, 2), picture.virtual.to_original)
            objects.boxes_2d = corners.reshape(-1, 4).clip(0, [width, height, width, height])
            # Objects in the repeated pixels beyond the border have no part in the picture.
            kept &= (objects.boxes_2d[:, 2:] > objects.boxes_2d[:, :2]).all(axis=1)
        order = np.argsort(-objects.scores, kind='stable')
        order = order[kept[order]]
        result.objects = objects[order]
        result.labels = sample['pred_instances_3d']['labels_3d'].cpu().numpy()[order]
        return result

    def _crop(self) -> Optional[CropScaleAffine]:
        """Return the transform that makes the input; None if the pipeline has another one."""
        return next((item for item in self.pipeline.transforms
                     if isinstance(item, CropScaleAffine)), None)

    def _pipeline_of(self, input_size: Tuple[int, int]) -> Compose:
        """Return the pipeline with another input size."""
        if input_size not in self._pipelines:
            crop = copy.copy(self._crop())
            assert crop is not None  # only called with one
            crop.input_size = input_size
            self._pipelines[input_size] = Compose([
                crop if isinstance(item, CropScaleAffine) else item
                for item in self.pipeline.transforms])
        return self._pipelines[input_size]

    def _virtual_camera(self) -> Optional[VirtualCamera]:
        """Return the virtual camera; None if the pipeline has no crop to adapt."""
        crop = self._crop()
        if crop is None:
            self._warn('zoom', f'{self.title}: depth is not corrected for the focal length, since '
                       'test_pipeline has no CropScaleAffine')
            return None
        return VirtualCamera(self.training_camera, crop)

    def _focal_correction(self) -> Optional[FocalCorrection]:
        """Return the correction of depth; None if the scale of the input is unknown."""
        width, height = self.training_camera.image_size
        camera = Camera.from_focal(self.training_camera.focal_length, (width, height))
        blank = Picture('blank', np.zeros((height, width, 3), np.uint8), camera)
        stride = feature_stride(self.pipeline.transforms)
        zoom = input_zoom(self.sample(blank)['data_samples'].metainfo, stride)
        if zoom is None:
            self._warn('zoom', f'{self.title}: depth is not corrected for the focal length, since '
                       'test_pipeline has trans_mat of an unknown stride; use CropScaleAffine')
            return None
        return FocalCorrection(self.training_camera.focal_length * zoom, stride)

    def _warn_of_hidden_pixels(self, picture: Picture) -> None:
        """Warn, once per size, if the input hides more than 5 % of a picture."""
        height, width = picture.image.shape[:2]
        crop = self._crop()
        if picture.virtual is not None:
            share, input_size = picture.virtual.hidden_share, picture.virtual.input_size
            reason = ("they are outside the view of the training's camera; correct_focal=False "
                      '(--no-focal-correction) shows them, without correct depths')
        elif crop is not None:
            share, input_size = crop.hidden_share(width, height), crop.input_size
            reason = (f"CropScaleAffine has fit='{crop.fit}'; train with input_fit='contain' or "
                      'another input_size for such images')
        else:
            return
        if share > MAX_HIDDEN:
            self._warn(f'{width}x{height}', f'{picture.name}: inputs of '
                       f'{"x".join(map(str, input_size))} do not show {100 * share:.0f} % of the '
                       f'pixels of images of {width}x{height}, and objects there are not found, '
                       f'since {reason}')

    def _warn(self, key: str, message: str) -> None:
        """Log a warning once."""
        if key not in self._warned:
            self._warned.add(key)
            print_log(message, 'current', level=logging.WARNING)


def torch_device(name: str) -> torch.device:
    """Return a device by name, ``'auto'`` for a GPU if there is one.

    Raises:
        InputError: there is no such device.

    Example:
        >>> torch_device('cpu')
        device(type='cpu')
    """
    try:
        device = torch.device(get_device() if name == AUTO else name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or ['unknown device'])[0][:120]
        raise InputError(f'device {name!r}: cannot be used ({reason}); use "cpu" or '
                         '"auto"') from None
    return device


def memory_pipeline(transforms: Sequence[dict]) -> Compose:
    """Build a test pipeline without the transforms that read files.

    Args:
        transforms: configs of the test pipeline of a dataset.

    Raises:
        InputError: the pipeline does not begin with the loading of an image.
    """
    kept, loads = [], False
    for settings in transforms:
        kind = TRANSFORMS.get(settings['type'])
        is_image = isinstance(kind, type) and issubclass(kind, LoadImageFromFileMono3D)
        loads |= is_image or settings['type'] == 'LoadClip'
        if not is_image and settings['type'].rpartition('.')[2] not in LOADERS:
            kept.append(settings)
    if not loads:
        raise InputError('test_pipeline: has no LoadImageMono3D, LoadImageFromFileMono3D or '
                         'LoadClip; a Predictor replaces it by images in memory')
    return Compose(kept)
