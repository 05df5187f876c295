"""Reprojection losses of a teacher and a student, and the consistency between the two.

Legend: B clips, H x W input pixels, S sources: neighbouring frames by offset from the target.
"""
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from .photometric_error import automask, masked_mean, minimum_error, photometric_error

Views = Mapping[int, torch.Tensor]
# Depth, disparity, warps and grids of one network at one scale, see MultiFrameLoss.forward.
Reconstruction = Mapping[str, Any]
# From depth (B, 1, H, W) to the warps and grids of the sources, with detached poses.
WarpFunction = Callable[[torch.Tensor], Mapping[str, Views]]


def reprojection_loss(images: Sequence[torch.Tensor], target: torch.Tensor,
                      sources: Sequence[torch.Tensor], ssim_weight: float = 0.85,
                      noise: float = 1e-5) -> Tuple[torch.Tensor, torch.Tensor]:
    """Compute the loss of a single-frame network (Godard et al., 2019).

    The error of a pixel is the smallest over the images. A pixel counts if its error is at most
    that of the sources as they are, without a warp: pixels of a static camera, and of objects
    that move with the camera, do not count.

    Args:
        images: reconstructions of the target (B, 3, H, W), RGB in [0, 1].
        target: (B, 3, H, W) RGB in [0, 1].
        sources: neighbouring frames (B, 3, H, W).
        ssim_weight: share of SSIM in the photometric error.
        noise: standard deviation of the noise that breaks ties of the comparison; 0 for none.

    Returns:
        Scalar loss, and the error of each pixel (B, 1, H, W).

    Example:
        >>> target = torch.rand(1, 3, 8, 8)
        >>> loss, error = reprojection_loss([target, target * 0], target, [target * 0])
        >>> loss.item(), tuple(error.shape)
        (0.0, (1, 1, 8, 8))
    """
    error = minimum_error([photometric_error(image, target, ssim_weight) for image in images])
    with torch.no_grad():
        unmoved = minimum_error([photometric_error(source, target, ssim_weight)
                                 for source in sources])
        counted = automask(error, unmoved, noise)
    return masked_mean(error, counted), error


@MODELS.register_module()
class MultiFrameLoss(nn.Module):
    """Losses of a multi-frame base at one scale (Watson et al., 2021).

    - ``loss_teacher``: :func:`reprojection_loss` of the teacher.
    - ``loss_student``: mean photometric error of the student where its matches are reliable,
      without automask.
    - ``loss_consistency``: mean absolute difference of the student's depth from the teacher's
      where matches are not reliable, in the unit of the depth. The teacher gets no
      gradient.

    It is a function of tensors and holds no network. Subclasses add images to the minimum over
    reconstructions, and losses.

    Args:
        ssim_weight: share of SSIM in the photometric error.
        automask_noise: see :func:`reprojection_loss`.

    Example:
        >>> target = torch.rand(1, 3, 8, 8)
        >>> def network(depth):
        ...     return dict(depth=torch.full((1, 1, 8, 8), depth), disp=torch.rand(1, 1, 8, 8),
        ...                 warps={-1: target, 1: target})
        >>> losses, _ = MultiFrameLoss()(
        ...     target, {-1: 1 - target, 1: 1 - target}, network(5.), network(7.),
        ...     warp_fn=None, reliable=torch.zeros(1, 1, 8, 8))
        >>> {name: loss.item() for name, loss in losses.items()}
        {'loss_teacher': 0.0, 'loss_student': 0.0, 'loss_consistency': 2.0}
    """

    def __init__(self, ssim_weight: float = 0.85, automask_noise: float = 1e-5) -> None:
        super().__init__()
        self.ssim_weight = ssim_weight
        self.automask_noise = automask_noise

    @property
    def hinted(self) -> Tuple[str, ...]:
        """Networks whose losses need masks of instances: none."""
        return ()

    def forward(self, target: torch.Tensor, sources: Views, teacher: Reconstruction,
                student: Reconstruction, warp_fn: Optional[WarpFunction],
                reliable: torch.Tensor, instances: Optional[Dict[str, list]] = None
                ) -> Tuple[Dict[str, torch.Tensor], dict]:
        """Compute the losses.

        Args:
            target: (B, 3, H, W) RGB in [0, 1].
            sources: neighbouring frame (B, 3, H, W) by offset.
            teacher: ``depth`` (B, 1, H, W), ``disp`` (B, 1, H, W) in (0, 1), and by
                offset ``warps`` (B, 3, H, W) and ``grids`` (B, H, W, 2).
            student: the same of the student.
            warp_fn: function of a depth (B, 1, H, W) that returns ``warps`` and ``grids`` by
                offset, with poses detached. This class does not call it.
            reliable: (B, 1, H, W), 1 where the student's matches are reliable, else 0.
            instances: movable instances, for subclasses.

        Returns:
            The losses by name, scalars, and a dict with the errors (B, 1, H, W) of teacher and
            student and further intermediate results of subclasses.
        """
        images, aux = self.reconstructions(teacher, student, instances)
        loss_teacher, error_teacher = reprojection_loss(
            images['teacher'], target, list(sources.values()), self.ssim_weight,
            self.automask_noise)
        error_student = minimum_error([photometric_error(image, target, self.ssim_weight)
                                       for image in images['student']])
        difference = (student['depth'] - teacher['depth'].detach()).abs()
        losses = dict(loss_teacher=loss_teacher,
                      loss_student=masked_mean(error_student, reliable),
                      loss_consistency=(difference * (1 - reliable)).mean())
        aux.update(error_teacher=error_teacher, error_student=error_student)
        return losses, aux

    def reconstructions(self, teacher: Reconstruction, student: Reconstruction,
                        instances: Optional[Dict[str, list]]
                        ) -> Tuple[Dict[str, List[torch.Tensor]], dict]:
        """Return the reconstructions of the target that each network's minimum is taken over.

        Returns:
            Images (B, 3, H, W) of ``teacher`` and ``student``, and intermediate results.
        """
        return dict(teacher=list(teacher['warps'].values()),
                    student=list(student['warps'].values())), {}

    def combine(self, losses: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
        """Return the losses that are trained, from the means over the scales.

        Args:
            losses: the losses of :meth:`forward` and ``loss_smoothness``.

        Returns:
            Losses by name. mmengine adds them up.
        """
        return losses
