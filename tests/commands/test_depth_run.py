"""The commands on a depth estimator, from training to the report."""
import json
import os
import runpy
import sys

import cv2
import numpy as np
import pytest
from tiny_config import write_depth_config
from tiny_training import START_METHOD

from mmdet3d_plugin.benchmarks.kitti.calibration import KittiCalibration, write_calibration
from mmdet3d_plugin.benchmarks.kitti.splits import write_split
from mmdet3d_plugin.commands import ablation_run
from mmdet3d_plugin.visualization.frame_entries import SCENE_SUFFIX

SIZE = (160, 64)  # width, height


@pytest.fixture
def depth_root(tmp_path):
    """Four frames of a plane whose depth grows towards the top, two of them for validation."""
    root = tmp_path / 'set'
    P2 = np.array([[100., 0., 80., 0.], [0., 100., 32., 0.], [0., 0., 1., 0.]])
    depth = np.repeat(np.geomspace(60, 4, SIZE[1])[:, None], SIZE[0], 1)
    names = [f'{index:06d}' for index in range(4)]
    for index, name in enumerate(names):
        for folder in ('image_2', 'depth_2', 'calib'):
            (root / 'training' / folder).mkdir(parents=True, exist_ok=True)
        image = np.repeat(np.uint8(3 * depth + 10 * index)[..., None], 3, -1)
        cv2.imwrite(str(root / f'training/image_2/{name}.png'), image)
        cv2.imwrite(str(root / f'training/depth_2/{name}.png'), np.uint16(256 * depth))
        write_calibration(root / f'training/calib/{name}.txt', KittiCalibration(P2))
    write_split(root / 'ImageSets/train.txt', names[:2])
    write_split(root / 'ImageSets/val.txt', names[2:])
    return root


@pytest.fixture
def config(tmp_path, depth_root):
    return write_depth_config(tmp_path, depth_root, 'tiny_here.py')


def test_training_test_and_report(run_tool, config, tmp_path):
    run = tmp_path / 'run'
    code, printed = run_tool('train', config, '--work-dir', run)
    assert code == 0, printed.err
    checkpoint = run / 'epoch_2.pth'
    code, printed = run_tool('test', config, checkpoint, '--work-dir', run / 'test',
                             '--submission-dir', tmp_path / 'results')
    assert code == 0, printed.err
    names = ['000002', '000003']
    assert sorted(path.stem for path in (run / 'test/frames').glob('*.jpg')) == names
    assert sorted(path.stem for path in (tmp_path / 'results').rglob('*.png')) == names
    code, printed = run_tool('report', run, '--facts', 'Config=tiny')
    assert code == 0, printed.err
    html = (run / 'report.html').read_text()
    row = next(row for row in map(json.loads, next(
        run.glob('*/vis_data/scalars.json')).read_text().splitlines()) if 'depth/AbsRel' in row)
    assert f"{row['depth/AbsRel']:.4f}" in html and 'loss_depth' in html
    # A picture and the image of the 3D view for each of two frames.
    assert html.count('data:image/jpeg') == 4 and '<footer>' not in html

    code, printed = run_tool('test', config, checkpoint, '--work-dir', tmp_path / 'test',
                             '--show-dir', tmp_path / 'shown', '--cfg-options',
                             'test_evaluator=[]', 'model.test_cfg.flip=True')
    assert code == 0, printed.err
    assert sorted(path.name for path in (tmp_path / 'shown').iterdir()) == [
        f'{name}{suffix}' for name in names for suffix in ('.jpg', SCENE_SUFFIX)]

    for flags, message in [
            (['--show-samples'], '--show-samples draws ROI locations of a detector'),
            (['--score-thr', '0.5'], '--score-thr selects detections'),
            (['--show-dir', tmp_path / 'shown', '--cfg-options', 'custom_hooks=[]'],
             '--show-dir needs a DrawDepthHook')]:
        code, printed = run_tool('test', config, checkpoint, '--work-dir', tmp_path / 'bad',
                                 *flags)
        assert code == 2 and message in printed.err and 'Traceback' not in printed.err


@pytest.fixture
def forked_commands(monkeypatch):
    """Run the commands of an ablation in forks of this process, which spares the imports."""
    def run(command, env, stdout):
        os.dup2(stdout.fileno(), 1)
        os.dup2(stdout.fileno(), 2)
        sys.stdout = sys.stderr = open(1, 'w', buffering=1, closefd=False)  # noqa: SIM115
        os.environ.update(env)
        python, flag, module, *sys.argv[1:] = command
        assert (python, flag) == (sys.executable, '-m')
        runpy.run_module(module, run_name='__main__')

    def run_child(command, env, stdout, **_):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(command, env, stdout)
                code = 0
            except SystemExit as stop:
                code = stop.code or 0
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    if START_METHOD == 'fork':
        monkeypatch.setattr(ablation_run, 'run_child', run_child)


def test_ablation_compares_depth_metrics(run_tool, forked_commands, config, tmp_path):
    rows = tmp_path / 'rows'
    rows.mkdir()
    (rows / '1_all.py').write_text(
        "# Nothing\n_base_ = '../tiny_{{$ABLATION_DATA:other}}.py'\n")
    arguments = [rows, '--data', 'here', '--seeds', 0, '--out', tmp_path / 'out']
    code, printed = run_tool('ablate', *arguments)
    assert code == 0, printed.err
    figures = json.loads((tmp_path / 'out/1_all/seed_0/result.json').read_text())
    header, _, row = (tmp_path / 'out/table.md').read_text().splitlines()[:3]
    assert header == '| config | varies | seeds | AbsRel ↓ | RMSE, m ↓ | δ < 1.25 ↑ |'
    assert row == (f"| `1_all` | Nothing | 0 | {figures['AbsRel']:.4f} | {figures['RMSE']:.3f} | "
                   f"{figures['delta1']:.4f} |")
    code, printed = run_tool('ablate', *arguments, '--metrics', 'log10')
    assert code == 0 and f"| 0 | {figures['log10']:.4f} |" in printed.out
    for flags, message in [
            (['--metrics', 'Car_3D_AP40_moderate_loose'], 'no such metric; expected a name like '
             'AbsRel'),
            (['--depth-features'], '--depth-features analyses detectors')]:
        code, printed = run_tool('ablate', *arguments, *flags)
        assert code == 2 and message in printed.err
