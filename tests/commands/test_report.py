"""The command ``tools/report.py``."""
import json
import os
import re
import shutil
import sys

import cv2
import numpy as np
import pytest
from tiny_kitti import FRAMES, make_objects

from mmdet3d_plugin.benchmarks.depth.pixel_errors import PixelDepthErrors
from mmdet3d_plugin.benchmarks.kitti.average_precision import evaluate_kitti
from mmdet3d_plugin.benchmarks.kitti.labels import write_objects
from mmdet3d_plugin.cli.report import build_parser
from mmdet3d_plugin.commands import report
from mmdet3d_plugin.commands.training_log import read_training_log
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.visualization.frame_entries import PREDICTED_DEPTH, TRUE_DEPTH, scene_entry


@pytest.fixture
def run(monkeypatch):
    """Return ``run(*ARGUMENTS)``, which runs the command and lets its errors through."""
    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['report.py', *map(str, arguments)])
        report.main(build_parser().parse_args())
    return call


def explorer_data(html):
    return json.loads(re.search(r'id="explorer-data">(.*?)</script>', html).group(1))


def write_session(work_dir, name, rows):
    path = work_dir / name / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))


def test_a_resumed_session_replaces_rows_from_its_first_step(tmp_path):
    write_session(tmp_path, '20260101_000000', [dict(step=step, loss=1.) for step in (1, 2, 3)])
    write_session(tmp_path, '20260102_000000', [dict(step=step, loss=2.) for step in (3, 4)])
    assert [(row['step'], row['loss']) for row in read_training_log(tmp_path)] == [
        (1, 1.), (2, 1.), (3, 2.), (4, 2.)]
    write_session(tmp_path, '20260103_000000', [dict(step=1, loss=3.)])
    assert [(row['step'], row['loss']) for row in read_training_log(tmp_path)] == [(1, 3.)]


def test_report_of_a_detector(run, tmp_path, kitti_root, capsys):
    work_dir, truths, predictions = tmp_path / 'run', [], []
    write_session(work_dir, '20260101_000000', [dict(step=1, loss=5., loss_depth=2.)])
    for frame, rows in FRAMES.items():
        truth = make_objects(rows)
        found = truth[truth.names == 'Car']
        found.locations = found.locations + [0, 0, .4]
        found.scores = np.linspace(.9, .6, len(found))
        write_objects(tmp_path / f'pred/{frame}.txt', found, decimals=6)
        truths.append(truth), predictions.append(found)
    run(work_dir, '--data-root', kitti_root, '--pred', tmp_path / 'pred', '--facts', 'Config=tiny')
    html = (work_dir / 'report.html').read_text()
    figures = evaluate_kitti(truths, predictions).to_dict()
    assert f"{figures['Car_3D_AP40_moderate_loose']:.2f}" in html
    # Each frame is in the page once.
    assert 'tiny' in html and html.count('data:image/jpeg') == len(FRAMES)
    assert 'report.html' in capsys.readouterr().out
    data = explorer_data(html)
    frame = next(frame for frame in data['frames'] if frame['name'] == '000000')
    # Both cars are 0.4 m too far, which is less than 5 % at 12 and 25 m; the pedestrian is missed.
    assert [item['outcome'] for item in frame['runs'][0]] == ['right', 'right']
    assert [item['finders'] for item in frame['truth']] == [[0], [1], [-1]]
    assert data['frames'][0]['name'] in ('000000', '000007', '000031')


DEPTH = dict(AbsRel=.1234, SqRel=.5, RMSE=3.25, RMSElog=.15, log10=.05, delta1=.875, delta2=.95,
             delta3=.99)


@pytest.fixture
def depth_run(tmp_path):
    """Work dir of a depth estimator: a training log and two pictures of the test."""
    work_dir = tmp_path / 'run'
    write_session(work_dir, '20260101_000000', [
        dict(step=1, loss=5., loss_depth=2.), dict(step=2, loss=4., loss_depth=1.),
        {'step': 1, 'depth/AbsRel': .9},
        {'step': 2, **{f'depth/{key}': value for key, value in DEPTH.items()}}])
    for name in ('b', 'drive/a'):
        path = work_dir / f'test/frames/{name}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((8, 16, 3), np.uint8))
    return work_dir


def test_report_of_a_depth_estimator(run, depth_run, capsys):
    (depth_run / 'test/frames/distance_errors.json').write_text(
        PixelDepthErrors(np.array([0., 10.]), np.array([[2.], [.5], [3.]])).to_json())
    run(depth_run, '--facts', 'Config=lt.py')
    html = (depth_run / 'report.html').read_text()
    for figure in ('0.1234', '3.250', '0.8750', '<td>0–10</td><td>25.00</td><td>1.50</td>'):
        assert figure in html, figure
    assert 'lt.py' in html and 'drive/a' in html and html.count('data:image/jpeg') == 2
    assert 'AbsRel ↓: 0.1234' in capsys.readouterr().out


def test_pictures_of_a_depth_estimator_in_another_folder(run, depth_run, tmp_path):
    (depth_run / 'test').rename(tmp_path / 'elsewhere')
    run(depth_run)
    assert 'Frames need the pictures of tools/test.py' in (depth_run / 'report.html').read_text()
    run(depth_run, '--frames', tmp_path / 'elsewhere/frames', '--max-frames', 1)
    assert (depth_run / 'report.html').read_text().count('data:image/jpeg') == 1
    with pytest.raises(InputError, match='run: no readable pictures; .* --show-dir'):
        run(depth_run, '--frames', depth_run)


def write_depth_scene(work_dir, name, error, predicted=4.):
    scene = scene_entry(name, np.zeros((8, 16, 3), np.uint8), np.eye(3, 4), {
        TRUE_DEPTH: np.full((8, 16), 7.), PREDICTED_DEPTH: np.full((8, 16), predicted)})
    (work_dir / f'test/frames/{name}.scene.json').write_text(
        json.dumps({**scene, 'errors': [error]}))


def test_only_the_pictures_of_the_worst_depth_frames_are_read(run, depth_run):
    write_depth_scene(depth_run, 'drive/a', .25)
    (depth_run / 'test/frames/b.jpg').write_text('damaged')
    run(depth_run, '--max-frames', 1)
    assert [frame['name'] for frame in
            explorer_data((depth_run / 'report.html').read_text())['frames']] == ['drive/a']
    with pytest.raises(InputError, match='b.jpg: not a readable picture'):
        run(depth_run, '--max-frames', 2)


@pytest.fixture
def embedder_run(tmp_path):
    """Work dir of an embedder: a training log and the pictures of the test."""
    work_dir = tmp_path / 'run'
    write_session(work_dir, '20260101_000000', [
        dict(step=1, epoch=1, loss=5., loss_metric=2.),
        dict(step=2, epoch=2, loss=4., loss_metric=1.),
        {'step': 1, 'retrieval/R@1': 55.5, 'retrieval/R@4': 70., 'retrieval/mAP@R': 20.5},
        {'step': 2, 'retrieval/R@1': 44.25, 'retrieval/R@4': 66., 'retrieval/mAP@R': 12.75}])
    (work_dir / 'test/neighbours').mkdir(parents=True)
    for name in ('neighbours.jpg', 'embedding.png', 'piece.png'):
        cv2.imwrite(str(work_dir / f'test/neighbours/{name}'), np.zeros((8, 16, 3), np.uint8))
    return work_dir


def test_report_of_an_embedder(run, embedder_run, capsys):
    run(embedder_run, '--facts', 'Config=plm.py', '--title', 'Vehicles')
    html = (embedder_run / 'report.html').read_text()
    assert html.count('data:image/jpeg') == 3 and '<footer>' not in html
    for text in ('<dd>44.2</dd>', '<dd>12.8</dd>', 'plm.py', 'loss_metric',
                 '<td>last</td><td>44.25</td><td>66.00</td><td>12.75</td>',
                 '<td>best, epoch 1</td><td>55.50</td><td>70.00</td><td>20.50</td>',
                 '<h1>Vehicles</h1>'):
        assert text in html, text
    assert 'R@1: 44.25 %\nR@4: 66.00 %\nmAP@R: 12.75 %\n' in capsys.readouterr().out


def test_pictures_of_an_embedder_in_another_folder(run, embedder_run, tmp_path):
    (embedder_run / 'test').rename(tmp_path / 'elsewhere')
    run(embedder_run)
    html = (embedder_run / 'report.html').read_text()
    assert 'Missing pictures: Nearest neighbours, Embedding, Linear piece. They need' in html
    assert 'image/jpeg' not in html
    shown = tmp_path / 'elsewhere/neighbours'
    (shown / 'piece.png').unlink()
    run(embedder_run, '--frames', shown)
    html = (embedder_run / 'report.html').read_text()
    assert html.count('image/jpeg') == 2 and 'Missing pictures: Linear piece. They' in html
    with pytest.raises(InputError, match='run: no readable pictures of embeddings; .* --show-d'):
        run(embedder_run, '--frames', embedder_run)
    (shown / 'embedding.png').write_bytes(b'no picture')
    with pytest.raises(InputError, match='embedding.png: not a readable picture'):
        run(embedder_run, '--frames', shown)


def write_text_log(work_dir, name, text):
    (work_dir / name / f'{name}.log').write_text(text)


def facts_of(work_dir):
    html = (work_dir / 'report.html').read_text()
    return dict(re.findall('<tr><th>([^<]*)</th><td>([^<]*)</td></tr>\n', html))


def test_title_and_facts_come_from_the_work_dir(run, tmp_path):
    """Steps 1-10 took 60 s each and steps 11-20 66 s each: 21 minutes."""
    work_dir = tmp_path / 'first try'
    write_session(work_dir, '20260101_000000', [
        dict(step=10, iter=10, epoch=1, loss=5., time=60.),
        dict(step=20, iter=20, epoch=2, loss=4., time=66.),
        {'step': 2, 'time': 900., 'depth/AbsRel': .2}])
    write_text_log(work_dir, '20260101_000000', '    GPU 0: NVIDIA <H200>\n    seed: 7\n')
    (work_dir / 'lt.py').touch()
    run(work_dir, '--facts', 'Seed=8', 'Author=me')
    assert '<h1>Monocular depth: first try</h1>' in (work_dir / 'report.html').read_text()
    assert facts_of(work_dir) == {
        'Config': 'lt.py', 'Epochs': '2', 'Iterations': '20',
        'Training': '0 h 21 min, without validations', 'Device': 'GPU 0: NVIDIA &lt;H200&gt;',
        'Seed': '8', 'Author': 'me'}
    run(work_dir, '--title', 'Mine')
    assert '<h1>Mine</h1>' in (work_dir / 'report.html').read_text()


def test_facts_of_the_last_session_and_of_damaged_logs(run, depth_run):
    write_text_log(depth_run, '20260101_000000', '    CUDA available: True\n    seed: 1\n')
    run(depth_run)
    assert facts_of(depth_run) == {'Seed': '1'}
    write_session(depth_run, '20260102_000000', [dict(step=3, iter=3, time=1e29)])
    log = depth_run / '20260102_000000/20260102_000000.log'
    log.write_bytes(b'\xff\n    CUDA available: False\n')
    run(depth_run)
    facts = facts_of(depth_run)
    assert (facts['Device'], facts['Iterations'], 'Seed' in facts) == ('CPU', '3', False)
    log.unlink()
    os.mkfifo(log)
    with pytest.raises(InputError, match='20260102_000000.log: is a FIFO'):
        run(depth_run)


def test_samples_of_the_work_dir(run, tmp_path, kitti_root):
    """The first folder with pictures is used; an empty one is passed over."""
    write_session(tmp_path / 'run', '20260101_000000', [dict(step=1, loss=5.)])
    write_results(tmp_path / 'run/results', 0.)
    folders = [tmp_path / 'run/test/samples', tmp_path / 'run/samples', tmp_path / 'other']
    for folder, name in zip(folders, ('first', 'second', 'third')):
        folder.mkdir(parents=True)
        if name != 'first':
            cv2.imwrite(str(folder / f'{name}.jpg'), np.zeros((8, 16, 3), np.uint8))

    def captions(*arguments):
        run(tmp_path / 'run', '--data-root', kitti_root, '--max-frames', 0, *arguments)
        return re.findall('<figcaption>(\\w+)', (tmp_path / 'run/report.html').read_text())

    assert captions() == ['second']
    assert captions('--samples', folders[2]) == ['third']
    cv2.imwrite(str(folders[0] / 'first.jpg'), np.zeros((8, 16, 3), np.uint8))
    assert captions() == ['first']
    with pytest.raises(InputError, match='no readable pictures; .* --show-samples'):
        captions('--samples', tmp_path / 'run/results')


def test_a_detector_needs_its_results(run, tmp_path):
    write_session(tmp_path, '20260101_000000', [dict(step=1, loss=5.)])
    with pytest.raises(InputError, match='the report of a detector needs --data-root'):
        run(tmp_path)


def write_results(folder, shift):
    for frame, rows in FRAMES.items():
        found = make_objects(rows)
        found.locations = found.locations + [0, 0, shift]
        found.scores = np.linspace(.9, .6, len(found))
        write_objects(folder / f'{frame}.txt', found, decimals=6)


def test_comparison_of_detectors(run, tmp_path, kitti_root, capsys):
    for name, shift in (('a', 0.), ('b', 3.)):
        write_session(tmp_path / name, '20260101_000000', [dict(step=1, loss=5.)])
        write_results(tmp_path / name / 'results', shift)
    run('--compare', tmp_path / 'a', tmp_path / 'b', '--data-root', kitti_root)
    assert f'{tmp_path}/b/comparison.html' in capsys.readouterr().out
    html = (tmp_path / 'b/comparison.html').read_text()
    data = explorer_data(html)
    assert data['settings']['runs'] == ['A: a', 'B: b']
    assert '<h1>Monocular 3D detection: a and b</h1>' in html
    # The frame with most changes comes first: 3 m are more than 5 % of all depths but those
    # beyond 60 m. The frame without objects is last.
    names = [frame['name'] for frame in data['frames']]
    assert names[0] == '000000' and names[-1] == '000012'
    assert [[item['outcome'] for item in items] for items in data['frames'][0]['runs']] == [
        ['right'] * 3, ['far'] * 3]
    # Scores of cars: three times .9, .75 and .6. All are true positives of A and, being 3 m too
    # far, false positives of B. Errors are (3 * .1 + .25 + .4) / 5 and (3 * .9 + .75 + .6) / 5.
    assert re.findall(r'>([AB]: [ab], error: [^<]*)', html) == [
        'A: a, error: Car 0.190, Pedestrian 0.400, Cyclist 0.250',
        'B: b, error: Car 0.810, Pedestrian 0.600, Cyclist 0.750']
    with pytest.raises(InputError, match='--pred: given for 1 of 2 runs; give it once per run'):
        run('--compare', tmp_path / 'a', tmp_path / 'b', '--data-root', kitti_root, '--pred',
            tmp_path / 'a/results')


def test_comparison_of_depth_estimators(run, depth_run, tmp_path):
    other = tmp_path / 'other'
    shutil.copytree(depth_run, other)
    for folder, error, depth in ((depth_run, .5, 4.), (other, .125, 8.)):
        write_depth_scene(folder, 'b', error, depth)
    run('--compare', depth_run, other)
    data = explorer_data((other / 'comparison.html').read_text())
    first, second = data['frames']
    assert (first['name'], first['errors'], second['errors']) == ('b', [.5, .125], [0., 0.])
    assert list(first['depth']['maps']) == [TRUE_DEPTH, 'A: run', 'B: other']
    assert [name for name, _ in first['pictures']] == ['A: run', 'B: other']


def test_runs_of_different_tasks_are_not_compared(run, depth_run, embedder_run_of, tmp_path):
    with pytest.raises(InputError, match='is a run of embedding, but .* is one of depth'):
        run('--compare', depth_run, embedder_run_of(tmp_path / 'embedder'))


@pytest.fixture
def embedder_run_of():
    def write(folder):
        write_session(folder, '20260101_000000', [
            {'step': step, 'retrieval/R@1': 50., 'retrieval/mAP@R': 20.} for step in (1, 2)])
        return folder
    return write


def test_one_of_work_dir_and_comparison(run, tmp_path, capsys):
    for arguments in ([], [tmp_path, '--compare', tmp_path, tmp_path]):
        with pytest.raises(SystemExit):
            run(*arguments)
        assert 'give either WORK_DIR or --compare RUN_A RUN_B' in capsys.readouterr().err
