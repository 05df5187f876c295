"""Batched eigendecomposition of a diagonal matrix plus the outer product of a vector.

The eigenvalues x of ``diag(d) + z z^T`` are the roots of the secular equation
``1 + sum_i z_i^2 / (d_i - x) = 0``, one between each two neighbours of d. The solution here
makes no host wait for a device, as :func:`torch.linalg.eigh` does.

Sources: Bunch, Nielsen and Sorensen, Numerische Mathematik 31, 1978 (iteration for the
roots); Gu and Eisenstat, SIAM J. Matrix Anal. Appl. 15, 1994 (orthogonal eigenvectors).
"""
from typing import Tuple

import torch

# Enough for eigenvalues that span twelve orders of magnitude.
NUM_ITERATIONS = 16
# Smallest gap between the d and smallest |z|, relative to the largest eigenvalue. It is a few
# times the rounding error of float64, and keeps every root strictly between its neighbours.
SMALLEST = 1e-15


def rank_one_update(values: torch.Tensor,
                    vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return eigenvalues and eigenvectors of ``diag(values) + vector vector^T``.

    LAPACK solves it on the CPU, where it is faster, and the secular equation elsewhere.

    Args:
        values: (N, r) float64, rising, not negative.
        vector: (N, r) float64.

    Returns:
        Eigenvalues (N, r), rising, and eigenvectors (N, r, r) as columns.

    Example:
        >>> values, vectors = rank_one_update(torch.tensor([[0., 2.]], dtype=torch.double),
        ...                                   torch.tensor([[1., 0.]], dtype=torch.double))
        >>> values
        tensor([[1., 2.]], dtype=torch.float64)
    """
    if values.device.type == 'cpu':
        return torch.linalg.eigh(torch.diag_embed(values) + vector[:, :, None] * vector[:, None])
    return solve_secular_equation(values, vector)


def solve_secular_equation(values: torch.Tensor,
                           vector: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Compute :func:`rank_one_update` without waiting for a device."""
    size = values.shape[-1]
    scale = (values[:, -1:] + vector.square().sum(-1, keepdim=True)).clamp(
        min=torch.finfo(values.dtype).tiny)
    steps = torch.arange(size, device=values.device, dtype=values.dtype)
    poles = values / scale + SMALLEST * steps
    weights = (vector.square() / scale).clamp(min=SMALLEST**2)
    offsets, origins = _roots(poles, weights)
    # Entry (j, i): pole i minus root j, without cancellation.
    differences = (poles[:, None] - origins[..., None]) - offsets[..., None]
    vectors = _eigenvectors(poles, differences, vector)
    return (origins + offsets) * scale, vectors


def _roots(poles: torch.Tensor, weights: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return the roots (N, r) as offsets from their nearer pole, and that pole."""
    size = poles.shape[-1]
    total = weights.sum(-1, keepdim=True)
    # The largest root lies at most ``total`` above the last pole. A pole without weight at
    # twice that distance bounds it.
    half = torch.cat([poles.diff(dim=1), 2 * total], dim=1) / 2
    upper = torch.cat([poles[:, 1:], poles[:, -1:] + 2 * total], dim=1)
    upper_weights = torch.cat([weights[:, 1:], torch.zeros_like(total)], dim=1)
    spacings = poles[:, None] - poles[..., None]  # (N, j, i): pole i minus pole j

    at_middle = 1 + (weights[:, None] / (spacings - half[..., None])).sum(-1)
    near_lower = at_middle >= 0
    near_lower[:, -1] = True
    origins = torch.where(near_lower, poles, upper)
    spacings = torch.where(near_lower[..., None], spacings, poles[:, None] - upper[..., None])
    lower_gap = torch.where(near_lower, 0., -2 * half)
    upper_gap = torch.where(near_lower, 2 * half, 0.)
    lowest, highest = torch.where(near_lower, 0., -half), torch.where(near_lower, half, 0.)
    # First guess: the terms of the two neighbours vary, all other terms keep their value.
    others = at_middle + (weights - upper_weights) / half
    offsets = _solve_two_poles(
        others, others * (lower_gap + upper_gap) + weights + upper_weights,
        others * lower_gap * upper_gap + weights * upper_gap + upper_weights * lower_gap)
    offsets = _inside(offsets, lowest, highest)

    below = torch.ones(size, size, dtype=poles.dtype, device=poles.device).tril()
    for _ in range(NUM_ITERATIONS):
        differences = spacings - offsets[..., None]
        terms = weights[:, None] / differences
        slopes = terms / differences
        value, slope = 1 + terms.sum(-1), slopes.sum(-1)
        slope_below = (slopes * below).sum(-1)
        to_lower, to_upper = lower_gap - offsets, upper_gap - offsets
        product = to_lower * to_upper
        step = _solve_two_poles(
            value - to_lower * slope_below - to_upper * (slope - slope_below),
            (to_lower + to_upper) * value - product * slope, product * value)
        # A negative value means that the root lies above the current offset.
        lowest = torch.where(value < 0, offsets, lowest)
        highest = torch.where(value < 0, highest, offsets)
        offsets = _inside(offsets + step, lowest, highest)
    return offsets, origins


def _solve_two_poles(square: torch.Tensor, linear: torch.Tensor,
                     constant: torch.Tensor) -> torch.Tensor:
    """Solve ``square x^2 - linear x + constant = 0`` for the root between the poles."""
    root = (linear.square() - 4 * square * constant).clamp(min=0).sqrt()
    return torch.where(linear > 0, 2 * constant / (linear + root),
                       (linear - root) / (2 * square))


def _inside(offsets: torch.Tensor, lowest: torch.Tensor, highest: torch.Tensor) -> torch.Tensor:
    """Replace offsets outside their bracket, or at their pole, by the middle of the bracket."""
    inside = (offsets >= lowest) & (offsets <= highest) & (offsets != 0)
    return torch.where(inside, offsets, (lowest + highest) / 2)


def _eigenvectors(poles: torch.Tensor, differences: torch.Tensor,
                  vector: torch.Tensor) -> torch.Tensor:
    """Return orthonormal eigenvectors (N, r, r) as columns.

    The computed roots are the exact ones of a slightly different vector (Löwner's formula).
    Eigenvectors made with that vector are orthogonal to rounding error.
    """
    diagonal = torch.eye(poles.shape[-1], dtype=torch.bool, device=poles.device)
    spacings = poles[:, None] - poles[..., None]
    ratios = differences / torch.where(diagonal, -1., spacings)
    exact = ratios.prod(dim=1).abs().sqrt().copysign(vector)
    vectors = exact[:, None] / differences
    return (vectors / vectors.norm(dim=-1, keepdim=True)).mT
