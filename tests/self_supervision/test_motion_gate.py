"""Motion gate on sampling grids of known cameras."""
import pytest
import torch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.self_supervision import MotionGate, sampling_grid
from mmdet3d_plugin.self_supervision.motion_gate import centre_displacements
from mmdet3d_plugin.self_supervision.temporal_hint import (
    box_displacements,
    join_instances,
    shifts_to_target,
)

HEIGHT, WIDTH, FOCAL = 60, 120, 100.
DEPTH = 10.


def box(left, top, right, bottom):
    mask = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)
    mask[top:bottom + 1, left:right + 1] = True
    return mask


def join(*boxes):
    """One clip; boxes are pairs (earlier, later)."""
    masks = [torch.stack([box(*pair[side]) for pair in boxes]) for side in (0, 1)]
    return join_instances([tuple(masks)], torch.zeros(1, 3, HEIGHT, WIDTH))


def sideways(step, batch_size=1):
    """Camera that moves to the right: a static point moves by -FOCAL * step / depth per frame."""
    cam2img = torch.tensor([[FOCAL, 0, WIDTH / 2, 0], [0, FOCAL, HEIGHT / 2, 0], [0, 0, 1, 0],
                            [0, 0, 0, 1]]).expand(batch_size, 4, 4)

    def warp_fn(depth):
        grids = {}
        for offset in (-1, 1):
            motion = torch.eye(4).repeat(batch_size, 1, 1)
            motion[:, 0, 3] = -step * offset
            grids[offset] = sampling_grid(depth, cam2img, motion)
        return dict(grids=grids)
    return warp_fn


def run(gate, instances, warp_fn, depth=None, method='forward'):
    if depth is None:
        depth = torch.full((1, 1, HEIGHT, WIDTH), DEPTH)
    shifts = shifts_to_target(box_displacements(instances.earlier, instances.later))
    return getattr(gate, method)(instances, shifts, depth, warp_fn(depth)['grids'], warp_fn)


def test_residual_is_the_displacement_that_no_depth_within_the_slack_explains():
    """A static point moves by -200 / depth pixels between both frames; -20 at 10 m.

    With slack 2 the difference goes from -20 (true depth 5 m) to +10 (true depth 20 m).
    """
    start = (50, 20, 69, 39)

    def pair(u, v):
        return start, (50 + u, 20 + v, 69 + u, 39 + v)

    instances = join(*(pair(*motion) for motion in (
        (0, 0), (-20, 0), (-12, 0), (10, 0), (-23, 0), (14, 0), (-12, 5), (14, 3))))
    gate = MotionGate(depth_slack=2.)
    for factors in (3, 5):
        gate.num_factors = factors
        residuals = run(gate, instances, sideways(1.), method='residuals')
        torch.testing.assert_close(residuals, torch.tensor([0., 0, 0, 0, 3, 4, 5, 5]), rtol=1e-4,
                                   atol=1e-4)
    assert run(gate, instances, sideways(1.)).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_slack_1_compares_with_the_current_depth():
    instances = join(((50, 20, 69, 39), (53, 24, 72, 43)), ((50, 20, 69, 39), (50, 21, 69, 40)))
    gate = MotionGate(depth_slack=1., tolerance=1.5)
    assert run(gate, instances, sideways(1.), method='residuals').tolist() == [5, 1]
    assert run(gate, instances, sideways(1.)).tolist() == [1, 0]


def test_static_instance_is_recognised_without_camera_motion():
    instances = join(((50, 20, 69, 39), (50, 20, 69, 39)), ((50, 20, 69, 39), (56, 20, 75, 39)))
    assert run(MotionGate(), instances, sideways(0.)).tolist() == [0, 1]


def test_prediction_uses_the_depth_of_the_pixels_between_both_masks():
    """At 5 m twice the parallax: half of the depth range of 10 m explains 40 px, not 20."""
    depth = torch.full((1, 1, HEIGHT, WIDTH), 1000.)
    depth[..., 20:40, 40:60] = 5.  # midway between both boxes
    instances = join(((55, 20, 74, 39), (25, 20, 44, 39)))
    gate = MotionGate(depth_slack=2.)
    assert run(gate, instances, sideways(1.), depth, 'residuals').item() < 1e-4
    depth[..., 20:40, 40:60] = 10.
    torch.testing.assert_close(run(gate, instances, sideways(1.), depth, 'residuals'),
                               torch.tensor([10.]), rtol=1e-4, atol=1e-4)


def test_instances_use_the_grids_of_their_clip():
    depth = torch.tensor([5., 10.]).view(2, 1, 1, 1).expand(2, 1, HEIGHT, WIDTH)
    earlier, later = box(70, 20, 89, 39)[None], box(36, 20, 55, 39)[None]  # 34 px to the left
    instances = join_instances([(earlier, later)] * 2, depth)
    gate = MotionGate(depth_slack=2.)
    assert run(gate, instances, sideways(1., 2), depth).tolist() == [0, 1]


def test_soft_gate_is_a_sigmoid_around_the_tolerance():
    instances = join(*(((50, 20, 69, 39), (50, 20 + v, 69, 39 + v)) for v in (0, 2, 3, 8)))
    gate = MotionGate('soft', tolerance=2., depth_slack=1., softness=.5)
    expected = torch.sigmoid(torch.tensor([-4., 0., 2., 12.]))
    torch.testing.assert_close(run(gate, instances, sideways(1.)), expected)


def test_displacement_is_that_of_the_centre_or_of_the_free_edge():
    instances = join(((50, 20, 69, 39), (46, 18, 75, 43)),   # growing: -4, 6 and -2, 4
                     ((0, 20, 9, 39), (0, 20, 15, 39)),      # cut at the left
                     ((100, 50, 119, 59), (110, 40, 119, 59)),  # cut at the right and below
                     ((0, 20, 119, 39), (0, 20, 119, 39)))   # cut at both sides
    assert centre_displacements(instances).tolist() == [[1, 1], [6, 0], [10, -10], [0, 0]]


def test_points_behind_the_camera_keep_the_residual_finite():
    def warp_fn(depth):
        grid = torch.full((1, HEIGHT, WIDTH, 2), 1e30) / depth.permute(0, 2, 3, 1) ** 9
        return dict(grids={-1: -grid, 1: grid})
    instances = join(((50, 20, 69, 39), (46, 18, 75, 43)))
    assert run(MotionGate(), instances, warp_fn, method='residuals').isfinite().all()


def test_weights_have_no_gradient():
    depth = torch.full((1, 1, HEIGHT, WIDTH), DEPTH, requires_grad=True)
    instances = join(((50, 20, 69, 39), (54, 20, 73, 39)))
    assert not run(MotionGate('soft'), instances, sideways(1.), depth).requires_grad


def test_unusable_options_are_named():
    for options in (dict(mode='off'), dict(tolerance=0.), dict(depth_slack=.9),
                    dict(num_factors=4), dict(num_factors=1), dict(softness=0.)):
        with pytest.raises(InputError, match=next(iter(options))):
            MotionGate(**options)
