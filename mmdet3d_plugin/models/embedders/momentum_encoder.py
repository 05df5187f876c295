"""Momentum encoder: the exponential moving average of an encoder's weights."""
import torch
import torch.nn as nn
from mmengine.model import ExponentialMovingAverage
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MomentumEncoder(ExponentialMovingAverage):
    """Exponential moving average of an encoder's weights.

    It differs from mmengine's averaged model in four points. The first update averages like all
    others, since the momentum encoder is equal to the encoder at the start. No update makes the
    host wait for the device. The averaged weights are buffers, so optimisers do not see them.
    The running statistics of batch normalisation are those of its own forward passes in training
    mode, since the statistics of the encoder do not fit the averaged weights.

    Args:
        encoder: the trained encoder; it is copied.
        momentum: share that is kept in each update, between 0 and 1.

    Example:
        >>> encoder = nn.Linear(1, 1, bias=False)
        >>> average = MomentumEncoder(encoder, momentum=.75)
        >>> start = encoder.weight.item()
        >>> _ = nn.init.constant_(encoder.weight, start + 4)
        >>> average.update_parameters(encoder)
        >>> round(average.module.weight.item() - start, 4), list(average.parameters())
        (1.0, [])
    """

    def __init__(self, encoder: nn.Module, momentum: float) -> None:
        super().__init__(encoder, momentum=1 - momentum)
        del self.avg_parameters  # it would keep the weights on the first device
        for module in self.module.modules():
            for name, weight in list(module._parameters.items()):
                if weight is not None:
                    del module._parameters[name]
                    module.register_buffer(name, weight.data)

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move the averaged weights towards those of the encoder.

        Args:
            model: the trained encoder.
        """
        own = dict(self.module.named_buffers(remove_duplicate=False))
        trained = dict(model.named_parameters(remove_duplicate=False))
        average = get_ema_multi_avg_fn(1 - self.momentum)
        average([own[name] for name in trained], list(trained.values()), self.steps)
        self.steps += 1
