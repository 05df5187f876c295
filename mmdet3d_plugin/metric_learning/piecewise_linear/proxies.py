"""Learnable pieces for the parts of a manifold that a batch does not hold."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from ...errors import InputError


class Proxies(nn.Module):
    """Learnable points on the unit sphere, each with a learnable subspace (authors' slides).

    Parameters are free. Positions are normalised and bases made orthonormal by QR when they
    are used (both ours), so an optimiser needs no constraint. Both start at random.

    Args:
        num_proxies: N_p.
        embed_dim: D.
        dim: m, dimension of the subspaces.

    Raises:
        InputError: a size is not positive, or ``dim`` exceeds ``embed_dim``.

    Attributes:
        positions: (N_p, D) positions before normalisation.
        frames: (N_p, D, m) bases before QR.

    Example:
        >>> proxies = Proxies(5, embed_dim=8, dim=3)
        >>> basis = proxies.bases()[0]
        >>> torch.allclose(basis.T @ basis, torch.eye(3), atol=1e-6)
        True
    """

    def __init__(self, num_proxies: int, embed_dim: int, dim: int) -> None:
        super().__init__()
        if not (num_proxies > 0 and 0 < dim <= embed_dim):
            raise InputError(f'Proxies: num_proxies {num_proxies}, embed_dim {embed_dim}, dim '
                             f'{dim}; expected positive numbers and dim <= embed_dim')
        self.positions = nn.Parameter(torch.randn(num_proxies, embed_dim))
        self.frames = nn.Parameter(torch.randn(num_proxies, embed_dim, dim))

    def points(self) -> torch.Tensor:
        """Return the positions on the unit sphere, (N_p, D)."""
        return F.normalize(self.positions, dim=1)

    def bases(self) -> torch.Tensor:
        """Return orthonormal bases of the subspaces, (N_p, D, m)."""
        return torch.linalg.qr(self.frames).Q
