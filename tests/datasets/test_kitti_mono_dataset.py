"""KITTI's folder as mmdet3d samples."""
import logging

import numpy as np
import pytest
import torch
from mmdet3d.structures import CameraInstance3DBoxes
from mmengine.logging import MMLogger
from tiny_kitti import FRAMES, P2, camera_of, make_objects, project

from mmdet3d_plugin.datasets import KittiMonoDataset
from mmdet3d_plugin.errors import InputError

CLASSES = ['Pedestrian', 'Car', 'Cyclist']


def build(root, **kwargs):
    options = dict(ann_file='ImageSets/train.txt', metainfo=dict(classes=CLASSES), pipeline=[],
                   filter_empty_gt=False)
    return KittiMonoDataset(str(root), **{**options, **kwargs})


def test_frames_keep_their_names_and_order(kitti_root):
    dataset = build(kitti_root)
    assert [dataset.get_data_info(i)['frame'] for i in range(len(dataset))] == list(FRAMES)


def test_indices_select_and_repeat_frames(kitti_root):
    dataset = build(kitti_root, indices=[1, 0, 1])
    names = [dataset.get_data_info(i)['frame'] for i in range(len(dataset))]
    assert names == [list(FRAMES)[i] for i in (1, 0, 1)]
    count = len(FRAMES)
    with pytest.raises(InputError, match=f'train.txt: {count} frames, but indices has {count}; '):
        build(kitti_root, indices=[0, count])


def test_annotations_in_mmdet3d_format(kitti_root):
    info = build(kitti_root).get_data_info(0)
    ann = info['ann_info']
    assert ann['gt_labels_3d'].tolist() == [1, 1, 0]
    assert isinstance(ann['gt_bboxes_3d'], CameraInstance3DBoxes)
    # Location, then length, height, width, then yaw.
    torch.testing.assert_close(ann['gt_bboxes_3d'].tensor[0], torch.tensor(
        [-3., 1.6, 12., 3.9, 1.5, 1.6, -1.5]))
    np.testing.assert_allclose(ann['depths'], [12., 25., 9.])
    centres = np.array([[-3., 1.6 - .75, 12.], [4., 1.7 - .75, 25.], [2., 1.6 - .875, 9.]])
    np.testing.assert_allclose(ann['centers_2d'], project(centres), atol=1e-3)
    np.testing.assert_allclose(ann['gt_bboxes'], make_objects(FRAMES['000000']).boxes_2d,
                               atol=1e-3)
    np.testing.assert_allclose(info['images']['CAM2']['cam2img'][:3], P2)
    assert info['cam2img'].shape == (4, 4)


def test_untrained_classes_are_left_out_but_evaluated(kitti_root):
    assert build(kitti_root).get_data_info(1)['ann_info']['gt_labels_3d'].tolist() == [1, 2]
    evaluated = build(kitti_root, test_mode=True).get_data_info(1)['eval_ann_info']
    assert evaluated['object_table'].names.tolist() == ['Car', 'Cyclist', 'Van']


def test_dont_care_regions_are_no_labels(kitti_root):
    label = kitti_root / 'training/label_2/000000.txt'
    label.write_text(label.read_text() + 'DontCare -1 -1 -10 5 6 70 80 -1 -1 -1 '
                     '-1000 -1000 -1000 -10\n')
    info = build(kitti_root).get_data_info(0)
    assert len(info['ann_info']['gt_labels_3d']) == 3
    region = info['instances'][-1]
    assert region['name'] == 'DontCare' and region['bbox_label_3d'] == -1
    np.testing.assert_allclose(region['bbox'], [5, 6, 70, 80])
    truth = build(kitti_root, test_mode=True).get_data_info(0)['eval_ann_info']['object_table']
    assert truth.names.tolist()[-1] == 'DontCare'


def test_a_frame_without_objects_has_empty_arrays_of_the_right_shape(kitti_root):
    ann = build(kitti_root).get_data_info(2)['ann_info']
    assert ann['gt_bboxes'].shape == (0, 4) and ann['centers_2d'].shape == (0, 2)
    assert ann['gt_bboxes_3d'].tensor.shape == (0, 7) and ann['depths'].shape == (0, )


def test_subset_of_classes_maps_labels(kitti_root):
    dataset = build(kitti_root, metainfo=dict(classes=['Car']))
    assert dataset.get_data_info(0)['ann_info']['gt_labels_3d'].tolist() == [0, 0]


def test_testing_frames_need_no_labels(kitti_root):
    (kitti_root / 'training').rename(kitti_root / 'testing')
    dataset = build(kitti_root, test_mode=True,
                    data_prefix=dict(img='testing/image_2', calib='testing/calib'))
    info = dataset.get_data_info(0)
    assert 'eval_ann_info' not in info and info['frame'] == '000000'


@pytest.mark.parametrize('folder, suffix', [('image_2', 'png'), ('label_2', 'txt'),
                                            ('calib', 'txt')])
def test_error_names_a_missing_file(kitti_root, folder, suffix):
    (kitti_root / f'training/{folder}/000007.{suffix}').unlink()
    with pytest.raises(InputError, match=f'{folder}/000007.{suffix}'):
        build(kitti_root)


def test_error_names_a_frame_of_the_split_without_image(kitti_root):
    (kitti_root / 'ImageSets/train.txt').write_text('000000\n999999\n')
    with pytest.raises(InputError, match='999999.*remove the frame from the split'):
        build(kitti_root)


def test_samples_hold_image_size_and_camera(kitti_root):
    dataset = build(kitti_root)
    for index, name in enumerate(FRAMES):
        P2_of_frame, size = camera_of(name)
        camera = dataset.get_data_info(index)['images']['CAM2']
        assert (camera['width'], camera['height']) == size
        np.testing.assert_allclose(camera['cam2img'][:3], P2_of_frame, rtol=1e-6)


def test_reference_projects_by_dividing_by_z(kitti_root):
    info = build(kitti_root, reference=True).get_data_info(0)
    x, y, z = info['ann_info']['gt_bboxes_3d'].gravity_center[0].double().tolist()
    u = (P2[0, 0] * x + P2[0, 2] * z + P2[0, 3]) / z
    v = (P2[1, 1] * y + P2[1, 2] * z + P2[1, 3]) / z
    np.testing.assert_allclose(info['ann_info']['centers_2d'][0], [u, v], rtol=1e-5)
    assert info['cam2img'][2, 3] == 0


def test_images_of_other_formats_and_frame_names_with_folders(kitti_root):
    for folder, suffix, new in (('image_2', '.png', '.JPG'), ('label_2', '.txt', '.txt'),
                                ('calib', '.txt', '.txt')):
        (kitti_root / 'training' / folder / 'seq1').mkdir()
        path = kitti_root / 'training' / folder / f'000007{suffix}'
        path.rename(path.parent / 'seq1' / f'000001{new}')
    (kitti_root / 'ImageSets/train.txt').write_text('\ufeff000000\r\nseq1/000001\r\n')
    info = build(kitti_root).get_data_info(1)
    assert info['frame'] == 'seq1/000001' and info['ann_info']['gt_labels_3d'].tolist() == [1, 2]
    assert info['img_path'].endswith('image_2/seq1/000001.JPG')
    (kitti_root / 'training/image_2/seq1/000001.png').touch()
    with pytest.raises(InputError, match='one of 2 images of this frame'):
        build(kitti_root)


def test_other_cameras_have_their_own_images_and_labels(kitti_root):
    training = kitti_root / 'training'
    for path in (training / 'calib').iterdir():
        path.write_text(path.read_text().replace('P0: 7', 'P0: 9'))
    (training / 'image_2').rename(training / 'image_0')
    with pytest.raises(InputError, match='image_2/000000.png: no such image'):
        build(kitti_root)
    info = build(kitti_root, camera='P0').get_data_info(0)
    assert info['cam2img'][0, 0] == pytest.approx(921.5377)
    assert info['img_path'].endswith('image_0/000000.png')
    (training / 'label_2').rename(training / 'label_0')
    assert len(build(kitti_root, camera='P0').get_data_info(0)['instances']) == 3


def test_score_of_label_files_is_logged_once(kitti_root):
    for frame in ('000000', '000007'):
        path = kitti_root / f'training/label_2/{frame}.txt'
        path.write_text(''.join(line + ' nan\n' for line in path.read_text().splitlines()))
    seen = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    logger = MMLogger.get_instance('scores of labels')  # the current logger, at level INFO
    logger.addHandler(handler)
    try:
        assert len(build(kitti_root).get_data_info(0)['instances']) == 3
    finally:
        logger.removeHandler(handler)
    assert [text for text in seen if '16th field' in text] == [
        f'{kitti_root}/training/label_2/000000.txt: label lines end with a 16th field, a score, '
        f'in 2 of {len(FRAMES)} files; it is ignored']


def test_dense_depth_comes_from_its_own_folder(kitti_root):
    folder = kitti_root / 'training/depth_2'
    folder.mkdir()
    prefix = dict(img='training/image_2', label='training/label_2', calib='training/calib',
                  depth='training/depth_2')
    with pytest.raises(InputError, match='depth_2/000000.png: no dense depth for this frame'):
        build(kitti_root, data_prefix=prefix)
    for name in FRAMES:
        (folder / f'{name}.png').touch()
    info = build(kitti_root, data_prefix=prefix).get_data_info(0)
    assert info['depth_path'] == str(folder / '000000.png')
