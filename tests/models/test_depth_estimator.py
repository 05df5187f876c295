"""Losses, predictions and image geometry of the depth estimator."""
import copy
import math

import numpy as np
import pytest
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData

from mmdet3d_plugin.engine.acceleration import accelerate
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.geometry import affine_from_crop
from mmdet3d_plugin.models.depth_estimators.depth_estimator import focal_of, to_original
from mmdet3d_plugin.structures.cameras import flip_camera

HEIGHT, WIDTH = SIZE = (64, 96)
CAMERA = np.array([[70., 0., 46., 4.], [0., 70., 30., .2], [0., 0., 1., .003], [0., 0., 0., 1.]])


@MODELS.register_module()
class RecordingAuxiliary(nn.Module):
    """Auxiliary that records its arguments."""

    def forward(self, feature, labels):
        self.arguments = feature, labels
        return dict(loss_recorded=feature.float().square().mean())


def build(auxiliary=(), flip=False, **decode_head):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='DepthEstimator',
        data_preprocessor=dict(
            type='UnitRangePreprocessor', mean=[.485, .456, .406], std=[.229, .224, .225],
            bgr_to_rgb=True, pad_size_divisor=32),
        backbone=dict(type='TorchvisionBackbone', name='mobilenet_v3_large',
                      nodes=[f'features.{index}' for index in (1, 3, 6, 12)]),
        decode_head=dict(
            type='LTDecoder', in_channels=(16, 24, 40, 112), channels=(32, 16, 8),
            depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss'), **decode_head),
        auxiliary=list(auxiliary), test_cfg=dict(flip=flip)))


def sample(index=0, size=SIZE, depth=True, **meta):
    generator = torch.Generator().manual_seed(index)
    image = torch.randint(0, 256, (3, *size), generator=generator, dtype=torch.uint8)
    data_sample = Det3DDataSample(metainfo={**dict(
        img_path=f'{index}.png', cam2img=CAMERA, img_shape=size, ori_shape=size), **meta})
    if depth:
        data_sample.gt_depth_map = PixelData(data=90 * torch.rand(1, *size, generator=generator))
    return dict(inputs=dict(img=image), data_samples=data_sample)


def batch(*samples):
    return pseudo_collate(list(samples))


def data_of(model, *samples):
    return model.data_preprocessor(copy.deepcopy(batch(*samples)), training=True)


# Training.

def test_losses_of_the_decode_head_and_the_auxiliaries():
    model = build([dict(type='RecordingAuxiliary')])
    data = data_of(model, sample(0), sample(1))
    losses = model(**data, mode='loss')
    assert set(losses) == {'loss_depth', 'loss_recorded'}
    feature, labels = model.auxiliary[0].arguments
    assert feature.shape == (2, 8, HEIGHT // 2, WIDTH // 2) and labels.objects is None
    truth = torch.stack([item.gt_depth_map.data[0] for item in data['data_samples']])
    in_range = (truth >= 1) & (truth <= 80)
    assert 0 < in_range.float().mean() < 1
    assert torch.equal(labels.depth_maps, truth * in_range)
    depth = model(**data).depth
    residuals = (depth.log() - truth.log())[in_range]
    expected = 10 * (residuals.square().mean() - .85 * residuals.mean() ** 2).sqrt()
    assert losses['loss_depth'].item() == pytest.approx(expected.item(), rel=1e-5)


def test_auxiliaries_get_the_input_of_the_prediction_layer():
    model = build([dict(type='RecordingAuxiliary')]).eval()
    data = data_of(model, sample())
    model(**data, mode='loss')
    feature, labels = model.auxiliary_inputs(**data)
    assert torch.equal(feature, model.auxiliary[0].arguments[0])
    assert torch.equal(labels.depth_maps, model.auxiliary[0].arguments[1].depth_maps)
    prediction_inputs = []
    model.decode_head.prediction.register_forward_hook(
        lambda module, inputs, output: prediction_inputs.append(inputs[0]))
    assert torch.equal(model(**data).feature, prediction_inputs[0])


def test_padding_has_no_ground_truth():
    """A batch of two image sizes that the backbone's stride does not divide."""
    model = build([dict(type='RecordingAuxiliary')])
    model(**data_of(model, sample(0, (50, 90)), sample(1, (40, 70))), mode='loss')
    depth_maps = model.auxiliary[0].arguments[1].depth_maps
    assert depth_maps.shape == (2, 64, 96)
    for depth, (height, width) in zip(depth_maps, [(50, 90), (40, 70)]):
        assert (depth[:height, :width] > 0).any()
        assert (depth[height:] == 0).all() and (depth[:, width:] == 0).all()


def test_batch_without_ground_truth_has_zero_gradients():
    model = build()
    item = sample()
    item['data_samples'].gt_depth_map.data.zero_()
    losses = model(**data_of(model, item), mode='loss')
    losses['loss_depth'].backward()
    assert losses['loss_depth'].item() == 0
    assert all((weight.grad == 0).all() for weight in model.parameters())


def test_overfits_one_image():
    model = build()
    wrapper = build_optim_wrapper(model, dict(type='OptimWrapper',
                                              optimizer=dict(type='Adam', lr=3e-3)))
    item = sample()
    rows = torch.linspace(60, 5, HEIGHT)[:, None].expand(SIZE)
    item['data_samples'].gt_depth_map = PixelData(data=rows[None].clone())
    model.train()
    data = batch(item, item)
    losses = [model.train_step(copy.deepcopy(data), wrapper)['loss'].item() for _ in range(60)]
    assert losses[-1] < .25 * losses[0]


def test_missing_depth_map_raises():
    model = build()
    with pytest.raises(InputError, match='0.png: no gt_depth_map.*LoadDepthMap'):
        model(**data_of(model, sample(depth=False)), mode='loss')


def test_depth_map_of_another_size_raises():
    model = build()
    item = sample()
    item['data_samples'].gt_depth_map = PixelData(data=torch.ones(1, 16, 24))
    with pytest.raises(InputError, match=r'0.png: the depth map has \(16, 24\).*\(64, 96\)'):
        model(**data_of(model, item), mode='loss')


# Prediction.

def predict(model, *samples):
    return model.eval().test_step(copy.deepcopy(batch(*samples)))


def test_prediction_without_affine_change_is_the_clipped_depth():
    model = build().eval()
    result, = predict(model, sample(affine=np.eye(3)))
    data = data_of(model, sample())
    with torch.no_grad():
        depth = model(**data).depth
    assert result.pred_depth_map.data.dtype == torch.float
    assert result.pred_depth_map.data.shape == (1, *SIZE)
    # Bitwise equal: the warp back by the identity changes nothing.
    assert torch.equal(result.pred_depth_map.data, depth.clamp(1, 80))


def test_predictions_are_clipped_to_the_depth_range():
    model = build()
    for bias, expected in [(-99., 1.), (99., 80.)]:
        nn.init.constant_(model.decode_head.prediction.bias, bias)
        result, = predict(model, sample())
        assert (result.pred_depth_map.data == expected).all()


def test_flip_averaging_makes_predictions_mirror_symmetric():
    model = build(flip=True)
    item = sample()
    mirrored = sample(cam2img=flip_camera(CAMERA, WIDTH))
    mirrored['inputs']['img'] = item['inputs']['img'].flip(-1)
    one, other = (predict(model, image)[0].pred_depth_map.data for image in (item, mirrored))
    torch.testing.assert_close(one, other.flip(-1), rtol=1e-5, atol=0)
    plain = build()
    one_only, other_only = (predict(plain, image)[0].pred_depth_map.data
                            for image in (item, mirrored))
    assert not torch.allclose(one_only, other_only.flip(-1), rtol=1e-3)
    torch.testing.assert_close(one, (one_only + other_only.flip(-1)) / 2)


def test_original_pixels_outside_the_input_are_zero():
    """The input is the top left 50 x 90 of a 60 x 95 image, padded to 64 x 96."""
    result, = predict(build(), sample(0, (50, 90), ori_shape=(60, 95)))
    depth = result.pred_depth_map.data[0]
    assert depth.shape == (60, 95)
    assert (depth[:50, :90] > 0).all()
    assert (depth[50:] == 0).all() and (depth[:, 90:] == 0).all()


def test_focal_length_of_the_input():
    """Scaling by 2 doubles the focal length; rotation and shift do not change it."""
    turn = .02
    rotation = np.array([[math.cos(turn), -math.sin(turn), 5.],
                         [math.sin(turn), math.cos(turn), -2.], [0., 0., 1.]])
    for affine, focal in [(np.eye(3), 70.), (np.diag([2., 2., 1.]), 140.), (rotation, 70.),
                          (affine_from_crop((40., 30.), 48., (96, 64)), 140.)]:
        assert focal_of(dict(cam2img=CAMERA, affine=affine)) == pytest.approx(focal)
    assert focal_of(dict(cam2img=CAMERA)) == 70.
    model = build(reference_focal=35.)
    nn.init.constant_(model.decode_head.prediction.weight, 0.)
    nn.init.constant_(model.decode_head.prediction.bias, -math.log(7))  # 10 m
    data = data_of(model, sample(), sample(affine=np.diag([.5, .5, 1.])))
    with torch.no_grad():
        assert model(**data).depth.mean(dim=(1, 2)).tolist() == pytest.approx([20., 10.])


# Warp back to the original image.

def test_crop_is_restored_exactly_with_zeros_around():
    depth = torch.rand(20, 30)
    shift = np.array([[1., 0., -7.], [0., 1., -4.], [0., 0., 1.]])
    original = to_original(depth, shift, (40, 50))
    expected = torch.zeros(40, 50)
    expected[4:24, 7:37] = depth
    assert torch.equal(original, expected)


def test_enlarged_input_is_sampled_at_original_pixel_centres():
    """Scale 2: original centres lie on input pixel corners. Scale 3: on input pixel centres."""
    depth = torch.rand(12, 18)
    half = to_original(depth, np.diag([2., 2., 1.]), (6, 9))
    torch.testing.assert_close(half, depth.view(6, 2, 9, 2).mean(dim=(1, 3)))
    third = to_original(depth, np.diag([3., 3., 1.]), (4, 6))
    torch.testing.assert_close(third, depth[1::3, 1::3])


def test_linear_depth_is_restored_through_any_affine():
    """Bilinear interpolation is exact for depth that is linear in the image."""
    turn = .05
    affine = np.array([[.8 * math.cos(turn), -.8 * math.sin(turn), 3.],
                       [.8 * math.sin(turn), .8 * math.cos(turn), -2.], [0., 0., 1.]])
    v, u = torch.meshgrid(torch.arange(64.) + .5, torch.arange(96.) + .5, indexing='ij')
    original = to_original(3 + .1 * u + .2 * v, affine, (90, 140))
    y, x = np.mgrid[:90, :140] + .5
    u, v = (row[0] * x + row[1] * y + row[2] for row in affine[:2])
    inside = (u >= 0) & (u <= 96) & (v >= 0) & (v <= 64)
    centres = (u >= .5) & (u <= 95.5) & (v >= .5) & (v <= 63.5)
    assert .5 < inside.mean() < .95
    np.testing.assert_array_equal(original.numpy() > 0, inside)
    np.testing.assert_allclose(original.numpy()[centres], (3 + .1 * u + .2 * v)[centres],
                               rtol=1e-6)


def test_shrunken_input_covers_the_original_up_to_the_border():
    """Half an input pixel lies between the outermost centres and the border."""
    original = to_original(torch.full((5, 8), 9.), np.diag([.25, .25, 1.]), (20, 32))
    assert (original == 9).all()


# Acceleration.

@pytest.mark.parametrize('switches', [dict(channels_last=True), dict(bfloat16=True)])
def test_accelerated_training_has_the_same_losses(switches):
    def train(bfloat16=False, **other):
        model = build()
        accelerate(model, **other)
        wrapper = build_optim_wrapper(model, dict(
            type='AutocastOptimWrapper' if bfloat16 else 'OptimWrapper',
            optimizer=dict(type='Adam', lr=1e-3)))
        model.train()
        data = batch(sample(0), sample(1))
        return [model.train_step(copy.deepcopy(data), wrapper)['loss'].item() for _ in range(5)]

    np.testing.assert_allclose(train(**switches), train(), rtol=.05)
