"""A model and its sums, in a training of one process or several."""
from typing import Optional

import torch
import torch.nn as nn
from mmengine.dist import all_reduce
from mmengine.model import is_model_wrapper


def unwrap_model(model: nn.Module) -> nn.Module:
    """The model itself, without the wrapper that joins the gradients of processes."""
    return model.module if is_model_wrapper(model) else model


def mean_over_processes(value: Optional[torch.Tensor]) -> Optional[torch.Tensor]:
    """What each process may go on from, so that sums over processes stay the same."""
    if value is None:
        return None
    mean = value.detach().clone()
    all_reduce(mean, op='mean')
    return mean.cpu()
