"""Losses between the points of a batch and proxies."""
import torch

from .distances import pairwise_distances
from .pieces import Pieces
from .point_loss import match_distances
from .similarity import similarity_to_pieces


@torch.no_grad()
def proxy_similarity(pieces: Pieces, proxy_points: torch.Tensor, proxy_bases: torch.Tensor,
                     n_alpha: float = 4.0, n_beta: float = 0.5) -> torch.Tensor:
    """Return the similarity of points and proxies, the mean of both directions.

    Args:
        pieces: pieces of N points.
        proxy_points: (N_p, D) positions.
        proxy_bases: (N_p, D, m) orthonormal bases.
        n_alpha: exponent of the decay off a piece.
        n_beta: exponent of the decay along a piece.

    Returns:
        (N, N_p) float64, without gradient.
    """
    to_proxies = similarity_to_pieces(pieces.origins, proxy_points, proxy_bases, n_alpha, n_beta)
    to_points = similarity_to_pieces(proxy_points, pieces.origins, pieces.bases, n_alpha, n_beta)
    return (to_proxies + to_points.mT) / 2


def point_proxy_loss(features: torch.Tensor, proxy_points: torch.Tensor,
                     similarity: torch.Tensor, delta: torch.Tensor,
                     move_proxies: bool = True) -> torch.Tensor:
    """Return the mean of ``(delta * (1 - s) - ||f - rho||)^2`` over points and proxies.

    Args:
        features: (N, D) features of the trained encoder.
        proxy_points: (N_p, D) positions rho.
        similarity: (N, N_p), a constant.
        delta: scalar tensor or number.
        move_proxies: whether the gradient reaches the positions (ours).

    Returns:
        Scalar.
    """
    proxy_points = proxy_points.to(features)
    if not move_proxies:
        proxy_points = proxy_points.detach()
    return match_distances(pairwise_distances(features, proxy_points), similarity, delta)


def squared_projection_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return ``||A A^T - B B^T||_F^2 / 2`` of all pairs of subspaces.

    This is the square of the projection metric: the sum of the squared sines of the principal
    angles, if both have the same dimension. The square has a gradient at equal subspaces.

    Args:
        first: (K, D, m) bases A with orthonormal (or zero) columns.
        second: (N, D, m) bases B.

    Returns:
        (K, N).

    Example:
        >>> x, y = torch.eye(2)[:, None, :, None]
        >>> squared_projection_distances(x, torch.cat([x, y]))
        tensor([[0., 1.]])
    """
    overlaps = torch.einsum('kda,ndb->knab', first, second).square().sum(dim=(2, 3))
    sizes = [bases.square().sum(dim=(1, 2)) for bases in (first, second)]
    return (sizes[0][:, None] + sizes[1]) / 2 - overlaps


def proxy_neighbourhood_loss(proxy_bases: torch.Tensor, pieces: Pieces,
                             similarity: torch.Tensor, num_neighbours: int) -> torch.Tensor:
    """Align the subspace of each proxy with the pieces of its most similar points.

    The loss is the mean over proxies of the similarity-weighted mean of the squared projection
    metric to ``num_neighbours`` pieces. The weights are constants, because a proxy could
    otherwise lower its loss by leaving its neighbours. The slides name the alignment; metric
    and weights are ours.

    Args:
        proxy_bases: (N_p, D, m) orthonormal bases.
        pieces: pieces of N points, constants.
        similarity: (N, N_p), a constant.
        num_neighbours: number of points per proxy; all if there are fewer.

    Returns:
        Scalar float64; a differentiable zero without points.
    """
    distances = squared_projection_distances(proxy_bases.double(), pieces.bases)
    weights, nearest = similarity.detach().mT.topk(min(num_neighbours, len(similarity)), dim=1)
    weighted = (weights * distances.gather(1, nearest)).sum(dim=1)
    return (weighted / weights.sum(dim=1).clamp(min=torch.finfo(weights.dtype).tiny)).mean()
