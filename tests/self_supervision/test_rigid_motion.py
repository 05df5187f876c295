"""Rigid motions against the formula of a unit axis and matrix inverses."""
import math

import pytest
import torch

from mmdet3d_plugin.self_supervision import axis_angle_to_rotation, invert_motion, motion_matrix

AXIS = torch.tensor([[.48, -.6, .64]], dtype=torch.float64)
ANGLES = [0., 1e-12, 1e-6, 1e-3, .0099999, .0100001, .1, 1., 3., math.pi, 5.]


def skew(vector):
    x, y, z = vector.tolist()
    return torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=vector.dtype)


@pytest.mark.parametrize('angle', ANGLES)
def test_rotation_about_a_unit_axis(angle):
    cross = skew(AXIS[0])
    expected = (torch.eye(3, dtype=torch.float64) + math.sin(angle) * cross
                + (1 - math.cos(angle)) * cross @ cross)
    rotation = axis_angle_to_rotation(angle * AXIS)[0]
    torch.testing.assert_close(rotation, expected, rtol=0, atol=2e-15)
    single = axis_angle_to_rotation((angle * AXIS).float())[0]
    torch.testing.assert_close(single, expected.float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize('axis_angle, point, rotated', [
    ([math.pi / 2, 0, 0], [0, 1, 0], [0, 0, 1]), ([0, math.pi / 2, 0], [0, 0, 1], [1, 0, 0]),
    ([0, 0, math.pi / 2], [1, 0, 0], [0, 1, 0]), ([0, 0, math.pi / 6], [2, 0, 5], [3 ** .5, 1, 5]),
])
def test_quarter_turns_are_right_handed(axis_angle, point, rotated):
    rotation = axis_angle_to_rotation(torch.tensor([axis_angle]))[0]
    assert (rotation @ torch.tensor(point).float()).tolist() == pytest.approx(rotated, abs=1e-6)


def test_zero_vector_is_exactly_the_identity_with_a_finite_gradient():
    zero = torch.zeros(2, 3, requires_grad=True)
    rotation = axis_angle_to_rotation(zero)
    assert torch.equal(rotation, torch.eye(3).expand(2, 3, 3))
    # Near zero the rotation is the identity plus the cross product.
    rotation[:, 2, 1].sum().backward()
    assert zero.grad.tolist() == [[1., 0., 0.]] * 2


@pytest.mark.parametrize('angle', [0., 1e-4, .02, 2.])
def test_gradients(angle):
    axis_angle = (angle * AXIS).requires_grad_()
    assert torch.autograd.gradcheck(axis_angle_to_rotation, axis_angle)
    assert torch.autograd.gradgradcheck(axis_angle_to_rotation, axis_angle)


def test_gradient_is_continuous_where_the_series_ends():
    jacobians = [torch.autograd.functional.jacobian(axis_angle_to_rotation, angle * AXIS)
                 for angle in (.01 - 1e-15, .01 + 1e-15)]
    torch.testing.assert_close(*jacobians, rtol=0, atol=1e-13)


def test_motion_rotates_then_translates():
    axis_angle = torch.tensor([[0., 0., math.pi / 2], [0., 0., 0.]])
    motion = motion_matrix(axis_angle, torch.tensor([[10., 20., 30.], [1., 2., 3.]]))
    points = motion @ torch.tensor([1., 2., 3., 1.])
    torch.testing.assert_close(points, torch.tensor([[8., 21., 33., 1.], [2., 4., 6., 1.]]))


def test_inverse_motion():
    axis_angle = torch.tensor([[.3, -.2, 1.], [0., 2., 0.]], dtype=torch.float64)
    translation = torch.tensor([[1., -2., 3.], [.5, 0., 1.]], dtype=torch.float64)
    motion = motion_matrix(axis_angle, translation)
    torch.testing.assert_close(invert_motion(motion), torch.linalg.inv(motion))


def test_half_precision_is_widened():
    motion = motion_matrix(torch.full((1, 3), .01).half(), torch.ones(1, 3).half())
    assert motion.dtype == torch.float32
    assert motion_matrix(AXIS, AXIS.float()).dtype == torch.float64


def test_no_value_is_read_by_the_host():
    # Tensors on the meta device have no values.
    zero = torch.zeros(2, 3, device='meta')
    assert invert_motion(motion_matrix(zero, zero)).shape == (2, 4, 4)
