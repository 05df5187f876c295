"""Differences of ablation rows with paired seeds, and the number of seeds for an effect.

Expected values use printed tables: quantiles of Student's t, and sample sizes of the paired
t-test (two-sided, 5 %, power 0.8).
"""
import math

import numpy as np
import pytest

from mmdet3d_plugin.commands.paired_comparison import (
    MAX_PAIRS,
    Effect,
    PairedDifference,
    paired_difference,
    paired_power,
    required_pairs,
)

T_975 = {1: 12.7062, 2: 4.3027, 4: 2.7764}  # 97.5 % quantile by degrees of freedom
BASELINE = {0: 10., 1: 12., 2: 17.}
ROW = {0: 11., 1: 15., 2: 19.}  # differences 1, 3, 2: mean 2, deviation 1


def test_interval_of_three_differences():
    found = paired_difference(BASELINE, ROW)
    reach = T_975[2] / math.sqrt(3)
    assert found[:3] == (3, 2., 1.)
    assert (found.low, found.high) == pytest.approx((2 - reach, 2 + reach), abs=1e-4)
    assert found.verdict == 'difference not distinguishable from zero at 95 %'


@pytest.mark.parametrize('differences, deviation', [
    ([1., 5.], math.sqrt(8)), ([1., 2., 3., 4., 5.], math.sqrt(2.5))])
def test_intervals_of_two_and_five_differences(differences, deviation):
    count = len(differences)
    found = paired_difference(dict.fromkeys(range(count), 7.),
                              {seed: 7. + value for seed, value in enumerate(differences)})
    assert found.mean == pytest.approx(3) and found.deviation == pytest.approx(deviation)
    reach = T_975[count - 1] * deviation / math.sqrt(count)
    assert (found.low, found.high) == pytest.approx((3 - reach, 3 + reach), abs=1e-3)


def test_only_common_seeds_count():
    assert paired_difference({**BASELINE, 7: 1000.}, {**ROW, 5: -3.}) == paired_difference(
        BASELINE, ROW)


@pytest.mark.parametrize('row', [{}, {0: 11.}, {3: 11., 4: 12.}])
def test_fewer_than_two_common_seeds_are_not_compared(row):
    assert paired_difference(BASELINE, row) is None


def test_exchanged_rows_give_the_negative_difference():
    found, exchanged = paired_difference(BASELINE, ROW), paired_difference(ROW, BASELINE)
    assert exchanged == pytest.approx(
        (found.count, -found.mean, found.deviation, -found.high, -found.low))


def test_shifting_both_rows_per_seed_changes_nothing():
    shifts = {0: 100., 1: -50., 2: 8.}
    assert paired_difference({seed: BASELINE[seed] + shifts[seed] for seed in shifts},
                             {seed: ROW[seed] + shifts[seed] for seed in shifts}
                             ) == pytest.approx(paired_difference(BASELINE, ROW))


def test_scaling_both_rows_scales_the_interval():
    scaled = paired_difference({seed: 10 * value for seed, value in BASELINE.items()},
                               {seed: 10 * value for seed, value in ROW.items()})
    assert scaled[1:] == pytest.approx(
        [10 * value for value in paired_difference(BASELINE, ROW)[1:]])


@pytest.mark.parametrize('low, high, verdict', [
    (0.1, 3., 'higher at 95 %'), (-3., -0.1, 'lower at 95 %'),
    (-1., 3., 'difference not distinguishable from zero at 95 %'),
    (0., 3., 'difference not distinguishable from zero at 95 %'),
    (-3., 0., 'difference not distinguishable from zero at 95 %')])
def test_verdicts(low, high, verdict):
    assert PairedDifference(3, (low + high) / 2, 1., low, high).verdict == verdict


def test_equal_rows_are_not_distinguishable():
    found = paired_difference(BASELINE, BASELINE)
    assert found == (3, 0., 0., 0., 0.)
    assert found.verdict == 'difference not distinguishable from zero at 95 %'


@pytest.mark.parametrize('effect_size, pairs', [
    (1., 10), (0.8, 15), (0.5, 34), (0.2, 199)])
def test_published_sample_sizes(effect_size, pairs):
    assert required_pairs(effect_size, deviation=1.) == pairs
    assert required_pairs(-3 * effect_size, deviation=3.) == pairs
    assert paired_power(pairs - 1, effect_size) < 0.8 <= paired_power(pairs, effect_size)


@pytest.mark.parametrize('count, effect_size', [(3, 1.), (3, 3.), (5, 1.)])
def test_power_agrees_with_a_simulation(count, effect_size):
    draws = np.random.default_rng(0).normal(effect_size, 1., (100_000, count))
    statistic = draws.mean(axis=1) / draws.std(axis=1, ddof=1) * math.sqrt(count)
    simulated = np.mean(np.abs(statistic) > T_975[count - 1])
    # four standard errors of a share of 100,000 draws: at most 0.0063
    assert paired_power(count, effect_size) == pytest.approx(simulated, abs=0.0063)


def test_power_of_a_tiny_effect_is_the_level():
    assert paired_power(3, 1e-5) == pytest.approx(0.05) == paired_power(200, -1e-5)


@pytest.mark.parametrize('count', [2, 10, MAX_PAIRS])
def test_power_grows_with_the_effect_up_to_one(count):
    powers = [paired_power(count, size) for size in (0.01, 0.1, 1., 10., 100.)]
    assert powers == sorted(powers) and powers[-1] == pytest.approx(1, abs=0.02)


def test_limits_of_the_number_of_pairs():
    assert required_pairs(1., deviation=0.) == 2
    assert required_pairs(1000., deviation=1.) == 2
    assert required_pairs(0.001, deviation=1.) is None


def test_effects():
    assert Effect.parse('5%').absolute(-30.) == pytest.approx(1.5)
    assert Effect.parse('2').absolute(30.) == 2.
    for text in ('0', '-1', 'nan', 'inf', 'five', '%', ''):
        with pytest.raises(ValueError):
            Effect.parse(text)
