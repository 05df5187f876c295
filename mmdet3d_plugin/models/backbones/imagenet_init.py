"""Initialisation of backbones from ImageNet weights, by URL or path."""
from collections import OrderedDict

import torch
import torch.nn as nn
from mmengine.logging import print_log
from mmengine.runner.checkpoint import _load_checkpoint, load_state_dict

from ...errors import InputError
from ..fitting_weights import misfits


class ImageNetInit:
    """Base class: initialise every entry of a backbone from public ImageNet weights.

    Entries that the backbone does not have, such as the classifier, are ignored. Subclasses
    implement :meth:`own_key`.

    Args:
        checkpoint: URL or path of the weights.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def own_key(self, key: str) -> str:
        """Return the backbone's name of an entry of the public weights."""
        raise NotImplementedError

    def own_value(self, value: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Return the backbone's weights of an entry.

        Args:
            value: public weights of the entry.
            own: weights of the backbone before the initialisation, for their shape.
        """
        return value

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a backbone.

        Raises:
            InputError: the weights cannot be loaded, or an entry of the backbone is missing.
        """
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
        renamed = OrderedDict((self.own_key(key), value) for key, value in source.items()
                              if isinstance(value, torch.Tensor))
        own = module.state_dict()
        missing = [key for key in own
                   if key not in renamed and not key.endswith('num_batches_tracked')]
        if missing:
            raise InputError(f'{self.checkpoint}: not the weights of this backbone '
                             f'({len(missing)} entries missing, first {missing[0]})')
        weights = OrderedDict((key, self.own_value(renamed[key], own[key]))
                              for key in own if key in renamed)
        odd = misfits(weights, own)
        if odd:
            raise InputError(f'{self.checkpoint}: not the weights of this backbone ({odd[0]})')
        load_state_dict(module, weights)
        print_log(f'backbone initialised from {self.checkpoint}', 'current')
