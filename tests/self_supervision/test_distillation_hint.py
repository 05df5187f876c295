"""Choice, loss and gradients of the distillation hint on hand-set errors."""
import pytest
import torch

from mmdet3d_plugin.self_supervision import MotionAwareLoss
from mmdet3d_plugin.self_supervision.distillation_hint import (
    average_depth,
    best_candidate,
    distillation_loss,
)

TEACHER, STUDENT = 4., 10.


def depths(*shape):
    return (torch.full(shape, TEACHER, requires_grad=True),
            torch.full(shape, STUDENT, requires_grad=True))


def gradients(loss, *inputs):
    return [torch.zeros_like(value) if gradient is None else gradient for value, gradient in
            zip(inputs, torch.autograd.grad(loss, inputs, allow_unused=True))]


def test_choice_is_the_smallest_error():
    errors = dict(teacher=torch.tensor([.1, .3, .3, .2, .2, .3]),
                  average=torch.tensor([.2, .1, .2, .2, .3, .1]),
                  student=torch.tensor([.3, .2, .1, .2, .2, .1]))
    assert best_candidate(errors).tolist() == [0, 1, 2, 0, 0, 1]  # the first of equal errors
    del errors['average']
    assert best_candidate(errors).tolist() == [0, 2, 2, 0, 0, 2]


@pytest.mark.parametrize('choice,loss,gradient', [(0, 6., 1.), (1, 3., .5), (2, 0., 0.)])
def test_loss_and_gradient_of_each_choice(choice, loss, gradient):
    """The full, half and zero difference of 6 m; the gradient is the mean over 8 pixels."""
    teacher, student = depths(2, 1, 2, 2)
    found = distillation_loss(teacher, student, torch.full((2, 1, 2, 2), choice),
                              torch.ones(2, 1, 2, 2))
    assert found.item() == loss
    of_teacher, of_student = gradients(found, teacher, student)
    assert (of_student == gradient / 8).all() and not of_teacher.any()


def test_detached_target_passes_the_whole_gradient_of_the_average():
    teacher, student = depths(3)
    loss = distillation_loss(teacher, student, torch.arange(3), torch.ones(3),
                             target_gradient=False)
    of_teacher, of_student = gradients(loss, teacher, student)
    torch.testing.assert_close(loss.detach(), torch.tensor((6. + 3 + 0) / 3))
    torch.testing.assert_close(of_student, torch.tensor([1., 1., 0.]) / 3)
    assert not of_teacher.any()


def test_dual_distillation_moves_the_teacher_towards_the_student():
    teacher, student = depths(3)
    loss = distillation_loss(teacher, student, torch.arange(3), torch.ones(3), dual=True)
    of_teacher, of_student = gradients(loss, teacher, student)
    torch.testing.assert_close(of_teacher, -torch.tensor([1., .5, 0.]) / 3)
    torch.testing.assert_close(of_student, torch.tensor([1., .5, 0.]) / 3)


def test_loss_is_zero_where_matches_are_not_reliable():
    teacher, student = depths(2, 1, 1, 2)
    reliable = torch.tensor([[1., 0.], [0., 0.]]).view(2, 1, 1, 2)  # second clip: augmented
    loss = distillation_loss(teacher, student, torch.zeros(2, 1, 1, 2, dtype=torch.long),
                             reliable)
    assert loss.item() == 6 / 4  # a mean over all pixels
    assert gradients(loss, student)[0].flatten().tolist() == [.25, 0, 0, 0]


def test_depth_that_the_error_of_the_average_is_measured_with():
    teacher, student = (dict(depth=torch.tensor(depth), disp=torch.tensor(disp))
                        for depth, disp in ((2., .495), (10., .095)))
    # The inverse depth is .01 + disparity * (1.01 - .01): the mean disparity has depth 1 / .305.
    torch.testing.assert_close(average_depth(teacher, student, 'disparity', (1 / 1.01, 100.)),
                               torch.tensor(1 / .305))
    assert average_depth(teacher, student, 'depth', (.1, 100.)) == 6


def run(teacher_error, average_error, student_error, reliable=1., **options):
    """Two pixels rows wide images whose errors are hand-set: L1 only, equal in both warps."""
    target = torch.full((1, 3, 2, 2), .5)
    teacher_depth, student_depth = depths(1, 1, 2, 2)

    def views(error):
        return dict(warps={-1: target + error, 1: target + 2 * error})

    asked = []

    def warp_fn(depth):
        asked.append(depth)
        return views(average_error)

    loss = MotionAwareLoss(ssim_weight=0., automask_noise=0., temporal=False, **options)
    losses, aux = loss(target, {-1: target + .4, 1: target + .4},
                       dict(depth=teacher_depth, disp=torch.full((1, 1, 2, 2), .2),
                            **views(teacher_error)),
                       dict(depth=student_depth, disp=torch.full((1, 1, 2, 2), .1),
                            **views(student_error)),
                       warp_fn, torch.full((1, 1, 2, 2), reliable))
    return losses, aux, asked, (teacher_depth, student_depth)


@pytest.mark.parametrize('errors,choice,loss', [
    ((.1, .2, .3), 0, 6.), ((.2, .1, .3), 1, 3.), ((.3, .2, .1), 2, 0.), ((.3, .1, .2), 1, 3.)])
def test_hand_set_errors_select_the_target(errors, choice, loss):
    losses, aux, asked, (teacher, student) = run(*errors)
    assert (aux['choice'] == choice).all() and losses['loss_distil'].item() == loss
    assert len(asked) == 1 and not asked[0].requires_grad
    # 1 / (.01 + 9.99 * .15), from the mean disparity.
    torch.testing.assert_close(asked[0], torch.full((1, 1, 2, 2), 1 / (.01 + 9.99 * .15)))
    shares = [aux['logs'][f'share_{name}'].item() for name in ('teacher', 'average', 'student')]
    assert shares == [float(index == choice) for index in range(3)]
    of_teacher, of_student = gradients(losses['loss_distil'], teacher, student)
    assert not of_teacher.any()
    torch.testing.assert_close(of_student, torch.full_like(of_student, (1, .5, 0)[choice] / 4))


def test_candidates_without_the_average_need_no_further_warp():
    losses, aux, asked, _ = run(.2, .1, .3, candidates=('teacher', 'student'))
    assert (aux['choice'] == 0).all() and losses['loss_distil'].item() == 6 and not asked


def test_average_of_depths():
    asked = run(.2, .1, .3, average='depth')[2]
    assert (asked[0] == 7).all()


def test_augmented_sample_has_no_distillation():
    losses, aux, _, (_, student) = run(.1, .2, .3, reliable=0.)
    assert losses['loss_distil'].item() == 0
    assert not gradients(losses['loss_distil'], student)[0].any()
    assert aux['logs']['share_teacher'].item() == 0
