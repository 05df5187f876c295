"""Conversion of checkpoints from MonoCon's official code to detectors of this project."""
import re
from typing import Dict, List, Optional, Sequence

import torch

from ..errors import InputError
from .backbones.dla import rename_dla_key
from .detectors.center_mono3d import CenterMono3D
from .official_weights import ImportedWeights, fit_entries

# Prefix of an entry here, by its prefix in the official code.
PARTS = {
    'neck': 'neck',
    'bbox_head.heatmap_head': 'dense_head.heatmap',
    'bbox_head.wh_head': 'dense_head.size_2d',
    'bbox_head.offset_head': 'dense_head.offset_2d',
    'bbox_head.dim_head': 'object_head.size_3d',
    'bbox_head.depth_head': 'object_head.depth_head.depth',
    'bbox_head.center2kpt_offset_head': 'object_head.offset_3d',
    'bbox_head.dir_feat': 'object_head.heading',
    'bbox_head.dir_cls': 'object_head.heading',
    'bbox_head.dir_reg': 'object_head.heading',
    'bbox_head.kpt_heatmap_head': 'auxiliary.0.heatmap',
    'bbox_head.kpt_heatmap_offset_head': 'auxiliary.0.offset',
}
# Names inside the branches: output layers of the heading, and attentive normalisation.
LAYERS = [
    (r'\.dir_(cls|reg)\.0\.', r'.dir_\1.3.'),
    (r'(_head|_feat)\.1\.(running_mean|running_var|num_batches_tracked)$',
     r'\1.1.normalise.\2'),
    (r'\.1\.weight_$', '.1.scales'),
    (r'\.1\.bias_$', '.1.shifts'),
    (r'\.1\.attn_weights\.attention\.', '.1.attention.'),
]
HEATMAP_OUTPUT = 'dense_head.heatmap.3'
SIZE_OUTPUT = 'object_head.size_3d.3'
# Classes of the official three-class model, in label order. A one-class model detects cars.
OFFICIAL_CLASSES = ['Pedestrian', 'Cyclist', 'Car']
# The official size is (length, height, width). Here it is (height, width, length).
SIZE_ORDER = [1, 2, 0]


def rename_monocon_key(key: str) -> Optional[str]:
    """Return the name in CenterMono3D of an entry of MonoCon's official code.

    Entries that the official model does not have give None. The two heading outputs of the
    official code, bins and residuals, are one output here.

    Args:
        key: name in the official state dict.

    Example:
        >>> rename_monocon_key('bbox_head.dim_head.1.weight_')
        'object_head.size_3d.1.scales'
        >>> rename_monocon_key('bbox_head.dir_reg.0.weight')
        'object_head.heading.3.weight'
    """
    if key.startswith('backbone.'):
        return rename_dla_key(key)
    if key.startswith('neck.'):
        return re.sub(r'\.bn1\.', '.bn.', key)
    prefix = '.'.join(key.split('.')[:2])
    if prefix not in PARTS:
        return None
    for pattern, name in LAYERS:
        key = re.sub(pattern, name, key)
    return PARTS[prefix] + key[len(prefix):]


def import_monocon(source: Dict[str, torch.Tensor], model: CenterMono3D) -> ImportedWeights:
    """Convert weights of MonoCon's official code to the state dict of ``model``.

    Classes and sizes are put in the order of ``model``, and the two heading outputs are joined.

    Args:
        source: result of :func:`tensor_entries` of a checkpoint's ``state_dict``.
        model: detector built from the config that the weights belong to.

    Raises:
        InputError: the weights belong to another model. The message names the difference.
    """
    output = 'bbox_head.heatmap_head.3.weight'
    if output not in source:
        raise InputError(f'not the weights of MonoCon: no entry {output}')
    class_order = _class_order(len(source[output]), model.coder.class_names)
    keys: Dict[str, List[str]] = {}
    for key in sorted(source):  # dir_cls before dir_reg
        name = rename_monocon_key(key)
        if name:
            keys.setdefault(name, []).append(key)
    entries = {name: torch.cat([source[key] for key in parts]) if len(parts) > 1
               else source[parts[0]] for name, parts in keys.items()}
    for prefix, order in ((HEATMAP_OUTPUT, class_order), (SIZE_OUTPUT, SIZE_ORDER)):
        for name in (f'{prefix}.weight', f'{prefix}.bias'):
            if len(entries.get(name, ())) == len(order):
                entries[name] = entries[name][order]
    official = {name: ' and '.join(parts) for name, parts in keys.items()}
    state_dict, missing = fit_entries(entries, official, model, 'MonoCon')
    unused = [key for key in source if rename_monocon_key(key) not in state_dict]
    return ImportedWeights(state_dict, unused, missing)


def _class_order(num_classes: int, class_names: Sequence[str]) -> List[int]:
    """Return the official label of each class of the model.

    Raises:
        InputError: the weights have other classes than the model.
    """
    official = OFFICIAL_CLASSES if num_classes == len(OFFICIAL_CLASSES) else ['Car']
    if num_classes != len(official) or sorted(class_names) != sorted(official):
        raise InputError(f'the weights have {num_classes} classes, the config has '
                         f'{list(class_names)}; pass a config with the same classes')
    return [official.index(name) for name in class_names]
