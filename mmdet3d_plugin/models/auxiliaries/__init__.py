"""Supervision that shares features with a detector while it trains, and vanishes."""
from ...metric_learning import QuasiIsometricLoss, RankNContrastLoss  # noqa: F401
from .auxiliary_objects import AuxiliaryObjects, add_losses
from .keypoint_head import KeypointHead
from .metric_auxiliary import MetricAuxiliary
from .object_depth_head import ObjectDepthHead

__all__ = [
    'AuxiliaryObjects', 'KeypointHead', 'MetricAuxiliary', 'ObjectDepthHead',
    'add_losses'
]
