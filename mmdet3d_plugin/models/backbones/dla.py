"""A slim DLA, and ImageNet weights for mmdet3d's DLANet."""
import re
from typing import Sequence

from mmdet3d.models.backbones.dla import BasicBlock, DLANet
from mmdet3d.registry import MODELS
from mmengine.registry import WEIGHT_INITIALIZERS

from .imagenet_init import ImageNetInit


@MODELS.register_module()
class SlimDLANet(DLANet):
    """A DLA for CPUs and small inputs: half the resolution, one level less.

    Its stem has stride 2, so that levels 1 to 4, of 32 to 256 channels, have the
    strides 4 to 32 that levels 2 to 5 of DLA-34 have. A training step costs about
    a third of DLA-34's.
    """
    arch_settings = {34: (BasicBlock, (1, 2, 1, 2, 1), (16, 32, 64, 128, 256))}

    def __init__(self, depth: int = 34, out_indices: Sequence[int] = (1, 2, 3, 4),
                 **kwargs) -> None:
        super().__init__(depth, out_indices=out_indices, **kwargs)
        self.base_layer[0].stride = (2, 2)


def rename_dla_key(key: str) -> str:
    """Key of the public DLA weights -> key of mmdet3d's DLANet."""
    key = re.sub(r'(tree[12])\.bn([12])\.', r'\1.norm\2.', key)
    return key.replace('root.bn.', 'root.norm.')


@WEIGHT_INITIALIZERS.register_module()
class DLAImageNetInit(ImageNetInit):
    """Initialises a DLANet from the public ImageNet weights.

    The public file calls batch norms ``bn`` where DLANet says ``norm``; loaded
    as it is, 30 of 39 of them would silently stay random.
    """

    def own_key(self, key: str) -> str:
        return rename_dla_key(key)
