"""Report page and its plots."""
import base64
import hashlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.object_errors import object_depth_errors
from mmdet3d_plugin.benchmarks.depth.pixel_errors import PixelDepthErrors
from mmdet3d_plugin.benchmarks.score_reliability import ScoredDetections
from mmdet3d_plugin.structures.object_table import ObjectTable
from mmdet3d_plugin.visualization import (
    detection_entry,
    detection_report,
    frame_explorer,
    picture_entry,
    scene_entry,
    write_depth_report,
    write_embedding_report,
    write_report,
)
from mmdet3d_plugin.visualization.depth_plots import depth_validation_plot
from mmdet3d_plugin.visualization.detection_plots import precision_recall_plot, validation_plot
from mmdet3d_plugin.visualization.report_html import picture
from mmdet3d_plugin.visualization.report_plots import loss_plot, selection_start
from mmdet3d_plugin.visualization.retrieval_plots import retrieval_validation_plot

ROOT = Path(__file__).resolve().parents[2]
METRICS = {'Car_3D_AP40_moderate_strict': 12.34, 'Car_3D_AP40_moderate_loose': 45.67,
           'Car_3D_AP40_easy_strict': None, 'Car_BEV_AP11_hard_loose': float('nan')}
SCALARS = [{'step': step, 'epoch': 1 + step // 10, 'iter': step, 'lr': 1e-3,
            'loss': 5. / step, 'loss_depth': 3. / step, 'loss_size': -2. / step}
           for step in range(1, 31)]
VALIDATION = [{'step': 1, 'kitti/Car_3D_AP40_moderate_strict': 3.},
              {'step': 2, 'kitti/Car_3D_AP40_moderate_strict': 7.}]


CAR = [0, 0, 0, 20, 10, 60, 30, 1.5, 1.6, 4, 0, 1.6, 5., 0]
P2 = np.array([[50., 0., 45., 0.], [0., 50., 20., 0.], [0., 0., 1., 0.]])
EVIL = '</script><script>alert(1)</script>'
IMAGE = np.full((40, 90, 3), 90, np.uint8)


def frame_entry(name, class_name='Car'):
    return detection_entry(
        scene_entry(name, IMAGE, P2), ObjectTable.from_table([class_name], [CAR]),
        [ObjectTable.from_table([class_name], [[*CAR, .9]])], [class_name])


@pytest.fixture(scope='module')
def full_report(tmp_path_factory):
    """HTML of a report with data in all sections."""
    errors = object_depth_errors(
        [ObjectTable.from_table(['Car'], np.array([CAR]))],
        [ObjectTable.from_table(['Car'], np.array([CAR + [0.9]]))], 'Car')
    path = tmp_path_factory.mktemp('report') / 'new' / 'report.html'
    write_report(
        path, title='A <run>', frames=[frame_entry(f'frame {EVIL}{index}') for index in range(3)],
        scalars=SCALARS + VALIDATION, metrics=METRICS, depth_error=[errors],
        samples=[('weights', np.zeros((20, 30, 3), np.uint8))] * 5,
        precision_recall={'Car': {('3D', 'strict'): (np.linspace(0, 1, 5),
                                                     np.linspace(1, 0, 5))}},
        reliability=[ScoredDetections('Car', np.array([.2, .2, .2, .8]),
                                      np.array([True, False, False, False])),
                     ScoredDetections('Tram', np.zeros(0), np.zeros(0, dtype=bool))],
        summary={'Command': 'python tools/train.py && echo "done"'})
    return path.read_text(encoding='utf-8')


def page_of(html):
    """Return the page without the inlined scripts."""
    return re.sub(r'<script>.*?</script>', '', html, flags=re.S)


def explorer_data(html):
    text = re.search(r'<script type="application/json" id="explorer-data">(.*?)</script>',
                     html).group(1)
    return json.loads(text)


def test_report_is_self_contained(full_report):
    page = page_of(full_report)
    addresses = re.findall(r'(?:src|href)\s*=\s*["\']?([^"\'\s>]+)', page)
    addresses += re.findall(r'url\(["\']?([^)"\']+)', page)
    assert addresses and all(address.startswith(('data:', '#')) for address in addresses)
    assert 'http:' not in page and 'https:' not in page


def test_only_scripts_of_the_package_may_run(full_report):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', full_report).group(1)
    scripts = re.findall(r'<script>(.*?)</script>', full_report, flags=re.S)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
              for script in scripts]
    assert len(scripts) == 5 and all(f"'sha256-{digest}'" in policy for digest in hashes)
    assert "default-src 'none'" in policy and policy.count('sha256-') == 5
    assert "script-src 'unsafe-inline'" not in policy and EVIL not in full_report


def test_the_licence_of_three_js_is_in_the_page(full_report):
    assert 'The MIT License' in full_report and 'three.js authors' in full_report


def test_report_contains_all_sections(full_report):
    page = page_of(full_report)
    headline = re.search(r'<div class="headline">.*', page).group()
    assert re.findall(r'<dd>([^<]*)', headline) == ['45.7', '12.3']
    assert '<p>3D AP in percent, R40, moderate difficulty.</p>\n<div class="headline">' in page
    assert page.count('<img ') == 5 and '<summary>3 more</summary>' in page
    assert page.count('<svg ') == 5
    titles = ['Frames', 'Average precision', 'Precision and recall', 'Reliability of scores',
              'Depth error by distance', 'Weights of the depth predictions', 'Training', 'Run']
    assert re.findall(r'<section id="[\w-]+">\n<h2>([^<]*)', page) == titles
    links = re.findall(r'<a href="#([\w-]+)">([^<]*)</a>', page)
    assert [title for _, title in links] == titles
    assert [anchor for anchor, _ in links] == re.findall(r'<section id="([\w-]+)">', page)
    assert 'python tools/train.py &amp;&amp; echo &quot;done&quot;' in page
    assert 'A &lt;run&gt;' in page and '<run>' not in page and '<footer>' not in page
    assert 'Car, error 0.300' in page and 'Tram' not in page  # see test_score_reliability.py
    for title in ('total loss', 'loss_depth', 'precision', 'absolute depth error (m)'):
        assert f'>{title}</text>' in page, title


def test_frames_and_settings_reach_the_page(full_report):
    data = explorer_data(full_report)
    assert [frame['name'] for frame in data['frames']] == [
        f'frame {EVIL}{index}' for index in range(3)]
    settings = data['settings']
    assert settings['classes'] == ['Car'] and settings['threshold'] == .1
    assert settings['colors']['Car'] == '#ff9a1f' and settings['scores'] == [0., 1.]
    assert len(base64.b64decode(settings['palettes']['depth'])) == 768


def test_frames_that_do_not_fit_are_left_out_and_counted(tmp_path, monkeypatch):
    frame = frame_entry('a')
    monkeypatch.setattr(frame_explorer, 'MAX_BYTES', 2.5 * len(json.dumps(frame)))
    write_report(tmp_path / 'report.html', title='t', frames=[frame] * 4)
    html = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert len(explorer_data(html)['frames']) == 2
    assert 'Of 4 frames, 2 fit into this page.' in html


def test_a_frame_that_is_too_large_is_no_missing_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(frame_explorer, 'MAX_BYTES', 10)
    write_report(tmp_path / 'report.html', title='t', frames=[frame_entry('a')])
    html = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert 'The first frame is too large for this page.' in html and 'Frames need' not in html


def test_samples_that_do_not_fit_are_left_out_and_counted(tmp_path, monkeypatch):
    image = np.zeros((20, 30, 3), np.uint8)
    monkeypatch.setattr(detection_report, 'MAX_SAMPLE_BYTES', 3.5 * len(picture(image, 'a')))
    write_report(tmp_path / 'report.html', title='t', samples=[('a', image)] * 5)
    html = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert html.count('<img ') == 3 and '<summary>1 more</summary>' in html
    assert 'Of 5 pictures, 3 fit into this page.' in html


def test_frames_without_metrics_show_the_classes_of_their_objects(tmp_path):
    write_report(tmp_path / 'report.html', title='t', frames=[frame_entry('a', 'Tram')])
    html = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert explorer_data(html)['settings']['classes'] == ['Tram']


def test_texts_of_plots_are_no_formulas():
    svg = loss_plot({'a$b$': SCALARS, 'c_{d}$': SCALARS})
    assert '>a$b$</text>' in svg and '>c_{d}$</text>' in svg


def test_legends_stand_below_the_curves():
    """The legend is outside of the axes, so its texts are below the label of the x axis."""
    svg = precision_recall_plot({'Car': {(metric, 'strict'): (np.linspace(0, 1, 5), np.ones(5))
                                         for metric in ('3D', 'BEV')}})
    heights = {text: float(y) for y, text in re.findall(
        r'translate\([\d.]+ ([\d.]+)\)[^>]*>(recall|3D, strict|BEV, strict)</text>', svg)}
    if not heights:
        heights = {text: float(y) for y, text in re.findall(
            r'y="([\d.]+)"[^>]*>(recall|3D, strict|BEV, strict)</text>', svg)}
    assert min(heights['3D, strict'], heights['BEV, strict']) > heights['recall']


def test_curves_differ_in_color_or_style():
    svg = precision_recall_plot({'Car': {
        (metric, overlap): (np.linspace(0, 1, 5), np.ones(5))
        for metric in ('2D', 'BEV', '3D') for overlap in ('strict', 'loose')}})
    curves = re.findall(r'style="fill: none; ([^"]*stroke: [^"]*)"', svg)
    widths = {float(re.search(r'stroke-width: ([\d.]+)', curve).group(1)) for curve in curves}
    assert {1.6, 2.08, 2.56} <= widths  # coinciding curves stay visible
    colors_and_dashes = {
        (re.search(r'stroke: (#\w+)', curve).group(1), 'stroke-dasharray' in curve)
        for curve in curves if 'stroke-width: 0.' not in curve}
    assert len(colors_and_dashes) >= 6


def test_loss_plot_marks_the_start_of_sample_selection(tmp_path):
    """A thin line in the plot of each loss, at the last step without selection, named once."""
    rows = [dict(row, selecting=float(row['step'] > 20)) for row in SCALARS]
    svg = loss_plot({'run': rows})
    assert svg.count('>sample selection starts</text>') == 1
    assert selection_start(rows) == 20
    assert selection_start(rows[20:]) is None and selection_start(SCALARS) is None
    assert 'sample selection' not in loss_plot({'run': rows[20:]})
    for log, noted in ((rows, True), (SCALARS, False)):
        write_report(tmp_path / 'report.html', title='t', scalars=log)
        html = (tmp_path / 'report.html').read_text(encoding='utf-8')
        assert ('The depth loss falls when sample selection starts' in html) == noted


def test_plots_are_well_formed_and_have_the_text_color_of_the_page():
    svg = loss_plot({'run': SCALARS})
    names = [element.tag for element in ElementTree.fromstring(
        svg.replace('xlink:href', 'href')).iter()]
    assert names[0] == 'svg' and 'text' in names
    assert 'currentColor' in svg and '#010203' not in svg


def test_undefined_values_are_dashes(full_report):
    row = re.search(r'<td>3D</td>(.*)</tr>', full_report).group(1)
    assert re.findall(r'>([^<]+)</td>', row) == ['–', '12.34', '–', '–', '45.67', '–']


def test_sections_without_data_are_left_out(tmp_path):
    write_report(tmp_path / 'report.html', title='Empty')
    page = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert '<section' not in page and '<nav' not in page
    footer = re.search('<footer>(.*)</footer>', page).group(1)
    assert footer.count(' need') == 4 and 'training log' in footer
    assert ('Weights of the depth predictions, if the detector has them, need the pictures of '
            'tools/test.py CONFIG CKPT --work-dir WORK_DIR/test --show-samples.') in footer
    assert '<img' not in page and '<svg' not in page and 'explorer' not in page


def test_report_with_empty_data(tmp_path):
    no_errors = object_depth_errors([], [], 'Car')
    write_report(tmp_path / 'report.html', title='Empty', scalars=[{'step': 1}, {'loss': 2.}],
                 metrics={'other': 1.}, depth_error=[no_errors],
                 precision_recall={'Car': {('3D', 'loose'): (np.zeros(0), np.zeros(0))},
                                   'Cyclist': {},
                                   'Van': {('3D', 'loose'): (np.zeros(2),
                                                             np.full(2, np.nan))}})
    assert '<svg' not in (tmp_path / 'report.html').read_text(encoding='utf-8')


DEPTH_VALIDATION = [
    {'step': 1, 'depth/AbsRel': .3, 'depth/RMSE': 9., 'depth/delta1': .5},
    {'step': 2, 'depth/AbsRel': .12345, 'depth/SqRel': 1.5, 'depth/RMSE': 4.5678,
     'depth/delta1': .9}]


def test_report_of_a_depth_estimator(tmp_path):
    errors = PixelDepthErrors(np.array([0., 40., 80.]), np.array([[4., 0.], [.8, 0.], [6., 0.]]))
    write_depth_report(
        tmp_path / 'report.html', title='Depth', scalars=SCALARS + DEPTH_VALIDATION,
        frames=[picture_entry('frame 7', IMAGE), picture_entry('frame 8', IMAGE)],
        metrics=DEPTH_VALIDATION[-1], depth_error=errors, summary={'Config': 'lt.py'})
    html = (tmp_path / 'report.html').read_text(encoding='utf-8')
    text = page_of(html)
    assert re.findall(r'<dd>([^<]*)', text) == ['0.123', '0.900']
    assert [frame['pictures'][0][0] for frame in explorer_data(html)['frames']] == [
        'frame 7', 'frame 8']
    assert text.count('<svg ') == 3
    rows = re.findall(r'<tr>(<td>.*?)</tr>', text)
    assert [re.findall(r'<td>([^<]*)', row) for row in rows] == [
        ['0.1235', '1.500', '4.568', '0.9000'],
        # A sum of relative errors of 0.8 over 4 pixels is 20 %.
        ['0–40', '20.00', '1.50', '4'], ['40–80', '–', '–', '0']]
    assert 'SqRel, m ↓' in text and 'δ &lt; 1.25 ↑' in text
    assert 'Average precision' not in text and '<footer>' not in text


def test_report_of_a_depth_estimator_without_data(tmp_path):
    write_depth_report(tmp_path / 'report.html', title='Empty')
    text = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert '<section' not in text and text.count(' need') == 3
    assert text.count('<dd>–</dd>') == 2 and '<img' not in text and '<svg' not in text


def test_depth_validation_plot_needs_two_validations():
    assert depth_validation_plot({'run': DEPTH_VALIDATION[:1]}) is None
    svg = depth_validation_plot({'run': DEPTH_VALIDATION})
    # AbsRel, RMSE and delta1 are plotted, SqRel is not.
    assert svg.count('>iteration</text>') == 3
    assert '>epoch</text>' in depth_validation_plot({'run': SCALARS + DEPTH_VALIDATION})


RETRIEVAL_VALIDATION = [
    {'step': 1, 'retrieval/R@1': 31.25, 'retrieval/R@10': 70., 'retrieval/R@2': 40.,
     'retrieval/mAP@R': 9.5, 'data_time': .1},
    {'step': 2, 'retrieval/R@1': 52.346, 'retrieval/R@10': 81., 'retrieval/R@2': 60.,
     'retrieval/mAP@R': 19.25},
    {'step': 3, 'retrieval/R@1': 48., 'retrieval/R@10': 82., 'retrieval/R@2': 58.,
     'retrieval/mAP@R': 20.}]
NO_VALUE = {'R@1': None, 'mAP@R': float('nan')}


def test_report_of_an_embedder(tmp_path):
    pictures = {name: np.full((40, 90, 3), grey, np.uint8)
                for grey, name in enumerate(('neighbours', 'embedding', 'piece'))}
    write_embedding_report(
        tmp_path / 'report.html', title='PLM', scalars=SCALARS + RETRIEVAL_VALIDATION,
        metrics=RETRIEVAL_VALIDATION[-1], summary={'Config': 'plm.py'}, **pictures)
    text = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert re.findall(r'<dd>([^<]*)', text) == ['48.0', '20.0']
    assert re.findall(r'<section id="[\w-]+">\n<h2>([^<]*)', text) == [
        'Retrieval', 'Nearest neighbours', 'Embedding', 'Linear piece', 'Training', 'Run']
    head = re.search(r'<thead>(.*)</thead>', text).group(1)
    assert re.findall(r'<th>([^<]*)', head) == ['validation', 'R@1', 'R@2', 'R@10', 'mAP@R']
    rows = re.findall(r'<tr>(<td>.*?)</tr>', text)
    assert [re.findall(r'<td>([^<]*)', row) for row in rows] == [
        ['last', '48.00', '58.00', '82.00', '20.00'],
        ['best, epoch 2', '52.35', '60.00', '81.00', '19.25']]
    assert text.count('<img ') == 3 and text.count('<svg ') == 2 and '<footer>' not in text


def test_report_of_an_embedder_without_data(tmp_path):
    write_embedding_report(tmp_path / 'report.html', title='Empty')
    text = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert '<section' not in text
    assert re.search('<footer>(.*)</footer>', text).group(1) == (
        'Missing pictures: Nearest neighbours, Embedding, Linear piece. They need tools/test.py '
        'CONFIG CKPT --work-dir WORK_DIR/test. Training curves need the training log.')
    assert text.count('<dd>–</dd>') == 2 and '<img' not in text and '<svg' not in text


def test_report_of_an_embedder_with_one_validation(tmp_path):
    write_embedding_report(tmp_path / 'report.html', title='One', metrics=NO_VALUE,
                           scalars=RETRIEVAL_VALIDATION[:1])
    text = page_of((tmp_path / 'report.html').read_text(encoding='utf-8'))
    rows = re.findall(r'<tr>(<td>.*?)</tr>', text)
    assert [re.findall(r'<td>([^<]*)', row) for row in rows] == [['last', '–', '–']]
    assert text.count('<dd>–</dd>') == 2


def test_retrieval_validation_plot_needs_two_validations():
    assert retrieval_validation_plot({'run': RETRIEVAL_VALIDATION[:1]}) is None
    assert retrieval_validation_plot({'run': SCALARS}) is None
    svg = retrieval_validation_plot({'run': RETRIEVAL_VALIDATION})
    # One panel with three curves, in the order of k, and one with mAP@R.
    assert svg.count('>iteration</text>') == 2
    assert re.findall(r'>(R@\d+)</text>', svg) == ['R@1', 'R@2', 'R@10']
    assert '>validation, Recall@k (%)</text>' in svg and '>validation, mAP@R (%)</text>' in svg
    assert '>epoch</text>' in retrieval_validation_plot({'run': SCALARS + RETRIEVAL_VALIDATION})
    only = [{'step': step, 'retrieval/mAP@R': 2. * step} for step in (1, 2)]
    assert retrieval_validation_plot({'run': only}).count('>iteration</text>') == 1


def test_plots_do_not_change_the_settings_of_matplotlib():
    before = dict(matplotlib.rcParams.items())  # resolves the backend
    loss_plot({'run': SCALARS})
    retrieval_validation_plot({'run': RETRIEVAL_VALIDATION})
    assert dict(matplotlib.rcParams.items()) == before


def test_package_imports_neither_torch_nor_openmmlab_nor_pyplot(tmp_path):
    code = ('import sys; from mmdet3d_plugin.visualization import write_report\n'
            'write_report(sys.argv[1], title="t", scalars=[{"step": i, "loss": 1.} '
            'for i in range(3)])\n'
            'print([name for name in ("torch", "mmengine", "mmcv", "mmdet3d", '
            '"matplotlib.pyplot", "sklearn", "faiss") if name in sys.modules])')
    run = subprocess.run([sys.executable, '-c', code, str(tmp_path / 'report.html')],
                         cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == '[]'


def test_validation_plot_needs_two_validations():
    assert validation_plot({'run': VALIDATION[:1]}, ['Car']) is None
    assert '>iteration</text>' in validation_plot({'run': VALIDATION}, ['Car'])
    assert '>epoch</text>' in validation_plot({'run': SCALARS + VALIDATION}, ['Car'])
