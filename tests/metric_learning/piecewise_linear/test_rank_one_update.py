"""Eigendecomposition after a rank-one update, against LAPACK."""
import pytest
import torch

from mmdet3d_plugin.metric_learning.piecewise_linear.rank_one_update import (
    rank_one_update,
    solve_secular_equation,
)

each_solver = pytest.mark.parametrize('solve', [rank_one_update, solve_secular_equation])


def draw(kind, size, count=1000):
    torch.manual_seed(size)
    values, vector = torch.rand(count, size).double(), torch.randn(count, size).double()
    if kind == 'wide':
        values, vector = 10**(-12 * values), vector * 10**(-8 * torch.rand(count, size).double())
    if kind == 'ties':
        values = (3 * values).round() / 3
        vector = vector * (torch.rand(count, size) < .5)
    if kind == 'tiny':
        values, vector = values * 1e-24, vector * 1e-12
    return values.sort(dim=1).values, vector


@each_solver
@pytest.mark.parametrize('size', [1, 2, 4, 15, 40])
@pytest.mark.parametrize('kind', ['random', 'wide', 'ties', 'tiny'])
def test_agrees_with_lapack(kind, size, solve):
    values, vector = draw(kind, size)
    matrix = torch.diag_embed(values) + vector[:, :, None] * vector[:, None]
    scale = torch.linalg.matrix_norm(matrix, 2).clamp(min=1e-300)
    found, vectors = solve(values, vector)
    error = (found - torch.linalg.eigvalsh(matrix)).abs().amax(dim=1)
    assert (error <= 1e-9 * scale).all()
    assert (vectors.mT @ vectors - torch.eye(size)).abs().max() < 1e-13
    rebuilt = (vectors * found[:, None]) @ vectors.mT
    assert ((rebuilt - matrix).abs().amax(dim=(1, 2)) <= 1e-9 * scale).all()


@each_solver
def test_zero_matrix(solve):
    found, vectors = solve(torch.zeros(2, 3).double(), torch.zeros(2, 3).double())
    assert found.abs().max() < 1e-20
    assert (vectors.mT @ vectors - torch.eye(3)).abs().max() < 1e-13
