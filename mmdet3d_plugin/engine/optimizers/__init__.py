"""Optimiser wrapper and learning-rate schedule."""
from .autocast_optim_wrapper import AutocastOptimWrapper
from .cosine_warmup import CosineWarmupLR

__all__ = ['AutocastOptimWrapper', 'CosineWarmupLR']
