import math

import pytest
import torch

from mmdet3d_plugin.models.losses import HeadingBinLoss, LaplacianAleatoricLoss


def test_laplacian_closed_form():
    prediction = torch.tensor([[10., 12.], [30., 5.]])
    target = torch.tensor([[11., 12.], [26., 5.5]])
    log_variance = torch.tensor([[0., 2.], [2 * math.log(4.), -2.]])
    weight = torch.tensor([[1., 1.], [0.5, 0.]])
    terms = [1.4142 * 1 * 1 + 0, 0 + 1, 0.5 * (1.4142 / 4 * 4 + math.log(4.)), 0]
    loss = LaplacianAleatoricLoss(loss_weight=10.)(prediction, log_variance, target, weight)
    assert loss.item() == pytest.approx(10 * sum(terms) / 4, rel=1e-6)


def test_laplacian_is_least_where_the_spread_is_the_error():
    """d/ds (sqrt2 e^{-s/2} |e| + s/2) = 0 at e^{s/2} = sqrt2 |e|."""
    error = 3.
    log_variance = torch.tensor([[2 * math.log(1.4142 * error)]], requires_grad=True)
    one = torch.ones(1, 1)
    LaplacianAleatoricLoss()(one * error, log_variance, one * 0, one).backward()
    assert log_variance.grad.item() == pytest.approx(0, abs=1e-6)


def test_laplacian_gradients():
    generator = torch.Generator().manual_seed(0)
    shape = (3, 4)
    prediction, log_variance, target, weight = (
        torch.randn(shape, generator=generator, dtype=torch.double) for _ in range(4))
    prediction.requires_grad_(), log_variance.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda p, s: LaplacianAleatoricLoss()(p, s, target, weight), (prediction, log_variance))


def test_heading_loss_counts_the_true_bin_only():
    logits = torch.log(torch.tensor([[.5, .25, .25], [.1, .1, .8]]))
    residuals = torch.tensor([[.3, 9., 9.], [9., 9., -.1]])
    loss = HeadingBinLoss(loss_weight=2.)(
        logits, residuals, torch.tensor([0, 2]), torch.tensor([.1, .2]))
    expected = 2 * ((-math.log(.5) - math.log(.8)) / 2 + (.2 + .3) / 2)
    assert loss.item() == pytest.approx(expected, rel=1e-6)
