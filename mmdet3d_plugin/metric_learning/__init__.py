"""Losses that order features by a label, for example features of objects or pixels by depth.

Every loss returns a :class:`MetricLossResult`. A loss over objects is called as
``loss(features, depths, labels=None)``, a loss over feature maps as
``loss(feature, depth, valid=None)``. To add one, register its module in a file of this
package and import it below; ``MetricAuxiliary(loss=dict(type=...))`` runs any loss over
objects. A loss that compares predictions over time, such as a motion-aware loss, is no metric
learning and belongs in ``self_supervision``.

``piecewise_linear`` learns without labels: :class:`PiecewiseLinearLoss` is called as
``loss(features, points=None)`` with the embeddings of a trained and of a momentum encoder.
So is :class:`SelfTaughtLoss`. :class:`LibraryMetricLoss` is called as
``loss(features, labels)`` with class labels.
"""
from .metric_loss_result import MetricLossResult
from .multi_range_metric_loss import MultiRangeMetricLoss
from .named_metric_loss import LibraryMetricLoss
from .piecewise_linear import PiecewiseLinearLoss
from .quasi_isometric_loss import QuasiIsometricLoss
from .range_strategies import AdaptiveStrategy, MultiRangeStrategy, RangeStrategy, UniformStrategy
from .rank_n_contrast_loss import RankNContrastLoss
from .self_taught_loss import SelfTaughtLoss

__all__ = [
    'AdaptiveStrategy', 'LibraryMetricLoss', 'MetricLossResult', 'MultiRangeMetricLoss',
    'MultiRangeStrategy', 'PiecewiseLinearLoss', 'QuasiIsometricLoss', 'RangeStrategy',
    'RankNContrastLoss', 'SelfTaughtLoss', 'UniformStrategy'
]
