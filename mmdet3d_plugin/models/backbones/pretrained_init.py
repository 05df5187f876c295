"""Initialisation from the weights of another training, with a check of what fits."""
import re

import torch.nn as nn
from mmengine.logging import print_log
from mmengine.model.weight_init import PretrainedInit, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import _load_checkpoint, load_state_dict

from ...errors import InputError
from ..fitting_weights import misfits


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class CheckedPretrainedInit(PretrainedInit):
    """mmengine's ``Pretrained``, which refuses weights that do not fit.

    mmengine logs them and continues with random ones. Entries that only one side has are
    logged here too, since weights of classifiers have a last layer that no backbone has.

    The arguments are mmengine's.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a module.

        Raises:
            InputError: the checkpoint has no entry of the module, or one of another shape or type
                of numbers.
        """
        print_log(f'load {self.prefix or "model"} from: {self.checkpoint}', 'current')
        content = _load_checkpoint(self.checkpoint, map_location=self.map_location)
        start = '' if self.prefix is None else f'{self.prefix.rstrip(".")}.'
        # Entries of a model that was wrapped for several GPUs start with "module.".
        weights = {re.sub(r'^module\.', '', key): value
                   for key, value in content.get('state_dict', content).items()}
        weights = {key[len(start):]: value for key, value in weights.items()
                   if key.startswith(start)}
        own = module.state_dict()
        odd = misfits(weights, own)
        if odd or not weights.keys() & own.keys():
            reason = odd[0] if odd else f'no entry of the module under {start or "its name"!r}'
            raise InputError(f'{self.checkpoint}: not the weights of this '
                             f'{type(module).__name__} ({reason}); name other weights in '
                             'init_cfg.checkpoint, or set init_cfg=None')
        load_state_dict(module, weights, strict=False, logger='current')
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())
