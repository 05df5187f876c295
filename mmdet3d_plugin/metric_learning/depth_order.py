"""How well descriptors are ordered by depth."""
from dataclasses import asdict, dataclass
from typing import Dict

import torch
from scipy.stats import spearmanr

from .quasi_isometric_loss import QuasiIsometricLoss


@dataclass
class DepthOrder:
    """Pairs of N objects, N (N - 1) / 2 of them, in condensed order.

    Attributes:
        depth_distances: metres.
        feature_distances: Euclidean.
        spearman: rank correlation of the two; NaN without two different values.
        qi_satisfied: share of pairs within epsilon that lie in the (K, B) band.
    """
    depth_distances: torch.Tensor
    feature_distances: torch.Tensor
    spearman: float
    qi_satisfied: float

    def figures(self) -> Dict[str, float]:
        """The numbers, without the pairs."""
        return {key: value for key, value in asdict(self).items() if isinstance(value, float)}


def measure_depth_order(descriptors: torch.Tensor, depths: torch.Tensor,
                        band: QuasiIsometricLoss) -> DepthOrder:
    """Compares distances of descriptors with distances of depths.

    Args:
        descriptors: (N, C), N >= 3.
        depths: (N,) metres.
        band: whose K, B and epsilon count.
    """
    depth_distances = torch.pdist(depths[:, None].double())
    feature_distances = torch.pdist(descriptors.double())
    _, satisfied = band(descriptors.double(), depths.double())
    return DepthOrder(depth_distances, feature_distances,
                      float(spearmanr(depth_distances, feature_distances).statistic),
                      satisfied.item())


def principal_plane(descriptors: torch.Tensor) -> torch.Tensor:
    """(N, C) -> (N, 2) coordinates along the two directions of largest variance."""
    centered = descriptors.double() - descriptors.double().mean(dim=0)
    return centered @ torch.linalg.svd(centered, full_matrices=False).Vh[:2].T
