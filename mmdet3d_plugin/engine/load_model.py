"""Models that are ready to predict."""
import copy
from pathlib import Path
from typing import Any, Optional, Union

import torch
import torch.nn as nn
from mmdet3d.registry import HOOKS, MODELS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader

from ..models.silent_initialisation import init_weights_silently
from .checkpoint_content import weights_of
from .checkpoints import check_weights
from .config_files import read_config
from .hooks.model_state_hook import ModelStateHook
from .training_state import check_hook_states


def load_model(config: Union[str, Path, Config], checkpoint: Optional[str] = None,
               device: Optional[str] = None, pretrained: bool = False) -> nn.Module:
    """Build the model of a config, load a checkpoint into it, and set it to evaluation mode.

    The config is not changed. By default, pre-trained weights that it names are not loaded,
    since only the start of a training needs them.

    Args:
        config: a config or its file.
        checkpoint: file or URL of a checkpoint of this model, read without executing code;
            by default weights are random.
        device: such as ``'cpu'`` or ``'cuda:0'``; by default a GPU if there is one.
        pretrained: without a checkpoint, load the pre-trained weights that the config names, as
            the start of a training does.

    Returns:
        The model. ``model.cfg`` is the config, and ``model.test_step(data)`` predicts for a
        batch of a dataloader.

    Raises:
        InputError: the config is missing, or the checkpoint is unreadable or of another model.

    Example:
        >>> from mmdet3d_plugin import load_model
        >>> model = load_model('configs/monolss/monolss_dla34_synthetic.py', device='cpu')
        >>> model.task, model.training
        ('detection', False)
    """
    cfg = copy.deepcopy(config) if isinstance(config, Config) else read_config(str(config))
    init_default_scope(cfg.get('default_scope', 'mmdet3d'))
    if checkpoint is not None or not pretrained:
        drop_pretrained(cfg.model)
    model = MODELS.build(cfg.model)
    if checkpoint is None:
        init_weights_silently(model)
    else:
        content = CheckpointLoader.load_checkpoint(str(checkpoint), map_location='cpu')
        fill_model(model, cfg, content, str(checkpoint))
    model.cfg = cfg
    return model.to(torch.device(device or get_device())).eval()


def fill_model(model: nn.Module, cfg: Config, checkpoint: dict, title: str) -> None:
    """Load the weights of a checkpoint into a model, and the state that hooks keep in it.

    Args:
        model: the model of ``cfg``.
        cfg: config, with ``custom_hooks``.
        checkpoint: content of the file.
        title: name of the file, for messages.

    Raises:
        InputError: the checkpoint is of another model, or the state of a hook is odd.
    """
    weights = weights_of(checkpoint, title)
    check_weights(title, weights, model)
    model.load_state_dict(weights)
    for settings in cfg.get('custom_hooks', []):
        hook = HOOKS.get(settings.type)
        if issubclass(hook, ModelStateHook):
            check_hook_states([hook], checkpoint, title)
            hook.restore_model(model, checkpoint)


def drop_pretrained(entries: Any) -> None:
    """Remove every ``init_cfg`` that names a checkpoint from the config of a model, in place.

    Args:
        entries: the config, or a part of it.

    Example:
        >>> backbone = dict(init_cfg=dict(type='Pretrained', checkpoint='a.pth'))
        >>> drop_pretrained(backbone)
        >>> backbone
        {'init_cfg': None}
    """
    if isinstance(entries, (list, tuple)):
        for item in entries:
            drop_pretrained(item)
    elif isinstance(entries, dict):
        given = entries.get('init_cfg')
        if isinstance(given, dict) and 'checkpoint' in given:
            entries['init_cfg'] = None
        elif isinstance(given, (list, tuple)):
            entries['init_cfg'] = [rule for rule in given if 'checkpoint' not in rule] or None
        for value in entries.values():
            drop_pretrained(value)
