"""Interface between models and the other packages: task, dense parts, loss methods.

A model of this project has

- ``task``, a class attribute: ``'detection'`` (fills ``pred_instances_3d``), ``'depth'`` (fills
  ``pred_depth_map``) or ``'embedding'`` (fills ``pred_embedding``);
- ``dense_parts()``: the modules that run at every pixel with the same shapes in every step, by
  name, in running order. Those with a name that ends with ``backbone`` take the images. These
  modules may be compiled and stored channels-last;
- ``loss_methods()``: (object, method name) pairs of the methods that compute targets and
  losses;
- optionally ``depth_follows``: the values that predicted depth depends on besides appearance.
  :data:`FOLLOWS_INPUT`: no others; depth is correct only for the training's focal length in
  input pixels. :data:`FOLLOWS_ZOOM`: the scale from original to input pixels.
  :data:`FOLLOWS_CAMERA`: the focal length of the sample.

Hooks, commands and acceleration use the functions below and read no other attributes. The
functions also support mmdet3d's own monocular detectors (SMOKE, FCOS3D, PGD).
"""
from typing import Any, Dict, List, Tuple

import torch.nn as nn
from mmdet3d.models.detectors import Base3DDetector, SingleStageMono3DDetector
from mmdet3d.registry import MODELS
from mmengine.config import ConfigDict

from ..errors import InputError

DETECTION, DEPTH, EMBEDDING = 'detection', 'depth', 'embedding'
TASKS = (DETECTION, DEPTH, EMBEDDING)
FOLLOWS_INPUT, FOLLOWS_ZOOM, FOLLOWS_CAMERA = 'input', 'zoom', 'camera'


def task_of(model: nn.Module) -> str:
    """Return the task of a model, one of :data:`TASKS`.

    Raises:
        InputError: the model's class declares no task.
    """
    return _task_of_class(type(model))


def task_of_config(model: ConfigDict) -> str:
    """Return the task of a model config, without building the model.

    Args:
        model: the config's ``model`` entry.

    Raises:
        InputError: no class of this name is registered, or the class declares no task.
    """
    built = MODELS.get(model.type) if isinstance(model.type, str) else model.type
    if built is None:
        raise InputError(f'model.type is {model.type!r}, which is not registered; add its module '
                         'to custom_imports')
    return _task_of_class(built)


def _task_of_class(model: type) -> str:
    is_detector = issubclass(model, (Base3DDetector, SingleStageMono3DDetector))
    task = getattr(model, 'task', DETECTION if is_detector else None)
    if task not in TASKS:
        raise InputError(f"{model.__name__} declares the task {task!r}; set its class attribute "
                         f'task to one of {", ".join(TASKS)}')
    return task


def depth_follows_of(model: nn.Module) -> str:
    """Return the dependence of a model's depth on the camera, by default on the input alone."""
    return getattr(model, 'depth_follows', FOLLOWS_INPUT)


def dense_parts_of(model: nn.Module) -> Dict[str, nn.Module]:
    """Return the dense parts of a model by name, in running order."""
    if isinstance(model, SingleStageMono3DDetector):
        neck = dict(neck=model.neck) if model.with_neck else {}
        return dict(backbone=model.backbone, **neck, bbox_head=model.bbox_head)
    return model.dense_parts()


def loss_methods_of(model: nn.Module) -> List[Tuple[Any, str]]:
    """Return (object, method name) pairs of the methods that compute targets and losses."""
    if isinstance(model, SingleStageMono3DDetector):
        return [(model.bbox_head, 'loss_by_feat')]
    return model.loss_methods()
