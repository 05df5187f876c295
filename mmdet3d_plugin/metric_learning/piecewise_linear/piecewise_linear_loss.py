"""Piecewise-linear manifolds: metric learning without labels."""
import math
from typing import Dict, Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ...errors import InputError
from ..metric_loss_result import MetricLossResult
from .distances import pairwise_distances
from .pieces import Pieces, check_piece_settings, grow_pieces
from .point_loss import match_distances, pair_weights
from .proxies import Proxies
from .proxy_losses import point_proxy_loss, proxy_neighbourhood_loss, proxy_similarity
from .similarity import binary_similarity, normalize_to_nearest, piecewise_similarity


@MODELS.register_module()
class PiecewiseLinearLoss(nn.Module):
    """Distances that follow similarities on a piecewise-linear manifold.

    Bhatnagar and Ahuja, Piecewise-Linear Manifolds for Deep Metric Learning, CPAL 2024. No
    code of the authors is public. Formulas of their conference slides are marked (slides),
    and values that fill a gap (ours).

    The points of a momentum encoder define linear pieces and similarities, without gradient.
    The loss is the sum of three parts (slides):

    - The point loss makes distances between features follow the dissimilarities of points.
      Its gradient reaches the trained encoder.
    - The point-proxy loss is the same between features and proxies. Its gradient reaches the
      trained encoder, and the proxies' positions if ``move_proxies``.
    - The proxy-neighbourhood loss aligns the proxies' subspaces with the pieces near them. Its
      gradient reaches the proxies alone.

    Each rank uses the points of its own batch. The proxies are parameters of this module, so
    the optimiser must be given them.

    Args:
        embed_dim: D, length of the features.
        dim: m, dimension of the pieces (ours: 3).
        rule: threshold rule ``'each'``, ``'seed'`` or ``'share'``, see :func:`grow_pieces`
            (ours). With ``'all'`` the pieces hold the whole batch, the paper's ablation
            without selection of a subset.
        threshold: T (ours: 0.9).
        n_alpha: exponent of the decay off a piece (slides: 4).
        n_beta: exponent of the decay along a piece (slides: 0.5).
        delta: distance of features without any similarity. 2 is the largest distance of unit
            vectors (ours). The mean distance of a batch of unit vectors is at most about
            sqrt(2), so with 2 nearly all pairs repel each other.
        learn_delta: whether delta is a parameter that starts at ``delta`` (ours). Delta can
            collapse: a constant embedding with delta zero has no loss, and nothing here keeps
            delta away from zero. Watch the ``delta`` in the log.
        balance_members: whether members of pieces and other pairs have the same weight in
            total in the point loss (ours); otherwise every pair has.
        normalize_similarity: whether the similarities of each anchor are divided by the
            largest in the point loss, so that the nearest point reaches 1 (ours).
        binary: replace the similarity of points by membership of pieces, the paper's
            ablation. Proxies keep the continuous similarity.
        num_proxies: N_p; 0 leaves the proxy losses out (paper's ablation: 100 is enough).
        num_neighbours: points to which a proxy's subspace is aligned (ours: 3).
        move_proxies: whether the point-proxy loss moves positions of proxies (ours). Nothing
            else moves them: with False they stay at their random initial positions.
        loss_weight: factor of the loss.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> features = nn.functional.normalize(torch.randn(12, 8), dim=1).requires_grad_()
        >>> result = PiecewiseLinearLoss(embed_dim=8, num_proxies=5)(features, features.detach())
        >>> result.loss.backward()
        >>> sorted(result.logs)[:3]
        ['delta', 'members_per_piece', 'neighbourhood_error']
    """

    def __init__(self, embed_dim: int, dim: int = 3, rule: str = 'each', threshold: float = 0.9,
                 n_alpha: float = 4.0, n_beta: float = 0.5, delta: float = 2.0,
                 learn_delta: bool = False, balance_members: bool = False,
                 normalize_similarity: bool = False, binary: bool = False,
                 num_proxies: int = 100, num_neighbours: int = 3, move_proxies: bool = True,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        check_piece_settings('PiecewiseLinearLoss', dim, rule, threshold)
        if not (0 < delta < math.inf and 0 <= n_alpha < math.inf and 0 <= n_beta < math.inf
                and 0 <= loss_weight < math.inf):
            raise InputError(f'PiecewiseLinearLoss: delta {delta}, n_alpha {n_alpha}, n_beta '
                             f'{n_beta}, loss_weight {loss_weight}; expected finite numbers, '
                             'delta positive and the others not negative')
        if embed_dim < 1 or num_proxies < 0 or num_neighbours < 1:
            raise InputError(f'PiecewiseLinearLoss: embed_dim {embed_dim}, num_proxies '
                             f'{num_proxies}, num_neighbours {num_neighbours}; expected '
                             'embed_dim and num_neighbours >= 1 and num_proxies >= 0')
        self.embed_dim = embed_dim
        self.dim = dim
        self.rule = rule
        self.threshold = threshold
        self.n_alpha = n_alpha
        self.n_beta = n_beta
        self.balance_members = balance_members
        self.normalize_similarity = normalize_similarity
        self.binary = binary
        self.num_neighbours = num_neighbours
        self.move_proxies = move_proxies
        self.loss_weight = loss_weight
        self.delta = delta
        # The logarithm keeps a learned delta positive.
        self.log_delta = nn.Parameter(torch.tensor(math.log(delta))) if learn_delta else None
        self.proxies = Proxies(num_proxies, embed_dim, dim) if num_proxies else None
        if self.proxies is not None:
            self.proxies.positions.requires_grad_(move_proxies)

    def forward(self, features: torch.Tensor,
                points: Optional[torch.Tensor] = None) -> MetricLossResult:
        """Compute the loss over all pairs of N points.

        Args:
            features: (N, D) unit vectors of the trained encoder.
            points: (N, D) unit vectors of the momentum encoder for the same images, or other
                views of them. They get no gradient. Default: the features themselves.

        Returns:
            The loss and these logs: ``similarity`` (mean over pairs), ``members_per_piece``,
            ``repelled`` (share of pairs with a target above their distance), ``delta`` and the
            values of the parts, ``point_error``, ``proxy_error`` and
            ``neighbourhood_error``. Fewer than two points have a point loss of zero.

        Raises:
            InputError: the shapes are not (N, D).
        """
        points = features if points is None else points
        if features.dim() != 2 or features.shape[1] != self.embed_dim or (
                points.shape != features.shape):
            raise InputError(
                f'PiecewiseLinearLoss: features {tuple(features.shape)}, points '
                f'{tuple(points.shape)}; expected (N, {self.embed_dim}) for both')
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        pieces = grow_pieces(points.detach(), self.dim, self.rule, self.threshold)
        similarity = self._similarity(pieces)
        distances = pairwise_distances(features, features)
        delta = features.new_full((), self.delta) if self.log_delta is None else (
            self.log_delta.exp())
        weights = pair_weights(pieces.members, self.balance_members)
        parts = dict(point_error=match_distances(distances, similarity, delta, weights))
        if self.proxies is not None:
            parts.update(self._proxy_errors(features, pieces, delta))
        with torch.no_grad():
            others = pair_weights(pieces.members)
            num_pairs = others.sum().clamp(min=1)
            repelled = (delta * (1 - similarity) > distances) * others
            logs = dict(similarity=(similarity * others).sum() / num_pairs,
                        members_per_piece=pieces.members.sum() / max(len(points), 1),
                        repelled=repelled.sum() / num_pairs, delta=delta.clone(),
                        **{key: part.clone() for key, part in parts.items()})
        loss = sum(part.to(features) for part in parts.values())
        return MetricLossResult(self.loss_weight * loss, logs)

    def _similarity(self, pieces: Pieces) -> torch.Tensor:
        """Return the similarity of points as the point loss uses it, (N, N)."""
        if self.binary:
            similarity = binary_similarity(pieces)
        else:
            similarity = piecewise_similarity(pieces, self.n_alpha, self.n_beta)
        return normalize_to_nearest(similarity) if self.normalize_similarity else similarity

    def _proxy_errors(self, features: torch.Tensor, pieces: Pieces,
                      delta: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Return the two losses of the proxies."""
        assert self.proxies is not None
        positions, bases = self.proxies.points(), self.proxies.bases()
        similarity = proxy_similarity(pieces, positions, bases, self.n_alpha, self.n_beta)
        return dict(
            proxy_error=point_proxy_loss(features, positions, similarity, delta,
                                         self.move_proxies),
            neighbourhood_error=proxy_neighbourhood_loss(bases, pieces, similarity,
                                                         self.num_neighbours))
