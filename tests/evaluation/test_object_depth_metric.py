"""Object depth errors by range against numbers worked out by hand."""
import numpy as np
import pytest
import torch
from mmdet3d.registry import METRICS
from mmdet3d.structures import CameraInstance3DBoxes

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable

CLASSES = ['Pedestrian', 'Car', 'Cyclist']


def labels(depths, lefts):
    table = np.array([[0, 0, 0, left, 0, left + 10, 10, 1.5, 1.6, 4, 0, 1.6, z, 0]
                      for left, z in zip(lefts, depths)])
    return ObjectTable.from_table(['Car'] * len(depths), table.reshape(-1, 14))


def detections(depths, lefts, scores):
    boxes = torch.tensor([[0., 1.6, z, 4., 1.5, 1.6, 0.] for z in depths])
    boxes_2d = torch.tensor([[left, 0., left + 10., 10.] for left in lefts])
    return dict(
        pred_instances_3d=dict(bboxes_3d=CameraInstance3DBoxes(boxes),
                               scores_3d=torch.tensor(scores),
                               labels_3d=torch.ones(len(depths), dtype=torch.long)),
        pred_instances=dict(bboxes=boxes_2d), cam2img=np.eye(4), ori_shape=(100, 200),
        img_path='a.png')


def evaluate(truth, found, **options):
    metric = METRICS.build(dict(type='ObjectDepthMetric', **options))
    metric.dataset_meta = dict(classes=CLASSES)
    metric.process({}, [dict(found, eval_ann_info=dict(object_table=truth))])
    return metric.evaluate(1)


def test_errors_by_range():
    truth = labels([10., 19., 25., 50., 60.], [0, 20, 40, 60, 80])
    # Two predictions match the first object, and the higher score counts. The prediction for the
    # last object is displaced by 6 pixels and does not match.
    found = detections([11., 15., 17., 26.5, 53., 60.], [0, 1, 20, 41, 60, 86],
                       [.9, .8, .7, .6, .5, .4])
    figures = evaluate(truth, found)
    expected = {
        'MAE_[0, 20)': (1 + 2) / 2, 'MAE_[20, 40)': 1.5, 'MAE_[40, inf)': 3.,
        'MAE_all': (1 + 2 + 1.5 + 3) / 4, 'recall_[0, 20)': 100., 'recall_[20, 40)': 100.,
        'recall_[40, inf)': 50., 'recall_all': 80.}
    assert figures == pytest.approx({f'object_depth/Car_{key}': value
                                     for key, value in expected.items()})


def test_overlap_and_score_limits():
    truth, found = labels([10.], [0]), detections([12.], [4], [.3])
    assert 'object_depth/Car_MAE_all' not in evaluate(truth, found)  # IoU 6 / 14
    assert evaluate(truth, found, min_overlap=.4)['object_depth/Car_MAE_all'] == pytest.approx(2)
    low = evaluate(truth, found, min_overlap=.4, min_score=.5)
    assert low['object_depth/Car_recall_all'] == 0 and 'object_depth/Car_MAE_all' not in low


def test_error_names_a_frame_without_labels():
    metric = METRICS.build(dict(type='ObjectDepthMetric'))
    with pytest.raises(InputError, match='a.png: has no labels to measure depth errors against'):
        metric.process({}, [detections([1.], [0], [.5])])


def test_the_name_of_older_configs_builds_the_metric():
    assert METRICS.get('DepthErrorMetric') is METRICS.get('ObjectDepthMetric')


def test_metrics_have_different_prefixes():
    names = ('DepthMetric', 'InstanceDepthMetric', 'KittiAPMetric', 'ObjectDepthMetric',
             'PoseMetric', 'WaymoAPMetric')
    assert len({METRICS.get(name).default_prefix for name in names}) == len(names)
