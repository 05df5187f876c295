"""Comparison of two runs, and the report of an ablation."""
import json
import re

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.metric_style import MetricStyle
from mmdet3d_plugin.benchmarks.score_reliability import ScoredDetections
from mmdet3d_plugin.visualization.ablation_report import PageTable, best_row, write_ablation_report
from mmdet3d_plugin.visualization.comparison_report import (
    ComparedRun,
    difference_table,
    write_depth_comparison,
    write_detection_comparison,
    write_embedding_comparison,
)
from mmdet3d_plugin.visualization.frame_entries import picture_entry

LOG = [dict(step=step, loss=5. / step) for step in range(1, 5)]


def page_of(path):
    return re.sub(r'<script>.*?</script>', '', path.read_text(encoding='utf-8'), flags=re.S)


def cells_of(html):
    return [re.findall(r'<td[^>]*>([^<]*)', row) for row in re.findall(r'<tr>(<td.*?)</tr>', html)]


@pytest.mark.parametrize('first, second, better, cell', [
    (3., 2.5, '↓', '<td class="better">−0.50</td>'),
    (3., 3.5, '↓', '<td class="worse">+0.50</td>'),
    (3., 3.5, '↑', '<td class="better">+0.50</td>'),
    (3., 2.5, '↑', '<td class="worse">−0.50</td>'),
    (3., 3.001, '↑', '<td>0.00</td>'), (3., 3.5, '', '<td>+0.50</td>'),
    # Values that are shown as 77.26 and 77.25 differ by 0.004, and those shown as 3.00 by 0.009.
    (77.256, 77.252, '↑', '<td>0.00</td>'), (3., 3., '↓', '<td>0.00</td>'),
    (3.0045, 2.9955, '↑', '<td class="worse">−0.01</td>'),
    (None, 3.5, '↑', '<td>–</td>'), (float('nan'), 3.5, '↑', '<td>–</td>')])
def test_differences_say_which_run_is_better(first, second, better, cell):
    runs = [ComparedRun('a', [], {'depth/x': first}), ComparedRun('b', [], {'depth/x': second})]
    assert difference_table(runs, {'x': MetricStyle('x', decimals=2, better=better)}).count(
        cell) == 1 + (cell == '<td>–</td>')


def test_comparison_of_detectors(tmp_path):
    runs = [ComparedRun(f'{letter}: <run>', LOG, {
        'Car_3D_AP40_moderate_strict': 10. + index, 'Car_3D_AP40_moderate_loose': 30. - index,
        'Car_2D_AP40_moderate_strict': 50., 'Car_2D_AP40_moderate_loose': 50.})
        for index, letter in enumerate('AB')]
    curve = np.linspace(0, 1, 5), np.linspace(1, .1, 5)
    write_detection_comparison(
        tmp_path / 'a.html', title='Two', runs=runs,
        precision_recall={'Car': {(run.name, 'strict'): curve for run in runs}},
        reliability={run.name: [ScoredDetections('Car', np.array([.2, score]),
                                                 np.array([False, True]))]
                     for run, score in zip(runs, (.6, .9))})
    page = page_of(tmp_path / 'a.html')
    assert cells_of(page) == [['Car, 3D, strict ↑', '10.00', '11.00', '+1.00'],
                              ['Car, 3D, loose ↑', '30.00', '29.00', '−1.00'],
                              ['Car, 2D ↑', '50.00', '50.00', '0.00']]
    assert re.findall(r'<dd>([^<]*)<small>([^<]*)', page) == [('29.0', '−1.0'), ('11.0', '+1.0')]
    assert ('<p>3D AP in percent, R40, moderate difficulty. B: &lt;run&gt;, with the difference '
            'from A: &lt;run&gt;.</p>\n<div class="headline">') in page
    assert '<th>A: &lt;run&gt;</th><th>B: &lt;run&gt;</th>' in page and '<run>' not in page
    assert page.count('>A: &lt;run&gt;</text>') == 1  # in the legend of the losses
    assert page.count('>A: &lt;run&gt;, strict</text>') == 1
    # Calibration errors: (.2 + .4) / 2 and (.2 + .1) / 2
    assert re.findall(r'>([AB]: &lt;run&gt;, error: [^<]*)</text>', page) == [
        'A: &lt;run&gt;, error: Car 0.300', 'B: &lt;run&gt;, error: Car 0.150']
    assert re.findall(r'<section id="[\w-]+">\n<h2>([^<]*)', page) == [
        'Average precision', 'Precision and recall', 'Reliability of scores', 'Training']


def test_start_of_sample_selection_of_each_run(tmp_path):
    """Selection of A starts after step 2, that of B never."""
    logs = [[dict(row, selecting=float(row['step'] > last)) for row in LOG] for last in (2, 9)]
    write_detection_comparison(tmp_path / 'a.html', title='Two', runs=[
        ComparedRun(name, log, {}) for name, log in zip('AB', logs)])
    page = page_of(tmp_path / 'a.html')
    assert re.findall('>(sample selection starts[^<]*)</text>', page) == [
        'sample selection starts, A']
    assert 'The depth loss falls when sample selection starts' in page


def test_comparison_of_depth_estimators(tmp_path):
    runs = [ComparedRun(name, LOG, {'depth/AbsRel': .2 - .05 * index, 'depth/delta1': .8})
            for index, name in enumerate('AB')]
    frame = {**picture_entry('7', np.zeros((8, 16, 3), np.uint8)), 'errors': [.2, .1]}
    write_depth_comparison(tmp_path / 'a.html', title='Two', runs=runs, frames=[frame])
    html = (tmp_path / 'a.html').read_text(encoding='utf-8')
    data = json.loads(re.search(r'id="explorer-data">(.*?)</script>', html).group(1))
    assert data['settings']['runs'] == ['A', 'B'] and data['frames'][0]['errors'] == [.2, .1]
    assert ['AbsRel ↓', '0.2000', '0.1500', '−0.0500'] in cells_of(page_of(tmp_path / 'a.html'))


def test_comparison_of_embedders(tmp_path):
    runs = [ComparedRun(name, LOG, {'retrieval/R@1': 50. + index, 'retrieval/mAP@R': 20.})
            for index, name in enumerate('AB')]
    write_embedding_comparison(tmp_path / 'a.html', title='Two', runs=runs)
    page = page_of(tmp_path / 'a.html')
    assert cells_of(page) == [['R@1 (%) ↑', '50.0', '51.0', '+1.0'],
                              ['mAP@R (%) ↑', '20.0', '20.0', '0.0']]
    assert '<p>B, with the difference from A.</p>' in page


def test_report_of_an_ablation(tmp_path):
    styles = [MetricStyle('RMSE, m', 'm', 2, '↓'), MetricStyle('AP', better='↑')]
    write_ablation_report(
        tmp_path / 'a.html', title='Ablation', rows=['plain', 'mi$x$ed', 'failed'], styles=styles,
        values=[[[3., 4.], [3., 3.5], []], [[10., 12.], [9.], []]],
        tables=[PageTable('Means', 'Over <seeds>.', ['config', 'varies'],
                          [['plain', 'A & B']], [1]),
                PageTable('Differences', '', ['config'], [])])
    page = page_of(tmp_path / 'a.html')
    assert re.findall(r'<dd>([^<]*)</dd><dt>([^<]*)', page) == [
        ('3.25', 'best mean: mi$x$ed'), ('11.0', 'best mean: plain')]
    assert re.findall(r'<section id="[\w-]+">\n<h2>([^<]*)', page) == ['Values', 'Means']
    assert 'Over &lt;seeds&gt;.' in page and '<td class="text">A &amp; B</td>' in page
    assert '>mi$x$ed</text>' in page


def test_metrics_without_direction_or_values_have_no_best_row():
    assert best_row(['a'], MetricStyle('x'), [[1.]]).figures == []
    assert best_row(['a'], MetricStyle('x', better='↑'), [[]]).figures == []
