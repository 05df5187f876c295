"""Single-frame and multi-frame depth that is learned from clips."""
import copy

import numpy as np
import pytest
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample
from mmengine.dataset import pseudo_collate

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.backbones import (
    SlimDLANet,
    TorchvisionBackbone,
    TorchvisionImageNetInit,
    first_maps,
    later_maps,
)
from mmdet3d_plugin.models.depth_estimators import ClipBatch, MultiFrameDepth, multi_frame_depth
from mmdet3d_plugin.self_supervision import (
    CostVolume,
    cost_volume,
    invert_motion,
    photometric_error,
    smoothness_loss,
)
from mmdet3d_plugin.structures.cameras import project

HEIGHT, WIDTH = 64, 96
CAMERA = np.array([[60., 0., 48., 3.], [0., 60., 32., .1], [0., 0., 1., .01], [0., 0., 0., 1.]])
DLA = dict(type='SlimDLANet', out_indices=(0, 1, 2, 3, 4), norm_cfg=dict(type='BN'))
DECODER = dict(type='DisparityDecoder', in_channels=(16, 32, 64, 128, 256),
               channels=(4, 4, 8, 8, 8), num_scales=2, depth_range=(.5, 50.))
TEACHER = dict(type='SingleFrameDepth', backbone=DLA, decode_head=DECODER)
PREPROCESSOR = dict(type='ClipPreprocessor', mean=.45, std=.225)


def build_single(**settings):
    torch.manual_seed(0)
    return MODELS.build(dict(TEACHER, data_preprocessor=PREPROCESSOR, **settings))


def build_multi(loss=None, **settings):
    torch.manual_seed(0)
    return MODELS.build(dict(dict(
        type='MultiFrameDepth', data_preprocessor=PREPROCESSOR, teacher=TEACHER, backbone=DLA,
        decode_head=DECODER, loss=loss or dict(type='MultiFrameLoss', automask_noise=0.),
        depth_bins=dict(num_bins=8, start=(1., 30.)), matching_channels=32), **settings))


def sample(seed=0, offsets=(0, -1, 1), motions=True, instances=0, **meta):
    """A clip of smooth random images. The camera moves 0.5 m forward per frame."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(len(offsets), 3, 8, 12, generator=generator)
    images = nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode='bicubic').clamp(0, 1)
    item = Det3DDataSample(metainfo={**dict(
        img_path=f'{seed}.png', frame=str(seed), clip_offsets=offsets, cam2img=CAMERA,
        clip_present=np.ones(len(offsets), bool), img_shape=(HEIGHT, WIDTH),
        ori_shape=(HEIGHT, WIDTH)), **meta})
    if motions:
        matrices = torch.eye(4).repeat(len(offsets), 1, 1)
        matrices[:, 2, 3] = -.5 * torch.tensor(offsets)
        item.set_field(matrices, 'clip_motions')
    maps = torch.zeros(len(offsets), HEIGHT, WIDTH, dtype=torch.long)
    for index in range(instances):
        for frame in range(len(offsets)):
            left = 10 + 40 * index + 3 * offsets[frame]
            maps[frame, 20:40, left:left + 20] = index + 1
    item.set_field(maps, 'instance_maps')
    item.set_field(torch.zeros(len(offsets), instances, dtype=torch.long), 'id_classes')
    return dict(inputs=dict(img=(255 * images).byte()), data_samples=item)


def batch(model, *samples, training=True):
    data = model.data_preprocessor(pseudo_collate(list(samples)), training)
    return data['inputs'], data['data_samples']


class FixedPose(nn.Module):
    """Pose network that returns one motion, and keeps its arguments."""

    def __init__(self, motion):
        super().__init__()
        self.motion = nn.Parameter(motion)
        self.calls = []

    def forward(self, earlier, later):
        self.calls.append((earlier, later))
        return self.motion.expand(len(earlier), 4, 4)


@pytest.mark.parametrize('build', [
    lambda: TorchvisionBackbone('resnet18', ['relu', 'layer1', 'layer2', 'layer3', 'layer4']),
    lambda: TorchvisionBackbone('mobilenet_v3_small', ['features.0', 'features.1', 'features.3']),
    lambda: SlimDLANet(norm_cfg=dict(type='BN'), out_indices=(0, 1, 2, 3, 4))])
def test_two_parts_of_a_backbone_equal_the_whole(build):
    backbone, images = build().eval(), torch.rand(2, 3, HEIGHT, WIDTH)
    whole = backbone(images)
    for count in (1, 2):
        first = first_maps(backbone, images, count)
        parts = (*first, *later_maps(backbone, first[-1], count))
        assert len(first) == count and len(parts) == len(whole)
        assert all(torch.equal(part, other) for part, other in zip(parts, whole))


def test_later_stages_read_the_given_map():
    backbone = TorchvisionBackbone('resnet18', ['relu', 'layer1', 'layer2']).eval()
    feature = torch.rand(1, 64, 8, 8)
    assert not torch.equal(*(later_maps(backbone, scale * feature, 2)[0] for scale in (1, 2)))


def test_backbone_without_stages_is_refused():
    with pytest.raises(InputError, match='Linear cannot be divided into stages'):
        first_maps(nn.Linear(1, 1), torch.rand(1, 3, 8, 8), 1)


def test_first_convolution_takes_two_images_with_averaged_weights():
    wide = TorchvisionBackbone('resnet18', ['layer1'], num_images=2)
    value = torch.rand(64, 3, 7, 7)
    own = TorchvisionImageNetInit('unused').own_value(value, wide.body.conv1.weight)
    image = torch.rand(1, 3, 16, 16)
    assert own.shape == wide.body.conv1.weight.shape
    # Two equal images give the response of one image to the public weights.
    assert torch.allclose(nn.functional.conv2d(torch.cat([image, image], 1), own),
                          nn.functional.conv2d(image, value), atol=1e-5)


def test_decoder_gives_every_scale_and_the_initial_depth():
    head = MODELS.build(dict(DECODER, initial_depth=10.))
    head.init_weights()
    for prediction in head.predictions:
        nn.init.zeros_(prediction.weight)
    maps = [torch.rand(2, channels, HEIGHT >> level, WIDTH >> level)
            for level, channels in enumerate(DECODER['in_channels'], start=1)]
    output = head(maps, (HEIGHT, WIDTH))
    assert [tuple(item.shape) for item in output.disparities] == [
        (2, 1, HEIGHT, WIDTH), (2, 1, HEIGHT // 2, WIDTH // 2)]
    assert torch.allclose(output.depth, torch.full((2, HEIGHT, WIDTH), 10.), rtol=1e-5)


@pytest.mark.parametrize('settings, message', [
    (dict(channels=(4, 4)), '5 in_channels, 2 channels'), (dict(num_scales=6), '6 scales'),
    (dict(depth_range=(2., 1.)), r'depth_range is \(2.0, 1.0\)'),
    (dict(initial_depth=60.), 'initial_depth is 60.0, expected a depth inside')])
def test_decoder_refuses_wrong_settings(settings, message):
    with pytest.raises(InputError, match=message):
        MODELS.build(dict(DECODER, **settings))


def test_camera_of_the_input_projects_to_input_pixels():
    affine = np.array([[.5, 0., -4.], [0., .25, 2.], [0., 0., 1.]])
    clip = ClipBatch.from_batch(dict(imgs=torch.zeros(1, 3, 3, HEIGHT, WIDTH)),
                                [sample(affine=affine)['data_samples']])
    point = np.array([1., -.5, 8.])
    u, v = project(point, CAMERA[:3])
    found = project(point, clip.cameras[0, :3].double().numpy())
    assert found == pytest.approx([.5 * u - 4, .25 * v + 2], abs=1e-4)


def test_length_unit_scales_motion_and_camera():
    inputs, item = dict(imgs=torch.zeros(1, 3, 3, HEIGHT, WIDTH)), sample()['data_samples']
    metres = ClipBatch.from_batch(inputs, [item])
    tens = ClipBatch.from_batch(inputs, [item], length_unit=10.)
    assert torch.allclose(10 * tens.motions[..., :3, 3], metres.motions[..., :3, 3])
    assert torch.equal(tens.motions[..., :3, :3], metres.motions[..., :3, :3])
    # A point in metres and the same point in units have the same pixel.
    point = np.array([1., -.5, 8.])
    assert project(point / 10, tens.cameras[0, :3].double().numpy()) == pytest.approx(
        project(point, metres.cameras[0, :3].double().numpy()), abs=1e-4)


def test_clips_with_other_offsets_in_a_batch_are_refused():
    model = build_single()
    inputs, items = batch(model, sample(), sample(1))
    items[1].set_metainfo(dict(clip_offsets=(0, -2, 1)))
    with pytest.raises(InputError, match=r'1.png: its clip has the frames \(0, -2, 1\)'):
        model(inputs, items, 'loss')


def test_pose_network_sees_frames_in_temporal_order():
    model = build_single()
    motion = torch.eye(4)
    motion[:3, 3] = torch.tensor([.1, .2, .3])
    model.pose_network = FixedPose(motion)
    inputs, items = batch(model, sample())
    clip = ClipBatch.from_batch(inputs, items)
    found = model.motions(clip)
    assert torch.allclose(found[1], motion[None]) and torch.allclose(
        found[-1], invert_motion(motion[None]))
    target, previous, following = inputs['imgs'].unbind(1)
    for (earlier, later), (first, second) in zip(
            model.pose_network.calls, [(previous, target), (target, following)]):
        assert torch.equal(earlier, first) and torch.equal(later, second)


def test_unknown_motion_without_a_pose_network_is_refused():
    model = build_single()
    with pytest.raises(InputError, match='model.pose_network is None'):
        model(*batch(model, sample(motions=False)), 'loss')


def constant_depth(model, depth):
    """Make a decoder predict one depth everywhere."""
    head = model.decode_head
    sigma = (1 / depth - 1 / head.max_depth) / (1 / head.min_depth - 1 / head.max_depth)
    for prediction in head.predictions:
        nn.init.zeros_(prediction.weight)
        nn.init.constant_(prediction.bias, float(np.log(sigma / (1 - sigma))))


def expected_warp(image, depth, forward):
    """Sample a neighbour for a plane at one depth, pixel by pixel with bilinear weights."""
    image, result = image.numpy(), np.zeros((3, HEIGHT, WIDTH))
    inverse = np.linalg.inv(CAMERA)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            w = depth + CAMERA[2, 3]
            point = inverse @ [(column + .5) * w, (row + .5) * w, w, 1]
            point[2] += forward
            u, v, divisor = (CAMERA @ point)[:3]
            x = np.clip(u / divisor - .5, 0, WIDTH - 1)
            y = np.clip(v / divisor - .5, 0, HEIGHT - 1)
            left, top = min(int(x), WIDTH - 2), min(int(y), HEIGHT - 2)
            a, b = x - left, y - top
            result[:, row, column] = (
                (1 - b) * ((1 - a) * image[:, top, left] + a * image[:, top, left + 1])
                + b * ((1 - a) * image[:, top + 1, left] + a * image[:, top + 1, left + 1]))
    return torch.from_numpy(result).float()[None]


def test_single_frame_loss_is_the_minimum_over_reconstructions():
    model = build_single(automask_noise=0., smoothness_weight=.5)
    constant_depth(model, 6.)
    inputs, items = batch(model, sample(3))
    losses = model(inputs, items, 'loss')
    target, previous, following = inputs['views'][0]
    warped = torch.cat([photometric_error(expected_warp(image, 6., forward), target[None])
                        for image, forward in ((previous, .5), (following, -.5))])
    unmoved = torch.cat([photometric_error(image[None], target[None])
                         for image in (previous, following)])
    error, limit = warped.amin(0), unmoved.amin(0)
    counted = error <= limit
    assert 0 < counted.float().mean() < 1
    assert losses['loss_photometric'].item() == pytest.approx(error[counted].mean().item(),
                                                              rel=1e-3)
    assert losses['loss_smoothness'].item() == pytest.approx(0, abs=1e-6)


def test_smoothness_has_the_weights_of_the_scales():
    model = build_single(smoothness_weight=.5)
    inputs, items = batch(model, sample(3))
    clip = ClipBatch.from_batch(inputs, items)
    losses, output = model(inputs, items, 'loss'), model.estimate(clip)
    coarse = nn.functional.avg_pool2d(clip.target, 2)
    expected = .5 * (smoothness_loss(output.disparities[0], clip.target)
                     + smoothness_loss(output.disparities[1], coarse) / 2) / 2
    assert losses['loss_smoothness'].item() == pytest.approx(expected.item(), rel=1e-4)


def test_prediction_is_in_metres_at_the_original_size():
    model = build_single(length_unit=10.).eval()
    constant_depth(model, 2.)
    affine = np.array([[.5, 0., 0.], [0., .5, -32.], [0., 0., 1.]])
    item, = model(*batch(model, sample(affine=affine, ori_shape=(192, 192)), training=False),
                  'predict')
    depth = item.pred_depth_map.data[0]
    assert depth.shape == (192, 192)
    # Rows above 64 of the original image lie outside of the input.
    assert (depth[:63] == 0).all() and torch.allclose(depth[65:], torch.tensor(20.))


def test_student_without_previous_frame_or_motion_has_no_costs():
    model = build_multi().eval()
    whole = sample(1, offsets=(0, -1))
    absent, still = copy.deepcopy(whole), copy.deepcopy(whole)
    absent['data_samples'].set_metainfo(dict(clip_present=np.array([True, False])))
    still['data_samples'].clip_motions[1] = torch.eye(4)
    alone = sample(1, offsets=(0,))
    depths = [model(*batch(model, item, training=False), 'predict')[0]
              for item in (alone, absent, still, whole)]
    single, *others = [item.pred_depth_map.data for item in depths]
    assert torch.equal(single, others[0]) and torch.equal(single, others[1])
    assert not torch.equal(single, others[2])
    assert not any('pred_motion' in item for item in depths)  # the motion is known


def test_predicted_motion_is_that_to_the_previous_frame_in_metres():
    model = build_multi(length_unit=10.).eval()
    motion = torch.eye(4)
    motion[:3, 3] = torch.tensor([0., .1, -.5])
    model.teacher.pose_network = FixedPose(motion)
    absent = sample(1, offsets=(0, -1), clip_present=np.array([True, False]))
    first, second = model(*batch(model, sample(0, offsets=(0, -1)), absent, training=False),
                          'predict')
    assert torch.allclose(first.pred_motion[:3, 3], torch.tensor([0., -1., 5.]))
    assert 'pred_motion' not in second


def test_equal_poses_up_to_rounding_are_no_motion():
    model = build_multi().eval()
    still, moved = sample(1, offsets=(0, -1)), sample(1, offsets=(0, -1))
    for item, change in ((still, 1e-7), (moved, 1e-3)):
        item['data_samples'].clip_motions[1] = torch.eye(4)
        item['data_samples'].clip_motions[1, 0, 1] = change
    clip = ClipBatch.from_batch(*batch(model, still, moved, training=False))
    assert model._lookup(clip, model.teacher.motions(clip)).valid.tolist() == [False, True]


def test_costs_are_computed_with_the_camera_of_the_feature_map(monkeypatch):
    """The stride of the matched map is 4: focal lengths and centre are divided by it."""
    model, found = build_multi().eval(), []

    def record(target, source, depths, cameras, motion, valid):
        found.append(cameras)
        return cost_volume(target, source, depths, cameras, motion, valid=valid)

    monkeypatch.setattr(multi_frame_depth, 'cost_volume', record)
    model(*batch(model, sample(1, offsets=(0, -1)), training=False), 'predict')
    expected = torch.from_numpy(CAMERA).float()
    expected[:2] /= 4
    assert torch.allclose(found[0], expected[None])


def test_predictions_of_a_batch_equal_those_of_single_clips():
    model = build_multi().eval()
    clips = [sample(seed, offsets=(0, -1)) for seed in range(3)]
    clips[1]['data_samples'].set_metainfo(dict(clip_present=np.array([True, False])))
    together = model(*batch(model, *clips, training=False), 'predict')
    for clip, item in zip(clips, together):
        alone, = model(*batch(model, clip, training=False), 'predict')
        assert torch.allclose(alone.pred_depth_map.data, item.pred_depth_map.data, rtol=1e-4)


def test_reliable_pixels_agree_with_the_teacher():
    model = build_multi(agreement=2.)
    matched = torch.tensor([[[10., 10., 10., 10.]]])
    confidence = torch.tensor([[[1., 1., 1., 0.]]])
    volume = CostVolume(torch.zeros(1, 8, 1, 4), confidence, matched)
    teacher = torch.tensor([[[4.9, 5.1, 19.9, 10.]]])
    assert model._reliable(volume, teacher).tolist() == [[[[0., 1., 1., 0.]]]]
    teacher = torch.tensor([[[20.1, 10., 10., 10.]]])
    assert model._reliable(volume, teacher).tolist() == [[[[0., 1., 1., 0.]]]]


@pytest.mark.parametrize('probabilities', [(1., 0.), (0., 1.), (0., 0.)])
def test_augmented_samples_follow_the_teacher_alone(probabilities):
    static, without = probabilities
    model = build_multi(static_prob=static, no_motion_prob=without)
    inputs, items = batch(model, sample())
    clip = ClipBatch.from_batch(inputs, items)
    lookup = model._lookup(clip, model.teacher.motions(clip))
    changed, augmented = model._augmented(clip, lookup)
    assert augmented.flatten().tolist() == [static + without == 1]
    assert changed.valid.tolist() == [without == 0]
    assert torch.equal(changed.images, clip.images[:, 0 if static else 1])
    if static + without:
        assert model(inputs, items, 'loss')['loss_student'].item() == 0


def test_augmentation_shares():
    model = build_multi(static_prob=.25, no_motion_prob=.5)
    clip = ClipBatch.from_batch(dict(imgs=torch.zeros(4000, 2, 3, 1, 1)),
                                [sample(offsets=(0, -1))['data_samples']] * 4000)
    clip.images[:, 1] = 1
    changed, augmented = model._augmented(clip, model._lookup(clip, model.teacher.motions(clip)))
    shares = [(changed.images[:, 0, 0, 0] == 0).float().mean().item(),
              (~changed.valid).float().mean().item(), augmented.float().mean().item()]
    assert shares == pytest.approx([.25, .5, .75], abs=.03)


def test_losses_of_the_student_train_neither_teacher_nor_motion():
    model = build_multi()
    motion = torch.eye(4)
    motion[2, 3] = -.5
    model.teacher.pose_network = FixedPose(motion)
    losses = model(*batch(model, sample(2)), 'loss')
    (losses['loss_student'] + losses['loss_consistency']).backward()
    assert all(parameter.grad is None for parameter in model.teacher.parameters())
    assert any(parameter.grad.abs().sum() > 0 for parameter in model.backbone.parameters())
    losses['loss_teacher'].backward()
    assert model.teacher.pose_network.motion.grad.abs().sum() > 0


def test_frozen_teacher_keeps_its_weights_statistics_and_bins():
    model = build_multi().train()
    model.freeze_teacher()
    model.train()
    assert model.training and model.backbone.training and not model.teacher.training
    before = copy.deepcopy({**model.teacher.state_dict(), **{
        f'bins.{name}': value for name, value in model.bins.state_dict().items()}})
    optimizer = torch.optim.Adam(model.parameters(), .01)
    losses = model(*batch(model, sample(4)), 'loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    optimizer.step()
    after = {**model.teacher.state_dict(), **{
        f'bins.{name}': value for name, value in model.bins.state_dict().items()}}
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_bins_follow_a_trained_teacher():
    model = build_multi(depth_bins=dict(num_bins=8, start=(1., 30.), momentum=.5)).train()
    constant_depth(model.teacher, 20.)
    model(*batch(model, sample(4)), 'loss')
    assert model.bins.min_depth.item() == pytest.approx((1 + .9 * 20) / 2, rel=1e-4)
    assert model.bins.max_depth.item() == pytest.approx((30 + 1.1 * 20) / 2, rel=1e-4)


def test_losses_are_means_over_scales_and_smoothness_is_that_of_both_networks():
    model = build_multi(static_prob=0., no_motion_prob=0., teacher=dict(
        TEACHER, smoothness_weight=.5)).train()
    inputs, items = batch(model, sample(4))
    clip = ClipBatch.from_batch(inputs, items)
    teacher, motions = model.teacher.estimate(clip), model.teacher.motions(clip)
    student, volume = model._estimate(clip, model._lookup(clip, motions))
    reliable = model._reliable(volume, teacher.depth)
    losses = model.objective_losses(clip, items, teacher, student, motions, reliable)
    scales = model._scales(clip, items, teacher, student, motions, reliable)
    for name in ('loss_teacher', 'loss_student', 'loss_consistency'):
        assert losses[name].item() == pytest.approx(
            sum(found[name].item() for found, _ in scales) / 2, rel=1e-5)
    coarse = nn.functional.avg_pool2d(clip.target, 2)
    expected = sum(.5 * (smoothness_loss(output.disparities[0], clip.target)
                         + smoothness_loss(output.disparities[1], coarse) / 2) / 2
                   for output in (teacher, student))
    assert losses['loss_smoothness'].item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize('settings, message', [
    (dict(loss=dict(type='MotionAwareLoss', depth_range=(.5, 50.))), 'needs masks of instances'),
    (dict(loss=dict(type='MotionAwareLoss', temporal=False)), 'depth_range differs'),
    (dict(decode_head=dict(DECODER, depth_range=(1., 50.))), 'depth_range differs'),
    (dict(loss_scales=0), 'loss_scales is 0')])
def test_parts_that_do_not_fit_together_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        build_multi(**settings)


def test_clip_without_a_neighbour_or_masks_is_refused_in_training():
    model = build_multi(motion_aware(), instances=dict(type='InstanceMatcher'))
    whole = sample(1)
    del whole['data_samples'].id_classes
    with pytest.raises(InputError, match='1.png: no masks of instances; add LoadClipInstances'):
        model(*batch(model, whole), 'loss')
    other = sample(1, instance_match='iou')
    with pytest.raises(InputError, match="has match='iou', but model.instances 'id'"):
        model(*batch(model, other), 'loss')
    broken = sample(2, clip_present=np.array([True, True, False]))
    for other in (model, build_single()):
        with pytest.raises(InputError, match='2.png: a neighbour of this frame is missing'):
            other(*batch(other, broken), 'loss')


def test_fewer_loss_scales_leave_coarse_predictions_untrained():
    model = build_multi(loss_scales=1)
    losses = model(*batch(model, sample(4)), 'loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    used, unused = model.decode_head.predictions
    assert used.weight.grad is not None and unused.weight.grad is None


def motion_aware(**settings):
    return dict(type='MotionAwareLoss', automask_noise=0., depth_range=DECODER['depth_range'],
                **settings)


def test_motion_aware_loss_without_instances_equals_the_base_exactly():
    """The temporal hint alone, on clips without movable instances."""
    clips = sample(5), sample(6)
    base = build_multi(static_prob=0., no_motion_prob=0.)
    hinted = build_multi(motion_aware(temporal=True, student_temporal=True, distil=False),
                         static_prob=0., no_motion_prob=0., instances=dict(type='InstanceMatcher'))
    found = [{name: value.item() for name, value in model(*batch(model, *clips), 'loss').items()
              if 'loss' in name} for model in (base, hinted)]
    assert found[0] == found[1]


def test_moved_instances_change_the_loss_of_the_teacher():
    clips = sample(5, instances=2), sample(6, instances=1)
    losses = []
    for temporal in (False, True):
        model = build_multi(motion_aware(temporal=temporal, distil=False),
                            instances=dict(type='InstanceMatcher'))
        losses.append(model(*batch(model, *clips), 'loss')['loss_teacher'].item())
    assert losses[1] < losses[0]


def test_motion_aware_loss_changes_no_prediction():
    """Weights and predictions of both losses have the same names and bits."""
    clip = sample(7, offsets=(0, -1))
    base = build_multi().eval()
    hinted = build_multi(motion_aware(motion_gate=dict(mode='hard'), balancer=dict()),
                         instances=dict(type='InstanceMatcher')).eval()
    assert base.state_dict().keys() == hinted.state_dict().keys()
    first, second = (model(*batch(model, clip, training=False), 'predict')[0].pred_depth_map.data
                     for model in (base, hinted))
    assert torch.equal(first, second)


def test_one_clip_is_overfitted_with_every_part_of_the_loss():
    model = build_multi(
        motion_aware(temporal=True, student_temporal=True, distil=True,
                     motion_gate=dict(mode='soft'), balancer=dict()),
        instances=dict(type='InstanceMatcher'), static_prob=0., no_motion_prob=0.)
    motion = torch.eye(4)
    motion[2, 3] = -.5
    model.teacher.pose_network = FixedPose(motion)
    model.objective.balancer.start_epoch(0)
    inputs, items = batch(model, sample(8, instances=2))
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    totals = []
    for _ in range(12):
        losses = model(inputs, items, 'loss')
        assert all(value.isfinite() for value in losses.values())
        total = sum(value for name, value in losses.items() if 'loss' in name)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert np.mean(totals[-3:]) < .9 * np.mean(totals[:3])


def test_pictures_get_every_intermediate_result():
    model = build_multi(motion_aware(motion_gate=dict(mode='hard')),
                        instances=dict(type='InstanceMatcher')).eval()
    inputs, items = batch(model, sample(9, instances=2), sample(10))
    first, second = model.motion_hints(inputs, items)
    assert first['instances'].shape == (2, HEIGHT, WIDTH) and len(second['instances']) == 0
    assert first['displacements'].shape == (2, 2) and first['gate'].shape == (2,)
    assert first['shifted'].keys() == first['warps'].keys() == {-1, 1}
    assert first['choice'].shape == first['teacher_depth'].shape == (HEIGHT, WIDTH)
    assert torch.equal(second['shifted'][1], second['warps'][1])


def test_clips_without_an_earlier_frame_are_refused_in_training():
    model = build_multi()
    with pytest.raises(InputError, match='no frame before the target'):
        model(*batch(model, sample(offsets=(0, 1))), 'loss')


def test_dense_parts_start_with_a_module_that_takes_the_images():
    model = build_multi()
    assert isinstance(model, MultiFrameDepth)
    assert next(iter(model.dense_parts().values())) is model.teacher.backbone
