"""KittiAPMetric, and conversion of predictions to object tables."""
import numpy as np
import pytest
import torch
from mmdet3d.structures import CameraInstance3DBoxes
from tiny_kitti import FRAMES, P2, box_corners, make_objects, project

from mmdet3d_plugin.benchmarks.kitti.labels import read_objects
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.evaluation import KittiAPMetric
from mmdet3d_plugin.evaluation.prediction_conversion import predictions_to_table
from mmdet3d_plugin.structures.cameras import projected_boxes

CLASSES = ['Pedestrian', 'Car', 'Cyclist']
CAM2IMG = np.vstack([P2, [0, 0, 0, 1]])


def perfect_sample(frame, with_2d=True):
    """Sample with predictions equal to its labels of the trained classes."""
    truth = make_objects(FRAMES[frame])
    kept = truth[np.isin(truth.names, CLASSES)]
    boxes = np.c_[kept.locations, kept.sizes_hwl[:, [2, 0, 1]], kept.rotations_y]
    sample = dict(
        frame=frame, img_path=f'{frame}.png', ori_shape=(375, 1242), cam2img=CAM2IMG,
        eval_ann_info=dict(object_table=truth),
        pred_instances_3d=dict(
            bboxes_3d=CameraInstance3DBoxes(torch.tensor(boxes, dtype=torch.float32)),
            labels_3d=torch.tensor([CLASSES.index(name) for name in kept.names],
                                   dtype=torch.long),
            scores_3d=torch.linspace(.9, .5, len(kept))))
    if with_2d:
        sample['pred_instances_3d']['alphas'] = torch.tensor(kept.alphas)
        sample['pred_instances'] = dict(bboxes=torch.tensor(kept.boxes_2d))
    return sample, kept


def metric(**kwargs):
    result = KittiAPMetric(**kwargs)
    result.dataset_meta = dict(classes=CLASSES)
    return result


@pytest.mark.parametrize('with_2d', [True, False])
def test_perfect_predictions_equal_the_labels(with_2d):
    sample, expected = perfect_sample('000007', with_2d)
    objects = predictions_to_table(sample, CLASSES)
    assert objects.names.tolist() == ['Car', 'Cyclist']
    for column in ('boxes_2d', 'sizes_hwl', 'locations', 'rotations_y', 'alphas'):
        np.testing.assert_allclose(getattr(objects, column), getattr(expected, column),
                                   atol=2e-3, err_msg=column)


@pytest.mark.parametrize('entries', [
    dict(), dict(pred_instances=None), dict(pred_instances={}),
    dict(pred_instances=dict(bboxes=torch.zeros(0, 4)))])
def test_2d_boxes_come_from_3d_boxes_without_any(entries):
    sample, expected = perfect_sample('000007', with_2d=False)
    found = predictions_to_table({**sample, **entries}, CLASSES)
    np.testing.assert_allclose(found.boxes_2d, expected.boxes_2d, atol=2e-3)
    empty, _ = perfect_sample('000012', with_2d=False)
    assert predictions_to_table({**empty, **entries}, CLASSES).boxes_2d.shape == (0, 4)


@pytest.mark.parametrize('clip, expected', [
    (True, [0, 100, 1242, 375]), (False, [-20, 100, 1300, 380])])
def test_boxes_are_clipped_to_the_image_unless_told(tmp_path, clip, expected):
    sample, kept = perfect_sample('000007')
    boxes = torch.tensor([[-20., 100., 1300., 380.]]).expand(len(kept), 4)
    sample['pred_instances'] = dict(bboxes=boxes)
    result = metric(result_dir=str(tmp_path), format_only=True, clip_boxes=clip)
    result.process({}, [sample])
    result.evaluate(1)
    written = read_objects(tmp_path / 'data/000007.txt', with_scores=True)
    np.testing.assert_array_equal(written.boxes_2d, [expected] * len(kept))


def test_default_clips():
    assert metric().clip_boxes


def test_boxes_around_projected_corners_are_finite():
    corners = box_corners((1., 1.5, 10.), (1.5, 1.6, 4.), .4)
    uv = project(corners)
    np.testing.assert_allclose(projected_boxes(corners[None], CAM2IMG)[0],
                               [*uv.min(axis=0), *uv.max(axis=0)], atol=1e-3)
    behind = box_corners((1., 1.5, -3.), (1.5, 1.6, 4.), 0.)
    assert np.isfinite(projected_boxes(behind[None], CAM2IMG)).all()


def test_perfect_detections_and_result_files(tmp_path):
    result = metric(result_dir=str(tmp_path))
    frames = ['000000', '000007', '000012', '000000'] * 15
    samples = [perfect_sample(frame)[0] for frame in frames]
    for index, sample in enumerate(samples):
        sample['frame'] = f'{index:06d}'
    result.process({}, samples)
    figures = result.compute_metrics(result.results)
    assert figures['Car_3D_AP40_moderate_strict'] == pytest.approx(100)
    assert figures['Car_AOS_AP40_moderate_strict'] == pytest.approx(100)
    assert all('_AP40_' in key for key in figures)
    written = read_objects(tmp_path / 'data/000001.txt', with_scores=True)
    assert written.names.tolist() == ['Car', 'Cyclist']
    assert (tmp_path / 'data/000002.txt').read_text() == ''


def test_error_names_a_frame_without_labels():
    sample, _ = perfect_sample('000000')
    sample['eval_ann_info'] = None
    with pytest.raises(InputError, match='000000.png: has no labels'):
        metric().process({}, [sample])


def test_format_only_needs_a_folder(tmp_path):
    with pytest.raises(InputError, match='result_dir'):
        metric(format_only=True)
    sample, _ = perfect_sample('000000')
    sample['eval_ann_info'] = None
    result = metric(format_only=True, result_dir=str(tmp_path))
    result.process({}, [sample])
    assert result.compute_metrics(result.results) == {}
    assert (tmp_path / 'data/000000.txt').exists()
