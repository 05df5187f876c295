"""A slim DLA, and ImageNet weights for mmdet3d's DLANet."""
import re
from collections import OrderedDict
from typing import Sequence

import torch.nn as nn
from mmdet3d.models.backbones.dla import BasicBlock, DLANet
from mmdet3d.registry import MODELS
from mmengine.logging import print_log
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import _load_checkpoint, load_state_dict

from ...errors import InputError


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
class DLAImageNetInit:
    """Initialises a DLANet from the public ImageNet weights.

    The public file calls batch norms ``bn`` where DLANet says ``norm``; loaded
    as it is, 30 of 39 of them would silently stay random. Keys that DLANet does
    not have (the classifier, unused projections) are left out.

    Args:
        checkpoint: URL or path of the weights.

    Raises:
        InputError: the weights can't be fetched, or don't cover the backbone.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        try:
            source = _load_checkpoint(self.checkpoint, map_location='cpu')
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f'{self.checkpoint}: cannot load the ImageNet weights ({reason}); download '
                'the file and pass --cfg-options model.backbone.init_cfg.checkpoint=PATH, '
                'or train from scratch with --cfg-options model.backbone.init_cfg=None'
            ) from error
        source = source.get('state_dict', source)
        renamed = OrderedDict((rename_dla_key(key), value) for key, value in source.items())
        own = module.state_dict()
        missing = [key for key in own
                   if key not in renamed and not key.endswith('num_batches_tracked')]
        if missing:
            raise InputError(f'{self.checkpoint}: not the weights of this backbone '
                             f'({len(missing)} entries missing, first {missing[0]})')
        load_state_dict(module, OrderedDict((key, renamed[key]) for key in own if key in renamed))
        print_log(f'backbone initialised from {self.checkpoint}', 'current')
