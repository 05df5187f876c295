"""Clips as network inputs."""
import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample
from mmengine.dataset import pseudo_collate

from mmdet3d_plugin.datasets import SyntheticClipDataset
from mmdet3d_plugin.errors import InputError


def clips(seed, count=2, shape=(3, 3, 4, 6)):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
            for _ in range(count)]


def run(inputs, training, **options):
    preprocessor = MODELS.build(dict(type='ClipPreprocessor', **options))
    samples = [Det3DDataSample() for _ in inputs['img']]
    return preprocessor(dict(inputs=inputs, data_samples=samples), training)


def unit_rgb(images):
    """(B, T, 3, H, W) in [0, 1], RGB, in numpy."""
    return np.stack([image.numpy() for image in images])[:, :, ::-1].astype(np.float64) / 255


@pytest.mark.parametrize('training, seen', [(True, 'jittered'), (False, 'img')])
def test_networks_see_jittered_images_in_training_and_losses_clean_ones(training, seen):
    inputs = dict(img=clips(0), jittered=clips(1))
    found = run(inputs, training)
    np.testing.assert_allclose(found['inputs']['views'], unit_rgb(inputs['img']), atol=1e-6)
    np.testing.assert_allclose(found['inputs']['imgs'],
                               (unit_rgb(inputs[seen]) - .45) / .225, atol=1e-5)
    assert set(found) == {'inputs', 'data_samples'} and set(found['inputs']) == {'imgs', 'views'}


def test_clean_images_serve_without_a_jitter():
    inputs = dict(img=clips(0))
    found = run(inputs, True)['inputs']
    np.testing.assert_allclose(found['imgs'], (unit_rgb(inputs['img']) - .45) / .225, atol=1e-5)


def test_normalisation_per_channel_is_in_the_order_of_the_channels():
    image = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    image[:, 0] = 255  # blue of BGR
    mean, std = [.1, .2, .3], [.5, .25, .1]
    found = run(dict(img=[image]), False, mean=mean, std=std)['inputs']
    assert found['views'].flatten().tolist() == [0., 0., 1.]
    np.testing.assert_allclose(found['imgs'].flatten(), [-.2, -.8, 7.], atol=1e-5)
    found = run(dict(img=[image]), False, mean=mean, std=std, bgr_to_rgb=False)['inputs']
    assert found['views'].flatten().tolist() == [1., 0., 0.]
    np.testing.assert_allclose(found['imgs'].flatten(), [1.8, -.8, -3.], atol=1e-5)


def test_a_single_image_is_a_clip_of_one():
    images = clips(0, shape=(3, 4, 6))
    found = run(dict(img=images), False)['inputs']
    assert found['imgs'].shape == found['views'].shape == (2, 1, 3, 4, 6)
    np.testing.assert_allclose(found['views'][:, 0], unit_rgb(
        [image[None] for image in images])[:, 0], atol=1e-6)


def test_stacked_clips_are_equal_to_lists():
    images = clips(0)
    stacked = run(dict(img=torch.stack(images)), False)['inputs']
    assert torch.equal(stacked['imgs'], run(dict(img=images), False)['inputs']['imgs'])


@pytest.mark.parametrize('shape, message', [
    ((3, 3, 4, 8), '6x4 of 3 images and 8x4 of 3 images'),
    ((2, 3, 4, 6), '6x4 of 2 images and 6x4 of 3 images')])
def test_clips_of_different_size_or_length_are_refused(shape, message):
    with pytest.raises(InputError, match=message):
        run(dict(img=clips(0, 1) + clips(1, 1, shape)), False)


def test_the_state_holds_no_entry():
    assert not MODELS.build(dict(type='ClipPreprocessor')).state_dict()


def test_a_batch_of_rendered_clips(tiny_clips):
    dataset = SyntheticClipDataset(str(tiny_clips), 'ImageSets/train.txt', pipeline=[
        dict(type='LoadClip'), dict(type='LoadClipInstances'),
        dict(type='RandomFlipMono3D'), dict(type='CropScaleAffine', input_size=(64, 32)),
        dict(type='ClipColorJitter', prob=1.), dict(type='PackMono3DInputs')])
    batch = MODELS.build(dict(type='ClipPreprocessor'))(
        pseudo_collate([dataset[0], dataset[1]]), True)
    assert batch['inputs']['imgs'].shape == (2, 3, 3, 32, 64)
    assert [sample.clip_motions.shape for sample in batch['data_samples']] == [(3, 4, 4)] * 2
    assert [sample.instance_maps.shape for sample in batch['data_samples']] == [(3, 32, 64)] * 2
    views = batch['inputs']['views']
    assert views.min() >= 0 and views.max() <= 1
    assert not torch.allclose(batch['inputs']['imgs'], (views - .45) / .225)
