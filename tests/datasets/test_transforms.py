"""Transforms keep image, camera and labels consistent."""
import copy

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmdet3d.registry import MODELS, TRANSFORMS
from PIL import Image
from tiny_kitti import project

from mmdet3d_plugin.datasets import KittiMonoDataset
from mmdet3d_plugin.datasets.transforms.mixup3d import nearest_depth
from mmdet3d_plugin.datasets.transforms.warping import warp_image, warp_image_with_pillow
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.geometry import affine_from_crop

LOAD = [dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D')]
FLIP = dict(type='RandomFlipMono3D', prob=1.)
CROP = dict(type='CropScaleAffine', input_size=(1280, 384), prob=1.)
FILTER = dict(type='FilterObjects', min_height=25, max_truncation=.5, max_occlusion=2,
              depth_range=(2., 65.))


@pytest.fixture
def dataset(kitti_root):
    return KittiMonoDataset(
        str(kitti_root), 'ImageSets/train.txt', pipeline=[], filter_empty_gt=False,
        metainfo=dict(classes=['Pedestrian', 'Car', 'Cyclist']))


def run(dataset, index, *transforms):
    info = dataset.get_data_info(index)
    info.update(box_type_3d=dataset.box_type_3d, box_mode_3d=dataset.box_mode_3d)
    return Compose([TRANSFORMS.build(item) for item in [*LOAD, *transforms]])(info)


def assert_consistent(results):
    """Assert that 3D centres projected by camera and affine equal the 2D centres."""
    centres = results['gt_bboxes_3d'].gravity_center.double().numpy()
    uv = project(centres, results['cam2img'])
    affine = results.get('affine', np.eye(3))
    uv = np.c_[uv, np.ones(len(uv))] @ affine[:2].T
    np.testing.assert_allclose(results['centers_2d'], uv, atol=1e-3)
    np.testing.assert_allclose(results['depths'], centres[:, 2], atol=1e-5)


@pytest.mark.parametrize('transforms', [[], [FLIP], [FILTER], [CROP], [FLIP, FILTER, CROP]])
@pytest.mark.parametrize('index', range(4))
def test_projected_centres_match_the_labels(dataset, transforms, index):
    np.random.seed(index)
    results = run(dataset, index, *transforms)
    assert_consistent(results)
    lengths = {len(results[key]) for key in ('gt_bboxes', 'gt_labels_3d', 'depths',
                                             'truncations', 'occlusions', 'gt_bboxes_labels')}
    assert lengths == {len(results['gt_bboxes_3d'])}


def test_projected_centres_match_after_many_random_crops(dataset):
    np.random.seed(0)
    kept = 0
    for _ in range(40):
        results = run(dataset, 0, FLIP, CROP)
        assert_consistent(results)
        kept += len(results['depths'])
    assert 40 < kept < 120  # some objects leave the crop, most stay


def test_flip_mirrors_pixels_boxes_and_yaw(dataset):
    plain, flipped = run(dataset, 0), run(dataset, 0, FLIP)
    width = plain['img'].shape[1]
    np.testing.assert_array_equal(flipped['img'], plain['img'][:, ::-1])
    boxes = plain['gt_bboxes'][:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]
    np.testing.assert_allclose(flipped['gt_bboxes'], boxes, atol=1e-4)
    yaw = flipped['gt_bboxes_3d'].yaw.numpy()
    mirrored = np.pi - plain['gt_bboxes_3d'].yaw.numpy()
    np.testing.assert_allclose(np.exp(1j * yaw), np.exp(1j * mirrored), atol=1e-6)
    assert (np.abs(yaw) <= np.pi + 1e-6).all()
    locations = plain['gt_bboxes_3d'].tensor.numpy()[:, :3] * [-1, 1, 1]
    np.testing.assert_allclose(flipped['gt_bboxes_3d'].tensor.numpy()[:, :3], locations, atol=1e-5)


def test_flip_twice_is_the_identity(dataset):
    once, twice = run(dataset, 0), run(dataset, 0, FLIP, FLIP)
    np.testing.assert_array_equal(once['img'], twice['img'])
    for key in ('gt_bboxes', 'centers_2d', 'depths'):
        np.testing.assert_allclose(twice[key], once[key], atol=1e-3, err_msg=key)
    np.testing.assert_allclose(twice['cam2img'], once['cam2img'], atol=1e-9)
    np.testing.assert_allclose(twice['gt_bboxes_3d'].tensor, once['gt_bboxes_3d'].tensor,
                               atol=1e-5)


def test_test_time_affine_covers_the_whole_width(dataset):
    results = run(dataset, 0, dict(type='CropScaleAffine', input_size=(640, 192), fit='width'))
    scale = 640 / 1242
    np.testing.assert_allclose(results['affine'],
                               [[scale, 0, 0], [0, scale, 96 - scale * 187.5], [0, 0, 1]])
    np.testing.assert_allclose(results['trans_mat'], np.diag([.25, .25, 1]) @ results['affine'])
    assert results['img'].shape == (192, 640, 3) and results['affine_aug'] is False


def test_crop_statistics_follow_the_recipe():
    """Scale clip(N(1, .4), .6, 1.4) and shift clip(N(0, .1), -.2, .2), with probability 0.5."""
    np.random.seed(0)
    transform = TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(128, 40), prob=.5))
    affines, augmented = [], []
    for _ in range(3000):
        results = transform(dict(img=np.zeros((40, 128, 3), np.uint8)))
        affines.append(results['affine'])
        augmented.append(results['affine_aug'])
    affines, augmented = np.array(affines), np.array(augmented)
    assert abs(augmented.mean() - .5) < .03
    np.testing.assert_allclose(affines[~augmented], np.broadcast_to(np.eye(3), (
        (~augmented).sum(), 3, 3)), atol=1e-12)
    zoom = 1 / affines[augmented][:, 0, 0]
    assert zoom.min() == pytest.approx(.6) and zoom.max() == pytest.approx(1.4)
    # P(|N| > 1) = 0.317 is clipped to one of the two limits
    assert abs(np.isin(zoom.round(6), [.6, 1.4]).mean() - .317) < .04
    shift = (64 - affines[augmented][:, 0, 2]) * zoom / 128 - .5
    assert shift.min() == pytest.approx(-.2) and shift.max() == pytest.approx(.2)
    assert abs(shift.std() - .095) < .01


def test_warp_moves_pixel_centres_exactly():
    """The values of a ramp, enlarged by two, are the source columns."""
    ramp = np.repeat((np.arange(64, dtype=np.uint8) * 4)[None, :, None], 16, 0).repeat(3, 2)
    affine = affine_from_crop((32., 8.), 32., (64, 16))
    warped = warp_image(ramp, np.linalg.inv(affine)[:2], (64, 16))[8, :, 0].astype(float)
    source = 16 + (np.arange(64) + .5) / 2  # continuous source column
    np.testing.assert_allclose(warped, (source - .5) * 4, atol=1.)


def test_warp_is_black_outside_the_image():
    white = np.full((20, 20, 3), 255, np.uint8)
    inverse = np.linalg.inv(affine_from_crop((10., 10.), 40., (20, 20)))[:2]
    for warp in (warp_image, warp_image_with_pillow):
        warped = warp(white, inverse, (20, 20))
        assert warped[10, 2, 0] == 0 and warped[10, 10, 0] == 255


def pillow_warp(image, inverse, size):
    return np.array(Image.fromarray(image).transform(
        size, Image.AFFINE, data=tuple(inverse[:2].ravel()), resample=Image.BILINEAR))


@pytest.mark.parametrize('zoom', [.5, .9, 1.3, 2.5])  # above 1 with the image's border
def test_pillow_warp_equals_pillow_bit_by_bit(zoom):
    rng = np.random.default_rng(round(10 * zoom))
    for _ in range(5):
        image = rng.integers(0, 256, (37, 61, 3), dtype=np.uint8)
        affine = affine_from_crop(rng.uniform(5, 30, 2), 61 * zoom, (64, 40))
        inverse = np.linalg.inv(affine)[:2]
        expected = pillow_warp(image, inverse, (64, 40))
        np.testing.assert_array_equal(warp_image_with_pillow(image, inverse, (64, 40)), expected)
        mirrored = image[:, ::-1]  # as after a flip
        np.testing.assert_array_equal(warp_image_with_pillow(mirrored, inverse, (64, 40)),
                                      pillow_warp(mirrored.copy(), inverse, (64, 40)))
        depth = rng.uniform(0, 80, (37, 61)).astype(np.float32)
        np.testing.assert_array_equal(warp_image_with_pillow(depth, inverse, (64, 40)),
                                      pillow_warp(depth, inverse, (64, 40)))
        assert zoom < 1 or (expected == 0).all(axis=2).any()


def released_inverse(center, width, input_size):
    """Inverse affine of the released code, from three points in float32."""
    def points(middle, length):
        corner = np.float32([middle[0], middle[1] - length / 2])
        middle = np.float32(middle)
        return np.float32([middle, corner, corner - np.float32([middle[1] - corner[1], 0])])

    return cv2.getAffineTransform(points(np.array(input_size) / 2, input_size[0]),
                                  points(np.array(center), width))


@pytest.mark.parametrize('prob', [0., 1.])
def test_reference_pipeline_equals_pillow_and_normalisation(monkeypatch, prob):
    """The network input equals Pillow's warp of the RGB image and float32 normalisation."""
    image = np.random.default_rng(0).integers(0, 256, (375, 1242, 3), dtype=np.uint8)
    zoom, move = (1.1234567, np.array([.0654321, -.0432109])) if prob else (1., np.zeros(2))
    crop = TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(1280, 384), prob=prob,
                                 reference=True))
    monkeypatch.setattr(crop, '_random_crop', lambda: (zoom, move))
    center = np.array([1242, 375]) * (.5 + move)
    inverse = released_inverse(center, 1242 * zoom, (1280, 384))
    expected = pillow_warp(image, inverse, (1280, 384)).astype(np.float32) / 255.0
    expected = ((expected - np.array([0.485, 0.456, 0.406], np.float32))
                / np.array([0.229, 0.224, 0.225], np.float32)).transpose(2, 0, 1)

    results = crop(dict(img=image[..., ::-1]))  # BGR, as images are loaded
    packed = TRANSFORMS.build(dict(type='PackMono3DInputs'))(results)
    preprocessor = MODELS.build(dict(
        type='UnitRangePreprocessor', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225],
        bgr_to_rgb=True, pad_size_divisor=32))
    batch = preprocessor({key: [value] for key, value in packed.items()}
                         | dict(inputs={key: [value] for key, value in packed['inputs'].items()}))
    np.testing.assert_array_equal(batch['inputs']['imgs'][0].numpy(), expected)
    np.testing.assert_allclose(results['affine'], np.linalg.inv(np.vstack([inverse, [0, 0, 1]])),
                               atol=1e-3)


def test_reference_depth_is_the_mean_of_interpolated_depth():
    depth = np.random.default_rng(0).uniform(0, 80, (40, 128)).astype(np.float32)
    crop = TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(128, 40), reference=True))
    found = crop(dict(img=np.zeros((40, 128, 3), np.uint8), gt_depth_map=depth))['gt_depth_map']
    # The whole image at its own size: interpolation changes nothing, and cells average 4x4 pixels.
    np.testing.assert_allclose(found, depth.reshape(10, 4, 32, 4).mean(axis=(1, 3)), rtol=1e-5)


@pytest.mark.parametrize('change, kept', [
    (dict(), [True, True, True]),
    (dict(min_height=60), [True, False, True]),
    (dict(depth_range=(2., 10.)), [False, False, True]),
    (dict(depth_range=(10., 65.)), [True, True, False]),
    (dict(max_truncation=-.1), [False] * 3),
    (dict(max_occlusion=-1), [False] * 3),
])
def test_filter(dataset, change, kept):
    plain, results = run(dataset, 0), run(dataset, 0, {**FILTER, **change})
    np.testing.assert_allclose(results['depths'], plain['depths'][kept])
    np.testing.assert_allclose(results['gt_bboxes_3d'].tensor,
                               plain['gt_bboxes_3d'].tensor[kept])


@pytest.mark.parametrize('key, values, kept', [
    ('depths', [1.99, 2., 65., 65.01], [False, True, True, False]),
    ('truncations', [0., .5, .51, 1.], [True, True, False, False]),
    ('occlusions', [0, 2, 3, 4], [True, True, False, False]),
    # 2D box heights plus one.
    ('heights', [23.9, 24., 25., 100.], [False, True, True, True])])
def test_filter_limits_are_inclusive(key, values, kept):
    results = dict(depths=np.full(4, 20.), truncations=np.zeros(4), occlusions=np.zeros(4, int),
                   gt_labels_3d=np.arange(4))
    heights = np.full(4, 50.)
    if key == 'heights':
        heights = np.array(values)
    else:
        results[key] = np.array(values)
    results['gt_bboxes'] = np.stack([np.zeros(4), np.zeros(4), np.full(4, 9.), heights], axis=1)
    found = TRANSFORMS.build(FILTER)(results)
    assert found['gt_labels_3d'].tolist() == [index for index in range(4) if kept[index]]


@pytest.mark.parametrize('labels, kept', [(None, [0, 1, 2, 1]), ([1], [1, 1]), ([2, 0], [0, 2]),
                                          ([], [])])
def test_filter_keeps_objects_of_the_given_labels(labels, kept):
    found = TRANSFORMS.build({**FILTER, 'labels': labels})(dict(
        gt_bboxes=np.array([[0., 0., 9., 50.]] * 4), depths=np.full(4, 20.),
        truncations=np.zeros(4), occlusions=np.zeros(4, int), gt_labels_3d=np.array([0, 1, 2, 1])))
    assert found['gt_labels_3d'].tolist() == kept


def test_label_angles_are_loaded_on_request_flipped_and_packed(dataset):
    expected = np.array([item['alpha'] for item in dataset.get_data_info(0)['instances']
                         if item['bbox_label_3d'] >= 0])
    info = dataset.get_data_info(0)
    info.update(box_type_3d=dataset.box_type_3d, box_mode_3d=dataset.box_mode_3d)

    def load(*transforms):
        return Compose([TRANSFORMS.build(item) for item in [
            LOAD[0], dict(type='LoadAnnotationsMono3D', alphas=True), *transforms]])(
                copy.deepcopy(info))

    assert 'alphas' not in run(dataset, 0)
    np.testing.assert_allclose(load()['alphas'], expected, rtol=1e-6)
    flipped = load(FLIP)['alphas']
    np.testing.assert_allclose(np.cos(flipped), -np.cos(expected), atol=1e-6)
    np.testing.assert_allclose(np.sin(flipped), np.sin(expected), atol=1e-6)
    assert (np.abs(flipped) <= np.pi + 1e-6).all()
    packed = load({**FILTER, 'labels': [1]}, dict(type='PackMono3DInputs'))['data_samples']
    cars = packed.gt_instances_3d
    assert len(cars.alphas) == len(cars.labels_3d) == (run(dataset, 0)['gt_labels_3d'] == 1).sum()
    assert cars.alphas.dtype == torch.float32


def test_packing_keeps_labels_affine_and_name(dataset):
    packed = run(dataset, 0, CROP, dict(type='PackMono3DInputs'))
    sample = packed['data_samples']
    assert packed['inputs']['img'].shape == (3, 384, 1280)
    assert sample.frame == '000000' and sample.affine.shape == (3, 3)
    assert set(sample.gt_instances_3d.keys()) == {'bboxes_3d', 'labels_3d', 'centers_2d', 'depths'}
    assert set(sample.gt_instances.keys()) == {'bboxes', 'labels'}
    assert len(sample.gt_instances) == len(sample.gt_instances_3d) > 0
    assert 'ignored_instances' not in sample


def test_mmdet3d_transforms_accept_the_samples(dataset):
    """mmdet3d's own monocular pipeline runs on the samples."""
    info = dataset.get_data_info(0)
    info.update(box_type_3d=dataset.box_type_3d, box_mode_3d=dataset.box_mode_3d)
    packed = Compose([TRANSFORMS.build(item) for item in [
        dict(type='LoadImageFromFileMono3D'),
        dict(type='LoadAnnotations3D', with_bbox=True, with_label=True, with_bbox_3d=True,
             with_label_3d=True, with_bbox_depth=True),
        dict(type='mmdet.Resize', scale=(621, 188), keep_ratio=True),
        dict(type='RandomFlip3D', flip_ratio_bev_horizontal=.5),
        dict(type='Pack3DDetInputs', keys=['img', 'gt_bboxes', 'gt_bboxes_labels', 'centers_2d',
                                           'gt_bboxes_3d', 'gt_labels_3d', 'depths'])]])(info)
    assert len(packed['data_samples'].gt_instances_3d.depths) == 3


@pytest.mark.parametrize('content', [b'', b'no image', None])
def test_error_names_an_unreadable_image(dataset, kitti_root, content):
    path = kitti_root / 'training/image_2/000000.png'
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match='image_2/000000.png'):
        run(dataset, 0)


def test_images_kept_in_memory_are_decoded_once_and_copied(dataset, kitti_root):
    loader = TRANSFORMS.build(dict(type='LoadImageMono3D', keep_in_memory=True))
    plain = TRANSFORMS.build(dict(type='LoadImageMono3D'))(dataset.get_data_info(0))
    first = loader(dataset.get_data_info(0))
    first['img'][:] = 0
    first['cam2img'][:] = 0
    (kitti_root / 'training/image_2/000000.png').unlink()
    again = loader(dataset.get_data_info(0))
    np.testing.assert_array_equal(again['img'], plain['img'])
    np.testing.assert_array_equal(again['cam2img'], plain['cam2img'])
    assert again['frame'] == '000000' and again['img_shape'] == plain['img_shape']


def test_error_names_a_truncated_image(dataset, kitti_root):
    path = kitti_root / 'training/image_2/000000.png'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match='image_2/000000.png'):
        run(dataset, 0)
    assert cv2.imread(str(path)) is None


@pytest.mark.parametrize('reference, kept', [(False, [True, False, False, True]),
                                             (True, [True, True, False, True])])
def test_centres_left_of_and_above_the_input(reference, kept):
    """The released code truncates toward zero: centres from -4 to 0 pixels are in cell 0."""
    transform = TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(128, 40),
                                      reference=reference))
    centers = np.array([[0., 5.], [-3.9, 5.], [-4., 5.], [127.9, 39.9]], np.float32)
    results = transform(dict(img=np.zeros((40, 128, 3), np.uint8), centers_2d=centers))
    np.testing.assert_allclose(results['centers_2d'], centers[kept], atol=1e-4)


def with_depth(dataset, kitti_root, depth, index=0):
    """Load frame ``index`` with a depth map (H, W), metres."""
    path = kitti_root / 'depth.png'
    cv2.imwrite(str(path), np.round(depth * 256).astype(np.uint16))
    info = dataset.get_data_info(index)
    info.update(box_type_3d=dataset.box_type_3d, box_mode_3d=dataset.box_mode_3d,
                depth_path=str(path))
    return Compose([TRANSFORMS.build(item) for item in LOAD + [dict(type='LoadDepthMap')]])(info)


@pytest.mark.parametrize('flip', [False, True])
def test_dense_depth_follows_the_image_without_interpolation(dataset, kitti_root, flip):
    """A feature cell holds the depth of the pixel at its centre."""
    rng = np.random.default_rng(0)
    height, width = 375, 1242
    depth = rng.choice([0., 5., 30.25], (height, width))
    results = with_depth(dataset, kitti_root, depth)
    np.testing.assert_array_equal(results['gt_depth_map'], depth.astype(np.float32))
    np.random.seed(1)
    for item in ([FLIP] if flip else []) + [CROP]:
        results = TRANSFORMS.build(item)(results)
    found = results['gt_depth_map']
    assert found.shape == (96, 320) and set(np.unique(found)) <= {0., 5., 30.25}
    inverse = np.linalg.inv(results['affine'])
    source = depth[:, ::-1] if flip else depth
    agreed = total = 0
    for row in range(0, 96, 5):
        for column in range(0, 320, 7):
            u, v = inverse[:2, :2] @ [(column + .5) * 4, (row + .5) * 4] + inverse[:2, 2]
            expected = 0.
            if 0 <= u < width and 0 <= v < height:
                expected = source[int(v), int(u)]
            total += 1
            agreed += expected == found[row, column]
    assert agreed >= .99 * total  # the rest is rounding at pixel edges
    packed = TRANSFORMS.build(dict(type='PackMono3DInputs'))(results)['data_samples']
    assert packed.gt_depth_map.data.shape == (1, 96, 320)


def test_mixed_frames_keep_the_smaller_depth():
    near, far = np.array([[5., 0., 0., 7.]]), np.array([[9., 8., 0., 3.]])
    assert nearest_depth(near, far).tolist() == [[5., 8., 0., 3.]]
    assert nearest_depth(near, far).dtype == np.float32


def test_error_names_a_wrong_depth_map(dataset, kitti_root):
    with pytest.raises(InputError, match='depth.png: its size .* differs from the image'):
        with_depth(dataset, kitti_root, np.ones((10, 20)))
    with pytest.raises(InputError, match="add its folder as 'depth' to data_prefix"):
        run(dataset, 0, dict(type='LoadDepthMap'))
    (kitti_root / 'broken.png').write_text('no image')
    with pytest.raises(InputError, match='broken.png: not a readable 16-bit depth image'):
        TRANSFORMS.build(dict(type='LoadDepthMap'))(
            dict(depth_path=str(kitti_root / 'broken.png'), ori_shape=(2, 2)))


@pytest.mark.parametrize('kept_center', ['projected', 'box'])
def test_objects_are_kept_by_the_chosen_centre(kept_center):
    transform = TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(64, 32),
                                      kept_center=kept_center))
    results = transform(dict(
        img=np.zeros((32, 64, 3), np.uint8), centers_2d=np.array([[5., 5.], [70., 5.]]),
        gt_bboxes=np.array([[-30., 0., 20., 9.], [40., 0., 60., 9.]], np.float32)))
    expected = {'projected': [[5., 5.]], 'box': [[70., 5.]]}[kept_center]
    assert results['centers_2d'].tolist() == expected
    with pytest.raises(InputError, match="kept_center is 'cell'"):
        TRANSFORMS.build(dict(type='CropScaleAffine', input_size=(64, 32), kept_center='cell'))
