"""Transforms keep image, dense depth, camera and affine consistent."""
import numpy as np
import pytest
from mmcv.transforms import Compose
from mmdet3d.registry import TRANSFORMS
from mmengine import Config
from tiny_depth import P_RECT_02, random_depth, write_kitti_eigen, write_nyu, write_synthetic

from mmdet3d_plugin.datasets import KittiEigenDataset, NYUDepthDataset, SyntheticDepthDataset
from mmdet3d_plugin.errors import InputError

WIDTH, HEIGHT = 620, 186


def results(depth=True):
    """Loaded frame. Image channels 0 and 1 hold a quarter of the column, and the row."""
    columns, rows = np.meshgrid(np.arange(WIDTH) // 4, np.arange(HEIGHT))
    image = np.stack([columns, rows, rows], axis=-1).astype(np.uint8)
    loaded = dict(img=image, img_shape=(HEIGHT, WIDTH), ori_shape=(HEIGHT, WIDTH),
                  cam2img=np.vstack([P_RECT_02, [0, 0, 0, 1.]]), frame='a', img_path='a.png')
    if depth:
        loaded['gt_depth_map'] = random_depth((WIDTH, HEIGHT), share=.7)
    return loaded


def apply(loaded, *transforms):
    return Compose([TRANSFORMS.build(item) for item in transforms])(loaded)


def assert_depth_of_the_nearest_pixel(found, source, affine, scale=1.):
    """Assert that each pixel holds the depth of the source pixel at its centre."""
    height, width = found.shape
    u, v = np.meshgrid(np.arange(width) + .5, np.arange(height) + .5)
    uv = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(affine)[:2].T
    column, row = np.floor(uv).astype(int).transpose(2, 0, 1)
    inside = (column >= 0) & (row >= 0) & (column < source.shape[1]) & (row < source.shape[0])
    expected = np.where(inside, source[row.clip(0, source.shape[0] - 1),
                                       column.clip(0, source.shape[1] - 1)], 0) * scale
    # The rest is rounding at pixel edges.
    assert np.isclose(found, expected, rtol=1e-6).mean() > .97


@pytest.mark.parametrize('region, bounds', [
    ('garg', (75, 184, 22, 597)), ((), (0, HEIGHT, 0, WIDTH))])
def test_a_crop_leaves_pixels_unchanged(region, bounds):
    top, bottom, left, right = bounds
    plain, found = results(), apply(results(), dict(type='CropRotate', region=region))
    np.testing.assert_array_equal(found['img'], plain['img'][top:bottom, left:right])
    np.testing.assert_array_equal(found['gt_depth_map'],
                                  plain['gt_depth_map'][top:bottom, left:right])
    np.testing.assert_array_equal(found['affine'], [[1, 0, -left], [0, 1, -top], [0, 0, 1]])
    assert found['img_shape'] == found['pad_shape'] == (bottom - top, right - left)
    np.testing.assert_array_equal(found['cam2img'], plain['cam2img'])


def test_the_benchmark_crop_is_at_the_bottom_centre():
    image = np.random.default_rng(0).integers(0, 256, (375, 1242, 3), dtype=np.uint8)
    found = apply(dict(img=image), dict(type='CropRotate', region='kitti_benchmark'))
    np.testing.assert_array_equal(found['img'], image[-352:, 13:1229])


def test_windows_are_anywhere_in_the_region():
    transform = dict(type='CropRotate', region='garg', size=(200, 109))
    np.random.seed(0)
    lefts = []
    for _ in range(200):
        plain, found = results(), apply(results(), transform)
        left, top = -found['affine'][:2, 2].astype(int)
        assert top == 75 and 22 <= left <= 597 - 200
        np.testing.assert_array_equal(found['img'], plain['img'][75:184, left:left + 200])
        np.testing.assert_array_equal(found['gt_depth_map'],
                                      plain['gt_depth_map'][75:184, left:left + 200])
        lefts.append(left)
    assert min(lefts) < 40 and max(lefts) > 380


@pytest.mark.parametrize('seed', range(3))
def test_rotations_follow_their_affine(seed):
    np.random.seed(seed)
    plain = results()
    found = apply(results(), dict(type='CropRotate', region='garg', size=(300, 90), max_angle=5.))
    affine = found['affine']
    angle = np.degrees(np.arctan2(affine[1, 0], affine[0, 0]))
    assert 0 < abs(angle) <= 5 and np.linalg.det(affine) == pytest.approx(1)
    np.testing.assert_allclose(affine[:2, :2] @ affine[:2, :2].T, np.eye(2), atol=1e-12)
    source = np.zeros_like(plain['gt_depth_map'])
    source[75:184, 22:597] = plain['gt_depth_map'][75:184, 22:597]
    assert_depth_of_the_nearest_pixel(found['gt_depth_map'], source, affine)
    # Source column and row of the centre pixel, from the image's channels.
    u, v = np.linalg.inv(affine)[:2] @ [150.5, 45.5, 1]
    assert abs(found['img'][45, 150, 1] - (v - .5)) < 1 and abs(found['img'][45, 150, 0]
                                                                - (u - .5) / 4) < 1.5


def test_angles_are_uniform():
    np.random.seed(0)
    transform = TRANSFORMS.build(dict(type='CropRotate', max_angle=2.5))
    affines = [transform(dict(img=np.zeros((20, 30, 3), np.uint8)))['affine'] for _ in range(2000)]
    angles = np.degrees([np.arctan2(affine[1, 0], affine[0, 0]) for affine in affines])
    assert abs(angles).max() <= 2.5 and abs(angles.mean()) < .15
    assert angles.std() == pytest.approx(2.5 / np.sqrt(3), rel=.05)
    # The centre of the image stays in place.
    np.testing.assert_allclose(affines[0] @ [15, 10, 1], [15, 10, 1], atol=1e-9)


@pytest.mark.parametrize('steps', [
    ['rotate', 'scale'], ['scale', 'rotate'], ['rotate', 'rotate', 'scale', 'scale']])
def test_affines_in_sequence_compose(steps):
    """The second channel, which holds the original row, agrees with the affine."""
    kinds = dict(rotate=dict(type='CropRotate', region='garg', max_angle=3.),
                 scale=dict(type='CropScaleAffine', input_size=(320, 96), prob=1., stride=1))
    np.random.seed(2)
    found = apply(results(), dict(type='RandomFlipMono3D', prob=1.),
                  *(kinds[step] for step in steps))
    height, width = found['img_shape']
    assert found['gt_depth_map'].shape == found['img'].shape[:2] == (height, width)
    u, v = np.meshgrid(np.arange(width) + .5, np.arange(height) + .5)
    rows = (np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(found['affine'])[1]) - .5
    middle = np.s_[height * 2 // 5:height * 3 // 5, width * 2 // 5:width * 3 // 5]
    assert np.abs(found['img'][..., 1] - rows)[middle].max() < 1.5
    assert not np.allclose(found['affine'], np.eye(3))


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize('scale_depth', [False, True])
def test_scale_depth_multiplies_by_the_crop_size(flip, scale_depth):
    """At stride 1 depth has the input's size. In an enlarged crop it is smaller by the factor."""
    np.random.seed(4)
    flips = [dict(type='RandomFlipMono3D', prob=1.)] if flip else []
    found = apply(results(), *flips, dict(
        type='CropScaleAffine', input_size=(310, 96), prob=1., stride=1, scale_depth=scale_depth))
    source = results()['gt_depth_map'][:, ::-1 if flip else 1]
    assert found['gt_depth_map'].shape == (96, 310) and found['gt_depth_map'].dtype == np.float32
    enlarged = found['affine'][0, 0] / (310 / WIDTH)
    assert enlarged != pytest.approx(1)
    assert_depth_of_the_nearest_pixel(found['gt_depth_map'], source, found['affine'],
                                      1 / enlarged if scale_depth else 1.)


def test_the_test_time_form_leaves_depth_values_unchanged():
    found = apply(results(), dict(type='CropScaleAffine', input_size=(310, 93), stride=1,
                                  scale_depth=True))
    assert_depth_of_the_nearest_pixel(found['gt_depth_map'], results()['gt_depth_map'],
                                      found['affine'])


def test_flip_mirrors_camera_and_depth():
    found = apply(results(), dict(type='RandomFlipMono3D', prob=1.))
    np.testing.assert_array_equal(found['gt_depth_map'], results()['gt_depth_map'][:, ::-1])
    point = np.array([1.5, .5, 9., 1.])
    u, _, w = P_RECT_02 @ point
    mirrored_u, _, mirrored_w = found['cam2img'][:3] @ (point * [-1, 1, 1, 1])
    assert mirrored_u / mirrored_w == pytest.approx(WIDTH - u / w)


@pytest.mark.parametrize('options, message', [
    (dict(region='nyu'), "crop 'nyu' does not fit an image of 620x186"),
    (dict(region='garg', size=(200, 150)), 'a.png: a window of 200x150 does not fit its region '
                                           'of 575x109'),
    (dict(region='all'), "there is no crop 'all'")])
def test_error_for_crops_that_do_not_fit(options, message):
    with pytest.raises(InputError, match=message):
        apply(results(), dict(type='CropRotate', **options))


def test_rotation_refuses_samples_with_boxes():
    with pytest.raises(InputError, match='CropRotate moves image and depth but no boxes'):
        apply(dict(results(), gt_bboxes=np.zeros((1, 4))), dict(type='CropRotate'))


def test_colours_follow_the_formula():
    np.random.seed(0)
    plain = results()['img']
    found = apply(results(), dict(type='RandomGammaColor', prob=1., gamma=(1.1, 1.1),
                                  brightness=(.8, .8), color=(1.05, 1.05)))['img']
    expected = np.clip((plain / 255) ** 1.1 * .8 * 1.05, 0, 1) * 255
    assert found.dtype == np.uint8 and np.abs(found - expected).max() <= .5 + 1e-9
    np.testing.assert_array_equal(
        apply(results(), dict(type='RandomGammaColor', prob=0.))['img'], plain)


def test_channels_differ_and_values_are_clipped():
    np.random.seed(1)
    white = dict(img=np.full((2, 2, 3), 200, np.uint8))
    changed = [apply(dict(white), dict(type='RandomGammaColor', prob=1.))['img'][0, 0]
               for _ in range(50)]
    assert np.ptp(changed, axis=1).max() > 10
    bright = apply(dict(white), dict(type='RandomGammaColor', prob=1., brightness=(2., 2.)))
    assert (bright['img'] == 255).all()


@pytest.mark.parametrize('config, write, kind, split, train, test', [
    ('kitti_eigen_depth', write_kitti_eigen, KittiEigenDataset, 'splits/eigen.txt', (352, 704),
     (352, 1216)),
    ('nyu_depth', write_nyu, NYUDepthDataset, 'splits/nyu.txt', (416, 544), (480, 640)),
    ('synthetic_depth', write_synthetic, SyntheticDepthDataset, 'ImageSets/train.txt', (192, 640),
     (192, 640))])
def test_pipelines_of_the_configs(tmp_path, config, write, kind, split, train, test):
    """Depth has the input's size in training, and the original image's size in testing."""
    settings = Config.fromfile(f'configs/_base_/datasets/{config}.py')
    root = write(tmp_path / 'set')
    for loader, shape in (('train_dataloader', train), ('val_dataloader', test)):
        dataset = settings[loader].dataset
        assert dataset.type == kind.__name__
        packed = kind(str(root), split, pipeline=dataset.pipeline,
                      test_mode=dataset.get('test_mode', False))[0]
        sample, image = packed['data_samples'], packed['inputs']['img']
        assert image.shape == (3, *shape)
        depth_shape = shape if loader == 'train_dataloader' else sample.ori_shape
        assert sample.gt_depth_map.data.shape == (1, *depth_shape)
        assert (sample.gt_depth_map.data > 0).any()
        assert sample.cam2img.shape == (4, 4) and sample.frame
