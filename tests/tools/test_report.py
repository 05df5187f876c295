"""tools/report.py on result files and a training log."""
import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_kitti import FRAMES, make_objects

from mmdet3d_plugin.kitti import write_objects
from mmdet3d_plugin.kitti.evaluation import evaluate_kitti
from mmdet3d_plugin.visualization import read_training_log

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.chdir(ROOT)
    return runpy.run_path('tools/report.py')


@pytest.fixture
def run(monkeypatch, tool):
    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['report.py', *map(str, arguments)])
        tool['main']()
    return call


def write_session(work_dir, name, rows):
    path = work_dir / name / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))


def test_a_resumed_session_continues_and_a_fresh_one_replaces(tmp_path):
    write_session(tmp_path, '20260101_000000', [dict(step=step, loss=1.) for step in (1, 2, 3)])
    write_session(tmp_path, '20260102_000000', [dict(step=step, loss=2.) for step in (3, 4)])
    assert [(row['step'], row['loss']) for row in read_training_log(tmp_path)] == [
        (1, 1.), (2, 1.), (3, 2.), (4, 2.)]
    write_session(tmp_path, '20260103_000000', [dict(step=1, loss=3.)])
    assert [(row['step'], row['loss']) for row in read_training_log(tmp_path)] == [(1, 3.)]


def test_report_shows_the_figures_of_the_result_files(run, tmp_path, kitti_root, capsys):
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
    assert 'tiny' in html and html.count('data:image/jpeg') >= len(FRAMES)
    assert 'report.html' in capsys.readouterr().out
