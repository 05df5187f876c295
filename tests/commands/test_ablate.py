"""tools/ablate.py as a user runs it: real trainings of a few steps."""
import json
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = """
_base_ = '{root}/configs/monolss/monolss_dla34_synthetic-demo.py'
train_pipeline = _base_.train_pipeline
next(item for item in train_pipeline if item.type == 'CropScaleAffine')['input_size'] = (320, 96)
test_pipeline = _base_.test_pipeline
next(item for item in test_pipeline if item.type == 'CropScaleAffine')['input_size'] = (320, 96)
train_dataloader = dict(batch_size=2, dataset=dict(dataset=dict(data_root='{data}'),
                                                   pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root='{data}', pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
"""
ROW = "# {title}\n_base_ = '../tiny_{{{{$ABLATION_DATA:other}}}}.py'\n{change}\n"
METRIC = 'Car_3D_AP40_moderate_loose'


@pytest.fixture
def family(tmp_path, kitti_root):
    """Two rows, one of which can't train."""
    (tmp_path / 'tiny_here.py').write_text(TINY.format(root=ROOT, data=kitti_root))
    folder = tmp_path / 'rows'
    folder.mkdir()
    (folder / '1_good.py').write_text(ROW.format(title='All is well', change=''))
    (folder / '2_bad.py').write_text(ROW.format(
        title='A bad k',
        change="model = dict(object_head=dict(depth_head=dict(sample_selector=dict("
               "_delete_=True, type='TopKSamples', k=50))))"))
    return folder


def test_a_family_is_trained_compared_and_resumed(run_tool, family, tmp_path):
    out = tmp_path / 'out'
    arguments = [family, '--data', 'here', '--seeds', 0, 1, '--out', out, '--metrics', METRIC]
    code, printed = run_tool('ablate', *arguments, '--jobs', 2)
    assert code == 1
    assert 'failed: 2_bad, seed 0' in printed.err and 'k is 50, it must lie between' in printed.err
    assert '2 of 4 runs failed' in printed.err
    values = [json.loads((out / f'1_good/seed_{seed}/result.json').read_text())[METRIC]
              for seed in (0, 1)]
    expected = f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'
    table = (out / 'table.md').read_text().splitlines()
    assert table[2] == f'| `1_good` | All is well | 0 1 | {expected} |'
    assert table[3] == '| `2_bad` | A bad k | – | – |'
    assert (out / 'plot.png').stat().st_size > 1000
    assert "seed=1" in next((out / '1_good/seed_1').glob('*.py')).read_text()

    before = {path: path.stat().st_mtime_ns for path in out.glob('1_good/*/result.json')}
    code, printed = run_tool('ablate', *arguments, '--only', '1_good')
    assert code == 0 and table[2] in printed.out
    assert before == {path: path.stat().st_mtime_ns for path in out.glob('1_good/*/result.json')}

    code, printed = run_tool('ablate', *arguments, '--only', '1_good', '--cfg-options',
                             'train_cfg.max_epochs=2')
    assert code == 2 and 'a run with other settings' in printed.err


@pytest.mark.slow
def test_features_are_analysed_after_the_training(run_tool, family, tmp_path):
    """Configs may be named one by one; finished runs are analysed, not trained again."""
    out = tmp_path / 'out'
    arguments = [family / '1_good.py', '--data', 'here', '--seeds', 0, '--out', out,
                 '--metrics', METRIC]
    code, printed = run_tool('ablate', *arguments)
    assert code == 0, printed.err
    checkpoint = out / '1_good/seed_0/epoch_1.pth'
    before = checkpoint.stat().st_mtime_ns
    for _ in range(2):
        code, printed = run_tool('ablate', *arguments, '--depth-features')
        assert code == 0, printed.err
    assert checkpoint.stat().st_mtime_ns == before
    figures = json.loads((out / '1_good/seed_0/depth_features/depth_features.json').read_text())
    header, _, row = (out / 'table.md').read_text().splitlines()
    assert header.endswith('| Spearman correlation, % ↑ | pairs in the band, % ↑ | '
                           'Car depth error, m ↓ |')
    spearman, satisfied = row.split(' | ')[-3:-1]
    assert float(spearman) == pytest.approx(100 * figures['spearman'], abs=.06)
    assert float(satisfied) == pytest.approx(100 * figures['qi_satisfied'], abs=.06)

    code, printed = run_tool('ablate', family, *arguments)
    assert code == 2 and '1_good: two rows have this name' in printed.err


@pytest.mark.slow
def test_an_interrupted_run_goes_on(run_tool, family, tmp_path):
    """Killed after its first epoch of two, and again after its last, unvalidated."""
    out = tmp_path / 'out'
    arguments = [family, '--data', 'here', '--seeds', 0, '--out', out, '--metrics', METRIC,
                 '--only', '1_good', '--cfg-options', 'train_cfg.max_epochs=2',
                 'default_hooks.checkpoint.interval=1', 'default_hooks.logger.interval=1']
    code, _ = run_tool('ablate', *arguments)
    assert code == 0
    folder = out / '1_good/seed_0'
    whole = json.loads((folder / 'result.json').read_text())

    def cut_back(epoch):
        (folder / 'result.json').unlink()
        for log in folder.glob('*/vis_data/scalars.json'):
            log.unlink()
        (folder / 'last_checkpoint').write_text(str(folder / f'epoch_{epoch}.pth'))
        if epoch == 1:
            (folder / 'epoch_2.pth').unlink()

    cut_back(1)
    code, _ = run_tool('ablate', *arguments)
    assert code == 0 and (folder / 'result.json').is_file()
    assert 'resumed epoch: 1' in (folder / 'train.log').read_text()
    assert json.loads((folder / 'result.json').read_text()) == whole

    cut_back(2)
    before = (folder / 'epoch_2.pth').stat().st_mtime_ns
    code, _ = run_tool('ablate', *arguments)
    assert code == 0 and (folder / 'epoch_2.pth').stat().st_mtime_ns == before
    assert set(json.loads((folder / 'result.json').read_text())) == set(whole)

    # A row that changes after its run started is not mixed with it.
    (family / '1_good.py').write_text((family / '1_good.py').read_text()
                                      + 'optim_wrapper = dict(optimizer=dict(lr=1e-5))')
    code, printed = run_tool('ablate', *arguments)
    assert code == 2 and 'of a config that has changed' in printed.err


@pytest.mark.parametrize('change, message', [
    (['--only', '5_none'], '--only 5_none: no such row'),
    (['--data', 'elsewhere'], '--data elsewhere: no config'),
    (['--cfg-options', 'a'], '--cfg-options a: expected KEY=VALUE'),
    (['--jobs', '0'], '--jobs: at least 1'),
    (['--metrics', 'Car_AP'], '--metrics Car_AP: no such metric'),
])
def test_bad_arguments(run_tool, family, tmp_path, change, message):
    code, printed = run_tool('ablate', family, '--data', 'here', '--out', tmp_path / 'out', *change)
    assert code == 2 and message in printed.err


def test_an_empty_folder(run_tool, tmp_path):
    code, printed = run_tool('ablate', tmp_path, '--out', tmp_path / 'out')
    assert code == 2 and 'no configs here' in printed.err
