"""Losses of the detection heads."""
import math

import pytest
import torch
from mmengine.config import Config

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.losses import (
    DimensionAwareL1Loss,
    HeadingBinLoss,
    LaplacianAleatoricLoss,
    UncertainHeightSizeLoss,
    WeightedL1Loss,
)


def test_laplacian_equals_its_closed_form():
    prediction = torch.tensor([[10., 12.], [30., 5.]])
    target = torch.tensor([[11., 12.], [26., 5.5]])
    log_variance = torch.tensor([[0., 2.], [2 * math.log(4.), -2.]])
    weight = torch.tensor([[1., 1.], [0.5, 0.]])
    terms = [1.4142 * 1 * 1 + 0, 0 + 1, 0.5 * (1.4142 / 4 * 4 + math.log(4.)), 0]
    loss = LaplacianAleatoricLoss(loss_weight=10.)(prediction, log_variance, target, weight)
    assert loss.item() == pytest.approx(10 * sum(terms) / 4, rel=1e-6)


def test_laplacian_is_minimal_where_the_scale_equals_the_error():
    """d/ds (sqrt2 e^{-s/2} |e| + s/2) = 0 at e^{s/2} = sqrt2 |e|."""
    error = 3.
    log_variance = torch.tensor([[2 * math.log(1.4142 * error)]], requires_grad=True)
    one = torch.ones(1, 1)
    LaplacianAleatoricLoss()(one * error, log_variance, one * 0, one).backward()
    assert log_variance.grad.item() == pytest.approx(0, abs=1e-6)


def test_laplacian_gradients_are_correct():
    generator = torch.Generator().manual_seed(0)
    shape = (3, 4)
    prediction, log_variance, target, weight = (
        torch.randn(shape, generator=generator, dtype=torch.double) for _ in range(4))
    prediction.requires_grad_(), log_variance.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda p, s: LaplacianAleatoricLoss()(p, s, target, weight), (prediction, log_variance))


def test_heading_residual_counts_in_the_ground_truth_bin_only():
    logits = torch.log(torch.tensor([[.5, .25, .25], [.1, .1, .8]]))
    residuals = torch.tensor([[.3, 9., 9.], [9., 9., -.1]])
    loss = HeadingBinLoss(loss_weight=2.)(
        logits, residuals, torch.tensor([0, 2]), torch.tensor([.1, .2]))
    expected = 2 * ((-math.log(.5) - math.log(.8)) / 2 + (.2 + .3) / 2)
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_heading_loss_of_independent_bins():
    """Mean of -log p (ground-truth bin) or -log(1 - p) (other bins) over objects and bins."""
    p = torch.tensor([[.5, .25, .2], [.1, .4, .8]])
    residuals = torch.tensor([[.3, 9., 9.], [9., 9., -.1]])
    loss = HeadingBinLoss(independent_bins=True)(
        torch.logit(p), residuals, torch.tensor([0, 2]), torch.tensor([.1, .2]))
    right = [.5, .75, .8, .9, .6, .8]
    expected = -sum(map(math.log, right)) / 6 + (.2 + .3) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('divisor, lengths', [('prediction', (1.5, 2., 4.)),
                                              ('target', (1.4, 2.2, 3.5))])
def test_dimension_aware_loss_has_the_value_of_l1_and_gradients_inverse_to_size(divisor, lengths):
    """Errors e of 3 elements, divisors d, N = 6 elements of 2 objects, loss weight 3.

    Value 3 sum |e| / N. Gradient 3 / N sum |e| / sum(|e| / d) sign(e) / d.
    """
    sizes = torch.tensor([[1.5, 2., 4.], [1., 1., 1.]], requires_grad=True)
    target = torch.tensor([[1.4, 2.2, 3.5], [9., 9., 9.]])
    weight = torch.tensor([[1.], [0.]]).expand(2, 3)
    loss = DimensionAwareL1Loss(loss_weight=3., divisor=divisor)(sizes, target, weight)
    assert loss.item() == pytest.approx(3 * (.1 + .2 + .5) / 6, rel=1e-5)
    loss.backward()
    errors = (.1, -.2, .5)
    scale = .8 / sum(abs(error) / length for error, length in zip(errors, lengths))
    expected = [3 / 6 * scale * math.copysign(1, error) / length
                for error, length in zip(errors, lengths)]
    assert sizes.grad[0].tolist() == pytest.approx(expected, rel=1e-5)
    assert sizes.grad[1].tolist() == [0., 0., 0.]


def test_dimension_aware_loss_divides_by_the_prediction_by_default():
    assert DimensionAwareL1Loss().divisor == 'prediction'


def test_dimension_aware_loss_with_unknown_divisor_raises():
    with pytest.raises(InputError, match="DimensionAwareL1Loss: divisor is 'size', expected"):
        DimensionAwareL1Loss(divisor='size')


@pytest.mark.parametrize('model, divisor', [('monodle', 'target'), ('monocon', 'prediction')])
def test_size_loss_divisor_of_the_models_is_that_of_their_released_code(model, divisor):
    cfg = Config.fromfile(f'configs/_base_/models/{model}_dla34.py')
    assert cfg.model.object_head.loss_size_3d.divisor == divisor


@pytest.mark.parametrize('divisor', ['prediction', 'target'])
def test_dimension_aware_loss_of_zero_and_negative_sizes_is_finite(divisor):
    sizes = torch.zeros(2, 3, requires_grad=True)
    criterion = DimensionAwareL1Loss(divisor=divisor)
    loss = criterion(sizes, torch.zeros(2, 3), torch.ones(2, 3))
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(sizes.grad).all()
    negative = criterion(sizes - .5, torch.ones(2, 3), torch.ones(2, 3))
    assert negative.item() == pytest.approx(1.5)


def test_size_loss_with_uncertain_height():
    """Two thirds of L1 on width and length, one third of a Laplacian on height."""
    sizes = torch.tensor([[.3, .1, -.4, 2 * math.log(2.)], [0., 0., 1., 0.]])
    target = torch.tensor([[.1, .2, .2], [.5, 0., 0.]])
    height = [1.4142 / 2 * .2 + math.log(2.), 1.4142 * .5]
    flat = [.1, .6, 0., 1.]
    loss = UncertainHeightSizeLoss()(sizes, target, torch.ones(2, 3))
    assert loss.item() == pytest.approx(2 / 3 * sum(flat) / 4 + sum(height) / 6, rel=1e-5)
    weight = torch.tensor([[0.], [2.]]).expand(2, 3)
    loss = UncertainHeightSizeLoss()(sizes, target, weight)
    assert loss.item() == pytest.approx(2 / 3 * (0 + 1) / 2 + height[1] / 3, rel=1e-5)


def test_weighted_l1_is_the_mean_over_all_elements():
    prediction, target = torch.tensor([[1., 5.], [2., 2.]]), torch.tensor([[0., 2.], [2., 4.]])
    weight = torch.tensor([[1., 2.], [1., 0.]])
    loss = WeightedL1Loss(loss_weight=3.)(prediction, target, weight)
    assert loss.item() == pytest.approx(3 * (1 + 6) / 4)
