"""Layers shared by several heads."""
from .attentive_batch_norm import AttentiveBatchNorm2d
from .dense_branch import dense_branch, gather_at_cells, run_branch

__all__ = ['AttentiveBatchNorm2d', 'dense_branch', 'gather_at_cells', 'run_branch']
