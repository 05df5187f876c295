"""The commands ``tools/train.py`` and ``tools/test.py`` on a tiny KITTI folder."""
import json
from pathlib import Path

import pytest
import torch
from tiny_config import SMOKE, write_config
from tiny_kitti import FRAMES, OTHER_FRAME, write_kitti

from mmdet3d_plugin.benchmarks.kitti.labels import read_objects


@pytest.fixture
def run(run_tool):
    """Return ``run(TOOL, *ARGUMENTS)``, which returns the exit code and the text on stderr."""
    def run(tool, *arguments):
        code, printed = run_tool(tool, *arguments)
        return code, printed.err

    return run


def assert_one_line(error, *parts):
    line = error.strip().splitlines()[-1]
    assert 'Traceback' not in error
    for part in parts:
        assert part in line, line


def log_rows(work_dir):
    path = next(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_train_test_and_resume(run, tmp_path, kitti_root):
    config, work_dir = write_config(tmp_path, kitti_root), tmp_path / 'run'
    code, error = run('train', config, '--work-dir', work_dir)
    assert code == 0, error
    checkpoint = work_dir / 'epoch_1.pth'
    content = torch.load(checkpoint, weights_only=True)
    assert content['meta']['epoch'] == 1
    rows = log_rows(work_dir)
    assert any('loss_depth' in row for row in rows)
    assert any('kitti/Car_3D_AP40_moderate_strict' in row for row in rows)
    assert list(work_dir.glob('*/vis_data/events.out.tfevents*'))

    code, error = run('test', config, checkpoint, '--work-dir', tmp_path / 'test',
                      '--submission-dir', tmp_path / 'submission', '--score-thr', '0',
                      '--show-samples')
    assert code == 0, error
    assert sorted(path.stem for path in (tmp_path / 'test/frames').iterdir()) == sorted(FRAMES)
    assert {path.stem for path in (tmp_path / 'test/samples').iterdir()} <= set(FRAMES)
    assert list((tmp_path / 'test/samples').iterdir())
    written = sorted((tmp_path / 'submission/data').iterdir())
    assert [path.stem for path in written] == sorted(FRAMES)
    for path in written:
        read_objects(path, with_scores=True)

    code, error = run('train', config, '--work-dir', work_dir, '--resume',
                      '--cfg-options', 'train_cfg.max_epochs=2')
    assert code == 0, error
    resumed = torch.load(work_dir / 'epoch_2.pth', weights_only=True)
    assert resumed['meta']['iter'] == 2 * content['meta']['iter']
    steps = [state['step'] for state in resumed['optimizer']['state'].values()]
    assert max(float(step) for step in steps) == resumed['meta']['iter']


def test_training_on_hardly_any_objects(run_tool, tmp_path, kitti_root):
    """Empty batches have no NaN. A set without objects is refused, and nothing is written."""
    labels = kitti_root / 'training/label_2'
    pedestrian = labels.joinpath('000000.txt').read_text().splitlines()[2]
    for label in labels.iterdir():
        label.write_text('')
    config = write_config(tmp_path, kitti_root)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'empty')
    assert code == 2
    assert_one_line(printed.err, 'train.py: error:',
                    'kitti/ImageSets/train.txt: no object in the labels; check the split')
    assert not list((tmp_path / 'empty').rglob('*.pth'))
    (labels / '000012.txt').write_text(pedestrian.replace('Pedestrian', 'PEDESTRIAN'))
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    log = printed.out + printed.err
    assert 'kitti/ImageSets/train.txt: objects to learn from in 4 frames\nclass ' in log
    assert 'kitti/ImageSets/train.txt: Car: no object in the labels to learn from' in log
    content = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    assert all(torch.isfinite(value).all() for value in content['state_dict'].values())


def test_smoke_trains_with_the_same_dataset_and_transforms(run, tmp_path, kitti_root):
    config = write_config(tmp_path, kitti_root, base=SMOKE)
    code, error = run('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, error
    rows = log_rows(tmp_path / 'run')
    losses = [row['loss_bbox'] for row in rows if 'loss_bbox' in row]
    assert losses and all(0 < loss < 1e4 for loss in losses)
    assert any('kitti/Car_3D_AP40_moderate_loose' in row for row in rows)


def test_mixup_without_partner_frames_warns_once(run_tool, tmp_path):
    frames = {name: FRAMES[name] for name in ('000000', OTHER_FRAME)}
    config = write_config(tmp_path, write_kitti(tmp_path / 'kitti', frames))
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert log.count('WARNING - MixUp3D: no two frames share a camera') == 1


def test_smoke_trains_with_mixup(run, tmp_path, kitti_root):
    extra = """
train_dataloader['dataset']['pipeline'] = [dict(type='MixUp3D', prob=1.), *train_pipeline]
"""
    config = write_config(tmp_path, kitti_root, extra=extra, base=SMOKE)
    code, error = run('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, error
    losses = [row['loss_bbox'] for row in log_rows(tmp_path / 'run') if 'loss_bbox' in row]
    assert losses and all(0 < loss < 1e4 for loss in losses)

    code, error = run('test', config, tmp_path / 'run/epoch_1.pth', '--show-samples',
                      '--work-dir', tmp_path / 'test')
    assert code == 2
    assert_one_line(error, 'there are no samples to show')


def test_smoke_trains_with_auxiliaries(run, tmp_path, kitti_root):
    config = write_config(tmp_path, kitti_root, base='configs/ddml/smoke_both_synthetic.py')
    code, error = run('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, error
    rows = [row for row in log_rows(tmp_path / 'run') if 'loss_metric' in row]
    assert rows and all(0 <= row['qi_satisfied'] <= 1 and row['loss_object_depth'] > 0
                        for row in rows)
    code, error = run('test', config, tmp_path / 'run/epoch_1.pth', '--work-dir',
                      tmp_path / 'test')
    assert code == 0, error


WARMUPS = {
    'epoch': "dict(type='SampleSelectionWarmupHook', mode='epoch', start_epoch=2)",
    # A window of one epoch; every relative change below 1 counts as stable.
    'stable': "dict(type='SampleSelectionWarmupHook', mode='stable', window=1, tolerance=1.0)",
}


# Only the warm-up by stability has a state; it is resumed before, at and after the switch.
@pytest.mark.parametrize('mode, stops', [
    ('epoch', [2]), pytest.param('stable', [1, 2, 3], marks=pytest.mark.slow)])
def test_a_resumed_run_starts_selection_in_the_same_step(run, tmp_path, kitti_root, mode, stops):
    """Selection starts in epoch 3 of 4, in the uninterrupted and in the resumed runs."""
    config = write_config(tmp_path, kitti_root, extra=f"""
custom_hooks = [*_base_.custom_hooks[:-1], {WARMUPS[mode]}]
val_cfg = val_evaluator = val_dataloader = None
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1, max_keep_ckpts=-1))
""")
    work_dir = tmp_path / 'uninterrupted'
    code, error = run('train', config, '--work-dir', work_dir, '--cfg-options',
                      'train_cfg.max_epochs=4')
    assert code == 0, error
    steps = [row['selecting'] for row in log_rows(work_dir) if 'loss_depth' in row]
    assert steps == [0., 0., 0., 0., 1., 1., 1., 1.]
    states = {epoch: torch.load(work_dir / f'epoch_{epoch}.pth', weights_only=True)[
        'sample_selection_warmup'] for epoch in (1, 2, 3, 4)}
    assert [states[epoch]['selecting'] for epoch in (1, 2, 3, 4)] == [False, False, True, True]
    for stop in stops:
        part = tmp_path / f'stopped_{stop}'
        part.mkdir()
        # A killed run leaves its last complete checkpoint.
        (part / f'epoch_{stop}.pth').write_bytes((work_dir / f'epoch_{stop}.pth').read_bytes())
        (part / 'last_checkpoint').write_text(str(part / f'epoch_{stop}.pth'))
        code, error = run('train', config, '--work-dir', part, '--resume', '--cfg-options',
                          'train_cfg.max_epochs=4')
        assert code == 0, error
        rest = [row['selecting'] for row in log_rows(part) if 'loss_depth' in row]
        assert rest == steps[2 * stop:]
        state = torch.load(part / 'epoch_4.pth', weights_only=True)['sample_selection_warmup']
        assert state['selecting'] and len(state['losses']) == len(states[4]['losses'])


def break_file(relative, change):
    def apply(root):
        path = root / relative
        path.write_text(change(path.read_text()))
    return apply


def drop_field(text):
    lines = text.splitlines()
    return '\n'.join([lines[0], lines[1].rsplit(' ', 1)[0], *lines[2:]]) + '\n'


BAD_DATA = {
    'missing image': (lambda root: (root / 'training/image_2/000007.png').unlink(),
                      'image_2/000007.png'),
    'unreadable image': (lambda root: (root / 'training/image_2/000031.png').write_bytes(b'x'),
                         'image_2/000031.png'),
    '14 fields': (break_file('training/label_2/000000.txt', drop_field),
                  '000000.txt:2: 14 fields'),
    '17 fields': (break_file('training/label_2/000000.txt',
                             lambda text: text.replace('\n', ' 0.5 0.5\n')),
                  '000000.txt:1: 17 fields'),
    'NaN': (break_file('training/label_2/000007.txt',
                       lambda text: text.replace('0.100000', 'nan')), '000007.txt:1'),
    'no P2': (break_file('training/calib/000012.txt', lambda text: text.replace('P2:', 'P9:')),
              "000012.txt: no 'P2:' line"),
    'absent frame': (break_file('ImageSets/train.txt', lambda text: text + '123456\n'), '123456'),
    'no split': (lambda root: (root / 'ImageSets/train.txt').unlink(), 'train.txt: no such split'),
}


@pytest.mark.parametrize('name', BAD_DATA)
def test_bad_data_ends_with_one_error_line(run, tmp_path, kitti_root, name):
    spoil, message = BAD_DATA[name]
    spoil(kitti_root)
    work_dir = tmp_path / 'run'
    code, error = run('train', write_config(tmp_path, kitti_root), '--work-dir', work_dir)
    assert code == 2
    assert_one_line(error, 'train.py: error:', message)
    assert not list(work_dir.rglob('*.pth'))


def test_an_unwritable_work_dir(run, tmp_path, kitti_root):
    (tmp_path / 'file').write_text('')
    code, error = run('train', write_config(tmp_path, kitti_root), '--work-dir',
                      tmp_path / 'file/run')
    assert code == 2
    assert_one_line(error, 'file/run: cannot write here', '--work-dir')


@pytest.mark.parametrize('extra, message', [
    ("model = dict(coder=dict(cell_center='box'))",
     "CropScaleAffine in training needs kept_center='box'"),
    ("train_dataloader['dataset']['dataset']['metainfo'] = dict(classes=['Car'])",
     "train_dataloader labels the classes ['Car'], but model.coder has")])
def test_inconsistent_configs(run, tmp_path, kitti_root, extra, message):
    config = write_config(tmp_path, kitti_root, extra=extra)
    code, error = run('train', config, '--work-dir', tmp_path / 'run')
    assert code == 2
    assert_one_line(error, message)


def test_typos_in_configs(run, tmp_path, kitti_root):
    code, error = run('train', 'configs/monolss/monolss_dla34.py')
    assert code == 2
    assert_one_line(error, 'monolss_dla34.py: no such config; did you mean configs/monolss/')
    for extra, parts in [
            ("model = dict(neck=dict(type='DLAUpConcatNek'))", ['DLAUpConcatNek']),
            ('model = dict(neck=dict(in_chanels=(1, 2)))', ['in_chanels']),
            ('model = dict(neck=dict(', ['SyntaxError']),
    ]:
        config = write_config(tmp_path, kitti_root, extra=extra)
        code, error = run('train', config, '--work-dir', tmp_path / 'run')
        assert code == 1, error
        assert_one_line(error, 'config error', 'tiny.py', *parts)


@pytest.mark.parametrize('option, message', [
    ('default_hooks.checkpoint.filename_tmpl=../../evil_{}.pth',
     "tiny.py: filename_tmpl='../../evil_{}.pth' is no name of a file inside the work dir"),
    ('acceleration=3', 'tiny.py: acceleration=3: expected a dict of bfloat16'),
    ('acceleration=None', 'tiny.py: acceleration=None: expected a dict of bfloat16'),
    ('custom_hooks.6.signals=[SIGKILL]', "InterruptionHook: signals has 'SIGKILL'"),
    ('train_dataloader.batch_sampler.type=mmdet.AspectRatioBatchSampler',
     'a AspectRatioBatchSampler cannot go on in the middle of an epoch'),
])
def test_bad_settings_end_with_one_error_line(run, tmp_path, kitti_root, option, message):
    code, error = run('train', write_config(tmp_path, kitti_root), '--work-dir',
                      tmp_path / 'deep/run', '--cfg-options', option)
    assert code == 2
    assert_one_line(error, 'train.py: error: ', message)
    assert not list(tmp_path.rglob('*.pth'))


@pytest.mark.parametrize('option, message', [
    ("{'type': 'TopKSamples', 'k': 50}", 'TopKSamples: k is 50, it must lie between 1 and the 49'),
    ("{'type': 'LearnableSampleSelector', 'tau': 0}", 'tau is 0, it must be positive'),
])
def test_bad_selectors_end_with_one_error_line(run, tmp_path, kitti_root, option, message):
    config = write_config(tmp_path, kitti_root, extra=f"""
model = dict(object_head=dict(depth_head=dict(sample_selector=dict(_delete_=True, **{option}))))
""")
    code, error = run('train', config, '--work-dir', tmp_path / 'run')
    assert code == 2
    line = next(line for line in error.splitlines() if line.startswith('train.py: error: '))
    assert line.split('error: ', 1)[1].startswith(('TopKSamples', 'LearnableSampleSelector'))
    assert_one_line(error, message)


def test_weights_of_the_config_do_not_replace_the_tested_checkpoint(run, tmp_path, kitti_root,
                                                                    write_weights):
    """``load_from`` and ``resume`` are for training."""
    config = write_config(tmp_path, kitti_root)
    weights = write_weights(config, tmp_path / 'weights.pth')
    code, error = run('test', config, weights, '--work-dir', tmp_path / 'test', '--cfg-options',
                      f'load_from={tmp_path / "absent.pth"}', 'resume=True')
    assert code == 0, error


def test_checkpoints_that_do_not_fit(run, tmp_path, kitti_root):
    config = write_config(tmp_path, kitti_root)
    code, error = run('test', config, tmp_path / 'absent.pth')
    assert code == 2
    assert_one_line(error, 'absent.pth: no such checkpoint')

    torch.save(dict(state_dict={'backbone.conv.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    for tool, options in [('test', [tmp_path / 'other.pth']),
                          ('train', ['--resume', tmp_path / 'other.pth'])]:
        code, error = run(tool, config, *options, '--work-dir', tmp_path / 'odd')
        assert code == 2
        assert_one_line(error, 'other.pth: the checkpoint of another model')

    class Attack:
        def __reduce__(self):
            return (Path.touch, (tmp_path / 'executed', ))

    torch.save(dict(state_dict=Attack()), tmp_path / 'attack.pth')
    code, error = run('test', config, tmp_path / 'attack.pth', '--work-dir', tmp_path / 'odd')
    assert code == 2
    assert_one_line(error, 'attack.pth: not a checkpoint that loads safely')
    assert not (tmp_path / 'executed').exists()
