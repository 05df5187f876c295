"""Metrics and tools without a detection in any frame: figures of 0, and no warnings."""
import json

import numpy as np
import pytest
from mmdet3d.registry import METRICS
from reliability.empty_results import empty_sample
from tiny_kitti import FRAMES, make_objects

from mmdet3d_plugin.benchmarks.waymo.files import write_objects
from mmdet3d_plugin.benchmarks.waymo.objects import WaymoObjects
from mmdet3d_plugin.structures.object_table import ObjectTable

CLASSES = ['Pedestrian', 'Car', 'Cyclist']
pytestmark = [pytest.mark.filterwarnings('error::RuntimeWarning'),
              pytest.mark.filterwarnings('error::UserWarning')]


def measure(name, samples, classes, **options):
    metric = METRICS.build(dict(type=name, **options))
    metric.dataset_meta = dict(classes=classes)
    for sample in samples:
        metric.process({}, [sample])
    return metric.evaluate(len(samples))


def kitti_frames(with_labels):
    """Nine cars, counting as easy: 80 pixels high, whole and visible."""
    cars = make_objects([('Car', x, 1.6, 12., 0.) for x in (-4., 0., 4.)])
    return [empty_sample(eval_ann_info=dict(
        object_table=cars if with_labels else ObjectTable.empty())) for _ in range(3)]


def waymo_frames(with_labels):
    labels = WaymoObjects(
        segments=np.array(['a', 'a']), timestamps=np.array([1, 1]), types=np.array([1, 1]),
        boxes=np.array([[10., 0, 1, 4, 2, 1.5, 0], [30., 2, 1, 4, 2, 1.5, 0]]),
        camera_boxes=np.array([[0., 1, 10, 4, 1.5, 2, 0], [2., 1, 30, 4, 1.5, 2, 0]]),
        num_points=np.array([50, 50]), difficulties=np.array([0, 0]),
        in_front=np.array([True, True]))
    return [empty_sample(eval_ann_info=dict(
        waymo_labels=labels if with_labels else labels[:0], waymo_frame=('a', 1),
        optical_from_vehicle=np.eye(4))) for _ in range(3)]


def test_kitti():
    figures = measure('KittiAPMetric', kitti_frames(True), CLASSES)
    # Car in 2D, BEV, 3D and AOS, three difficulties, two overlaps; of the other classes
    # there are neither labels nor detections, so nothing is defined.
    assert len(figures) == 4 * 3 * 2
    assert set(figures.values()) == {0.} and all(key.startswith('kitti/Car') for key in figures)
    assert measure('KittiAPMetric', kitti_frames(False), CLASSES) == {}


def test_kitti_result_files(tmp_path):
    measure('KittiAPMetric', [empty_sample(frame=f'00000{index}') for index in range(3)], CLASSES,
            result_dir=str(tmp_path), format_only=True)
    files = sorted((tmp_path / 'data').iterdir())
    assert [file.name for file in files] == ['000000.txt', '000001.txt', '000002.txt']
    assert all(file.read_bytes() == b'' for file in files)


def test_depth_errors():
    figures = measure('ObjectDepthMetric', kitti_frames(True), CLASSES)
    assert figures == {'object_depth/Car_recall_[0, 20)': 0., 'object_depth/Car_recall_all': 0.}
    assert measure('ObjectDepthMetric', kitti_frames(False), CLASSES) == {}


@pytest.mark.parametrize('with_labels', [True, False])
def test_waymo(tmp_path, with_labels):
    figures = measure('WaymoAPMetric', waymo_frames(with_labels),
                      ['Vehicle', 'Pedestrian', 'Cyclist'], result_dir=str(tmp_path))
    assert len(figures) == 192 and set(figures.values()) == {0.}
    with np.load(tmp_path / 'detections.npz') as archive:
        assert archive['boxes'].shape == (0, 7)


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / 'results'
    folder.mkdir()
    for name in FRAMES:
        (folder / f'{name}.txt').touch()
    return folder


def test_evaluate_kitti(run_tool, tmp_path, kitti_root, results):
    code, printed = run_tool('evaluate', 'kitti', '--gt', kitti_root / 'training/label_2',
                             '--pred', results, '--json', tmp_path / 'a.json',
                             '--plot', tmp_path / 'a.png')
    assert code == 0 and 'Warning' not in printed.err, printed.err
    values = json.loads((tmp_path / 'a.json').read_text())
    # The set has labels of all three classes.
    assert len(values) == 3 * 4 * 3 * 2 * 2 and set(values.values()) == {0.}
    assert (tmp_path / 'a.png').stat().st_size > 0


def test_evaluate_kitti_without_labels_either(run_tool, tmp_path, kitti_root, results):
    for label in (kitti_root / 'training/label_2').iterdir():
        label.write_text('')
    code, printed = run_tool('evaluate', 'kitti', '--gt', kitti_root / 'training/label_2',
                             '--pred', results, '--json', tmp_path / 'a.json',
                             '--plot', tmp_path / 'a.png')
    assert code == 0 and 'Warning' not in printed.err, printed.err
    assert set(json.loads((tmp_path / 'a.json').read_text()).values()) == {None}
    assert 'Car: - because there are neither labels nor detections' in printed.out


@pytest.mark.parametrize('suffix', ['npz', 'json'])
@pytest.mark.parametrize('mode', ['official', 'deviant'])
@pytest.mark.parametrize('with_labels', [True, False])
def test_evaluate_waymo(run_tool, tmp_path, suffix, mode, with_labels):
    labels = waymo_frames(with_labels)[0]['eval_ann_info']['waymo_labels']
    nothing = labels[:0]
    nothing.scores = np.zeros(0, np.float32)
    write_objects(tmp_path / f'labels.{suffix}', labels)
    write_objects(tmp_path / f'found.{suffix}', nothing)
    code, printed = run_tool('evaluate', 'waymo', '--gt', tmp_path / f'labels.{suffix}', '--pred',
                             tmp_path / f'found.{suffix}', '--mode', mode, '--json',
                             tmp_path / 'a.json', '--plot', tmp_path / 'a.png')
    assert code == 0 and 'Warning' not in printed.err, printed.err
    assert f'{len(labels)} labels, 0 detections' in printed.out
    values = json.loads((tmp_path / 'a.json').read_text())
    assert values and set(values.values()) == {0.}


@pytest.mark.parametrize('with_labels', [True, False])
def test_report(run_tool, tmp_path, kitti_root, results, with_labels):
    if not with_labels:
        for label in (kitti_root / 'training/label_2').iterdir():
            label.write_text('')
    log = tmp_path / 'run/20260101_000000/vis_data/scalars.json'
    log.parent.mkdir(parents=True)
    log.write_text(json.dumps(dict(loss=1., loss_depth=1., epoch=1, iter=1, step=1)) + '\n')
    code, printed = run_tool('report', tmp_path / 'run', '--data-root', kitti_root, '--pred',
                             results)
    assert code == 0 and 'Warning' not in printed.err, printed.err
    assert (tmp_path / 'run/report.html').stat().st_size > 1000
