"""Training step on converted Waymo frames, and the metric of their predictions."""
import copy
import json

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS, METRICS, MODELS
from mmdet3d.structures import CameraInstance3DBoxes
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from waymo_release import OBJECTS, SIZE, write_segment

from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_waymo
from mmdet3d_plugin.benchmarks.waymo.files import read_objects
from mmdet3d_plugin.datasets import WaymoMonoDataset
from mmdet3d_plugin.errors import InputError

CLASSES = ['Pedestrian', 'Vehicle', 'Cyclist']


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    root = tmp_path_factory.mktemp('waymo')
    for split in ('training', 'validation'):
        for name in 'ab':
            write_segment(root / 'release', split, name, num_frames=2)
        convert_waymo(root / 'release', root / 'set', split, ConversionSettings(), workers=1)
    return root / 'set'


def dataset_of(root, **options):
    return WaymoMonoDataset(str(root), 'ImageSets/train.txt', filter_empty_gt=False,
                            metainfo=dict(classes=CLASSES), **{**dict(pipeline=[]), **options})


def test_samples_contain_the_objects_in_the_image(converted):
    dataset = dataset_of(converted)
    assert len(dataset) == 4
    info = dataset.get_data_info(3)
    assert info['frame'] == 'training/b/001001'
    assert (info['images']['CAM2']['width'], info['images']['CAM2']['height']) == SIZE
    annotations = info['ann_info']
    assert [CLASSES[label] for label in annotations['gt_labels_3d']] == [
        'Vehicle', 'Pedestrian', 'Cyclist']
    shown = [item for key, *item in OBJECTS if key not in ('sign', 'behind')]
    np.testing.assert_allclose(annotations['gt_bboxes_3d'].tensor[:, :6],
                               [[*place, *size] for _, place, size, *_ in shown], atol=1e-4)
    for center, (_, (x, y, z), (_, height, _), *_) in zip(annotations['centers_2d'], shown):
        np.testing.assert_allclose(center, [200 * x / z + 96, 210 * (y - height / 2) / z + 64],
                                   atol=1e-3)
    assert len(dataset_of(converted, min_points=5).get_data_info(0)['instances']) == 2


def test_error_names_a_missing_file(converted, tmp_path):
    with pytest.raises(InputError, match="'000000' is no SPLIT/SEGMENT/FRAME"):
        split = converted / 'ImageSets/odd.txt'
        split.write_text('000000\n')
        WaymoMonoDataset(str(converted), 'ImageSets/odd.txt', pipeline=[])
    split.write_text('training/a/000009\n')
    with pytest.raises(InputError, match='training/a/000009.jpg: no such frame'):
        WaymoMonoDataset(str(converted), 'ImageSets/odd.txt', pipeline=[])
    split.write_text('training/c/000000\n')
    with pytest.raises(InputError, match='training/c.json: no such annotations'):
        WaymoMonoDataset(str(converted), 'ImageSets/odd.txt', pipeline=[])
    split.unlink()


@pytest.mark.parametrize('name', ['monolss/monolss_dla34_waymo', 'ddml/gupnet_both_waymo'])
def test_training_step(converted, name):
    cfg = Config.fromfile(f'configs/{name}.py')
    settings = cfg.train_dataloader.dataset
    settings.dataset.data_root = str(converted)
    for item in settings.pipeline:
        if item.type == 'CropScaleAffine':
            item.update(input_size=(192, 128), prob=0.)
        if item.type == 'FilterObjects':
            item.min_height = 5
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    dataset = DATASETS.build(settings)
    np.random.seed(0)
    batch = pseudo_collate([dataset[index] for index in range(2)])
    losses = model(**model.data_preprocessor(batch, True), mode='loss')
    assert losses['loss_depth'].item() > 0 and losses['loss_offset_3d'].item() > 0
    total, _ = model.parse_losses(losses)
    total.backward()
    assert torch.isfinite(total) and model.backbone.base_layer[0].weight.grad.abs().sum() > 0


def predictions(dataset, index, keep=lambda name: True, shift=0.):
    """Sample with the labels as predictions, as the runner passes it to the metric."""
    info = dataset.get_data_info(index)
    items = [item for item in info['instances'] if keep(item['name'])]
    boxes = torch.tensor(np.array([item['bbox_3d'] for item in items]), dtype=torch.float32)
    boxes[:, 2] += shift
    return dict(
        img_path=info['img_path'], eval_ann_info=info['eval_ann_info'],
        pred_instances_3d=dict(
            bboxes_3d=CameraInstance3DBoxes(boxes), scores_3d=torch.full((len(items), ), .9),
            labels_3d=torch.tensor([CLASSES.index(item['name']) for item in items])))


def metric_of(**options):
    metric = METRICS.build(dict(type='WaymoAPMetric', **options))
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


def test_labels_as_predictions(converted, tmp_path, run_tool):
    """The camera sees one of two vehicles: AP 50 % in mode official, 100 % in deviant."""
    dataset = dataset_of(converted, test_mode=True)
    metric = metric_of(result_dir=str(tmp_path))
    samples = [predictions(dataset, index) for index in range(len(dataset))]
    metric.process({}, samples)
    figures = metric.evaluate(len(samples))
    assert figures['waymo/official/Vehicle_L1_AP_0.7_all'] == pytest.approx(50)
    assert figures['waymo/deviant/Vehicle_L1_AP_0.7_all'] == pytest.approx(100)
    assert figures['waymo/official/Pedestrian_L2_APH_0.5_all'] == pytest.approx(100, abs=.1)
    code, _ = run_tool('evaluate', 'waymo', '--gt', tmp_path / 'labels.npz', '--pred',
                             tmp_path / 'detections.npz', '--json', tmp_path / 'out.json')
    assert code == 0
    again = json.loads((tmp_path / 'out.json').read_text())
    assert again['official/Vehicle_L1_AP_0.7_all'] == pytest.approx(50)
    assert len(read_objects(tmp_path / 'labels.npz', False)) == 4 * 4


def test_depth_error_of_0_35_m_in_both_modes(converted):
    """0.35 m is little compared to the length of a car and much compared to its height."""
    dataset = dataset_of(converted, test_mode=True)
    metric = metric_of(classes=['Vehicle'])
    samples = [predictions(dataset, index, lambda name: name == 'Vehicle', shift=.35)
               for index in range(len(dataset))]
    metric.process({}, copy.deepcopy(samples))
    figures = metric.evaluate(len(samples))
    assert figures['waymo/official/Vehicle_L1_AP_0.5_all'] == pytest.approx(50)
    assert figures['waymo/deviant/Vehicle_L1_AP_0.7_all'] == 0


def test_submission_dir_needs_a_metric_that_writes_files(run_tool, tmp_path):
    code, printed = run_tool('test', 'configs/monolss/monolss_dla34_kitti-to-nuscenes.py', 'x.pth',
                             '--submission-dir', tmp_path, '--work-dir', tmp_path / 'run')
    assert code == 2 and '--submission-dir needs one test_evaluator that writes' in printed.err


def test_samples_of_other_data_sets_are_rejected():
    with pytest.raises(InputError, match='has no Waymo labels to evaluate against'):
        metric_of().process({}, [dict(img_path='a.png', eval_ann_info={})])
