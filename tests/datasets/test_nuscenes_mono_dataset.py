"""nuScenes' keyframes as samples, and the depth error of a KITTI detector on them."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from tiny_nuscenes import INTRINSIC, OBJECTS, SIZE, write_nuscenes

from mmdet3d_plugin.datasets import NuScenesMonoDataset
from mmdet3d_plugin.errors import InputError

ROOT = Path(__file__).parents[2]
SHOWN = [OBJECTS[index] for index in (0, 1, 2)]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_nuscenes(tmp_path_factory.mktemp('nuscenes'))


def build(root, **options):
    return NuScenesMonoDataset(str(root), **{**dict(
        version='v1.0-tiny', pipeline=[], filter_empty_gt=False), **options})


def test_labels_match_the_placed_objects(root):
    """Labels have KITTI's classes, points, and for bicycles a rider."""
    dataset = build(root)
    assert len(dataset) == 2
    info = dataset.get_data_info(1)
    assert (info['images']['CAM2']['width'], info['images']['CAM2']['height']) == SIZE
    np.testing.assert_allclose(info['cam2img'][:3, :3], INTRINSIC)
    annotations = info['ann_info']
    names = [dataset.metainfo['classes'][label] for label in annotations['gt_labels_3d']]
    assert names == ['Car', 'Pedestrian', 'Cyclist']
    boxes = annotations['gt_bboxes_3d'].tensor.numpy()
    for box, center, (_, _, (x, y, z), (width, length, height), yaw, _) in zip(
            boxes, annotations['centers_2d'], SHOWN):
        np.testing.assert_allclose(box[:6], [x, y + height / 2, z, length, height, width],
                                   atol=1e-4)
        assert np.cos(box[6] - yaw) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(center, [127 * x / z + 80, 127 * y / z + 45], atol=1e-3)


def test_2d_boxes_surround_the_projected_corners(root):
    annotations = build(root).get_data_info(0)['ann_info']
    corners = annotations['gt_bboxes_3d'].corners.numpy()
    for box, points in zip(annotations['gt_bboxes'], corners):
        u, v = 127 * points[:, 0] / points[:, 2] + 80, 127 * points[:, 1] / points[:, 2] + 45
        np.testing.assert_allclose(box, [u.min(), v.min(), u.max(), v.max()], atol=1e-3)


@pytest.mark.parametrize('options, message', [
    (dict(version='v1.0-absent'), 'v1.0-absent: no such folder; data_root is that of nuScenes'),
    (dict(scenes='validation'), "scenes is 'validation'; the splits are"),
    (dict(scenes='train'), "has none of the scenes 'train'; it has scene-0003")])
def test_error_names_wrong_options(root, options, message):
    with pytest.raises(InputError, match=message):
        build(root, **options)


def test_error_names_missing_tables_and_images(tmp_path):
    root = write_nuscenes(tmp_path / 'a')
    (root / 'samples/CAM_FRONT/1.jpg').unlink()
    with pytest.raises(InputError, match='CAM_FRONT/1.jpg: no such image, but the tables name it'):
        build(root)
    (root / 'v1.0-tiny/ego_pose.json').unlink()
    with pytest.raises(InputError, match='v1.0-tiny: tables are missing or malformed'):
        build(root)


def test_a_kitti_detector_is_measured_on_nuscenes(run_tool, tmp_path, root):
    """Run tools/test.py with the test set of the cross-dataset config and untrained weights."""
    from mmdet3d.registry import MODELS
    config = tmp_path / 'cross.py'
    config.write_text(f"""
_base_ = '{ROOT}/configs/monolss/monolss_dla34_synthetic.py'
cross = dict({Config.fromfile('configs/monolss/monolss_dla34_kitti-to-nuscenes.py')
              .test_dataloader.to_dict()})
cross['dataset'].update(_delete_=True, data_root='{root}', version='v1.0-tiny')
cross['dataset']['pipeline'][1]['input_size'] = (160, 96)
cross.update(num_workers=0, persistent_workers=False)
test_dataloader = cross
test_evaluator = dict(_delete_=True, type='ObjectDepthMetric')
""")
    cfg = Config.fromfile(config)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    assert dataset[0]['inputs']['img'].shape == (3, 96, 160)
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), tmp_path / 'weights.pth')
    code, printed = run_tool('test', config, tmp_path / 'weights.pth', '--work-dir',
                             tmp_path / 'run')
    assert code == 0, printed.err
    assert 'depth error of matched objects' in printed.out + printed.err
    assert len(list((tmp_path / 'run/frames').rglob('*.jpg'))) == 2
