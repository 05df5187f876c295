"""Loss balancer against a loop in plain numbers."""
import pytest
import torch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.self_supervision import LossBalancer, MotionAwareLoss, loss_balancer


def scalar(value, **options):
    return torch.tensor(float(value), **options)


def weighted_means(balancer):
    return (balancer.weights * balancer.means).tolist()


def test_first_iteration_equalises_the_weighted_losses():
    balancer = LossBalancer()
    # The weighted sum of the initial weights is (4 + 1) / 2.
    assert balancer(scalar(4), scalar(1)).item() == pytest.approx(5)
    assert weighted_means(balancer) == pytest.approx([1.25, 1.25])
    assert balancer.weights.tolist() == pytest.approx([1.25 / 4, 1.25])


def test_sensitivity_falls_over_the_epochs():
    balancer = LossBalancer()
    found = []
    for epoch in range(7):
        balancer.start_epoch(epoch)
        found.append(balancer.balance.item())
    assert found == [3, 1.5, 0, -1.5, -3, -3, -3]
    balancer = LossBalancer(initial=1., slope=-.5, floor=-.25)
    balancer.start_epoch(3)
    assert balancer.balance == -.25
    assert LossBalancer(initial=1.).balance == 1


def test_means_are_those_of_the_current_epoch():
    balancer = LossBalancer()
    for epoch, base, mean in ((0, 4, 4), (0, 2, 3), (1, 8, 8), (1, 6, 7), (1, 1, 5)):
        balancer.start_epoch(epoch)
        balancer(scalar(base), scalar(1))
        assert balancer.means.tolist() == pytest.approx([mean, 1])


def plain_balancer(epochs, initial=3., slope=-1.5, floor=-3., bounds=(.5, 2.), factor=2.):
    """Losses and weights of each iteration, in plain numbers."""
    weights, previous, found = [.5, .5], None, []
    for epoch, losses in enumerate(epochs):
        balance = max(initial + slope * epoch, floor)
        for index in range(len(losses)):
            means = [sum(pair[side] for pair in losses[:index + 1]) / (index + 1)
                     for side in (0, 1)]
            total = sum(w * m for w, m in zip(weights, means))
            if previous is None:
                weights = [total / 2 / m for m in means]
            else:
                weights = [w * min(max(1 + balance * (total / previous[0] * old / m - 1),
                                       bounds[0]), bounds[1])
                           for w, old, m in zip(weights, previous[1], means)]
            previous = total, means
            found.append((factor * sum(w * x for w, x in zip(weights, losses[index])),
                          weights))
    return found


@pytest.mark.parametrize('options', [{}, dict(initial=.4, slope=-.7, floor=-.5, factor=12.,
                                              bounds=(.9, 1.2))])
def test_weights_follow_a_plain_loop(options):
    generator = torch.Generator().manual_seed(0)
    epochs = (1 + torch.rand(5, 6, 2, generator=generator)).tolist()
    balancer, found = LossBalancer(**options).double(), []
    for epoch, losses in enumerate(epochs):
        balancer.start_epoch(epoch)
        for base, distil in losses:
            loss = balancer(*torch.tensor([base, distil], dtype=torch.float64))
            found.append((loss.item(), balancer.weights.tolist()))
    for (loss, weights), (expected, expected_weights) in zip(found,
                                                             plain_balancer(epochs, **options)):
        assert loss == pytest.approx(expected, rel=1e-9)
        assert weights == pytest.approx(expected_weights, rel=1e-9)


def test_loss_that_falls_faster_gains_weight_in_epoch_0_and_loses_it_in_epoch_4():
    for epoch, gains in ((0, True), (4, False)):
        balancer = LossBalancer()
        balancer.start_epoch(epoch)
        balancer(scalar(1), scalar(1))
        before = balancer.weights.clone()
        balancer(scalar(1), scalar(.9))
        assert ((balancer.weights > before).tolist() == [not gains, gains])


@pytest.mark.parametrize('epoch', [0, 4])
def test_weights_change_by_at_most_a_factor_of_2_per_iteration(epoch):
    balancer = LossBalancer()
    balancer.start_epoch(epoch)
    balancer(scalar(1), scalar(1))
    before = balancer.weights.clone()
    balancer(scalar(1e-4), scalar(1e4))
    ratios = (balancer.weights / before).tolist()
    assert sorted(ratios) == pytest.approx([.5, 2]) and (ratios[0] > 1) == (epoch == 0)


def test_factor_multiplies_the_loss_and_weights_get_no_gradient():
    losses = scalar(4, requires_grad=True), scalar(1, requires_grad=True)
    for factor in (1., 2., 12.):
        balancer = LossBalancer(factor=factor)
        loss = balancer(*losses)
        gradient = torch.autograd.grad(loss, losses)
        assert [value.item() for value in gradient] == pytest.approx(
            [factor * weight for weight in (.3125, 1.25)])


def test_loss_of_zero_keeps_weights_finite():
    balancer = LossBalancer()
    assert balancer(scalar(4), scalar(0)).item() == 4  # weights 1/2, factor 2
    assert balancer.weights.tolist() == [.5, .5]
    balancer(scalar(4), scalar(2))  # the means are 4 and 1
    assert weighted_means(balancer) == pytest.approx([1.25, 1.25])
    weights = balancer.weights.clone()
    balancer.start_epoch(1)
    balancer(scalar(4), scalar(0))
    assert balancer.weights[1] == weights[1] and balancer.weights.isfinite().all()
    balancer(scalar(0), scalar(0))
    balancer.start_epoch(2)
    assert balancer(scalar(0), scalar(0)).item() == 0
    assert balancer(scalar(0), scalar(1)).isfinite() and balancer.weights.isfinite().all()


def test_evaluation_and_no_grad_leave_the_state_as_it_is():
    balancer = LossBalancer()
    balancer(scalar(4), scalar(1))
    state = balancer.get_state()
    with torch.no_grad():
        balancer(scalar(1), scalar(3))
    balancer.eval()
    assert balancer(scalar(8), scalar(2)).item() == pytest.approx(2 * (.3125 * 8 + 1.25 * 2))
    assert all(torch.equal(value, state[name]) for name, value in balancer.get_state().items())


def test_resume_within_an_epoch_gives_the_same_bits():
    losses = (1 + torch.rand(6, 2)).tolist()

    def train(balancer, start, stop):
        found = []
        for index in range(start, stop):
            balancer.start_epoch(index // 3)
            found.append(balancer(*map(scalar, losses[index])))
        return found

    whole = LossBalancer()
    expected = train(whole, 0, 6)
    for stop in range(1, 6):
        first, second = LossBalancer(), LossBalancer()
        train(first, 0, stop)
        second.set_state(first.get_state())
        assert torch.equal(torch.stack(train(second, stop, 6)), torch.stack(expected[stop:]))


def test_means_are_those_over_all_ranks(monkeypatch):
    """The other rank has losses 2 and 3."""
    def all_reduce(values, op):
        assert op == 'mean'
        values.copy_((values + torch.tensor([2., 3.])) / 2)

    monkeypatch.setattr(loss_balancer, 'all_reduce', all_reduce)
    balancer = LossBalancer()
    loss = balancer(scalar(6), scalar(1))
    assert balancer.means.tolist() == [4, 2] and weighted_means(balancer) == [1.5, 1.5]
    assert loss.item() == 2 * (1.5 / 4 * 6 + 1.5 / 2 * 1)


def test_unusable_options_are_named():
    for options in (dict(bounds=(0., 2.)), dict(bounds=(1.5, 2.)), dict(factor=0.)):
        with pytest.raises(InputError, match=next(iter(options))):
            LossBalancer(**options)


def test_combined_loss_weighs_all_losses_but_the_distillation_as_one():
    losses = dict(loss_teacher=scalar(1), loss_student=scalar(2), loss_consistency=scalar(.5),
                  loss_distil=scalar(1), loss_smoothness=scalar(.5))
    assert MotionAwareLoss().combine(losses) is losses
    balanced = MotionAwareLoss(balancer=dict())
    with pytest.raises(InputError, match='no epoch of the balancer has started; add LossBalancer'):
        balanced.combine(losses)
    balanced.balancer.start_epoch(0)
    combined = balanced.combine(losses)
    assert [name for name in combined if 'loss' in name] == ['loss']
    assert combined['loss'].item() == pytest.approx(5)  # the sum, as of the first iteration
    assert combined['weight_base'].item() == pytest.approx(2.5 / 2 / 4)
    assert combined['weight_distil'].item() == pytest.approx(2.5 / 2)
    assert combined['student'].item() == 2
