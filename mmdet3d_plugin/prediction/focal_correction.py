"""Correction of depth for a camera whose focal length differs from the training's.

A network sees an object's size on its input. The same size means twice the distance for a camera
of twice the focal length, but the network has learned distances for one camera alone. So depth is
scaled by a ratio of focal lengths, as if a virtual camera of the training's focal length had taken
the picture (the virtual camera of Omni3D, Brazil et al., CVPR 2023). Which ratio is right depends
on what the predicted depth follows already (``models/model_contract.py``):

- ``'input'``: the network alone estimates depth, from its input. With focal length f (original
  pixels) and zoom s (input pixels per original pixel), depth is scaled by ``f s / (f_t s_t)``,
  where f_t and s_t are those of the training. Locations move along their viewing rays. Sizes and
  observation angles stay.
- ``'zoom'``: the head multiplies the depth that it estimates from appearance by s. The model gets
  the picture of a virtual camera instead (``prediction/virtual_camera.py``), and there is nothing
  to scale.
- ``'camera'``: depth is computed from the focal length of the sample (GUPNet, BTS with its
  ``reference_focal``). There is nothing to correct.
"""
from dataclasses import dataclass
from typing import Any, Optional, Sequence, Tuple

import numpy as np
import torch
from mmdet3d.datasets.transforms import AffineResize
from mmdet3d.structures import Det3DDataSample

from ..engine.training_camera import focal_length
from ..errors import InputError


@dataclass(frozen=True)
class TrainingCamera:
    """Camera that a model was trained with.

    Attributes:
        focal_length: pixels of the original training images.
        image_size: (width, height) of these images, pixels.
        principal_point: (u, v) in these images, pixels.
    """
    focal_length: float
    image_size: Tuple[int, int]
    principal_point: Tuple[float, float]

    @classmethod
    def from_config(cls, entry: dict, title: str) -> 'TrainingCamera':
        """Build from a config's ``training_camera``.

        The principal point is optional. Its default is the centre of the image.

        Raises:
            InputError: a value is missing or not positive.

        Example:
            >>> camera = dict(focal_length=700., image_size=(640, 192), principal_point=(320, 80))
            >>> TrainingCamera.from_config(camera, 'a.pth').principal_point
            (320.0, 80.0)
        """
        try:
            focal = float(entry['focal_length'])
            width, height = (int(length) for length in entry['image_size'])
            point = entry.get('principal_point') or (width / 2, height / 2)
            u, v = (float(position) for position in point)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            focal = width = height = u = v = 0
        if not (0 < focal < 1e6 and 0 < width < 1e5 and 0 < height < 1e5
                and abs(u) < 1e6 and abs(v) < 1e6):
            raise InputError(f'{title}: training_camera={dict(entry)!r} is no camera; write '
                             'dict(focal_length=PIXELS, image_size=(WIDTH, HEIGHT))')
        return cls(focal, (width, height), (u, v))


def feature_stride(transforms: Sequence[Any]) -> Optional[float]:
    """Return the input pixels per pixel of the ``trans_mat`` of mmdet3d's AffineResize.

    Args:
        transforms: transforms of a pipeline.

    Returns:
        The stride; None without exactly one AffineResize of one stride.

    Example:
        >>> feature_stride([AffineResize((1280, 384), down_ratio=4)])
        4.0
    """
    found = [item for item in transforms if isinstance(item, AffineResize)]
    if len(found) != 1 or not isinstance(found[0].down_ratio, int):
        return None
    width = found[0].img_scale[0]
    return width / (width // found[0].down_ratio)


def input_zoom(meta: dict, stride: Optional[float] = None) -> Optional[float]:
    """Return the input pixels per original pixel of a sample.

    Args:
        meta: meta information with ``affine`` (this project's transforms), ``trans_mat``
            (mmdet3d's AffineResize, original to feature pixels) or ``scale_factor`` (mmdet's
            Resize). Without them the zoom is 1.
        stride: input pixels per feature pixel; None if unknown.

    Returns:
        The zoom; None if there is only a ``trans_mat`` and its stride is unknown.

    Example:
        >>> input_zoom(dict(affine=np.diag([.5, .5, 1.]))), input_zoom(dict(scale_factor=(2., 2.)))
        (0.5, 2.0)
        >>> round(input_zoom(dict(trans_mat=np.diag([.125, .125, 1.])), stride=4.), 6)
        0.5
    """
    if 'affine' in meta:
        return _scale_of(meta['affine'])
    if 'trans_mat' in meta:
        return None if stride is None else _scale_of(meta['trans_mat']) * stride
    scale = meta.get('scale_factor', 1.)
    return float(np.sqrt(np.prod(np.broadcast_to(np.asarray(scale, float).ravel()[:2], 2))))


def _scale_of(affine: Any) -> float:
    return float(np.sqrt(abs(np.linalg.det(np.asarray(affine)[:2, :2]))))


class FocalCorrection:
    """Correction of depth that a model estimates from its input alone.

    Args:
        input_focal: focal length of the training in input pixels.
        stride: see :func:`input_zoom`.

    Example:
        A model whose depth is for a focal length of 700 input pixels, on a camera of 350:

        >>> from mmdet3d.structures import CameraInstance3DBoxes
        >>> from mmengine.structures import InstanceData
        >>> camera = np.array([[350., 0., 100., 0.], [0., 350., 50., 0.], [0., 0., 1., 0.],
        ...                    [0., 0., 0., 1.]])
        >>> sample = Det3DDataSample(metainfo=dict(cam2img=camera, affine=np.eye(3)))
        >>> sample.pred_instances_3d = InstanceData(
        ...     bboxes_3d=CameraInstance3DBoxes([[4., 2.75, 20., 4., 1.5, 1.6, 0.]]))
        >>> FocalCorrection(input_focal=700.).apply(sample)
        0.5
        >>> sample.pred_instances_3d.bboxes_3d.tensor[0, :3].tolist()  # y of the centre is 2
        [2.0, 1.75, 10.0]
    """

    def __init__(self, input_focal: float, stride: Optional[float] = None) -> None:
        self.input_focal = input_focal
        self.stride = stride

    def apply(self, sample: Det3DDataSample) -> float:
        """Scale the predicted depths of a sample, in place.

        Returns:
            The ratio: focal length of the sample relative to the training's, in input pixels.
        """
        zoom = input_zoom(sample.metainfo, self.stride)
        assert zoom is not None  # of a pipeline whose training camera is known
        focal = focal_length(sample.cam2img) * zoom
        ratio = focal / self.input_focal
        _scale_depth(sample, ratio)
        return ratio


def _scale_depth(sample: Det3DDataSample, ratio: float) -> None:
    """Move the boxes of a sample along their viewing rays and scale its depth map, in place."""
    if 'pred_depth_map' in sample:
        sample.pred_depth_map.data = sample.pred_depth_map.data * ratio
    if 'pred_instances_3d' not in sample:
        return
    boxes = sample.pred_instances_3d.bboxes_3d
    tensor = boxes.tensor.clone()
    camera = np.asarray(sample.cam2img, dtype=np.float64)[:3]
    origin = -np.linalg.solve(camera[:, :3], camera[:, 3])  # optical centre, camera frame
    origin = torch.as_tensor(origin, dtype=tensor.dtype, device=tensor.device)
    half_heights = tensor[:, 4] / 2  # y points down, and the location is the bottom centre
    tensor[:, 1] -= half_heights
    tensor[:, :3] = origin + ratio * (tensor[:, :3] - origin)
    tensor[:, 1] += half_heights
    sample.pred_instances_3d.bboxes_3d = boxes.new_box(tensor)
