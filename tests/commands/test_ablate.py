"""The command ``tools/ablate.py``."""
import json
import shutil
import statistics
from pathlib import Path

import pytest
from tiny_config import write_config

from mmdet3d_plugin.commands import ablation_run
from mmdet3d_plugin.errors import InputError

ROW = "# {title}\n_base_ = '../tiny_{{{{$ABLATION_DATA:other}}}}.py'\n{change}\n"
METRIC = 'Car_3D_AP40_moderate_loose'


@pytest.fixture
def family(tmp_path, kitti_root):
    """Two rows, ``1_good`` and ``2_bad``; the second one cannot be trained."""
    write_config(tmp_path, kitti_root, name='tiny_here.py')
    folder = tmp_path / 'rows'
    folder.mkdir()
    (folder / '1_good.py').write_text(ROW.format(title='All is well', change=''))
    (folder / '2_bad.py').write_text(ROW.format(
        title='A bad k',
        change="model = dict(object_head=dict(depth_head=dict(sample_selector=dict("
               "_delete_=True, type='TopKSamples', k=50))))"))
    return folder


@pytest.fixture
def fake_trainings(monkeypatch):
    """Replace trainings by a log with AP 10 for seed 0 and AP 20 for seed 1; record commands.

    Trainings of the row ``2_bad`` fail.
    """
    commands = []

    def run_child(command, env, stdout, **_):
        _, _, _, name, config, *options = command
        assert name == 'train' and env['ABLATION_DATA'] == 'here'
        commands.append((Path(config).stem, *options))
        if '2_bad' in config:
            stdout.write('Traceback\ntrain.py: error: k is 50\n')
            return 2
        folder = Path(options[options.index('--work-dir') + 1])
        log = folder / '20260101_000000/vis_data/scalars.json'
        log.parent.mkdir(parents=True)
        seed = next(option for option in options if option.startswith('randomness'))
        assert seed == f'randomness.seed={env["ABLATION_SEED"]}'
        value = {'randomness.seed=0': 10., 'randomness.seed=1': 20.}[seed]
        log.write_text(json.dumps(dict(step=1, loss=5.)) + '\n'
                       + json.dumps({'step': 1, f'kitti/{METRIC}': value}) + '\n')
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
        return 0

    monkeypatch.setattr(ablation_run, 'run_child', run_child)
    return commands


def test_options_name_the_seed(run_tool, family, tmp_path, fake_trainings):
    run_tool('ablate', family / '1_good.py', '--data', 'here', '--seeds', 0, 1,
             '--out', tmp_path / 'out', '--metrics', METRIC,
             '--cfg-options', 'load_from=base/seed_{seed}/epoch_3.pth')
    assert [options[-2:] for _, *options in fake_trainings] == [
        [f'randomness.seed={seed}', f'load_from=base/seed_{seed}/epoch_3.pth']
        for seed in (0, 1)]


def test_configs_read_the_seed(family, tmp_path):
    """Entries that depend on the seed are part of the settings of a run."""
    row = family / '3_encoder.py'
    row.write_text(ROW.format(title='An encoder per seed', change=(
        "load_from = 'seed_{{$ABLATION_SEED:0}}/epoch_1.pth'")))

    def settings(path, seed):
        return ablation_run.AblationRun(path, seed, tmp_path, [], dict(ABLATION_DATA='here')
                                        ).settings

    hashes = {(path.stem, seed): settings(path, seed)['config_sha256']
              for path in (row, family / '1_good.py') for seed in (0, 1)}
    assert hashes['3_encoder', 0] != hashes['3_encoder', 1]
    assert hashes['1_good', 0] == hashes['1_good', 1]
    assert settings(row, 1)['environment'] == dict(ABLATION_DATA='here')


def test_a_family_is_trained_compared_and_resumed(run_tool, family, tmp_path, fake_trainings):
    out = tmp_path / 'out'
    arguments = [family, '--data', 'here', '--seeds', 0, 1, '--out', out, '--metrics', METRIC]
    code, printed = run_tool('ablate', *arguments, '--jobs', 2)
    assert code == 1
    assert 'failed: 2_bad, seed 0: train.py: error: k is 50 (log: ' in printed.err
    assert '2 of 4 runs failed; run the same command to retry' in printed.err
    assert sorted(fake_trainings) == [
        (row, '--work-dir', f'{out}/{row}/seed_{seed}', '--resume', 'auto', '--cfg-options',
         f'randomness.seed={seed}') for row in ('1_good', '2_bad') for seed in (0, 1)]
    table = (out / 'table.md').read_text().splitlines()
    # standard deviation: sqrt((25 + 25) / 1)
    assert table[2] == '| `1_good` | All is well | 0 1 | 15.0 ± 7.1 |'
    assert table[3] == '| `2_bad` | A bad k | – | – |'
    assert 'Differences from `1_good`' in printed.out and 'not decidable' in printed.out
    assert table[-2].endswith('| `1_good` | 10.0 | 20.0 |')
    assert (out / 'plot.png').stat().st_size > 1000

    fake_trainings.clear()
    code, printed = run_tool('ablate', *arguments, '--only', '1_good')
    assert code == 0 and table[2] in printed.out and not fake_trainings
    code, printed = run_tool('ablate', *arguments)
    assert code == 1 and [row for row, *_ in fake_trainings] == ['2_bad', '2_bad']

    code, printed = run_tool('ablate', *arguments, '--only', '1_good', '--cfg-options',
                             'train_cfg.max_epochs=2')
    assert code == 2 and 'a run with other settings' in printed.err


@pytest.fixture
def fake_tests(monkeypatch, fake_trainings):
    """Replace tests by a log with AP 33, 44, ...; record the commands. The first test fails."""
    commands = []
    train = ablation_run.run_child

    def run_child(command, stdout, **options):
        if command[3] != 'test':
            return train(command, stdout=stdout, **options)
        commands.append(command[4:])
        if len(commands) == 1:
            stdout.write('test.py: error: out of memory\n')
            return 1
        folder = Path(command[command.index('--work-dir') + 1])
        name = f'20260101_00000{len(commands)}'
        log = folder / name / f'{name}.json'
        log.parent.mkdir(parents=True)
        log.write_text(json.dumps({f'kitti/{METRIC}': 11. * (1 + len(commands)), 'time': 1.}))
        return 0

    monkeypatch.setattr(ablation_run, 'run_child', run_child)
    return commands


def test_results_of_the_test_set(run_tool, family, tmp_path, fake_trainings, fake_tests):
    """A run whose test failed is tested again; a run with its result is not."""
    out = tmp_path / 'out'
    arguments = [family / '1_good.py', '--data', 'here', '--seeds', 0, '--out', out,
                 '--metrics', METRIC, '--test', '--cfg-options', 'a={seed}']
    code, printed = run_tool('ablate', *arguments)
    assert code == 1 and 'seed 0: test.py: error: out of memory' in printed.err
    assert not (out / '1_good/seed_0/result.json').exists()

    shutil.rmtree(out / '1_good/seed_0/20260101_000000')
    for _ in range(2):
        code, printed = run_tool('ablate', *arguments)
        assert code == 0, printed.err
        assert '| `1_good` | All is well | 0 | 33.0 |' in printed.out
        assert len(fake_trainings) == len(fake_tests) == 2
    folder = f'{out}/1_good/seed_0'
    assert fake_tests == [[str(family / '1_good.py'), f'{folder}/epoch_1.pth', '--work-dir',
                           f'{folder}/test', '--cfg-options', 'randomness.seed=0', 'a=0']] * 2
    assert json.loads(Path(folder, 'result.json').read_text()) == {METRIC: 33.}


@pytest.mark.parametrize('first, then', [(['--test'], []), ([], ['--test'])])
def test_validation_and_test_do_not_mix(run_tool, family, tmp_path, fake_trainings, fake_tests,
                                        first, then):
    fake_tests.append('no failure')
    arguments = [family / '1_good.py', '--data', 'here', '--seeds', 0, '--out', tmp_path / 'out',
                 '--metrics', METRIC]
    code, printed = run_tool('ablate', *arguments, *first)
    assert code == 0, printed.err
    settings = json.loads((tmp_path / 'out/1_good/seed_0/settings.json').read_text())
    assert settings.get('test') == (True if first else None)
    code, printed = run_tool('ablate', *arguments, *then)
    assert code == 2 and 'holds a run with other settings' in printed.err


def test_metrics_of_the_test_set(run_tool, family, tmp_path, fake_trainings, fake_tests):
    """The columns are those of the test_evaluator; a config without one is refused."""
    fake_tests.append('no failure')
    arguments = [family / '1_good.py', '--data', 'here', '--seeds', 0, '--test']
    row = family / '1_good.py'
    text = row.read_text()
    row.write_text(text + "test_evaluator = dict(_delete_=True, type='RetrievalMetric')\n")
    code, printed = run_tool('ablate', *arguments, '--out', tmp_path / 'out')
    assert code == 0, printed.err
    assert '| config | varies | seeds | R@1 (%) ↑ | mAP@R (%) ↑ |' in printed.out
    row.write_text(text + 'test_evaluator = test_cfg = test_dataloader = None\n')
    code, printed = run_tool('ablate', *arguments, '--out', tmp_path / 'other')
    assert code == 2 and '1_good.py: --test needs a test_evaluator' in printed.err


def test_rows_are_compared_with_paired_seeds(run_tool, family, tmp_path, fake_trainings):
    """Equal rows: a difference of 0 with every seed."""
    (family / '2_bad.py').unlink()
    for name in ('0_same', '3_same'):
        (family / f'{name}.py').write_text(ROW.format(title='The same', change=''))
    arguments = [family, '--data', 'here', '--seeds', 0, 1, '--out', tmp_path / 'out',
                 '--metrics', METRIC]
    code, printed = run_tool('ablate', *arguments, '--baseline', '1_good', '--effect', '10%',
                             f'{METRIC}=2')
    assert code == 0, printed.err
    lines = [line for line in printed.out.splitlines() if 'not distinguishable' in line]
    assert [line.split(' | ', 1)[1] for line in lines] == [
        f'`{name}` | 2 | +0.0 | +0.0 to +0.0 | difference not distinguishable from zero at 95 % '
        '| 2.00: 2 |' for name in ('0_same', '3_same')]


@pytest.mark.slow
def test_a_family_with_real_trainings(run_tool, family, tmp_path):
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
def test_features_are_analysed_after_training(run_tool, family, tmp_path):
    """Finished runs are analysed without another training."""
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
    header, _, row, *_ = (out / 'table.md').read_text().splitlines()
    assert header.endswith('| Spearman correlation, % ↑ | pairs in the band, % ↑ | '
                           'Car depth error, m ↓ |')
    spearman, satisfied = row.split(' | ')[-3:-1]
    assert float(spearman) == pytest.approx(100 * figures['spearman'], abs=.06)
    assert float(satisfied) == pytest.approx(100 * figures['qi_satisfied'], abs=.06)

    code, printed = run_tool('ablate', family, *arguments)
    assert code == 2 and '1_good: two rows have this name' in printed.err


@pytest.mark.slow
def test_an_interrupted_run_resumes(run_tool, family, tmp_path):
    """The run is killed after the first of two epochs, and before the last validation."""
    out = tmp_path / 'out'
    arguments = [family, '--data', 'here', '--seeds', 0, '--out', out, '--metrics', METRIC,
                 '--only', '1_good', '--cfg-options', 'train_cfg.max_epochs=2',
                 'default_hooks.checkpoint.interval=1', 'default_hooks.logger.interval=1']
    code, _ = run_tool('ablate', *arguments)
    assert code == 0
    folder = out / '1_good/seed_0'
    uninterrupted = json.loads((folder / 'result.json').read_text())

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
    assert json.loads((folder / 'result.json').read_text()) == uninterrupted

    cut_back(2)
    before = (folder / 'epoch_2.pth').stat().st_mtime_ns
    code, _ = run_tool('ablate', *arguments)
    assert code == 0 and (folder / 'epoch_2.pth').stat().st_mtime_ns == before
    assert set(json.loads((folder / 'result.json').read_text())) == set(uninterrupted)

    # The config of the row changes after the run.
    (family / '1_good.py').write_text((family / '1_good.py').read_text()
                                      + 'optim_wrapper = dict(optimizer=dict(lr=1e-5))')
    code, printed = run_tool('ablate', *arguments)
    assert code == 2 and 'of a config that has changed' in printed.err


@pytest.mark.parametrize('change, message', [
    (['--only', '5_none'], '--only 5_none: no such row'),
    (['--data', 'elsewhere'], '--data elsewhere: no config'),
    (['--cfg-options', 'a'], '--cfg-options a: expected KEY=VALUE'),
    (['--jobs', '0'], '--jobs: expected at least 1'),
    (['--metrics', 'Car_AP'], '--metrics Car_AP: no such metric'),
    (['--baseline', '5_none'], '--baseline 5_none: no such row; choose from 1_good, 2_bad'),
    (['--effect', 'none'], '--effect none: expected a positive number, such as 2 or 5%'),
    (['--effect', 'AbsRel=2'], '--effect AbsRel=2: AbsRel is not compared; choose from Car_3D'),
])
def test_bad_arguments(run_tool, family, tmp_path, change, message):
    code, printed = run_tool('ablate', family, '--data', 'here', '--out', tmp_path / 'out',
                             *change)
    assert code == 2 and message in printed.err


def test_an_empty_folder(run_tool, tmp_path):
    code, printed = run_tool('ablate', tmp_path, '--out', tmp_path / 'out')
    assert code == 2 and 'no configs here' in printed.err


@pytest.mark.parametrize('name, content, code, message', [
    ('a.py', 'model = dict(', 1, 'a.py:1: SyntaxError'),
    ('a.py', "_base_ = 'none.py'", 1, 'none.py'),
    ('a.py', 'raise KeyError(3)', 1, 'a.py'),
    ('a.py', b'\xff\xfe\x00', 1, 'a.py'),
    ('a.txt', 'model = 3', 1, 'a.txt'),
    ('a.json', '[1, 2]', 1, 'a.json'),
    ('a.yaml', 'a: [', 2, 'a.yaml'),
    ('a.py', 'val_evaluator = 5', 2, 'a.py: an evaluator has no type; name a metric'),
    ('a.py', "val_evaluator = [dict(result_dir='a')]", 2, 'a.py: an evaluator has no type')])
def test_broken_rows_end_with_one_line(run_tool, tmp_path, name, content, code, message):
    """As in tools/train.py: 1 for a config that cannot be read, 2 for other entries."""
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, printed = run_tool('ablate', path, '--out', tmp_path / 'out')
    assert found == code and message in printed.err, printed.err
    assert len(printed.err.strip().splitlines()) == 1 and not (tmp_path / 'out').exists()


def test_odd_files_of_a_run(family, tmp_path):
    run = ablation_run.AblationRun(family / '1_good.py', 0, tmp_path, [],
                                   dict(ABLATION_DATA='here'))
    for file, content, message in (
            ('settings.json', '[' * 100_000, 'settings.json: is no JSON object; remove the file'),
            ('settings.json', json.dumps(run.settings), None),
            ('result.json', '[1]', 'result.json: is no JSON object; remove the file'),
            ('result.json', '{"AP": "a"}', 'result.json: AP is no number; remove the file'),
            ('result.json', '{"AP": NaN, "error": null}', None)):
        (tmp_path / file).write_text(content)
        if message is not None:
            with pytest.raises(InputError, match=message):
                run.recorded()
    assert run.recorded()['error'] is None
    for content in ('', '/a/latest.pth', 'epoch_\x00.pth'):
        (tmp_path / 'last_checkpoint').write_text(content)
        with pytest.raises(RuntimeError, match='last_checkpoint: names no checkpoint of an epoch'):
            run._final_validation()
