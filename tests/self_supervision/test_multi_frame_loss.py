"""MultiFrameLoss against values per pixel."""
import pytest
import torch

from mmdet3d_plugin.self_supervision import MultiFrameLoss, photometric_error

TARGET, PREVIOUS, FOLLOWING, FIRST, SECOND = torch.rand(
    5, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
SOURCES = {-1: PREVIOUS, 1: FOLLOWING}


def network(depth, **warps):
    return dict(depth=depth, disp=1 / depth, warps={-1: FIRST, 1: SECOND, **warps})


def losses_of(teacher, student, reliable):
    return MultiFrameLoss(automask_noise=0.)(
        TARGET, SOURCES, teacher, student, None, reliable)[0]


def test_consistency_counts_unreliable_pixels_alone():
    depth = torch.full((2, 1, 8, 8), 5.)
    student = depth + torch.arange(8.)  # differs by the column
    reliable = torch.zeros(2, 1, 8, 8)
    reliable[..., 4:] = 1
    found = losses_of(network(depth), network(student), reliable)
    # Columns 0 to 3 count with 0, 1, 2, 3 metres, out of eight columns.
    assert found['loss_consistency'].item() == pytest.approx(6 / 8)


def test_student_counts_reliable_pixels_without_automask():
    depth = torch.full((2, 1, 8, 8), 5.)
    reliable = torch.zeros(2, 1, 8, 8)
    reliable[0, 0, 2, 3] = reliable[1, 0, 7, 0] = 1
    error = torch.minimum(*(photometric_error(image, TARGET) for image in (FIRST, SECOND)))
    expected = (error[0, 0, 2, 3] + error[1, 0, 7, 0]) / 2
    found = losses_of(network(depth), network(depth), reliable)
    assert found['loss_student'].item() == pytest.approx(expected.item(), rel=1e-5)


def test_teacher_counts_pixels_that_a_warp_improves():
    depth = torch.full((2, 1, 8, 8), 5.)
    error = torch.minimum(*(photometric_error(image, TARGET) for image in (FIRST, SECOND)))
    limit = torch.minimum(*(photometric_error(image, TARGET) for image in SOURCES.values()))
    counted = error <= limit
    assert 0 < counted.float().mean() < 1
    found = losses_of(network(depth), network(depth), torch.ones(2, 1, 8, 8))
    assert found['loss_teacher'].item() == pytest.approx(error[counted].mean().item(), rel=1e-5)


def test_teacher_gets_no_gradient_of_the_consistency():
    teacher, student = (torch.full((2, 1, 8, 8), value, requires_grad=True) for value in (5., 7.))
    found = losses_of(network(teacher), network(student), torch.zeros(2, 1, 8, 8))
    found['loss_consistency'].backward()
    assert teacher.grad is None and torch.allclose(student.grad, torch.tensor(1 / 128))
