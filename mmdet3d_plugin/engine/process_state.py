"""Access to a model that may be wrapped for distributed training."""
import torch.nn as nn
from mmengine.model import is_model_wrapper


def unwrap_model(model: nn.Module) -> nn.Module:
    """Return the model itself, without the wrapper that reduces gradients over ranks."""
    return model.module if is_model_wrapper(model) else model
