"""Transforms treat all images of a clip alike."""
import copy

import numpy as np
import pytest
from mmdet3d.registry import TRANSFORMS

from mmdet3d_plugin.datasets.transforms.sample_images import (
    camera_record,
    image_shape,
    map_images,
    sample_images,
)

HEIGHT, WIDTH = 40, 60
TRANSFORM_CONFIGS = [
    dict(type='RandomGammaColor', prob=1.),
    dict(type='RandomFlipMono3D', prob=1.),
    dict(type='CropScaleAffine', input_size=(32, 16), prob=1.),
    dict(type='CropScaleAffine', input_size=(32, 16), prob=1., stride=1, scale_depth=True),
    dict(type='CropRotate', size=(30, 20), max_angle=5.),
    dict(type='FilterObjects', min_height=0, max_truncation=1., max_occlusion=3,
         depth_range=(0., 100.)),
]


def image(seed):
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def sample(images, name='a.png'):
    camera = dict(img_path=name, cam2img=np.diag([50., 50., 1., 1.]))
    return dict(img=images, img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH),
                cam2img=camera['cam2img'].copy(), images=dict(CAM2=camera),
                gt_depth_map=np.full((HEIGHT, WIDTH), 8., np.float32))


def with_objects(results):
    return dict(results, gt_labels_3d=np.zeros(1, int), depths=np.array([8.]),
                truncations=np.zeros(1), occlusions=np.zeros(1, int),
                gt_bboxes=np.array([[5., 5., 50., 30.]], np.float32))


def apply(config, results, seed=0):
    np.random.seed(seed)
    return TRANSFORMS.build(config)(copy.deepcopy(results))


@pytest.mark.parametrize('config', TRANSFORM_CONFIGS, ids=lambda config: config['type'])
def test_every_image_gets_the_same_change(config):
    """A clip of two images has the same pixels as two single images with the same draw."""
    prepare = (lambda item: item) if config['type'] == 'CropRotate' else with_objects
    clip = apply(config, prepare(sample([image(0), image(1)])))
    assert isinstance(clip['img'], list) and len(clip['img']) == 2
    singles = [apply(config, prepare(sample(image(seed)))) for seed in (0, 1)]
    assert isinstance(singles[0]['img'], np.ndarray)
    for found, single in zip(clip['img'], singles):
        np.testing.assert_array_equal(found, single['img'])
    assert not np.array_equal(*clip['img'])
    for key, value in singles[0].items():
        if key not in ('img', 'images', 'transformation_3d_flow'):
            np.testing.assert_array_equal(clip[key], value, err_msg=key)


def test_mixup_blends_image_by_image():
    partner = with_objects(sample([image(2), image(3)], 'b.png'))
    mixed = apply(dict(type='MixUp3D', blend=.25), dict(
        with_objects(sample([image(0), image(1)])), mix_results=[partner]))
    for index, found in enumerate(mixed['img']):
        exact = .75 * image(index) + .25 * image(index + 2)
        np.testing.assert_array_equal(found, np.floor(exact + 1e-6))
    assert len(mixed['gt_labels_3d']) == 2 and mixed['mixed_with'] == 'b.png'


def test_clips_of_different_length_are_not_mixed():
    partner = with_objects(sample([image(2)], 'b.png'))
    clip = with_objects(sample([image(0), image(1)]))
    mixed = apply(dict(type='MixUp3D'), dict(clip, mix_results=[partner]))
    assert 'mixed_with' not in mixed
    np.testing.assert_array_equal(mixed['img'], clip['img'])


def test_clips_are_packed_as_one_tensor():
    packed = apply(dict(type='PackMono3DInputs'), sample([image(0), image(1)]))
    stacked = packed['inputs']['img'].numpy()
    assert stacked.shape == (2, 3, HEIGHT, WIDTH)
    for index in (0, 1):
        np.testing.assert_array_equal(stacked[index], image(index).transpose(2, 0, 1))
    assert packed['data_samples'].gt_depth_map.data.shape == (1, HEIGHT, WIDTH)


def test_images_of_a_sample():
    single, clip = sample(image(0)), sample([image(0), image(1)])
    assert [len(sample_images(item)) for item in (single, clip)] == [1, 2]
    assert image_shape(single) == image_shape(clip) == (HEIGHT, WIDTH)
    map_images(clip, lambda own, other: own[:4] + other[:4], dict(img=[image(2), image(3)]))
    np.testing.assert_array_equal(clip['img'][1], image(1)[:4] + image(3)[:4])
    map_images(single, lambda own: own[:4])
    np.testing.assert_array_equal(single['img'], image(0)[:4])


def test_the_record_of_the_camera():
    front, left = dict(img_path='front.jpg'), dict(img_path='left.jpg')
    assert camera_record(dict(images=dict(CAM_FRONT=front))) is front
    assert camera_record(dict(images=dict(CAM_LEFT=front, CAM2=left))) is left
