"""Transforms of clips: loading, geometry, colours and packing."""
import copy

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmdet3d.registry import TRANSFORMS
from PIL import Image, ImageEnhance
from torchvision.transforms import ColorJitter

from mmdet3d_plugin.datasets import SyntheticClipDataset
from mmdet3d_plugin.datasets.sample_randomness import SampleIndex, sample_randomness
from mmdet3d_plugin.errors import InputError

WIDTH, HEIGHT = 60, 40
CAMERA = np.array([[50., 0., 29., 20.], [0., 55., 19., .5], [0., 0., 1., .003], [0, 0, 0, 1.]])


def motion(yaw, *translation):
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, 0, sin, translation[0]], [0, 1, 0, translation[1]],
                     [-sin, 0, cos, translation[2]], [0, 0, 0, 1]], np.float32)


def clip():
    """Loaded clip of three random images, with masks, motions and depth."""
    rng = np.random.default_rng(0)
    return dict(
        img=list(rng.integers(0, 256, (3, HEIGHT, WIDTH, 3), dtype=np.uint8)),
        instance_maps=list(rng.integers(0, 70000, (3, HEIGHT, WIDTH), dtype=np.int32)),
        clip_motions=np.stack([motion(0, 0, 0, 0), motion(.1, .2, -.1, .8),
                               motion(-.2, -.3, .1, -.9)]),
        clip_offsets=(0, -1, 1), clip_present=np.array([True, True, False]),
        instance_classes={3: 'Car'}, moving_ids=(3, ), frame='a', cam2img=CAMERA.copy(),
        img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH),
        gt_depth_map=rng.uniform(2, 60, (HEIGHT, WIDTH)).astype(np.float32))


def apply(results, *transforms):
    np.random.seed(0)
    torch.manual_seed(0)
    return Compose([TRANSFORMS.build(item) for item in transforms])(copy.deepcopy(results))


def files(tmp_path, sizes=((4, 6), (4, 6))):
    """Write random images with the given (height, width) and return (paths, images)."""
    rng = np.random.default_rng(1)
    paths, images = [], []
    for index, size in enumerate(sizes):
        paths.append(str(tmp_path / f'{index}.png'))
        images.append(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
        cv2.imwrite(paths[-1], images[-1])
    return paths, images


def sample(paths, **record):
    return dict(images=dict(CAM2=dict(img_path=paths[0], cam2img=CAMERA, **record)),
                clip_paths=paths)


def test_images_are_loaded_in_the_order_of_the_clip(tmp_path):
    (first, second), images = files(tmp_path)
    found = apply(sample([second, first, second]), dict(type='LoadClip'))
    assert isinstance(found['img'], list) and found['img_shape'] == found['ori_shape'] == (4, 6)
    for image, index in zip(found['img'], (1, 0, 1)):
        np.testing.assert_array_equal(image, images[index])
    assert found['img'][0] is not found['img'][2]
    np.testing.assert_array_equal(found['cam2img'], CAMERA)


def test_kept_images_are_not_read_again_and_not_changed(tmp_path):
    paths, images = files(tmp_path)
    transform = TRANSFORMS.build(dict(type='LoadClip', keep_in_memory=True))
    transform(sample(paths))['img'][1][:] = 0
    for path in paths:
        cv2.imwrite(path, np.zeros((4, 6, 3), np.uint8))
    for found, image in zip(transform(sample(paths))['img'], images):
        np.testing.assert_array_equal(found, image)


def test_images_of_other_sizes_are_refused_with_both_names(tmp_path):
    paths, _ = files(tmp_path, ((4, 6), (4, 7)))
    with pytest.raises(InputError, match=r'1.png: its \(4, 7\) rows and columns differ from the '
                                         r'\(4, 6\) of .*0.png'):
        apply(sample(paths), dict(type='LoadClip'))
    with pytest.raises(InputError, match=r'0.png: its \(4, 6\) .*on record'):
        apply(sample(paths[:1], width=9, height=4), dict(type='LoadClip'))


def test_single_frames_are_no_clip():
    with pytest.raises(InputError, match='LoadClip: the dataset yields single frames'):
        apply(dict(images=dict(CAM2=dict(img_path='a.png'))), dict(type='LoadClip'))


def masks(tmp_path, *values):
    paths = [str(tmp_path / f'mask_{index}.png') for index in range(len(values))]
    for path, value in zip(paths, values):
        cv2.imwrite(path, value)
    return dict(instance_paths=paths, ori_shape=(4, 6))


def test_instance_numbers_are_loaded_unchanged(tmp_path):
    small = np.arange(24, dtype=np.uint8).reshape(4, 6)
    large = np.arange(24, dtype=np.uint16).reshape(4, 6) + 26000
    found = apply(masks(tmp_path, small, large), dict(type='LoadClipInstances'))
    assert [instances.dtype for instances in found['instance_maps']] == [np.int32] * 2
    np.testing.assert_array_equal(found['instance_maps'], np.stack([small, large]))
    found = apply(masks(tmp_path, large, small),
                  dict(type='LoadClipInstances', target_only=True))
    np.testing.assert_array_equal(found['gt_instance_map'], large)
    assert 'instance_maps' not in found


@pytest.mark.parametrize('target_only', [False, True])
@pytest.mark.parametrize('mask, message', [
    (np.zeros((6, 4), np.uint16), r"its size \(6, 4\) differs from the image's \(4, 6\)"),
    (np.zeros((4, 6, 3), np.uint8), 'it is in colour')])
def test_masks_of_another_size_or_in_colour_are_refused(tmp_path, target_only, mask, message):
    with pytest.raises(InputError, match=f'mask_0.png: .*{message}'):
        apply(masks(tmp_path, mask), dict(type='LoadClipInstances', target_only=target_only))


def test_a_dataset_without_masks_is_refused():
    with pytest.raises(InputError, match='LoadClipInstances: the dataset has no instance maps'):
        apply(clip(), dict(type='LoadClipInstances'))


def project(points, cam2img):
    image = points @ cam2img.T
    return image[..., :2] / image[..., 2:3]


def test_a_mirrored_clip_projects_mirrored_points_to_mirrored_pixels():
    """(x, y, z) -> (u, v) in each frame becomes (-x, y, z) -> (W - u, v)."""
    plain, flipped = clip(), apply(clip(), dict(type='RandomFlipMono3D', prob=1.))
    rng = np.random.default_rng(2)
    points = np.column_stack([rng.uniform([-5, -1, 4], [5, 2, 40], (50, 3)), np.ones(50)])
    mirrored = points * [-1, 1, 1, 1]
    for before, after in zip(plain['clip_motions'], flipped['clip_motions']):
        uv = project(points @ before.T, plain['cam2img'])
        expected = np.column_stack([WIDTH - uv[:, 0], uv[:, 1]])
        np.testing.assert_allclose(project(mirrored @ after.T, flipped['cam2img']), expected,
                                   atol=1e-3)
    assert flipped['clip_motions'].dtype == np.float32
    assert np.abs(flipped['clip_motions'] - plain['clip_motions']).max() > .1


def test_a_flip_mirrors_every_image_and_mask():
    plain, flipped = clip(), apply(clip(), dict(type='RandomFlipMono3D', prob=1.))
    for index in range(3):
        for key in ('img', 'instance_maps'):
            np.testing.assert_array_equal(flipped[key][index], plain[key][index][:, ::-1])
    twice = apply(clip(), *[dict(type='RandomFlipMono3D', prob=1.)] * 2)
    np.testing.assert_array_equal(twice['clip_motions'], plain['clip_motions'])
    still = apply(clip(), dict(type='RandomFlipMono3D', prob=0.))
    np.testing.assert_array_equal(still['instance_maps'], plain['instance_maps'])
    np.testing.assert_array_equal(still['clip_motions'], plain['clip_motions'])


def test_a_flip_of_a_rendered_clip_keeps_depth_and_motion_consistent(tiny_clips):
    """Mirrored pixels of the flipped clip warp to the mirror of the plain clip's pixels."""
    load = [dict(type='LoadClip'), dict(type='LoadDepthMap')]
    plain, flipped = (SyntheticClipDataset(str(tiny_clips), 'ImageSets/train.txt',
                                           pipeline=load + extra, serialize_data=False)[0]
                      for extra in ([], [dict(type='RandomFlipMono3D', prob=1.)]))

    def warped(found, frame):
        depth, camera = found['gt_depth_map'].astype(np.float64), found['cam2img']
        rows, columns = np.indices(depth.shape) + .5
        w = depth + camera[2, 3]
        image = np.stack([columns * w, rows * w, w, np.ones_like(w)], axis=-1)
        points = image @ np.linalg.inv(camera).T
        return project(points @ found['clip_motions'][frame].T, camera)

    known = plain['gt_depth_map'] > 3
    for frame in (1, 2):
        expected = warped(plain, frame) * [-1, 1] + [96, 0]
        np.testing.assert_allclose(warped(flipped, frame)[:, ::-1][known], expected[known],
                                   atol=1e-3)
    assert known.sum() > 1000


@pytest.mark.parametrize('config', [
    dict(type='CropScaleAffine', input_size=(45, 36), prob=1.),
    dict(type='CropScaleAffine', input_size=(45, 36), prob=1., reference=True),
    dict(type='CropRotate', region='cityscapes_top', size=(30, 20), max_angle=5.),
    dict(type='RandomShiftMono3D', prob=1., max_shift=8)], ids=lambda config: config['type'])
def test_masks_follow_the_affine_of_the_images(config):
    """Each cell holds the number of the source pixel at its centre, never a blend."""
    plain, found = clip(), apply(clip(), config)
    height, width = found['img_shape']
    v, u = np.indices((height, width)) + .5
    source = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(found['affine'])[:2].T
    column, row = np.floor(source).astype(int).transpose(2, 0, 1)
    # Rows that 'cityscapes_top' removes are unknown after a rotation.
    limit = int(.75 * HEIGHT) if config['type'] == 'CropRotate' else HEIGHT
    inside = (column >= 0) & (row >= 0) & (column < WIDTH) & (row < limit)
    for before, after in zip(plain['instance_maps'], found['instance_maps']):
        assert after.shape == (height, width) and after.dtype == np.int32
        expected = np.where(inside, before[row.clip(0, limit - 1), column.clip(0, WIDTH - 1)], 0)
        assert (after == expected).mean() > .97  # the rest is rounding at pixel edges
        assert set(np.unique(after)) <= {0, *np.unique(before)}
    np.testing.assert_array_equal(found['clip_motions'], plain['clip_motions'])
    np.testing.assert_array_equal(found['cam2img'], plain['cam2img'])


def test_all_images_of_a_clip_get_one_draw_and_the_clean_images_stay():
    plain = clip()
    plain['img'][2] = plain['img'][0].copy()
    found = apply(plain, dict(type='ClipColorJitter', prob=1.))
    np.testing.assert_array_equal(found['img'], plain['img'])
    np.testing.assert_array_equal(found['jittered'][0], found['jittered'][2])
    for clean, jittered in zip(found['img'], found['jittered']):
        assert jittered.shape == clean.shape and jittered.dtype == np.uint8
        assert not np.array_equal(clean, jittered)


def test_the_jitter_is_torchvisions_on_rgb_images():
    image = clip()['img'][0]
    found = apply(dict(img=[image]), dict(type='ClipColorJitter', prob=1.))
    torch.manual_seed(0)
    torch.rand(())  # the draw of whether to jitter
    expected = ColorJitter(.2, .2, .2, .1)(Image.fromarray(image[..., ::-1].copy()))
    np.testing.assert_array_equal(found['jittered'][0], np.asarray(expected)[..., ::-1])


def test_the_jitter_of_brightness_alone_is_a_factor():
    grey = np.full((2, 2, 3), 100, np.uint8)
    options = dict(contrast=0., saturation=0., hue=0.)
    torch.manual_seed(0)
    transform = TRANSFORMS.build(dict(type='ClipColorJitter', prob=1., brightness=.2, **options))
    values = [transform(dict(img=[grey]))['jittered'][0] for _ in range(200)]
    assert all(len(np.unique(value)) == 1 for value in values)
    levels = [int(value.max()) for value in values]
    assert 80 <= min(levels) < 84 and 116 < max(levels) <= 120
    brighter = ImageEnhance.Brightness(Image.fromarray(grey)).enhance(1.2)
    assert np.asarray(brighter).max() == 120


def test_hue_changes_red_and_blue_unlike_swapped_channels():
    """A turned hue moves red (BGR 0, 0, 200) towards green or blue, and keeps its maximum."""
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 2] = 200
    found = apply(dict(img=[red]), dict(type='ClipColorJitter', prob=1., brightness=0.,
                                        contrast=0., saturation=0., hue=.1))['jittered'][0]
    assert found[0, 0, 2] == 200 and found[0, 0, :2].max() > 0


def test_without_a_draw_the_jittered_images_are_the_clean_ones():
    found = apply(clip(), dict(type='ClipColorJitter', prob=0.))
    np.testing.assert_array_equal(found['jittered'], found['img'])
    torch.manual_seed(0)
    transform = TRANSFORMS.build(dict(type='ClipColorJitter', prob=.5))
    changed = [not np.array_equal(found['jittered'], found['img'])
               for found in (transform(dict(img=clip()['img'])) for _ in range(100))]
    assert 30 < sum(changed) < 70


def test_the_jitter_is_a_function_of_the_sample(tiny_clips):
    dataset = SyntheticClipDataset(
        str(tiny_clips), 'ImageSets/train.txt', serialize_data=False,
        pipeline=[dict(type='LoadClip'), dict(type='ClipColorJitter', prob=1.)])

    def jittered(seed):
        with sample_randomness(0):
            return np.stack(dataset[SampleIndex(0, seed)]['jittered'])

    first = jittered(3)
    torch.rand(5)
    np.testing.assert_array_equal(jittered(3), first)
    assert not np.array_equal(jittered(4), first)


@pytest.mark.parametrize('options', [dict(prob=1.5), dict(hue=.6), dict(contrast=-.1)])
def test_invalid_jitters_are_refused(options):
    with pytest.raises(InputError, match='ClipColorJitter: prob'):
        TRANSFORMS.build(dict(type='ClipColorJitter', **options))


def test_jittered_images_move_with_the_clean_ones():
    """The order of jitter and geometry does not matter for which pixels are shown."""
    flip, crop = dict(type='RandomFlipMono3D', prob=1.), dict(type='CropRotate', size=(30, 20))
    found = apply(clip(), dict(type='ClipColorJitter', prob=0.), flip, crop)
    np.testing.assert_array_equal(found['jittered'], found['img'])


def test_clips_are_packed():
    plain = apply(clip(), dict(type='RandomFlipMono3D', prob=1.),
                  dict(type='ClipColorJitter', prob=1.))
    packed = apply(plain, dict(type='PackMono3DInputs'))
    inputs, found = packed['inputs'], packed['data_samples']
    assert set(inputs) == {'img', 'jittered'}
    for key, images in inputs.items():
        assert images.shape == (3, 3, HEIGHT, WIDTH) and images.dtype == torch.uint8
        for index in range(3):
            np.testing.assert_array_equal(images[index],
                                          plain[key][index].transpose(2, 0, 1))
    np.testing.assert_array_equal(found.clip_motions, plain['clip_motions'])
    np.testing.assert_array_equal(found.instance_maps, plain['instance_maps'])
    assert found.clip_motions.dtype == torch.float32
    assert found.instance_maps.dtype == torch.int64
    assert found.clip_offsets == (0, -1, 1) and found.clip_present.tolist() == [True, True, False]
    assert found.moving_ids == (3, ) and found.instance_classes == {3: 'Car'}
    assert 'gt_instance_map' not in found


def test_the_targets_mask_is_packed():
    results = dict(clip(), gt_instance_map=np.full((HEIGHT, WIDTH), 300, np.int32))
    found = apply(results, dict(type='PackMono3DInputs'))['data_samples']
    assert found.gt_instance_map.shape == (HEIGHT, WIDTH)
    assert found.gt_instance_map.dtype == torch.int64 and (found.gt_instance_map == 300).all()


def test_samples_that_are_no_clips_are_packed_as_before():
    image = np.zeros((4, 6, 3), np.uint8)
    packed = apply(dict(img=image, frame='a'), dict(type='PackMono3DInputs'))
    assert set(packed['inputs']) == {'img'} and packed['inputs']['img'].shape == (3, 4, 6)
    assert 'clip_offsets' not in packed['data_samples'].metainfo
    assert 'clip_motions' not in packed['data_samples']
