"""Motion-aware loss: equality with the base without instances, results, options, no waiting."""
import pytest
import torch
from engine.test_no_waiting import DeviceFollower, tensors_of
from mmdet3d.registry import MODELS

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.self_supervision import (
    MotionAwareLoss,
    MultiFrameLoss,
    disparity_to_depth,
    sampling_grid,
    warp,
)

HEIGHT, WIDTH = 32, 64
CAMERA = torch.tensor([[60., 0, WIDTH / 2, 0], [0, 60, HEIGHT / 2, 0], [0, 0, 1, 0],
                       [0, 0, 0, 1]])


def box(left, top, right, bottom):
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[top:bottom + 1, left:right + 1] = True
    return mask


def pairs(*boxes):
    """(L, N) of one clip from pairs of boxes."""
    if not boxes:
        return torch.zeros(2, 0, HEIGHT, WIDTH, dtype=torch.bool).unbind()
    return tuple(torch.stack([box(*pair[side]) for pair in boxes]) for side in (0, 1))


MOVING = ((20, 10, 35, 20), (26, 10, 41, 20))
STILL = ((20, 10, 35, 20), (20, 10, 35, 20))
ABSENT = ((20, 10, 35, 20), (1, 1, 0, 0))


def smooth_noise(*shape, generator=None):
    coarse = torch.rand(*shape[:-2], 5, 9, generator=generator)
    return torch.nn.functional.interpolate(coarse, shape[-2:], mode='bicubic').clamp(0, 1)


class Clips:
    """Two clips: images, disparities of both networks, and a camera that moves sideways."""

    def __init__(self, dtype=torch.float32):
        generator = torch.Generator().manual_seed(0)
        self.target, *sources = (smooth_noise(2, 3, HEIGHT, WIDTH, generator=generator).to(dtype)
                                 for _ in range(3))
        self.sources = dict(zip((-1, 1), sources))
        self.disparities = [
            (.01 + .02 * smooth_noise(2, 1, HEIGHT, WIDTH, generator=generator)).to(dtype)
            .requires_grad_() for _ in range(2)]
        self.reliable = (torch.rand(2, 1, HEIGHT, WIDTH, generator=generator) < .5).to(dtype)

    def warp_fn(self, depth):
        grids = {}
        for offset in self.sources:
            motion = torch.eye(4, dtype=depth.dtype).repeat(2, 1, 1)
            motion[:, 0, 3] = -.3 * offset
            grids[offset] = sampling_grid(depth, CAMERA.to(depth).expand(2, 4, 4), motion)
        return dict(grids=grids, warps={offset: warp(self.sources[offset], grid)
                                        for offset, grid in grids.items()})

    def run(self, loss, instances, seed=0):
        torch.manual_seed(seed)
        networks = []
        for disparity in self.disparities:
            depth = disparity_to_depth(disparity, (.1, 100.))
            networks.append(dict(disp=disparity, depth=depth, **self.warp_fn(depth)))
        self.networks = networks
        return loss(self.target, self.sources, *networks, self.warp_fn, self.reliable, instances)

    def gradients(self, losses):
        return torch.autograd.grad(sum(losses.values()), self.disparities)


@pytest.fixture
def clips():
    return Clips()


def both(first, second):
    return dict(teacher=[first, second], student=[first, second])


@pytest.mark.parametrize('instances', [
    None, both(pairs(), pairs()), both(pairs(ABSENT, ABSENT), pairs()),
    both(pairs(STILL), pairs()), both(pairs(), pairs(STILL, ABSENT))],
    ids=['none', 'no instances', 'empty masks', 'no displacement', 'mixed'])
@pytest.mark.parametrize('overlap', ['sum', 'mean', 'first'])
def test_losses_equal_the_base_bit_for_bit_without_moving_instances(clips, instances, overlap):
    expected, expected_aux = clips.run(MultiFrameLoss(), instances)
    expected_gradients = clips.gradients(expected)
    loss = MotionAwareLoss(student_temporal=True, distil=False, overlap=overlap)
    losses, aux = clips.run(loss, instances)
    assert list(losses) == list(expected)
    for name, value in losses.items():
        assert torch.equal(value, expected[name]), name
    for name in ('error_teacher', 'error_student'):
        assert torch.equal(aux[name], expected_aux[name])
    for found, gradient in zip(clips.gradients(losses), expected_gradients):
        torch.testing.assert_close(found, gradient)
    if instances is not None:
        for prefix, network in zip(('', 'student_'), clips.networks):
            for offset, image in aux[prefix + 'shifted'].items():
                assert torch.equal(image, network['warps'][offset])


def test_distillation_adds_its_loss_and_nothing_else(clips):
    expected, _ = clips.run(MultiFrameLoss(), None)
    losses, aux = clips.run(MotionAwareLoss(), None)
    distil = losses.pop('loss_distil')
    assert distil > 0 and all(torch.equal(losses[name], value)
                              for name, value in expected.items())
    assert set(aux['choice'].unique().tolist()) == {0, 1, 2}
    shares = [aux['logs'][f'share_{name}'] for name in ('teacher', 'average', 'student')]
    assert sum(shares).item() == pytest.approx(1)
    # The error of the average, worked out here.
    depth = 1 / (.01 + 9.99 * (clips.disparities[0] + clips.disparities[1]) / 2)
    average = {-1: None, 1: None}
    images = clips.warp_fn(depth)['warps']
    for offset in average:
        view = dict(disp=None, depth=depth, warps={offset: images[offset]})
        average[offset] = MultiFrameLoss()(clips.target, clips.sources, view, view, None,
                                           clips.reliable)[1]['error_teacher']
    errors = torch.cat([aux['error_teacher'], torch.minimum(average[-1], average[1]),
                        aux['error_student']], 1)
    assert torch.equal(errors.argmin(1, keepdim=True), aux['choice'])


def test_hint_adds_two_images_to_the_minimum_of_the_teacher(clips):
    instances = both(pairs(MOVING), pairs())
    base = clips.run(MultiFrameLoss(), None)[1]
    _, aux = clips.run(MotionAwareLoss(), instances)
    assert torch.equal(aux['error_student'], base['error_student'])
    assert torch.equal(aux['error_teacher'][1], base['error_teacher'][1])
    extra = []
    for image in aux['shifted'].values():
        view = dict(depth=torch.ones(2, 1, HEIGHT, WIDTH), warps={0: image})
        extra.append(MultiFrameLoss()(clips.target, clips.sources, view, view, None,
                                      clips.reliable)[1]['error_teacher'])
    expected = torch.cat([base['error_teacher'], *extra], 1).amin(1, keepdim=True)
    assert torch.equal(aux['error_teacher'], expected)
    assert (expected < base['error_teacher']).sum() > 20
    assert [shift.tolist() for shift in aux['displacement']] == [[[3, 0]], []]
    assert [gate.tolist() for gate in aux['gate']] == [[1], []]
    # Shifted by 3 pixels, the earlier image shows column 25 at column 28.
    assert torch.equal(aux['shifted'][-1][0, :, 12, 28],
                       clips.networks[0]['warps'][-1][0, :, 12, 25])
    assert torch.equal(aux['shifted'][1][0, :, 12, 28],
                       clips.networks[0]['warps'][1][0, :, 12, 31])


def test_hint_of_the_student_has_results_of_its_own(clips):
    instances = dict(teacher=[pairs(), pairs()], student=[pairs(), pairs(STILL, MOVING)])
    loss = MotionAwareLoss(student_temporal=True)
    base = clips.run(MultiFrameLoss(), None)[1]
    _, aux = clips.run(loss, instances)
    assert torch.equal(aux['error_teacher'], base['error_teacher'])
    assert (aux['error_student'] < base['error_student']).any()
    assert [shift.tolist() for shift in aux['student_displacement']] == [[], [[0, 0], [3, 0]]]
    assert aux['logs']['student_motion_gated'] == 0 and aux['logs']['motion_gated'] == 0


def test_error_of_a_moved_pixel_trains_the_depth_before_the_shift():
    """Finite differences: the pixel's error depends on the depth 3 columns aside alone."""
    clips = Clips(torch.float64)
    instances = both(pairs(MOVING), pairs())
    row, column, shift = 12, 28, 3
    # Make the moved earlier image the best one at this pixel.
    _, aux = clips.run(MotionAwareLoss(ssim_weight=0., distil=False), instances)
    clips.target[0, :, row, column] = aux['shifted'][-1][0, :, row, column].detach() + .01
    loss = MotionAwareLoss(ssim_weight=0., distil=False)

    def error():
        return clips.run(loss, instances)[1]['error_teacher'][0, 0, row, column]

    gradient, = torch.autograd.grad(error(), clips.disparities[0])
    assert gradient.nonzero().tolist() == [[0, 0, row, column - shift]]
    disparity = clips.disparities[0].detach().clone()
    for offset in range(-shift, shift + 1):
        values = []
        for sign in (1, -1):
            step = torch.zeros_like(disparity)
            step[0, 0, row, column + offset] = sign * 1e-6
            clips.disparities[0] = disparity + step
            values.append(error().item())
        numeric = (values[0] - values[1]) / 2e-6
        assert numeric == pytest.approx(gradient[0, 0, row, column + offset].item(), rel=1e-3)
        assert (abs(numeric) > 1e-3) == (offset == -shift)


def test_gate_leaves_static_instances_out(clips):
    base = clips.run(MultiFrameLoss(), None)[0]
    instances = both(pairs(MOVING, ABSENT), pairs(STILL))
    for options, shares in ((dict(tolerance=100.), [0, 0, 0]), (dict(tolerance=1.), [1, 0, 0])):
        loss = MotionAwareLoss(distil=False, motion_gate=dict(
            type='MotionGate', depth_slack=1., **options))
        losses, aux = clips.run(loss, instances)
        assert torch.cat(aux['gate']).tolist() == shares
        assert torch.equal(losses['loss_teacher'], base['loss_teacher']) != any(shares)
        # The absent instance counts neither as gated nor as moving.
        assert aux['logs']['motion_gated'].item() == (2 - sum(shares)) / 2
    soft = MotionAwareLoss(distil=False, motion_gate=dict(mode='soft', tolerance=6., softness=1.,
                                                          depth_slack=1.))
    _, aux = clips.run(soft, both(pairs(MOVING), pairs()))
    _, full = clips.run(MotionAwareLoss(distil=False), both(pairs(MOVING), pairs()))
    for offset, image in aux['shifted'].items():
        plain = clips.networks[0]['warps'][offset]
        torch.testing.assert_close(image, plain + .5 * (full['shifted'][offset] - plain))


@pytest.mark.parametrize('options', [
    {}, dict(overlap='mean', paste_clip=False, min_shift=3),
    dict(overlap='first', average='depth', target_gradient=False),
    dict(dual_distil=True, candidates=('teacher', 'student'), balancer=dict(),
         motion_gate=dict(mode='soft', depth_slack=1.5))])
def test_host_does_not_wait_for_the_device(clips, options):
    loss = MotionAwareLoss(student_temporal=True, **options)
    if loss.balancer is not None:
        loss.balancer.start_epoch(0)
    instances = both(pairs(MOVING, STILL, ABSENT), pairs())
    inputs = [clips.target, clips.sources, clips.disparities, clips.reliable, instances,
              list(loss.buffers())]
    with DeviceFollower(tensors_of(inputs)) as follower:
        losses, aux = clips.run(loss, instances)
        total = sum(value for name, value in loss.combine(losses).items() if 'loss' in name)
        torch.autograd.grad(total, clips.disparities)
    assert not follower.waiting
    assert not [name for name in aux['logs'] if 'loss' in name]


def test_registered_with_its_parts():
    loss = MODELS.build(dict(
        type='MotionAwareLoss', ssim_weight=.8, automask_noise=0., motion_gate=dict(tolerance=3.),
        balancer=dict(type='LossBalancer', factor=1.)))
    assert (loss.ssim_weight, loss.motion_gate.tolerance, loss.balancer.factor) == (.8, 3., 1.)
    # The state of the balancer is none of the weights: LossBalancerHook stores it.
    assert not loss.state_dict() and loss.balancer.get_state()


def test_unusable_options_are_named():
    for options, message in (
            (dict(candidates=('teacher', )), 'choose two or more'),
            (dict(candidates=('teacher', 'median')), 'choose two or more'),
            (dict(overlap='max'), "overlap='max' is unknown"),
            (dict(average='log'), "average='log' is unknown"),
            (dict(distil=False, balancer=dict()), 'balancer needs the distillation loss'),
            (dict(dual_distil=True), "leave 'average' out"),
            (dict(dual_distil=True, target_gradient=False, candidates=('teacher', 'student')),
             'dual_distil passes the gradient')):
        with pytest.raises(InputError, match=message):
            MotionAwareLoss(**options)


def test_unusable_inputs_are_named(clips):
    with pytest.raises(InputError, match='warped images of the student are missing'):
        clips.run(MotionAwareLoss(student_temporal=True), dict(teacher=[pairs(), pairs()]))
    for offsets in ((1, -1), (-2, 1), (-1, )):
        clips.sources = {offset: clips.sources.get(offset, clips.target) for offset in offsets}
        with pytest.raises(InputError, match='needs an earlier and a later frame'):
            clips.run(MotionAwareLoss(), both(pairs(), pairs()))
