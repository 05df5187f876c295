"""Losses of a textured rectangle in front of a textured plane, swept over candidate depths.

A camera (focal length 400 pixels) sees a rectangle of 2.4 x 2 m at 10 m before a plane at 40 m.
The depth of the candidates covers the rectangle and 60 pixels around it; the rest has its true
depth. Losses are means over the rectangle's pixels in the target frame. The masks of the
rectangle are warped with the images. All candidates are one batch.
"""
from functools import cache
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F

from mmdet3d_plugin.self_supervision import (
    MotionAwareLoss,
    MultiFrameLoss,
    box_displacements,
    join_instances,
    minimum_error,
    moved_images,
    photometric_error,
    sampling_grid,
    shifts_to_target,
    warp,
)

SIZE = HEIGHT, WIDTH = 192, 352
FOCAL, WAVELENGTH = 400., 40.  # pixels
PLANE, RECTANGLE = 40., 10.    # metres
DEPTHS = torch.tensor([5., 6, 7, 8, 9, 9.5, 10, 10.5, 11, 12, 15, 18, 20, 22, 30, 80])
CAMERA = torch.tensor([[FOCAL, 0, WIDTH / 2, 0], [0, FOCAL, HEIGHT / 2, 0], [0, 0, 1, 0],
                       [0, 0, 0, 1]])


def texture(x, y, seed, depth):
    """Smooth noise (3, H, W) at points in metres, with 40 pixels per wave at a depth."""
    colours = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    cell = WAVELENGTH / 2 * depth / FOCAL
    grid = torch.stack([x, y], -1)[None] / cell / 32
    return F.grid_sample(colours, grid, mode='bicubic', padding_mode='reflection',
                         align_corners=False)[0].clamp(0, 1)


def render(camera, rectangle):
    """Image (3, H, W) and mask (H, W) of a camera and a rectangle at positions (3,), metres."""
    v, u = torch.meshgrid(torch.arange(HEIGHT) + .5, torch.arange(WIDTH) + .5, indexing='ij')
    ray_x, ray_y = (u - WIDTH / 2) / FOCAL, (v - HEIGHT / 2) / FOCAL
    z = PLANE - camera[2]
    image = texture(ray_x * z + camera[0], ray_y * z + camera[1], 4, PLANE)
    x, y, z = rectangle - camera
    x, y = ray_x * z - x, ray_y * z - y
    mask = (x.abs() < 1.2) & (y.abs() < 1.)
    return torch.where(mask, texture(x, y, 5, RECTANGLE), image), mask


CANDIDATES = tuple(DEPTHS.tolist())


class Clips:
    """One clip per candidate depth; steps of camera and object in metres per frame."""

    def __init__(self, camera_step, object_step, centre=(0., 0.), depths=CANDIDATES):
        self.step, object_step = torch.tensor(camera_step), torch.tensor(object_step)
        start = torch.tensor([*centre, RECTANGLE])
        frames = {offset: render(self.step * offset, start + object_step * offset)
                  for offset in (-1, 0, 1)}
        target, self.footprint = frames.pop(0)
        self.count = len(depths)
        self.target = target.expand(self.count, 3, *SIZE)
        self.sources = {offset: image.expand(self.count, 3, *SIZE)
                        for offset, (image, _) in frames.items()}
        around = self.footprint[None, None].float()
        for kernel, padding in (((121, 1), (60, 0)), ((1, 121), (0, 60))):
            around = F.max_pool2d(around, kernel, 1, padding)
        depth = torch.where(around > 0, torch.tensor(depths).view(-1, 1, 1, 1), PLANE)
        self.network = dict(depth=depth, disp=1 / depth, **self.warp(depth))
        self.masks = [warp(mask.expand(self.count, 1, *SIZE).float(),
                           self.network['grids'][offset], 'nearest', 'zeros') > .5
                      for offset, (_, mask) in frames.items()]

    def warp(self, depth):
        grids = {}
        for offset in self.sources:
            motion = torch.eye(4).repeat(self.count, 1, 1)
            motion[:, :3, 3] = -self.step * offset
            grids[offset] = sampling_grid(depth, CAMERA.expand(self.count, 4, 4), motion)
        return dict(grids=grids, warps={offset: warp(self.sources[offset], grid)
                                        for offset, grid in grids.items()})

    def losses(self, loss):
        return loss(self.target, self.sources, self.network, self.network, self.warp,
                    torch.zeros(self.count, 1, *SIZE), dict(teacher=list(zip(*self.masks))))


class Sweep(NamedTuple):
    """Losses per candidate depth."""
    base: torch.Tensor  # minimum over both warped images
    shifted: torch.Tensor  # minimum over both images of the hint
    hint: torch.Tensor  # minimum over all four

    def at(self, name, depth):
        return getattr(self, name)[depth == DEPTHS].item()

    def best(self, name):
        return DEPTHS[getattr(self, name).argmin()].item()


@cache
def sweep(camera_step, object_step, centre=(0., 0.)):
    clips = Clips(camera_step, object_step, centre)
    images = list(clips.network['warps'].values())
    instances = join_instances(list(zip(*clips.masks)), clips.target)
    shifts = shifts_to_target(box_displacements(instances.earlier, instances.later))
    images.extend(moved_images(*images, instances, shifts, torch.ones(clips.count)))
    errors = [photometric_error(image, clips.target) for image in images]
    return Sweep(*(minimum_error(part)[:, 0, clips.footprint].mean(1)
                   for part in (errors[:2], errors[2:], errors)))


def gated(camera_step, object_step, centre=(0., 0.), depths=(6., 8., 10., 12., 17.),
          depth_slack=1.8):
    """Results of the base, with the hint of all instances, and with the gated hint."""
    clips = Clips(camera_step, object_step, centre, depths)
    options = dict(distil=False, automask_noise=0.)
    return [clips.losses(loss) for loss in (
        MultiFrameLoss(automask_noise=0.), MotionAwareLoss(**options),
        MotionAwareLoss(**options, motion_gate=dict(type='MotionGate',
                                                    depth_slack=depth_slack)))]


SIDEWAYS = (.5, 0., 0.), (.25, 0., 0.)  # camera and crossing object, metres per frame
STANDING = (.5, 0., 0.), (0., 0., 0.)
FORWARD = (0., 0., 2.), (.25, 0., 0.)


def test_sideways_camera_the_base_takes_the_motion_for_a_larger_depth():
    """The object's displacement relative to the camera is that of Z t / (t - V) = 20 m."""
    found = sweep(*SIDEWAYS)
    assert found.best('base') == pytest.approx(RECTANGLE * .5 / (.5 - .25), rel=.1)
    assert found.at('base', 10.) > .1 > .02 > found.at('base', 20.)


def test_sideways_camera_the_hint_removes_the_wrong_supervision():
    """The moved images match at every depth, so the smallest loss says nothing."""
    found = sweep(*SIDEWAYS)
    assert found.at('shifted', 10.) < .2 * found.at('base', 10.)
    assert found.shifted.max() < .15 * found.base.max()
    assert found.shifted.max() < .016


@pytest.mark.parametrize('centre', [(0., 0.), (.8, .2)])
def test_forward_camera_the_hint_finds_the_depth_of_a_crossing_object(centre):
    found = sweep(*FORWARD, centre)
    assert found.best('base') < 8
    assert found.best('hint') == pytest.approx(RECTANGLE, rel=.1)
    assert found.at('hint', 10.) < .1 * found.at('base', 10.)


def test_forward_camera_of_half_the_speed_finds_nearly_the_depth():
    found = sweep((0., 0., 1.), (.25, 0., 0.))
    assert found.best('hint') == pytest.approx(RECTANGLE, rel=.2)


def test_static_object_at_its_depth_needs_no_hint():
    found = sweep(*STANDING)
    assert found.best('base') == RECTANGLE
    assert found.at('hint', 10.) == found.at('base', 10.)


def test_hint_without_gate_flattens_the_loss_of_a_static_object_at_a_wrong_depth():
    found = sweep(*STANDING)
    assert found.at('base', 6.) > .14 and found.at('hint', 6.) < .015


def test_gate_keeps_the_loss_of_a_static_object_at_a_wrong_depth():
    """Candidates from 6 to 17 m are within the slack of 1.8 of the true 10 m."""
    (base, base_aux), (_, plain_aux), (losses, aux) = gated(*STANDING)
    assert torch.cat(aux['gate']).tolist() == [0] * 5 and aux['logs']['motion_gated'] == 1
    assert torch.equal(aux['error_teacher'], base_aux['error_teacher'])
    assert all(torch.equal(losses[name], value) for name, value in base.items())
    assert torch.cat(plain_aux['gate']).tolist() == [1] * 5
    assert (plain_aux['error_teacher'] < base_aux['error_teacher']).flatten(1).any(1).tolist() \
        == [True, True, False, True, True]


@pytest.mark.parametrize('camera_step,centre', [
    ((0., 0., 2.), (0., 0.)), ((0., 0., 2.), (2., .8)), ((0., 0., 1.), (-2., .8))])
def test_gate_recognises_static_objects_of_a_forward_camera(camera_step, centre):
    _, _, (_, aux) = gated(camera_step, (0., 0., 0.), centre)
    assert torch.cat(aux['gate']).tolist() == [0] * 5


@pytest.mark.parametrize('camera_step', [FORWARD[0], (0., 0., 1.), SIDEWAYS[0]])
def test_gate_keeps_the_hint_of_a_crossing_object(camera_step):
    _, (_, plain), (_, aux) = gated(camera_step, FORWARD[1], depths=(8., 9., 10.))
    assert torch.cat(aux['gate']).tolist() == [1] * 3 and aux['logs']['motion_gated'] == 0
    assert torch.equal(aux['error_teacher'], plain['error_teacher'])


def test_gate_takes_a_motion_that_looks_like_a_wrong_depth_for_one():
    """The sideways object has the false depth of 20 m: a slack of 2.1 explains its motion."""
    for slack, gate in ((1.8, 1), (2.1, 0)):
        _, _, (_, aux) = gated(*SIDEWAYS, depths=(10., ), depth_slack=slack)
        assert aux['gate'][0].tolist() == [gate]
