"""Losses that mmdet and mmdet3d do not have."""
from .heading_loss import HeadingBinLoss
from .laplacian_loss import LaplacianAleatoricLoss
from .masked_loss import masked_loss
from .scale_invariant_log_loss import ScaleInvariantLogLoss
from .size_losses import DimensionAwareL1Loss, UncertainHeightSizeLoss
from .weighted_l1_loss import WeightedL1Loss

__all__ = [
    'DimensionAwareL1Loss', 'HeadingBinLoss', 'LaplacianAleatoricLoss',
    'ScaleInvariantLogLoss', 'UncertainHeightSizeLoss', 'WeightedL1Loss', 'masked_loss'
]
