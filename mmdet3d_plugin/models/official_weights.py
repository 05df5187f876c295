"""Published checkpoints of the authors' own code, as weights of our detectors."""
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

import torch

from ..errors import InputError
from .backbones.dla import rename_dla_key
from .detectors.center_mono3d import CenterMono3D

MONOLSS_HEADS = dict(
    heatmap='dense_head.heatmap', offset_2d='dense_head.offset_2d',
    size_2d='dense_head.size_2d', offset_3d='object_head.offset_3d',
    size_3d='object_head.size_3d', heading='object_head.heading',
    vis_depth='object_head.depth_head.depth',
    vis_depth_uncer='object_head.depth_head.uncertainty',
    attention='object_head.depth_head.logit')


@dataclass
class ImportedWeights:
    """Weights under our names, and what did not fit.

    Attributes:
        state_dict: every entry of the model.
        unused: entries of the source that the model doesn't have.
        missing: entries of the model that the source lacks; they keep the model's
            values. Only counters of batch norms may be missing.
    """
    state_dict: Dict[str, torch.Tensor]
    unused: List[str]
    missing: List[str]


def tensor_entries(content: Any) -> Dict[str, torch.Tensor]:
    """The tensors of the authors' ``model_state``, without the prefix of a model
    that was trained on several GPUs; empty for anything else."""
    if not isinstance(content, dict):
        return {}
    return {re.sub(r'^module\.', '', key): value for key, value in content.items()
            if isinstance(value, torch.Tensor)}


def rename_monolss_key(key: str) -> Optional[str]:
    """Key of the authors' MonoLSS -> key of CenterMono3D; None for what their
    forward pass never uses."""
    part, _, rest = key.partition('.')
    if part == 'backbone' and not rest.startswith('fc.'):
        return rename_dla_key(key)
    if part == 'feat_up':
        return f'neck.{rest}'
    return f'{MONOLSS_HEADS[part]}.{rest}' if part in MONOLSS_HEADS else None


def import_monolss(source: Dict[str, torch.Tensor], model: CenterMono3D) -> ImportedWeights:
    """Weights of the authors' MonoLSS as those of ``model``.

    Args:
        source: of :func:`tensor_entries`.
        model: of the config that the weights are for.

    Raises:
        InputError: the weights are of another model; the message says what differs.
    """
    if 'heatmap.2.weight' not in source:
        raise InputError('not the weights of MonoLSS: no entry heatmap.2.weight')
    num_classes = len(source['heatmap.2.weight'])
    if num_classes != model.dense_head.num_classes:
        raise InputError(f'the weights tell {num_classes} classes apart, the config '
                         f'{model.dense_head.num_classes}; pass a config with their classes')
    own = model.state_dict()
    renamed = {rename_monolss_key(key): key for key in source}
    state_dict, missing = {}, []
    for key, value in own.items():
        if key not in renamed:
            missing.append(key)
            state_dict[key] = value
            continue
        state_dict[key] = source[renamed[key]]
        if state_dict[key].shape != value.shape:
            raise InputError(f'{renamed[key]} has shape {tuple(state_dict[key].shape)}, but '
                             f'{key} of the config {tuple(value.shape)}')
    needed = [key for key in missing if not key.endswith('num_batches_tracked')]
    if needed:
        raise InputError(f'not all of MonoLSS: {len(needed)} of {len(own)} entries are missing, '
                         f'first {needed[0]}')
    unused = [key for key in source if rename_monolss_key(key) not in own]
    return ImportedWeights(state_dict, unused, missing)
