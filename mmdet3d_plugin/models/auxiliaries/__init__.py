"""Auxiliary supervision: modules that add losses on shared features in training only."""
from ...metric_learning import MultiRangeMetricLoss, QuasiIsometricLoss, RankNContrastLoss  # noqa: F401
from .auxiliary_labels import AuxiliaryLabels
from .auxiliary_objects import AuxiliaryObjects, add_losses
from .keypoint_head import KeypointHead
from .metric_auxiliary import MetricAuxiliary
from .multi_range_auxiliary import MultiRangeAuxiliary
from .object_depth_head import ObjectDepthHead

__all__ = [
    'AuxiliaryLabels', 'AuxiliaryObjects', 'KeypointHead', 'MetricAuxiliary',
    'MultiRangeAuxiliary', 'ObjectDepthHead', 'add_losses'
]
