"""Conversion of checkpoints from a method's official code to detectors of this project."""
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import torch

from ..errors import InputError
from .backbones.dla import rename_dla_key
from .detectors.center_mono3d import CenterMono3D

DENSE_HEADS = dict(heatmap='dense_head.heatmap', offset_2d='dense_head.offset_2d',
                   size_2d='dense_head.size_2d')
OBJECT_HEADS = dict(offset_3d='object_head.offset_3d', size_3d='object_head.size_3d',
                    heading='object_head.heading')


@dataclass
class OfficialNames:
    """Names in the official code of a method.

    Attributes:
        title: the method's name in messages.
        parts: prefix of an entry here, by its prefix in the official code. Prefixes that are
            not listed belong to parts that the official forward pass never uses.
    """
    title: str
    parts: Dict[str, str]


def official_names(title: str, neck: str, **depth_branches: str) -> OfficialNames:
    """Return the names of a method.

    Args:
        title: the method's name.
        neck: official name of the neck.
        depth_branches: branch of the depth head here, by its official name.
    """
    parts = {'backbone': 'backbone', neck: 'neck', **DENSE_HEADS, **OBJECT_HEADS}
    for theirs, ours in depth_branches.items():
        parts[theirs] = f'object_head.depth_head.{ours}'
    return OfficialNames(title, parts)


METHODS = dict(
    monodle=official_names('MonoDLE', 'neck', depth='depth'),
    gupnet=official_names('GUPNet', 'feat_up', depth='correction'),
    didm3d=official_names(
        'DID-M3D', 'feat_up', vis_depth='visual', vis_depth_uncer='visual_uncertainty',
        att_depth='attribute', att_depth_uncer='attribute_uncertainty'),
    monolss=official_names('MonoLSS', 'feat_up', vis_depth='depth',
                           vis_depth_uncer='uncertainty', attention='logit'))


@dataclass
class ImportedWeights:
    """Converted weights, with the entries that only one side has.

    Attributes:
        state_dict: every entry of the model.
        unused: entries of the source that the model does not have.
        missing: entries of the model that the source does not have. They keep the model's
            values. Only batch counters of batch norms (``num_batches_tracked``) may be missing.
    """
    state_dict: Dict[str, torch.Tensor]
    unused: List[str]
    missing: List[str]


def tensor_entries(content: Any) -> Dict[str, torch.Tensor]:
    """Return the tensors of an official ``model_state`` by name.

    The prefix ``module.`` of training on several GPUs is removed.

    Args:
        content: object read from a checkpoint.

    Returns:
        Tensors by name; empty if ``content`` is not a dict.

    Example:
        >>> import torch
        >>> list(tensor_entries({'module.conv.weight': torch.zeros(1), 'epoch': 600}))
        ['conv.weight']
    """
    if not isinstance(content, dict):
        return {}
    return {re.sub(r'^module\.', '', key): value for key, value in content.items()
            if isinstance(value, torch.Tensor)}


def rename_official_key(key: str, method: str) -> Optional[str]:
    """Return the name in CenterMono3D of an entry of a method's official code.

    Args:
        key: name in the official state dict.
        method: key of ``METHODS``.

    Returns:
        The name, or None if the official forward pass never uses the entry.

    Example:
        >>> rename_official_key('vis_depth.2.weight', 'monolss')
        'object_head.depth_head.depth.2.weight'
        >>> rename_official_key('mean_size', 'monolss') is None
        True
    """
    part, _, rest = key.partition('.')
    if part == 'backbone':
        return None if rest.startswith('fc.') else rename_dla_key(key)
    prefix = METHODS[method].parts.get(part)
    return prefix and f'{prefix}.{rest}'


def import_official(source: Dict[str, torch.Tensor], method: str,
                    model: CenterMono3D) -> ImportedWeights:
    """Convert weights of a method's official code to the state dict of ``model``.

    Args:
        source: result of :func:`tensor_entries`.
        method: key of ``METHODS``.
        model: detector built from the config that the weights belong to.

    Raises:
        InputError: the weights belong to another model. The message names the difference.
    """
    title = METHODS[method].title
    if 'heatmap.2.weight' not in source:
        raise InputError(f'not the weights of {title}: no entry heatmap.2.weight')
    num_classes = len(source['heatmap.2.weight'])
    if num_classes != model.dense_head.num_classes:
        raise InputError(f'the weights have {num_classes} classes, the config '
                         f'{model.dense_head.num_classes}; pass a config with the same classes')
    names = {key: rename_official_key(key, method) for key in source}
    renamed = {name: key for key, name in names.items() if name is not None}
    state_dict, missing = fit_entries(
        {name: source[key] for name, key in renamed.items()}, renamed, model, title)
    unused = [key for key, name in names.items() if name not in state_dict]
    return ImportedWeights(state_dict, unused, missing)


def fit_entries(entries: Dict[str, torch.Tensor], official_keys: Dict[str, str],
                model: CenterMono3D, title: str) -> Tuple[Dict[str, torch.Tensor], List[str]]:
    """Return a state dict of ``model`` with the given entries, and the missing names.

    Args:
        entries: tensors by their name in ``model``. Other names are ignored.
        official_keys: name in the official code of each entry, for messages.
        model: detector built from the config that the weights belong to.
        title: the method's name in messages.

    Raises:
        InputError: an entry has another shape than in ``model``, or is missing.
    """
    own = model.state_dict()
    missing = [key for key in own if key not in entries]
    for key, value in own.items():
        if key in entries and entries[key].shape != value.shape:
            raise InputError(f'{official_keys[key]} has shape {tuple(entries[key].shape)}, but '
                             f'{key} of the config has shape {tuple(value.shape)}')
    needed = [key for key in missing if not key.endswith('num_batches_tracked')]
    if needed:
        raise InputError(f'incomplete weights of {title}: {len(needed)} of {len(own)} entries are '
                         f'missing, first {needed[0]}')
    return {key: entries.get(key, value) for key, value in own.items()}, missing
