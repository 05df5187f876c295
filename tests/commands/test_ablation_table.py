"""The tables of ``tools/ablate.py``."""
import pytest

from mmdet3d_plugin.commands.ablation_table import (
    AblationRow,
    ablation_page,
    ablation_table,
    comparison_table,
    mean_and_spread,
    seed_table,
)
from mmdet3d_plugin.commands.paired_comparison import Effect

ROWS = [AblationRow('1_none', 'nothing', {0: dict(ap=10.), 1: dict(ap=20.), 2: dict(ap=36.)}),
        AblationRow('2_some', 'something', {0: dict(ap=12.3)}),
        AblationRow('3_failed', 'everything', {})]


@pytest.mark.parametrize('values, text', [
    # squared deviations from 22: (144 + 4 + 196) / 2 = 172
    ([10., 20., 36.], '22.0 ± 13.1'), ([7.], '7.0'), ([], '–'), ([5., 5.], '5.0 ± 0.0')])
def test_mean_and_spread(values, text):
    assert mean_and_spread(values) == text


def test_table_has_one_line_per_row():
    assert ablation_table(ROWS, ['ap']).to_markdown().splitlines() == [
        '| config | varies | seeds | ap |',
        '| --- | --- | --- | --- |',
        '| `1_none` | nothing | 0 1 2 | 22.0 ± 13.1 |',
        '| `2_some` | something | 0 | 12.3 |',
        '| `3_failed` | everything | – | – |']


def test_decimals_and_arrows_of_depth_metrics():
    rows = [AblationRow('lt', 'nothing', {0: dict(AbsRel=.13754, RMSE=.47341, delta1=.81419)})]
    table = ablation_table(rows, ['AbsRel', 'RMSE', 'delta1'])
    header, _, row = table.to_markdown().splitlines()
    assert header == '| config | varies | seeds | AbsRel ↓ | RMSE, m ↓ | δ < 1.25 ↑ |'
    assert row == '| `lt` | nothing | 0 | 0.1375 | 0.473 | 0.8142 |'


def test_retrieval_metrics_have_one_decimal():
    rows = [AblationRow('plm', 'nothing', {0: {'R@1': 48.6486, 'R@16': 90.05, 'mAP@R': 12.3456}})]
    header, _, row = ablation_table(rows, ['R@1', 'R@16', 'mAP@R']).to_markdown().splitlines()
    assert header == '| config | varies | seeds | R@1 (%) ↑ | R@16 (%) ↑ | mAP@R (%) ↑ |'
    assert row == '| `plm` | nothing | 0 | 48.6 | 90.0 | 12.3 |'


def cells(line):
    return [cell.strip() for cell in line.strip('|').split('|')]


def row(name, *values):
    return AblationRow(name, name, {seed: dict(ap=value) for seed, value in enumerate(values)})


def test_differences_from_the_baseline():
    """Differences of 1, 3, 2: interval 2 ± 4.3027 / sqrt(3); of 9, 10, 11: 10 ± the same.

    The effect of 5 % of the mean 20 is 1, which is the deviation of differences: 10 seeds.
    """
    rows = [row('base', 10., 20., 30.), row('alike', 11., 23., 32.), row('good', 19., 30., 41.),
            row('bad', 1., 10., 19.), row('short', 10.)]
    header, _, *lines = comparison_table(rows, ['ap'], 'base').to_markdown().splitlines()
    assert cells(header) == ['metric', 'config', 'common seeds', 'mean difference',
                             '95 % interval', 'result', 'seeds for an effect of']
    assert [cells(line)[1:] for line in lines] == [
        ['`alike`', '3', '+2.0', '-0.5 to +4.5',
         'difference not distinguishable from zero at 95 %', '1.00: 10'],
        ['`good`', '3', '+10.0', '+7.5 to +12.5', 'higher at 95 %', '1.00: 10'],
        ['`bad`', '3', '-10.0', '-12.5 to -7.5', 'lower at 95 %', '1.00: 10'],
        ['`short`', '1', '–', '–', 'not decidable', '–']]


def test_another_baseline_and_effect():
    """An effect of half the deviation of differences needs 34 seeds."""
    rows = [row('base', 10., 20., 30.), row('alike', 11., 23., 32.)]
    for effect in (Effect(0.5, False), Effect(0.5 / 22, True)):
        table = comparison_table(rows, ['ap'], 'alike', dict(ap=effect))
        _, _, line = table.to_markdown().splitlines()
        assert cells(line)[1:5] == ['`base`', '3', '-2.0', '-4.5 to +0.5']
        assert cells(line)[6] == '0.50: 34'


def test_effects_without_a_number_of_seeds():
    rows = [row('base', 0., 0.), row('noisy', -1., 1.)]
    _, _, line = comparison_table(rows, ['ap'], 'base').to_markdown().splitlines()
    assert cells(line)[6] == '0.00: –'
    effects = dict(ap=Effect(.001, False))
    _, _, line = comparison_table(rows, ['ap'], 'base', effects).to_markdown().splitlines()
    assert cells(line)[6] == '0.00: more than 10,000'


def test_missing_and_undefined_values_form_no_pairs():
    rows = [AblationRow('base', '', {0: dict(ap=1.), 1: dict(ap=float('nan')), 2: dict(ap=3.)}),
            AblationRow('other', '', {0: dict(ap=2.), 1: dict(ap=2.), 2: dict(ap=None)})]
    _, _, line = comparison_table(rows, ['ap'], 'base').to_markdown().splitlines()
    assert cells(line)[2:6] == ['1', '–', '–', 'not decidable']


def test_values_per_seed():
    assert seed_table(ROWS, ['ap']).to_markdown().splitlines() == [
        '| metric | config | seed 0 | seed 1 | seed 2 |',
        '| --- | --- | --- | --- | --- |',
        '| ap | `1_none` | 10.0 | 20.0 | 36.0 |',
        '| ap | `2_some` | 12.3 | – | – |',
        '| ap | `3_failed` | – | – | – |']


def test_page_starts_with_the_table_of_means():
    tables = [ablation_table(ROWS, ['ap']), comparison_table(ROWS, ['ap'], '2_some'),
              seed_table(ROWS, ['ap'])]
    page = ablation_page(ROWS, ['ap'], '2_some')
    assert page.split('\n\n')[::2] == [table.to_markdown() for table in tables]
    assert 'Differences from `2_some`' in page and '80 %' in page


def test_page_of_one_row_has_no_differences():
    page = ablation_page(ROWS[:1], ['ap'], '1_none')
    assert page == '\n\n'.join([ablation_table(ROWS[:1], ['ap']).to_markdown(), 'Values per seed:',
                                seed_table(ROWS[:1], ['ap']).to_markdown()])
