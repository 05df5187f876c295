"""Losses that order descriptors by a label, here those of objects or pixels by depth."""
from .multi_range_metric_loss import MultiRangeMetricLoss
from .quasi_isometric_loss import QuasiIsometricLoss
from .range_strategies import AdaptiveStrategy, MultiRangeStrategy, RangeStrategy, UniformStrategy
from .rank_n_contrast_loss import RankNContrastLoss

__all__ = [
    'AdaptiveStrategy', 'MultiRangeMetricLoss', 'MultiRangeStrategy', 'QuasiIsometricLoss',
    'RangeStrategy', 'RankNContrastLoss', 'UniformStrategy'
]
