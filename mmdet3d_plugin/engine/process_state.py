"""A model in a training of one process or several."""
import torch.nn as nn
from mmengine.model import is_model_wrapper


def unwrap_model(model: nn.Module) -> nn.Module:
    """The model itself, without the wrapper that joins the gradients of processes."""
    return model.module if is_model_wrapper(model) else model
