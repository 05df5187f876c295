"""The table of ``tools/ablate.py``."""
import pytest

from mmdet3d_plugin.commands.ablation_table import AblationRow, ablation_table, mean_and_spread

ROWS = [AblationRow('1_none', 'nothing', {0: dict(ap=10.), 1: dict(ap=20.), 2: dict(ap=36.)}),
        AblationRow('2_some', 'something', {0: dict(ap=12.3)}),
        AblationRow('3_failed', 'everything', {})]


@pytest.mark.parametrize('values, text', [
    # squared deviations from 22: (144 + 4 + 196) / 2 = 172
    ([10., 20., 36.], '22.0 ± 13.1'), ([7.], '7.0'), ([], '–'), ([5., 5.], '5.0 ± 0.0')])
def test_mean_and_spread(values, text):
    assert mean_and_spread(values) == text


def test_table_has_one_line_per_row():
    assert ablation_table(ROWS, ['ap']).splitlines() == [
        '| config | varies | seeds | ap |',
        '| --- | --- | --- | --- |',
        '| `1_none` | nothing | 0 1 2 | 22.0 ± 13.1 |',
        '| `2_some` | something | 0 | 12.3 |',
        '| `3_failed` | everything | – | – |']


def test_decimals_and_arrows_of_depth_metrics():
    rows = [AblationRow('lt', 'nothing', {0: dict(AbsRel=.13754, RMSE=.47341, delta1=.81419)})]
    header, _, row = ablation_table(rows, ['AbsRel', 'RMSE', 'delta1']).splitlines()
    assert header == '| config | varies | seeds | AbsRel ↓ | RMSE, m ↓ | δ < 1.25 ↑ |'
    assert row == '| `lt` | nothing | 0 | 0.1375 | 0.473 | 0.8142 |'
