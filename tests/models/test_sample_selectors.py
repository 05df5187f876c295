"""Sample selectors against slow implementations in plain Python."""
import math

import pytest
import torch
from mmdet3d.registry import TASK_UTILS

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.task_modules import (
    AllSamples,
    LearnableSampleSelector,
    ThresholdSamples,
    TopKSamples,
)
from mmdet3d_plugin.models.task_modules.sample_selectors import gumbel_noise

L = 49


def softmax(row, tau):
    largest = max(row)
    exps = [math.exp((value - largest) / tau) for value in row]
    return [value / sum(exps) for value in exps]


def largest_gap(row, tau, ratio, legacy):
    """Return the kept probabilities of the relative-distance divider; 0 where dropped."""
    order = sorted(row)
    best, least = -1., None
    for low, high in zip(order, order[1:]):
        gap = (high - low) / tau  # the logarithm of the ratio of probabilities
        if gap > best:
            best, least = gap, (low if legacy else high)
    if best <= math.log(ratio):
        least = order[0]
    return [p if value >= least else 0. for p, value in zip(softmax(row, tau), row)]


def top_k(row, tau, k):
    least = sorted(row)[-k]
    return [p if value >= least else 0. for p, value in zip(softmax(row, tau), row)]


def over_threshold(row, tau, threshold):
    probabilities = softmax(row, tau)
    return [p if p >= min(threshold, max(probabilities)) else 0. for p in probabilities]


HAND_MADE = {
    'clear gap': [0.1 * i for i in range(40)] + [30 + 0.1 * i for i in range(9)],
    'no gap': [0.2 * i for i in range(L)],
    'ties': [0.] * 20 + [12.] * 20 + [12.5] * 9,
    'one-hot': [0.] * 20 + [60.] + [0.] * 28,
    'all equal': [3.] * L,
    'two equal gaps': [0.] * 20 + [20.] * 20 + [40.] * 9,
    'extreme': [-1e4] * 10 + [-200.] * 10 + [0.] * 10 + [150.] * 10 + [1e4] * 9,
    'underflow': [-300.] * 20 + [-150., -140.] + [0.] * 27,
}
torch.manual_seed(3)
LOGITS = {**{name: torch.tensor([row]) for name, row in HAND_MADE.items()},
          **{f'normal, sigma {sigma}': sigma * torch.randn(20, L) for sigma in (1, 5, 12, 50)}}


@pytest.mark.parametrize('name', LOGITS)
@pytest.mark.parametrize('tau', [0.5, 1., 2.])
@pytest.mark.parametrize('legacy', [True, False])
def test_divider_agrees_with_plain_python(name, tau, legacy):
    selector = LearnableSampleSelector(tau=tau, legacy_divider=legacy).eval()
    expected = [largest_gap(row, tau, 1000., legacy) for row in LOGITS[name].tolist()]
    torch.testing.assert_close(selector(LOGITS[name]), torch.tensor(expected), atol=1e-6, rtol=0)


def published_rule(row):
    """Apply the published rule on probabilities.

    The threshold is the lower probability of the neighbours with the largest ratio, if this
    ratio exceeds 1000.
    """
    g = softmax(row, 1.)
    order = sorted(g)
    ratios = [high / low for low, high in zip(order, order[1:])]
    threshold = order[ratios.index(max(ratios))] if max(ratios) > 1000 else 0.
    return [p if p >= threshold else 0. for p in g]


@pytest.mark.parametrize('sigma', [1., 3., 6., 12.])
def test_legacy_divider_equals_the_published_rule(sigma):
    torch.manual_seed(1)
    logits = (sigma * torch.randn(60, L)).double()
    expected = torch.tensor([published_rule(row) for row in logits.tolist()], dtype=torch.double)
    torch.testing.assert_close(LearnableSampleSelector().eval()(logits), expected)
    if sigma == 12:
        dropping = (expected == 0).any(dim=1).double().mean()
        assert .1 < dropping < .9  # rows with and without a split occur


@pytest.mark.parametrize('name', LOGITS)
def test_bfloat16_weights_are_rounded_float32_weights(name):
    logits = LOGITS[name].bfloat16()
    exact = LearnableSampleSelector().eval()(logits.float())
    torch.testing.assert_close(LearnableSampleSelector().eval()(logits).float(), exact,
                               rtol=2 ** -8, atol=1e-30)


@pytest.mark.parametrize('name', LOGITS)
def test_fixed_rules_agree_with_plain_python(name):
    rows = LOGITS[name].tolist()
    torch.testing.assert_close(
        ThresholdSamples(threshold=.03, tau=2.).eval()(LOGITS[name]),
        torch.tensor([over_threshold(row, 2., .03) for row in rows]), atol=1e-6, rtol=0)
    if name.startswith('normal'):  # other logits have ties, where several choices are correct
        torch.testing.assert_close(
            TopKSamples(k=5, tau=2.).eval()(LOGITS[name]),
            torch.tensor([top_k(row, 2., 5) for row in rows]), atol=1e-6, rtol=0)


def test_hand_made_gap():
    """40 low and 9 high logits. The legacy rule also keeps the highest low logit."""
    logits = LOGITS['clear gap']
    assert LearnableSampleSelector(legacy_divider=False).eval()(logits).count_nonzero() == 9
    legacy = LearnableSampleSelector(legacy_divider=True).eval()(logits)
    assert (legacy[0, :39] == 0).all() and (legacy[0, 39:] > 0).all()
    # The largest ratio is e^26.1. A larger threshold keeps everything.
    kept_all = LearnableSampleSelector(ratio_threshold=1e12).eval()(logits)
    torch.testing.assert_close(kept_all, logits.softmax(dim=1))


def test_top_k_keeps_exactly_k_among_ties():
    for k in (1, 7, 49):
        assert TopKSamples(k=k).eval()(torch.zeros(4, L)).count_nonzero(dim=1).tolist() == [k] * 4


SELECTORS = [dict(type='AllSamples'), dict(type='TopKSamples', k=5),
             dict(type='ThresholdSamples'), dict(type='LearnableSampleSelector'),
             dict(type='LearnableSampleSelector', legacy_divider=False, normalize=True)]


@pytest.mark.parametrize('cfg', SELECTORS, ids=str)
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('name', LOGITS)
def test_values_and_gradients_are_finite(cfg, dtype, name):
    selector = TASK_UTILS.build(cfg).train()
    logits = LOGITS[name].to(dtype, copy=True).requires_grad_()
    weights = selector(logits)
    assert weights.shape == logits.shape and weights.dtype == dtype
    assert torch.isfinite(weights).all() and (weights >= 0).all()
    if weights.requires_grad:
        (weights * torch.linspace(0, 5, L, dtype=dtype)).sum().backward()
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('cfg', SELECTORS, ids=str)
def test_weights_of_no_objects_are_empty(cfg):
    assert TASK_UTILS.build(cfg).train()(torch.zeros(0, L)).shape == (0, L)


@pytest.mark.parametrize('legacy', [True, False])
def test_gradient_of_kept_and_dropped_locations_is_that_of_the_softmax(legacy):
    logits = LOGITS['clear gap'][:, ::4].double() / 3
    factors = torch.linspace(-1, 2, logits.shape[1], dtype=torch.float64)
    selector = LearnableSampleSelector(tau=1.5, deterministic=True, ratio_threshold=10.,
                                       legacy_divider=legacy)
    through = logits.clone().requires_grad_()
    (selector(through) * factors).sum().backward()
    plain = logits.clone().requires_grad_()
    ((plain / 1.5).softmax(dim=1) * factors).sum().backward()
    torch.testing.assert_close(through.grad, plain.grad)
    assert (selector(logits) == 0).any() and (through.grad != 0).all()


def test_noise_is_added_in_training_unless_deterministic():
    logits = torch.randn(3, L)
    noisy = LearnableSampleSelector()
    assert not torch.equal(noisy.train()(logits), noisy(logits))
    assert torch.equal(noisy.eval()(logits), noisy(logits))
    quiet = LearnableSampleSelector(deterministic=True).train()
    assert torch.equal(quiet(logits), noisy(logits))


def test_noise_is_gumbel_distributed():
    """By the Gumbel-max trick the largest noisy logit is i with probability softmax_i."""
    torch.manual_seed(0)
    logits = torch.tensor([0., 1., 2., 3.])
    draws = (logits + gumbel_noise(logits.expand(200000, 4))).argmax(dim=1)
    shares = draws.bincount(minlength=4) / len(draws)
    torch.testing.assert_close(shares, logits.softmax(dim=0), atol=5e-3, rtol=0)
    noise = gumbel_noise(torch.empty(1000000))
    assert noise.mean().item() == pytest.approx(0.5772, abs=5e-3)  # Euler's constant
    assert noise.var().item() == pytest.approx(math.pi ** 2 / 6, abs=2e-2)


def test_normalized_weights_have_a_mean_of_one():
    for selector in (LearnableSampleSelector(normalize=True),
                     ThresholdSamples(threshold=.9, normalize=True)):
        weights = selector.train()(torch.randn(20, L) * 8)
        torch.testing.assert_close(weights.mean(dim=1), torch.ones(20))


def test_all_samples_have_weight_one():
    assert torch.equal(AllSamples()(torch.randn(3, L)), torch.ones(3, L))


@pytest.mark.parametrize('cfg, message', [
    (dict(type='TopKSamples', k=50), 'k is 50, it must lie between 1 and the 49 locations'),
    (dict(type='TopKSamples', k=0), 'k is 0'),
    (dict(type='LearnableSampleSelector', tau=0.), 'tau is 0.0, it must be positive'),
    (dict(type='TopKSamples', k=3, tau=-1.), 'tau is -1.0'),
    (dict(type='LearnableSampleSelector', tau=float('nan')), 'tau is nan'),
    (dict(type='LearnableSampleSelector', ratio_threshold=.5), 'ratio_threshold is 0.5'),
    (dict(type='ThresholdSamples', threshold=1.), 'threshold is 1.0'),
])
def test_invalid_settings_are_refused(cfg, message):
    with pytest.raises(InputError, match=message):
        TASK_UTILS.build(cfg)
