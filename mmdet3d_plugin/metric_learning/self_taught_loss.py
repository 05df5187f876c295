"""Self-taught metric learning: relaxed contrastive loss on contextual similarities."""
import math

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError
from .metric_loss_result import MetricLossResult
from .piecewise_linear.distances import pairwise_distances


@MODELS.register_module()
class SelfTaughtLoss(nn.Module):
    """Relaxed contrastive loss on contextualised similarities of a momentum encoder.

    Kim et al., Self-Taught Metric Learning without Labels, CVPR 2022. Defaults are the values
    of the authors' code. The similarity of two points is the mean of

    - the pairwise similarity ``exp(-d^2 / sigma)`` of their distance d, and
    - the contextual similarity of :func:`contextual_similarity`.

    With the relative distance ``r_ij = ||f_i - f_j|| / mean_k ||f_i - f_k||`` of features (the
    mean is over all k, with i), the loss is the mean over ordered pairs of
    ``w_ij r_ij^2 + (1 - w_ij) max(delta - r_ij, 0)^2``.

    Differences to the authors' training: The second part of their loss distils a second,
    wider embedding of the trained encoder into the first. An embedder with one embedding has
    no such teacher, so this part is left out. Their features are not normalised. They also
    take two views of one image as neighbours whatever their distance, while here views are
    compared like all points.

    Args:
        sigma: width of the pairwise similarity.
        delta: margin, a relative distance.
        num_neighbours: k nearest neighbours of the contextual similarity, the point itself
            included. The authors count 5 images in 2 views each.
        loss_weight: factor of the loss.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> features = nn.functional.normalize(torch.randn(12, 8), dim=1).requires_grad_()
        >>> result = SelfTaughtLoss(num_neighbours=4)(features, features.detach())
        >>> result.loss.backward()
        >>> sorted(result.logs)
        ['pull_error', 'push_error', 'similarity']
    """

    def __init__(self, sigma: float = 1.0, delta: float = 1.0, num_neighbours: int = 10,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if not (0 < sigma < math.inf and 0 < delta < math.inf and 0 <= loss_weight < math.inf):
            raise InputError(f'SelfTaughtLoss: sigma {sigma}, delta {delta}, loss_weight '
                             f'{loss_weight}; expected finite numbers, sigma and delta '
                             'positive and loss_weight not negative')
        if num_neighbours < 1:
            raise InputError(f'SelfTaughtLoss: num_neighbours is {num_neighbours}, expected at '
                             'least 1')
        self.sigma = sigma
        self.delta = delta
        self.num_neighbours = num_neighbours
        self.loss_weight = loss_weight

    def forward(self, features: torch.Tensor, points: torch.Tensor) -> MetricLossResult:
        """Compute the loss over all pairs of N points.

        Args:
            features: (N, D) vectors of the trained encoder.
            points: (N, K) unit vectors of the momentum encoder for the same images. They get
                no gradient.

        Returns:
            The loss and its logs: ``similarity`` (mean over pairs), and the two summands
            ``pull_error`` and ``push_error``. Fewer than two points have a loss of zero.

        Raises:
            InputError: the shapes do not fit together.
        """
        if features.dim() != 2 or points.dim() != 2 or len(features) != len(points):
            raise InputError(f'SelfTaughtLoss: features {tuple(features.shape)}, points '
                             f'{tuple(points.shape)}; expected matrices of as many rows')
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        similarity = self_taught_similarity(points, self.sigma, self.num_neighbours)
        similarity = similarity.to(features)
        distances = pairwise_distances(features, features)
        mean = distances.mean(dim=1, keepdim=True) if len(features) else distances
        relative = distances / torch.where(mean > 0, mean, 1.)
        others = torch.ones_like(distances).fill_diagonal_(0)
        num_pairs = max(len(features) * (len(features) - 1), 1)
        pull = (others * similarity * relative.square()).sum() / num_pairs
        push = (others * (1 - similarity) *
                (self.delta - relative).clamp(min=0).square()).sum() / num_pairs
        logs = dict(similarity=(others * similarity).sum() / num_pairs,
                    pull_error=pull.detach().clone(), push_error=push.detach().clone())
        return MetricLossResult(self.loss_weight * (pull + push), logs)


@torch.no_grad()
def self_taught_similarity(points: torch.Tensor, sigma: float = 1.0,
                           num_neighbours: int = 10) -> torch.Tensor:
    """Return the mean of the pairwise and the contextual similarity.

    Args:
        points: (N, D) unit vectors.
        sigma: width of the pairwise similarity ``exp(-d^2 / sigma)``.
        num_neighbours: k, see :func:`contextual_similarity`.

    Returns:
        (N, N) float64, symmetric.

    Example:
        >>> # Two pairs of equal points at the distance 1: within a pair the similarity is 1.
        >>> points = torch.tensor([[0.], [0.], [1.], [1.]])
        >>> self_taught_similarity(points, num_neighbours=2)[0].tolist()[:2]
        [1.0, 1.0]
    """
    points = points.double()
    distances = pairwise_distances(points, points)
    pairwise = torch.exp(-distances.square() / sigma)
    return (pairwise + contextual_similarity(distances, num_neighbours)) / 2


@torch.no_grad()
def contextual_similarity(distances: torch.Tensor, num_neighbours: int = 10) -> torch.Tensor:
    """Return the overlap of the reciprocal neighbourhoods of points.

    R(i) holds the points j that are among the k nearest of i and have i among their own k
    nearest; every point is its own nearest. First, ``c(i, j) = |R(i) & R(j)| / |R(i)|`` for j
    in R(i), else 0. Second, each row is replaced by the mean of the rows of its point's
    ``k / 2`` nearest (query expansion; a half is rounded to the even number, and at least 1).
    Third, the matrix is made symmetric by the mean with its transpose.

    Args:
        distances: (N, N), symmetric. Among equal distances, the lower index is nearer.
        num_neighbours: k, at most N points are used.

    Returns:
        (N, N) in [0, 1], symmetric, in the type of the distances.
    """
    count = len(distances)
    order = distances.clone().fill_diagonal_(-1).argsort(dim=1, stable=True)
    nearest = torch.zeros_like(distances).scatter_(1, order[:, :num_neighbours], 1.)
    reciprocal = nearest * nearest.mT
    sizes = reciprocal.sum(dim=1, keepdim=True)
    overlap = reciprocal * (reciprocal @ reciprocal) / sizes
    half = max(round(min(num_neighbours, count) / 2), 1)
    expansion = torch.zeros_like(distances).scatter_(1, order[:, :half], 1 / half)
    expanded = expansion @ overlap
    return (expanded + expanded.mT) / 2
