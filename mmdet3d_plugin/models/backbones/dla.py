"""A slim DLA, and initialisation of mmdet3d's DLANet from ImageNet weights."""
import re
from typing import Sequence

from mmdet3d.models.backbones.dla import BasicBlock, DLANet
from mmdet3d.registry import MODELS
from mmengine.registry import WEIGHT_INITIALIZERS

from .imagenet_init import ImageNetInit


@MODELS.register_module()
class SlimDLANet(DLANet):
    """DLA for CPUs and small inputs: half the resolution of DLA-34 and one level less.

    The stem has stride 2. Levels 1 to 4 (32 to 256 channels) therefore have strides 4 to 32, as
    levels 2 to 5 of DLA-34. A training step costs about a third of one with DLA-34.

    Args:
        depth: 34, the only one.
        out_indices: levels whose maps are returned.
        **kwargs: arguments of mmdet3d's ``DLANet``.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> backbone = MODELS.build(dict(type='SlimDLANet', norm_cfg=dict(type='BN')))
        >>> [tuple(level.shape) for level in backbone(torch.rand(1, 3, 64, 96))]
        [(1, 32, 16, 24), (1, 64, 8, 12), (1, 128, 4, 6), (1, 256, 2, 3)]
    """
    arch_settings = {34: (BasicBlock, (1, 2, 1, 2, 1), (16, 32, 64, 128, 256))}

    def __init__(self, depth: int = 34, out_indices: Sequence[int] = (1, 2, 3, 4),
                 **kwargs) -> None:
        super().__init__(depth, out_indices=out_indices, **kwargs)
        self.base_layer[0].stride = (2, 2)


def rename_dla_key(key: str) -> str:
    """Return the name in mmdet3d's DLANet of an entry of the public DLA weights.

    Example:
        >>> rename_dla_key('level2.tree1.bn1.weight')
        'level2.tree1.norm1.weight'
    """
    key = re.sub(r'(tree[12])\.bn([12])\.', r'\1.norm\2.', key)
    return key.replace('root.bn.', 'root.norm.')


@WEIGHT_INITIALIZERS.register_module()
class DLAImageNetInit(ImageNetInit):
    """Initialisation of a DLANet from the public ImageNet weights.

    The public file names batch norms ``bn``, DLANet names them ``norm``. Loaded without
    renaming, 30 of the 39 batch norms would silently stay random.
    """

    def own_key(self, key: str) -> str:
        """See :meth:`ImageNetInit.own_key`."""
        return rename_dla_key(key)
