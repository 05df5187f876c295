"""MixUp3D: choice of partners, blending of images and joining of labels."""
import copy
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet3d.registry import DATASETS, TRANSFORMS
from mmengine.registry import HOOKS
from tiny_kitti import FRAMES, OTHER_FRAME, camera_of, project, write_kitti

from mmdet3d_plugin.datasets import MixImageDataset
from mmdet3d_plugin.datasets.transforms import MixTransform
from mmdet3d_plugin.datasets.transforms.mixup3d import CameraGroups, blend_images
from mmdet3d_plugin.errors import InputError

LOAD = [dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D')]
CLASSES = ['Pedestrian', 'Car', 'Cyclist']
NAMES = list(FRAMES)
OBJECTS = {name: sum(row[0] in CLASSES for row in rows) for name, rows in FRAMES.items()}


def loading_dataset(root):
    return dict(type='KittiMonoDataset', data_root=str(root), ann_file='ImageSets/train.txt',
                metainfo=dict(classes=CLASSES), pipeline=LOAD, filter_empty_gt=False)


def mixing(root, *transforms, **settings):
    return MixImageDataset(loading_dataset(root), [dict(type='MixUp3D', **settings), *transforms])


def frame_of(sample):
    return sample['mixed_with'].split('/')[-1][:-4] if 'mixed_with' in sample else None


def test_partners_are_other_frames_of_the_same_camera(kitti_root):
    np.random.seed(0)
    dataset = mixing(kitti_root, prob=1.)
    partners = {name: set() for name in NAMES}
    for _ in range(30):
        for index, name in enumerate(NAMES):
            partners[name].add(frame_of(dataset[index]))
    same_camera = set(NAMES) - {OTHER_FRAME}
    for name in same_camera:
        assert partners[name] == same_camera - {name}
    assert partners[OTHER_FRAME] == {None}


@pytest.mark.parametrize('flip', [0., 1.])
def test_labels_of_both_frames_are_kept(kitti_root, flip):
    """Projected 3D centres match the 2D centres, and the objects are those of both frames."""
    np.random.seed(1)
    dataset = mixing(kitti_root, dict(type='RandomFlipMono3D', prob=flip),
                     dict(type='CropScaleAffine', input_size=(1280, 384), prob=.5), prob=1.)
    mixed = 0
    for index in [0, 1, 2] * 8:
        sample = dataset[index]
        centres = sample['gt_bboxes_3d'].gravity_center.double().numpy()
        uv = np.c_[project(centres, sample['cam2img']), np.ones(len(centres))]
        np.testing.assert_allclose(sample['centers_2d'], uv @ sample['affine'][:2].T, atol=1e-3)
        np.testing.assert_allclose(sample['depths'], centres[:, 2], atol=1e-5)
        lengths = {len(sample[key]) for key in ('gt_bboxes', 'gt_labels_3d', 'truncations',
                                                'occlusions', 'gt_bboxes_labels')}
        assert lengths == {len(centres)}
        expected = [row[3] for name in (NAMES[index], frame_of(sample)) for row in FRAMES[name]
                    if row[0] in CLASSES]
        if not sample['affine_aug']:  # a crop may remove objects
            assert sorted(sample['depths'].tolist()) == pytest.approx(sorted(expected))
            mixed += 1
    assert mixed > 5


def test_pixels_are_the_blend_and_share_one_affine(kitti_root):
    np.random.seed(2)
    plain = DATASETS.build(loading_dataset(kitti_root))
    for blend in (.5, .25):
        sample = mixing(kitti_root, prob=1., blend=blend)[0]
        first = plain[0]['img'].astype(float)
        second = plain[NAMES.index(frame_of(sample))]['img'].astype(float)
        exact = (1 - blend) * first + blend * second
        np.testing.assert_array_equal(sample['img'], np.floor(exact + 1e-6))

    # A bilinear warp is linear: the warped blend is the blend of the warps, up to rounding.
    crop = TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(640, 192)))
    warped = crop(dict(img=blend_images(plain[0]['img'], plain[1]['img'], .5)))['img']
    parts = [crop(dict(img=plain[index]['img']))['img'].astype(float) for index in (0, 1)]
    assert np.abs(warped - (parts[0] + parts[1]) / 2).max() <= 1.5


def test_objects_of_the_partner_appear_half_as_bright(kitti_root):
    """An object of the partner is blended with the grey background of the empty frame."""
    np.random.seed(3)
    sample = mixing(kitti_root, prob=1.)[NAMES.index('000012')]  # empty, grey 60 to 90
    left, top, right, bottom = sample['gt_bboxes'][0].astype(int)
    inside = sample['img'][top + 3:bottom - 3, left + 3:right - 3].mean()
    assert inside == pytest.approx((74.5 + 200) / 2, abs=2)
    assert len(sample['gt_labels_3d']) == OBJECTS[frame_of(sample)]


def test_float_images_blend_too():
    a, b = np.random.rand(2, 4, 5, 3).astype(np.float32)
    np.testing.assert_allclose(blend_images(a, b, .3), .7 * a + .3 * b, rtol=1e-5)


def test_mix_rate(kitti_root):
    np.random.seed(4)
    dataset = mixing(kitti_root, prob=.5)
    transform = dataset.pipeline[0]
    found = [transform.get_indexes(dataset.dataset, 0) for _ in range(4000)]
    assert {len(item) for item in found} == {0, 1}
    assert abs(np.mean([len(item) for item in found]) - .5) < .03
    drawn = np.bincount([item[0] for item in found if item], minlength=4)
    assert drawn[0] == drawn[3] == 0 and abs(drawn[1] / drawn.sum() - .5) < .05
    assert not mixing(kitti_root, prob=0.).pipeline[0].get_indexes(dataset.dataset, 0)


@pytest.mark.parametrize('limit, expected', [(6, {'000007', '000012'}), (5, {'000012'}),
                                             (4, {'000012'}), (3, {None})])
def test_object_limit(kitti_root, limit, expected):
    """Frames are mixed with fewer objects than the limit together.

    Trained objects: three in 000000, two in 000007 (vans are not trained), none in 000012.
    """
    np.random.seed(5)
    dataset = mixing(kitti_root, prob=1., max_objects=limit)
    assert {frame_of(dataset[0]) for _ in range(20)} == expected


class Counted:
    """Wrapper of a dataset that counts loaded samples."""

    def __init__(self, dataset):
        self.dataset, self.loads = dataset, 0

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        self.loads += 1
        return self.dataset[index]


def test_at_most_one_more_image_is_decoded(kitti_root):
    np.random.seed(6)
    dataset = mixing(kitti_root, prob=.5)
    dataset.dataset = Counted(dataset.dataset)
    mixed = sum('mixed_with' in dataset[0] for _ in range(100))
    assert 30 < mixed < 70 and dataset.dataset.loads == 100 + mixed


def test_partners_are_drawn_without_reading_files(kitti_root, monkeypatch):
    dataset = mixing(kitti_root, prob=1.)
    monkeypatch.setattr('builtins.open', lambda *args, **kwargs: pytest.fail('a file is read'))
    assert dataset.pipeline[0].get_indexes(dataset.dataset, 0)


def capture_warnings(monkeypatch):
    lines = []
    monkeypatch.setattr('mmdet3d_plugin.datasets.transforms.mixup3d.print_log',
                        lambda message, *args, **kwargs: lines.append(message))
    return lines


def test_a_set_without_partners_warns_once(tmp_path, monkeypatch):
    warnings = capture_warnings(monkeypatch)
    frames = {name: FRAMES[name] for name in ('000000', OTHER_FRAME)}
    dataset = mixing(write_kitti(tmp_path, frames), prob=1.)
    for index in (0, 1, 0, 1):
        assert frame_of(dataset[index]) is None
    assert len(warnings) == 1 and 'no two frames share a camera' in warnings[0]


def test_a_set_with_partners_does_not_warn(kitti_root, monkeypatch):
    warnings = capture_warnings(monkeypatch)
    mixing(kitti_root, prob=1.)
    assert not warnings


def test_groups_distinguish_sizes_and_cameras():
    def info(cam2img, size):
        camera = dict(cam2img=cam2img, width=size[0], height=size[1], img_path=object())
        return dict(images=dict(CAM2=camera), ann_info=dict(gt_labels_3d=np.zeros(1)))

    (first, size), (second, other_size) = camera_of('000000'), camera_of(OTHER_FRAME)
    infos = [info(first, size), info(second, other_size), info(first, other_size),
             info(second, size), info(first.copy(), size)]

    class Records(list):
        get_data_info = list.__getitem__

    groups = CameraGroups(Records(infos))
    assert [groups.draw_partner(index, 50) for index in range(5)] == [4, None, None, None, 0]


def test_works_in_mmdets_wrapper(kitti_root):
    """mmdet's wrapper passes no index: partners of another camera are drawn and not mixed."""
    np.random.seed(7)
    dataset = DATASETS.build(dict(
        type='mmdet.MultiImageMixDataset', dataset=loading_dataset(kitti_root),
        pipeline=[dict(type='MixUp3D', prob=1.)]))
    partners = [frame_of(dataset[0]) for _ in range(60)]
    assert set(partners) == {None, '000007', '000012'}
    assert {frame_of(dataset[NAMES.index(OTHER_FRAME)]) for _ in range(20)} == {None}


def test_repeated_datasets_mix(kitti_root):
    np.random.seed(8)
    dataset = MixImageDataset(
        dict(type='RepeatDataset', times=3, dataset=loading_dataset(kitti_root)),
        [dict(type='MixUp3D', prob=1.)])
    # A repetition of the same frame is not a partner.
    assert {frame_of(dataset[4]) for _ in range(40)} == {None, '000007', '000012'}


def test_frames_without_objects_can_be_left_out(kitti_root):
    np.random.seed(9)
    pipeline = [dict(type='MixUp3D', prob=0.),
                dict(type='CropScaleAffine', input_size=(640, 192)), dict(type='PackMono3DInputs')]
    for filtered in (True, False):
        dataset = MixImageDataset(loading_dataset(kitti_root), pipeline,
                                  filter_empty_gt=filtered)
        empty = [len(dataset[2]['data_samples'].gt_instances_3d) == 0 for _ in range(5)]
        assert not any(empty) if filtered else all(empty)


def test_the_packed_sample_names_the_partner(kitti_root):
    sample = mixing(kitti_root, dict(type='CropScaleAffine', input_size=(640, 192)),
                    dict(type='PackMono3DInputs'), prob=1.)[0]
    assert sample['data_samples'].mixed_with.endswith(('000007.png', '000012.png'))


def test_copies_of_one_frame_are_not_partners(tmp_path, monkeypatch):
    warnings = capture_warnings(monkeypatch)
    root = write_kitti(tmp_path, {'000000': FRAMES['000000']})
    dataset = MixImageDataset(dict(type='RepeatDataset', times=5, dataset=loading_dataset(root)),
                              [dict(type='MixUp3D', prob=1.)])
    assert frame_of(dataset[0]) is None
    assert len(warnings) == 1


def test_scalar_labels_of_empty_frames_are_joined(kitti_root):
    """mmdet3d's NuScenesDataset and KittiDataset give a scalar label for an empty frame."""
    dataset = DATASETS.build(loading_dataset(kitti_root))
    full, empty = dataset[0], dataset[2]
    empty['gt_bboxes_labels'] = np.array(0, dtype=np.int64)
    for first, second in ((full, empty), (empty, full)):
        mixed = TRANSFORMS.build(dict(type='MixUp3D'))(
            dict(copy.deepcopy(first), mix_results=[copy.deepcopy(second)]))
        np.testing.assert_array_equal(mixed['gt_bboxes_labels'], full['gt_labels_3d'])
        assert len(mixed['gt_bboxes']) == 3


def test_mixing_transforms_of_others(kitti_root):
    """A MixTransform sees the dataset once, and gets the partners that it names."""
    calls = []

    class MixWithNext(MixTransform):
        def prepare(self, dataset):
            calls.append(len(dataset))

        def get_indexes(self, dataset, index=None):
            return [(index + 1) % len(dataset), (index + 2) % len(dataset)]

        def transform(self, results):
            return dict(results, partners=[item['frame'] for item in results['mix_results']])

    TRANSFORMS.register_module('MixWithNext', module=MixWithNext)
    try:
        dataset = MixImageDataset(loading_dataset(kitti_root), [dict(type='MixWithNext')])
    finally:
        TRANSFORMS.module_dict.pop('MixWithNext')
    assert calls == [4]
    sample = dataset[2]
    assert sample['partners'] == [NAMES[3], NAMES[0]] and 'mix_results' not in sample


def test_hooks_can_switch_mixing_off(kitti_root):
    dataset = mixing(kitti_root, prob=1.)
    dataset.update_skip_type_keys(['MixUp3D'])
    assert frame_of(dataset[0]) is None


def test_mmdets_hook_can_switch_the_pipeline(kitti_root):
    dataset = mixing(kitti_root, dict(type='RandomFlipMono3D', prob=0.), prob=1.)
    hook = HOOKS.build(dict(type='mmdet.PipelineSwitchHook', switch_epoch=2,
                            switch_pipeline=[dict(type='RandomFlipMono3D', prob=1.)]))
    loader = SimpleNamespace(dataset=dataset)
    for epoch, mixed in enumerate([True, True, False, False]):
        hook.before_train_epoch(SimpleNamespace(
            epoch=epoch, train_dataloader=loader, logger=SimpleNamespace(info=lambda text: None)))
        sample = dataset[0]
        assert ('mixed_with' in sample) is mixed and sample.get('flip', False) is not mixed


def test_error_names_a_pipeline_without_partners(kitti_root):
    dataset = DATASETS.build({**loading_dataset(kitti_root),
                              'pipeline': [*LOAD, dict(type='MixUp3D')]})
    with pytest.raises(InputError, match='put it in the pipeline of a MixImageDataset'):
        dataset[0]


@pytest.mark.parametrize('settings', [dict(prob=5.), dict(blend=50), dict(max_objects=0)])
def test_error_names_settings_out_of_range(settings):
    with pytest.raises(InputError, match='MixUp3D: prob'):
        TRANSFORMS.build(dict(type='MixUp3D', **settings))


def test_the_wrapper_passes_options_to_the_dataset(kitti_root, tmp_path):
    other = write_kitti(tmp_path / 'other', {'000007': FRAMES['000007']})
    dataset = MixImageDataset(loading_dataset(kitti_root), [], data_root=str(other))
    assert len(dataset) == 1 and dataset[0]['frame'] == '000007'
