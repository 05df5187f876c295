"""Optimiser wrapper for mixed precision."""
from contextlib import contextmanager

import torch
import torch.nn as nn
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS

from ..acceleration import has_fast_bfloat16


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Optimiser wrapper that runs the forward pass in bfloat16, on a GPU or a CPU.

    bfloat16 has the range of float32 and needs no loss scaling. On a CPU without bfloat16
    arithmetic, bfloat16 is slower than float32. Training then runs in float32, and the log says
    so. mmengine's AmpOptimWrapper needs a GPU.

    Args:
        kwargs: arguments of mmengine's OptimWrapper.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.device_type = get_device().split(':')[0]
        self.enabled = has_fast_bfloat16(self.device_type)
        if not self.enabled:
            print_log('this CPU has no bfloat16 arithmetic: training in float32', 'current')

    @contextmanager
    def optim_context(self, model: nn.Module):
        with super().optim_context(model), torch.autocast(
                self.device_type, dtype=torch.bfloat16, enabled=self.enabled):
            yield
