"""Metric learning without labels by piecewise-linear manifolds.

``pieces`` fits a linear piece to the neighbourhood of each point, ``similarity`` compares
points with pieces, and the losses make distances of features follow these similarities.
:class:`PiecewiseLinearLoss` composes them.
"""
from .pieces import Pieces, grow_pieces
from .piecewise_linear_loss import PiecewiseLinearLoss
from .point_loss import match_distances, pair_weights
from .proxies import Proxies
from .proxy_losses import (
    point_proxy_loss,
    proxy_neighbourhood_loss,
    proxy_similarity,
    squared_projection_distances,
)
from .similarity import (
    binary_similarity,
    distances_to_pieces,
    normalize_to_nearest,
    piecewise_similarity,
    similarity_to_pieces,
)

__all__ = [
                           'Pieces',
                           'PiecewiseLinearLoss',
                           'Proxies',
                           'binary_similarity',
                           'distances_to_pieces',
                           'grow_pieces',
                           'match_distances',
                           'normalize_to_nearest',
                           'pair_weights',
                           'piecewise_similarity',
                           'point_proxy_loss',
                           'proxy_neighbourhood_loss',
                           'proxy_similarity',
                           'similarity_to_pieces',
                           'squared_projection_distances'
]
