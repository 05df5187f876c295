"""Distillation hint: the student follows the depth with the smallest photometric error.

The source is Dong et al. 2024. The candidates are the depth of the teacher, the average of both
networks, and the depth of the student itself. All depths have one unit: metres, or the
``length_unit`` of a model.
"""
from typing import Dict, Mapping, Tuple

import torch

from .view_synthesis import disparity_to_depth, full_precision

CANDIDATES = ('teacher', 'average', 'student')  # a choice is an index of this tuple


def average_depth(teacher: Mapping[str, torch.Tensor], student: Mapping[str, torch.Tensor],
                  average: str, depth_range: Tuple[float, float]) -> torch.Tensor:
    """Return the depth that the photometric error of the average is measured with.

    Args:
        teacher, student: ``depth`` (B, 1, H, W) and ``disp`` (B, 1, H, W) in (0, 1).
        average: ``'disparity'`` inverts the mean disparity, as in the released code. ``'depth'``
            is the mean depth, the one that :func:`distillation_target` uses.
        depth_range: depth at disparity 1 and 0.

    Returns:
        (B, 1, H, W) depth.

    Example:
        >>> near, far = (dict(depth=torch.tensor(1 / disp), disp=torch.tensor(disp))
        ...              for disp in (.5, .1))
        >>> average_depth(near, far, 'depth', (1., 1e9))
        tensor(6.)
        >>> average_depth(near, far, 'disparity', (1., 1e9))
        tensor(3.3333)
    """
    if average == 'depth':
        return (teacher['depth'] + student['depth']) / 2
    return disparity_to_depth((teacher['disp'] + student['disp']) / 2, depth_range)


def best_candidate(errors: Dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the candidate with the smallest error at every pixel.

    The first in the order of ``CANDIDATES`` wins if errors are equal.

    Args:
        errors: error (B, 1, H, W) by name of the candidate.

    Returns:
        (B, 1, H, W) long, index of ``CANDIDATES``.

    Example:
        >>> errors = dict(teacher=torch.tensor([.1, .3, .2]), student=torch.tensor([.2, .1, .2]))
        >>> best_candidate(errors)
        tensor([0, 2, 0])
    """
    best, choice = None, None
    for index, name in enumerate(CANDIDATES):
        if name not in errors:
            continue
        error = errors[name]
        if best is None:
            best, choice = error, torch.full_like(error, index, dtype=torch.long)
        better = error < best
        best = torch.where(better, error, best)
        choice = torch.where(better, index, choice)
    return choice


def distillation_target(teacher_depth: torch.Tensor, student_depth: torch.Tensor,
                        choice: torch.Tensor) -> torch.Tensor:
    """Return the chosen depth of every pixel, with the gradient of its inputs.

    Args:
        teacher_depth, student_depth: (B, 1, H, W) depth.
        choice: (B, 1, H, W) index of ``CANDIDATES``. The average is that of the depths.

    Returns:
        (B, 1, H, W) depth.

    Example:
        >>> distillation_target(torch.full((3, ), 4.), torch.full((3, ), 8.), torch.arange(3))
        tensor([4., 6., 8.])
    """
    average = (teacher_depth + student_depth) / 2
    return torch.where(choice == 0, teacher_depth,
                       torch.where(choice == 1, average, student_depth))


def distillation_loss(teacher_depth: torch.Tensor, student_depth: torch.Tensor,
                      choice: torch.Tensor, reliable: torch.Tensor,
                      target_gradient: bool = True, dual: bool = False) -> torch.Tensor:
    """Return the mean over all pixels of the masked difference from the chosen depth.

    With an attached target, a pixel that chooses the average costs half of the difference
    between the networks and passes half a gradient, and one that chooses the student costs
    nothing.

    Args:
        teacher_depth, student_depth: (B, 1, H, W) depth.
        choice: (B, 1, H, W) index of ``CANDIDATES``.
        reliable: (B, 1, H, W), 1 where the loss counts, else 0.
        target_gradient: keep the gradient of the student in the target, as the released code
            does. Without it the average passes a full gradient.
        dual: keep the gradient of the teacher too, so that it follows the student.

    Returns:
        Scalar, in the unit of the depth.

    Example:
        >>> student = torch.full((3, ), 8., requires_grad=True)
        >>> loss = distillation_loss(torch.full((3, ), 4.), student, torch.arange(3),
        ...                          torch.ones(3))
        >>> loss, torch.autograd.grad(loss, student)[0]
        (tensor(2., grad_fn=<MeanBackward0>), tensor([0.3333, 0.1667, 0.0000]))
    """
    teacher_depth, student_depth, reliable = full_precision(teacher_depth, student_depth,
                                                            reliable)
    if not dual:
        teacher_depth = teacher_depth.detach()
    target = distillation_target(teacher_depth, student_depth, choice)
    if not target_gradient:
        target = target.detach()
    return ((target - student_depth).abs() * reliable).mean()
