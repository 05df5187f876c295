"""The command ``tools/evaluate.py``: files, messages and speed."""
import json
import os
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map
from mmdet3d_plugin.benchmarks.kitti.labels import write_objects
from mmdet3d_plugin.benchmarks.kitti.splits import write_split
from mmdet3d_plugin.commands.evaluate_kitti import evaluate_kitti_files
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable

TOOL = Path(__file__).parents[2] / 'tools' / 'evaluate.py'
BOX = '0 0 0.1 500 150 600 220 1.5 1.6 4 0.5 1.7 {z} 0.1'


@pytest.fixture
def run(run_tool):
    """Return ``run(*OPTIONS)`` for ``tools/evaluate.py kitti``: exit code and printed texts."""
    return lambda *options: run_tool('evaluate', 'kitti', *options)


@pytest.fixture
def folders(tmp_path):
    """41 frames of one detected car each; labels in gt, results in pred."""
    for name in ('gt', 'pred'):
        (tmp_path / name).mkdir()
        for frame in range(41):
            score = ' 0.5' if name == 'pred' else ''
            (tmp_path / name / f'{frame:06d}.txt').write_text(
                f'Car {BOX.format(z=10 + frame)}{score}\n')
    return tmp_path


def evaluate(folders, **changes):
    evaluate_kitti_files(Namespace(**{
        'gt': folders / 'gt', 'pred': folders / 'pred', 'split': None,
        'classes': ['Car', 'Cyclist'], 'min_overlaps': [], 'min_heights': (40, 25, 25),
        **changes}))


def test_command_prints_a_table_and_writes_json(run, folders):
    code, printed = run('--gt', folders / 'gt', '--pred', folders / 'pred',
                        '--json', folders / 'out' / 'values.json')
    assert code == 0 and printed.err == ''
    assert '41 frames' in printed.out
    row = next(line for line in printed.out.splitlines() if line.split()[:3] == [
        'Car', '3D', 'R40'])
    assert row.split()[3:] == ['100.00'] * 6
    values = json.loads((folders / 'out' / 'values.json').read_text())
    assert values['Car_3D_AP40_moderate_strict'] == 100
    assert values['Pedestrian_3D_AP40_moderate_strict'] is None
    assert len(values) == 144


def test_command_ends_with_one_line_on_bad_input(run, folders):
    (folders / 'pred' / '000007.txt').write_text(f'Car {BOX.format(z=10)}\n')
    code, printed = run('--gt', folders / 'gt', '--pred', folders / 'pred',
                        '--json', folders / 'values.json')
    assert code == 2 and printed.out == ''
    assert len(printed.err.splitlines()) == 1
    assert '000007.txt:1: 15 fields, expected 16' in printed.err
    assert not (folders / 'values.json').exists()


def test_help_shows_an_example(run):
    code, printed = run('--help')
    assert code == 0 and '--split data/kitti/ImageSets/val.txt' in printed.out


def test_results_in_a_data_folder(folders, capsys):
    (folders / 'pred').rename(folders / 'data')
    evaluate(folders, pred=folders)
    assert '100.00' in capsys.readouterr().out


def test_files_of_the_development_kit_are_no_results(folders, capsys):
    (folders / 'results').mkdir()
    (folders / 'pred').rename(folders / 'results/data')
    (folders / 'results/stats_car_detection.txt').write_text('0.5 0.25\n')
    (folders / 'results/data/stats_car_orientation.txt').write_text('0.5\n')
    evaluate(folders, pred=folders / 'results')
    output = capsys.readouterr()
    assert '100.00' in output.out and output.err == ''


@pytest.mark.parametrize('split', [True, False])
def test_frame_names_with_folders(folders, capsys, split):
    names = [f'seq{frame % 2}/{frame:06d}' for frame in range(41)]
    for name in names:
        for folder in ('gt', 'pred'):
            target = folders / folder / f'{name}.txt'
            target.parent.mkdir(exist_ok=True)
            (folders / folder / f'{name[5:]}.txt').rename(target)
    write_split(folders / 'val.txt', names[:40])
    evaluate(folders, split=folders / 'val.txt' if split else None)
    output = capsys.readouterr()
    assert output.out.startswith('40 frames' if split else '41 frames')
    assert ('100.00' in output.out) != split  # 40 cars do not reach the last recall
    assert output.err == ('ignoring 1 result files of frames that are not evaluated\n'
                          if split else '')


def test_score_of_label_files_is_noted_once(folders, capsys):
    for frame in (3, 4):
        path = folders / 'gt' / f'{frame:06d}.txt'
        path.write_text(path.read_text().strip() + ' 0.0\n')
    evaluate(folders)
    output = capsys.readouterr()
    assert '100.00' in output.out
    assert output.err == (f'{folders / "gt"}: label lines end with a 16th field, a score, in 2 of '
                          '41 files; it is ignored\n')


def test_a_split_selects_frames_and_extra_results_are_reported(folders, capsys):
    write_split(folders / 'val.txt', ['000003', '000001'])
    evaluate(folders, split=folders / 'val.txt')
    output = capsys.readouterr()
    assert output.out.startswith('2 frames')
    assert output.err == 'ignoring 39 result files of frames that are not evaluated\n'


def test_an_empty_result_file_means_no_detections(run, folders):
    (folders / 'pred' / '000000.txt').write_text('')
    run('--gt', folders / 'gt', '--pred', folders / 'pred', '--json', folders / 'values.json')
    values = json.loads((folders / 'values.json').read_text())
    assert values['Car_2D_AP40_easy_strict'] == 97.5  # 40 of 41 cars: one of 40 recalls is missed


def test_own_classes_overlaps_and_heights(run, folders):
    for path in (folders / 'gt').iterdir():
        path.write_text(f'forklift {BOX.format(z=10)}\n'
                        'dontcare -1 -1 -10 1 1 9 9 -1 -1 -1 -1000 -1000 -1000 -10\n')
    moved = BOX.format(z=9.9002).replace(' 0.5 1.7', ' 1.495 1.7')  # 1 m along: an IoU of 3/5
    for path in (folders / 'pred').iterdir():
        path.write_text(f'Forklift {moved} 0.5\n')
    paths = '--gt', folders / 'gt', '--pred', folders / 'pred'
    for options, values in [
            ((), ['100.00'] * 6),  # the only class of the labels is evaluated by default
            (('--classes', 'Forklift', '--min-overlaps', 'FORKLIFT=0.7/0.5'),
             ['0.00'] * 3 + ['100.00'] * 3),
            (('--min-heights', '71', '70', '69'), ['0.00', '0.00', '100.00'] * 2)]:
        code, printed = run(*paths, *options)
        assert code == 0
        row, = (line for line in printed.out.splitlines()
                if line.lower().startswith('forklift') and line.split()[1:3] == ['BEV', 'R40'])
        assert row.split()[3:] == values, options
    code, printed = run(*paths, '--min-overlaps', 'Forklift=0.7')
    assert code == 2 and "'Forklift=0.7' is not CLASS=STRICT/LOOSE" in printed.err
    code, printed = run(*paths, '--min-overlaps', 'Bus=0.7/0.5')
    assert code == 2 and 'min_overlaps names Bus, which is not evaluated' in printed.err


@pytest.mark.parametrize('spoil, message', [
    (lambda root: {'gt': root / 'absent'}, 'absent: no such folder; --gt needs'),
    (lambda root: (root / 'empty').mkdir() or {'gt': root / 'empty'}, 'holds no label files'),
    (lambda root: (root / 'label_2').mkdir() or {'gt': root}, 'holds no label files'),
    (lambda root: {'gt': root}, 'holds no result files of the 82 frames (gt/000000.txt and'),
    (lambda root: {'pred': root / 'absent'}, 'absent: no such folder; --pred needs'),
    (lambda root: {'pred': root / 'absent'}, 'CKPT --submission-dir'),
    (lambda root: {'pred': root}, 'holds no result files'),
    (lambda root: {'split': root / 'absent.txt'}, 'absent.txt: no such split file'),
    (lambda root: {'classes': ['Tram']},
     "gt: cannot evaluate 'Tram', which no label and no result has; choose from Car"),
    (lambda root: (root / 'pred' / '000009.txt').unlink() or {}, '000009.txt: no such file'),
    (lambda root: (root / 'gt' / '000009.txt').write_text('Car 1 2\n') and {},
     '000009.txt:1: 3 fields, expected 15'),
    (lambda root: (root / 'pred' / '000009.txt').write_text(
        f'Car {BOX.format(z="nan")} 0.5\n') and {}, 'expected a finite number')])
def test_bad_input_names_the_cause(folders, spoil, message):
    with pytest.raises(InputError) as error:
        evaluate(folders, **spoil(folders))
    assert message in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('option', ['--json', '--plot'])
def test_outputs_must_not_be_folders(run, folders, option):
    code, printed = run('--gt', folders / 'gt', '--pred', folders / 'pred', option,
                        folders / 'gt')
    assert code == 2
    assert f'gt: is a folder; {option} needs a file name' in printed.err


def test_curves_are_drawn(run, folders):
    code, _ = run('--gt', folders / 'gt', '--pred', folders / 'pred',
                  '--plot', folders / 'curves.png')
    assert code == 0
    assert (folders / 'curves.png').read_bytes()[:4] == b'\x89PNG'


def crowded_frame(rng):
    """Return 10 labels and 50 detections, which are noisy copies of the labels."""
    names = rng.choice(['Car', 'Car', 'Car', 'Van', 'Pedestrian', 'Cyclist', 'DontCare'], 10)
    corners = rng.uniform(0, [1000, 250], (10, 2))
    table = np.column_stack([
        np.zeros((10, 2)), rng.uniform(-3, 3, 10),
        corners, corners + rng.uniform(30, 120, (10, 2)),
        np.full((10, 3), [1.5, 1.7, 4]), rng.uniform([-20, 1.5, 5], [20, 1.8, 60], (10, 3)),
        rng.uniform(-3, 3, 10)])
    picked = rng.integers(0, 10, 50)
    noise = rng.normal(size=(50, 14)) * ([0] * 2 + [.1] + [3] * 4 + [.05] * 3 + [.3] * 3 + [.1])
    found = np.column_stack([table[picked] + noise, rng.random(50)])
    found_names = np.where(names[picked] == 'DontCare', 'Car', names[picked])
    return ObjectTable.from_table(names, table), ObjectTable.from_table(found_names, found)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, 'sched_setaffinity'), reason='binds to one core')
def test_3769_frames_of_50_detections_take_10_seconds_on_one_core(tmp_path):
    rng = np.random.default_rng(0)
    for start in range(0, 3769, 100):
        labels, found = crowded_frame(rng)
        for frame in range(start, min(start + 100, 3769)):
            write_objects(tmp_path / 'gt' / f'{frame:06d}.txt', labels)
            write_objects(tmp_path / 'pred' / f'{frame:06d}.txt', found)
    core = {min(os.sched_getaffinity(0))}
    start = time.perf_counter()
    result = subprocess.run(
        [sys.executable, TOOL, 'kitti', '--gt', tmp_path / 'gt', '--pred', tmp_path / 'pred'],
        capture_output=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, core))
    seconds = time.perf_counter() - start
    assert result.returncode == 0, result.stderr
    assert seconds < 10


@pytest.fixture
def depth_folders(tmp_path):
    """Two frames in subfolders; predictions are the ground truth times 1.1 and 1.3."""
    rng = np.random.default_rng(0)
    for name, factor in (('a/0', 1.1), ('b/1', 1.3)):
        truth = rng.uniform(2, 50, (40, 60))
        truth[:5] = 0
        write_depth_map(tmp_path / f'gt/{name}.png', truth, 256)
        write_depth_map(tmp_path / f'pred/{name}.png', truth.clip(1) * factor, 1000)
    return tmp_path


@pytest.fixture
def run_depth(run_tool, depth_folders):
    """Return ``run_depth(*OPTIONS)`` for ``tools/evaluate.py depth``."""
    return lambda *options: run_tool('evaluate', 'depth', '--gt', depth_folders / 'gt', '--pred',
                                     depth_folders / 'pred', '--pred-scale', 1000, *options)


def test_depth_maps_in_subfolders(run_depth, depth_folders):
    code, printed = run_depth('--json', depth_folders / 'out.json')
    assert code == 0 and printed.err == ''
    assert '2 images, depth of 0.001 to 80 m, crop none' in printed.out
    values = json.loads((depth_folders / 'out.json').read_text())
    assert values['AbsRel'] == pytest.approx(.2, abs=2e-3)
    assert values['delta1'] == pytest.approx(.5) and values['delta2'] == 1
    assert values['RMSElog'] == pytest.approx((np.log(1.1) + np.log(1.3)) / 2, abs=1e-3)


def test_depth_options(run_depth, depth_folders):
    _, printed = run_depth('--median-scaling', '--crop', 'garg', '--max-depth', '60',
                           '--json', depth_folders / 'out.json')
    assert 'depth of 0.001 to 60 m, crop garg, scaled by the median' in printed.out
    assert json.loads((depth_folders / 'out.json').read_text())['AbsRel'] < 3e-3


def test_depth_maps_of_a_split(run_depth, depth_folders):
    """Predictions have the paths of the images. Ground truth may be in ``train`` or ``val``."""
    (depth_folders / 'gt').rename(depth_folders / 'val')
    (depth_folders / 'gt').mkdir()
    (depth_folders / 'val').rename(depth_folders / 'gt/val')
    (depth_folders / 'pred/b/1.png').rename(depth_folders / 'pred/image.png')
    (depth_folders / 'list.txt').write_text('image.jpg b/1.png 721.5\nother.jpg None 721.5\n')
    code, printed = run_depth('--split', depth_folders / 'list.txt')
    assert code == 0 and '1 images' in printed.out, printed.err
    assert printed.err == 'ignoring 1 predictions of frames that are not evaluated\n'


@pytest.mark.parametrize('spoil, options, message', [
    (lambda root: (root / 'gt').rename(root / 'x'), [], 'gt: no such folder; --gt needs'),
    (lambda root: [path.unlink() for path in root.glob('pred/*/*')], [],
     'pred: holds no depth maps (*.png); --pred needs'),
    (lambda root: (root / 'pred/b/1.png').unlink(), [],
     'pred/b/1.png: no such prediction; 1 of 2 are missing'),
    (lambda root: (root / 'pred/b/1.png').write_text(''), [],
     'pred/b/1.png: not a readable 16-bit depth image'),
    (lambda root: write_depth_map(root / 'pred/b/1.png', np.ones((2, 3))), [],
     "pred/b/1.png: the prediction's size (2, 3) differs from (40, 60)"),
    (lambda root: [write_depth_map(path, np.zeros((40, 60))) for path in root.glob('gt/*/*')], [],
     'none of 2 images has a true depth between 0.001 and 80 m'),
    (lambda root: None, ['--crop', 'nyu'], "crop 'nyu' does not fit an image of 60x40"),
    (lambda root: None, ['--min-depth', '90'], 'are no range'),
    (lambda root: None, ['--gt-scale', '0'], '0 is not a number above 0'),
    (lambda root: None, ['--split', 'absent.txt'], 'absent.txt: no such split file')])
def test_bad_depth_input_names_the_cause(run_depth, depth_folders, spoil, options, message):
    spoil(depth_folders)
    code, printed = run_depth('--json', depth_folders / 'out.json', *options)
    assert code == 2 and message in printed.err.splitlines()[-1]
    assert 'Traceback' not in printed.err and not (depth_folders / 'out.json').exists()
