"""Initialisation of a backbone from the checkpoint of another training."""
from typing import Dict

import torch
import torch.nn as nn
from mmengine.logging import print_log
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import _load_checkpoint

from ...errors import InputError
from ..fitting_weights import misfits


@WEIGHT_INITIALIZERS.register_module()
class EncoderInit:
    """Initialisation of a backbone from an equal backbone in the checkpoint of another model.

    Every entry of the backbone is set, statistics of batch normalisation included. mmengine's
    ``Pretrained`` sets the entries that fit, logs the others and continues.

    Args:
        checkpoint: path or URL of the checkpoint.
        prefix: start of the names of the backbone's entries in the checkpoint:
            ``'backbone.'`` in detectors, depth estimators and the student of a multi-frame
            network, ``'teacher.backbone.'`` in its teacher, ``'encoder.backbone.'`` in an
            embedder.

    Example:
        >>> import tempfile
        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> source, own = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> entries = {f'backbone.{key}': value for key, value in source.state_dict().items()}
        >>> with tempfile.NamedTemporaryFile(suffix='.pth') as file:
        ...     torch.save(entries, file.name)
        ...     with redirect_stdout(StringIO()):  # hide the log
        ...         EncoderInit(file.name, prefix='backbone.')(own)
        >>> bool((own.weight == source.weight).all())
        True
    """

    def __init__(self, checkpoint: str, prefix: str) -> None:
        self.checkpoint = checkpoint
        self.prefix = prefix

    def __call__(self, module: nn.Module) -> None:
        """Set all entries of a backbone.

        Raises:
            InputError: the checkpoint cannot be loaded, has no entry with the prefix, or its
                entries are those of another backbone.
        """
        weights = self._load()
        own = module.state_dict()
        found = {key[len(self.prefix):]: value for key, value in weights.items()
                 if key.startswith(self.prefix)}
        if not found:
            raise InputError(f'{self.checkpoint}: no entry starts with {self.prefix!r}; '
                             f'{self._hint(weights, own)}')
        wrong = [*misfits(found, own), *(f'{key} is missing' for key in own if key not in found)]
        unknown = sorted(set(found) - set(own))
        if wrong or unknown:
            raise InputError(
                f'{self.checkpoint}: {self.prefix!r} is another backbone '
                f'({len(own) - len(wrong)} of {len(own)} entries fit, {len(unknown)} are '
                f'unknown; first odd one: {(wrong or unknown)[0]}); train the encoder with '
                'the backbone of this config')
        module.load_state_dict(found)
        print_log(f'backbone initialised from {self.prefix!r} of {self.checkpoint}', 'current')

    def _load(self) -> Dict[str, torch.Tensor]:
        try:
            content = _load_checkpoint(self.checkpoint, map_location='cpu')
        except (InputError, OSError) as error:
            reason = str(error).replace(f'{self.checkpoint}: ', '')
            raise InputError(
                f'{self.checkpoint}: cannot load the encoder ({reason}); train it first '
                '(configs/pretraining/README.md), or train from scratch with --cfg-options '
                'model.backbone.init_cfg=None') from error
        return content.get('state_dict', content)

    @staticmethod
    def _hint(weights: Dict[str, torch.Tensor], own: Dict[str, torch.Tensor]) -> str:
        """Return the prefixes under which the checkpoint has the first entry of the backbone."""
        first = next(iter(own))
        prefixes = sorted({key[:-len(first)] for key in weights
                           if key == first or key.endswith(f'.{first}')})
        return f'set prefix to one of {", ".join(map(repr, prefixes))}' if prefixes else (
            'it holds no backbone of this type')
