"""Measures of how well descriptors are ordered by depth."""
from dataclasses import asdict, dataclass
from typing import Dict

import torch
from scipy.stats import spearmanr

from .quasi_isometric_loss import QuasiIsometricLoss


@dataclass
class DepthOrder:
    """Comparison of feature distances and depth distances over the pairs of N objects.

    The N (N - 1) / 2 pairs are in the order of :func:`torch.pdist`.

    Attributes:
        depth_distances: (N (N - 1) / 2,) metres.
        feature_distances: (N (N - 1) / 2,) Euclidean distances.
        spearman: Spearman's rank correlation of the two distances; NaN if either has only
            one value.
        qi_satisfied: share of the pairs within epsilon that lie in the (K, B) band.
    """
    depth_distances: torch.Tensor
    feature_distances: torch.Tensor
    spearman: float
    qi_satisfied: float

    def figures(self) -> Dict[str, float]:
        """Return the two numbers without the pairs."""
        return {key: value for key, value in asdict(self).items() if isinstance(value, float)}


def measure_depth_order(descriptors: torch.Tensor, depths: torch.Tensor,
                        band: QuasiIsometricLoss) -> DepthOrder:
    """Compare the distances of descriptors with the distances of depths.

    Args:
        descriptors: (N, C), N >= 3.
        depths: (N,) metres.
        band: loss that defines K, B and epsilon.

    Example:
        >>> depths = torch.tensor([3., 5., 9.])
        >>> band = QuasiIsometricLoss(K=2., B=1., epsilon=10.)
        >>> order = measure_depth_order(1.5 * depths[:, None], depths, band)
        >>> order.qi_satisfied, round(order.spearman, 3)
        (1.0, 1.0)
    """
    depth_distances = torch.pdist(depths[:, None].double())
    feature_distances = torch.pdist(descriptors.double())
    logs = band(descriptors.double(), depths.double()).logs
    return DepthOrder(depth_distances, feature_distances,
                      float(spearmanr(depth_distances, feature_distances).statistic),
                      logs['qi_satisfied'].item())


def principal_plane(descriptors: torch.Tensor) -> torch.Tensor:
    """Return (N, 2) coordinates of (N, C) descriptors along their two main directions.

    The directions are the two of largest variance (principal component analysis).
    """
    centered = descriptors.double() - descriptors.double().mean(dim=0)
    return centered @ torch.linalg.svd(centered, full_matrices=False).Vh[:2].T
