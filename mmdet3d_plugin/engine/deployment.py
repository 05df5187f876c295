"""Weights and config for prediction, without auxiliaries and data sets."""
import copy
from typing import Dict, Optional, Sequence

import torch
from mmengine.config import Config

from ..errors import InputError
from .hooks.model_state_hook import ModelStateHook

AUXILIARY, DETECTOR = 'auxiliary.', 'detector.'


def deploy_weights(weights: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Return the weights of prediction, under the names of the plain detector.

    Args:
        weights: ``state_dict`` of a checkpoint.

    Example:
        >>> list(deploy_weights({'detector.neck.bias': 0, 'auxiliary.0.bias': 0}))
        ['neck.bias']
    """
    kept = {key: value for key, value in weights.items() if not key.startswith(AUXILIARY)}
    if kept and all(key.startswith(DETECTOR) for key in kept):
        kept = {key[len(DETECTOR):]: value for key, value in kept.items()}
    return kept


def deploy_config(cfg: Config, class_names: Optional[Sequence[str]] = None) -> Config:
    """Return the config of prediction: model, test pipeline, classes and camera.

    It names no files of data sets and no auxiliaries, so it fits :func:`deploy_weights`. A config
    that was deployed before stays equal.

    Args:
        cfg: config of a training, or a deployed config; not changed.
        class_names: classes in label order, for a config that does not name them.

    Returns:
        A config with ``model``, ``test_pipeline``, ``class_names`` and, where known,
        ``training_camera`` and the hooks that hold a state of the model.

    Raises:
        InputError: the config has no model or no test pipeline.

    Example:
        >>> cfg = Config(dict(
        ...     model=dict(type='AuxiliarySupervision', detector=dict(type='FCOSMono3D')),
        ...     test_dataloader=dict(dataset=dict(
        ...         data_root='/data/kitti', metainfo=dict(classes=['Car']),
        ...         pipeline=[dict(type='LoadImageMono3D')]))))
        >>> sorted(deploy_config(cfg))
        ['class_names', 'custom_hooks', 'default_scope', 'model', 'test_pipeline']
        >>> deploy_config(cfg).model
        {'type': 'FCOSMono3D'}
    """
    if not isinstance(cfg.get('model'), dict) or 'type' not in cfg.model:
        raise InputError(f'{cfg.filename or "config"}: has no model; name the config of a '
                         'detector or of a depth estimator')
    model = copy.deepcopy(cfg.model)
    if model.type == 'AuxiliarySupervision':
        model = model.detector
    model.pop('auxiliary', None)
    dataset = innermost_dataset(cfg)
    pipeline = dataset.get('pipeline') or cfg.get('test_pipeline')
    if not pipeline:
        raise InputError(f'{cfg.filename or "config"}: has no test_dataloader with a pipeline, '
                         'which prepares images for the model; add it')
    classes = (model.get('coder', {}).get('class_names') or cfg.get('class_names')
               or (dataset.get('metainfo') or {}).get('classes') or class_names or [])
    state_hooks = {hook.__name__ for hook in ModelStateHook.__subclasses__()}
    entries = dict(
        default_scope=cfg.get('default_scope') or 'mmdet3d', model=model,
        test_pipeline=copy.deepcopy(list(pipeline)), class_names=list(classes),
        custom_hooks=[hook for hook in copy.deepcopy(cfg.get('custom_hooks') or [])
                      if hook['type'] in state_hooks])
    if cfg.get('training_camera'):
        entries['training_camera'] = copy.deepcopy(cfg.training_camera)
    return Config(entries)


def innermost_dataset(cfg: Config) -> dict:
    """Return the settings of the test dataset without its wrappers; empty if there is none.

    Example:
        >>> innermost_dataset(Config(dict(test_dataloader=dict(dataset=dict(
        ...     type='RepeatDataset', dataset=dict(type='KittiMonoDataset'))))))
        {'type': 'KittiMonoDataset'}
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while dataset.get('dataset'):
        dataset = dataset['dataset']
    return dataset
