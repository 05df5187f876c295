"""Losses that order features by a label, for example features of objects or pixels by depth.

Every loss returns a :class:`MetricLossResult`. A loss over objects is called as
``loss(features, depths, labels=None)``, a loss over feature maps as
``loss(feature, depth, valid=None)``. To add one, such as an embedding loss for retrieval,
register its module in a file of this package and import it below;
``MetricAuxiliary(loss=dict(type=...))`` runs any loss over objects. A loss that compares
predictions over time, such as a motion-aware loss, is no metric learning and belongs in
``models/losses``.
"""
from .metric_loss_result import MetricLossResult
from .multi_range_metric_loss import MultiRangeMetricLoss
from .quasi_isometric_loss import QuasiIsometricLoss
from .range_strategies import AdaptiveStrategy, MultiRangeStrategy, RangeStrategy, UniformStrategy
from .rank_n_contrast_loss import RankNContrastLoss

__all__ = [
    'AdaptiveStrategy', 'MetricLossResult', 'MultiRangeMetricLoss', 'MultiRangeStrategy',
    'QuasiIsometricLoss', 'RangeStrategy', 'RankNContrastLoss', 'UniformStrategy'
]
