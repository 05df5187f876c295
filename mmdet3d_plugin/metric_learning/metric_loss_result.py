"""Return value of the metric losses."""
from typing import Dict, NamedTuple

import torch


class MetricLossResult(NamedTuple):
    """Loss and values for the training log.

    Attributes:
        loss: scalar with a gradient.
        logs: detached scalars by log key. Keys must not contain ``loss``, because
            mmengine adds such entries to the total loss.

    Example:
        >>> result = MetricLossResult(torch.tensor(0.5), dict(qi_satisfied=torch.tensor(0.9)))
        >>> result.loss, sorted(result.logs)
        (tensor(0.5000), ['qi_satisfied'])
    """
    loss: torch.Tensor
    logs: Dict[str, torch.Tensor]
