"""Threshold rules: which points may join a piece.

The paper adds "every point that does not breach the error threshold" and leaves the error
open. All rules here are ours. They compare squared distances to the anchor with the part of
them that lies inside the subspace of the piece.
"""
import torch

# Allowance for rounding, so that threshold 1 accepts points that lie exactly in a subspace.
SLACK = 1e-9


def keeps_share(kept: torch.Tensor, squared: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return which points keep enough of their squared distance inside a subspace.

    Args:
        kept: squared distances inside the subspace, any shape.
        squared: squared distances to the anchor, same shape.
        threshold: T, smallest share that a point must keep.

    Returns:
        Bool, same shape. A point at distance zero keeps everything.
    """
    return kept >= (threshold - SLACK) * squared


def every_member_keeps_share(kept: torch.Tensor, squared: torch.Tensor,
                             threshold: float) -> torch.Tensor:
    """Rule ``each``: every member keeps its share after refitting.

    Args:
        kept: (N, k) squared distances inside the refitted subspaces; 0 for other points.
        squared: (N, k) squared distances to the anchor; 0 for other points.
        threshold: T.

    Returns:
        (N,) bool.

    Example:
        >>> kept, squared = torch.tensor([[9.5, .5]]), torch.tensor([[10., 1.]])
        >>> every_member_keeps_share(kept, squared, .9), members_keep_share(kept, squared, .9)
        (tensor([False]), tensor([True]))
    """
    return keeps_share(kept, squared, threshold).all(dim=-1)


def members_keep_share(kept: torch.Tensor, squared: torch.Tensor,
                       threshold: float) -> torch.Tensor:
    """Rule ``share``: the members keep their share in total after refitting.

    Far points have most of the weight in such a sum, so one far point can turn an axis of
    the subspace to itself. Arguments and result are those of
    :func:`every_member_keeps_share`.
    """
    return keeps_share(kept.sum(dim=-1), squared.sum(dim=-1), threshold)


# Rules that refit the subspace for each candidate. Rule ``seed`` does not refit: every point
# must keep its share in the subspace of the nearest points. Rule ``all`` has no candidates.
REFITTING_RULES = dict(each=every_member_keeps_share, share=members_keep_share)
RULES = ('each', 'seed', 'share', 'all')
