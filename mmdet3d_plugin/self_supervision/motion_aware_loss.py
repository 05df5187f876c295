"""Motion-aware loss: temporal hint, distillation hint and balance of losses.

Legend: B clips, N instances of the whole batch, H x W input pixels.
"""
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import torch
from mmdet3d.registry import MODELS

from ..errors import InputError
from .distillation_hint import CANDIDATES, average_depth, best_candidate, distillation_loss
from .multi_frame_loss import MultiFrameLoss, Reconstruction, Views, WarpFunction
from .photometric_error import minimum_error, photometric_error
from .temporal_hint import (
    OVERLAPS,
    box_displacements,
    join_instances,
    moved_images,
    shifts_to_target,
    visible,
)


@MODELS.register_module()
class MotionAwareLoss(MultiFrameLoss):
    """Losses of a multi-frame base with hints for moving objects (Dong et al., 2024).

    - Temporal hint: two further images compete in the minimum over reconstructions. In them,
      instances are moved from where the warped neighbours show them to midway between both
      (:func:`~.temporal_hint.moved_images`).
    - Distillation hint: where matches are reliable, the student follows the depth with the
      smallest photometric error (:func:`~.distillation_hint.distillation_loss`).
    - Optional balance of the base's losses and the distillation loss (:class:`LossBalancer`).

    The defaults are those of the released code. It is a function of tensors: networks
    and the matcher of instances are the caller's.
    Without instances the losses of the base are unchanged, bit for bit.

    Args:
        temporal: give the teacher the temporal hint.
        student_temporal: give the student the temporal hint.
        distil: add the distillation loss.
        candidates: depths that compete in the distillation; two or more of ``'teacher'``,
            ``'average'`` and ``'student'``.
        min_shift: see :func:`~.temporal_hint.shifts_to_target`.
        paste_clip, overlap: see :func:`~.temporal_hint.moved_images`.
        target_gradient: see :func:`~.distillation_hint.distillation_loss`.
        average: see :func:`~.distillation_hint.average_depth`.
        dual_distil: the distillation loss also pulls the teacher to the student where the target
            is the teacher's depth. Needs candidates without ``'average'``, as in the released
            code.
        depth_range: depth of disparity 1 and 0; that of the decoders.
        motion_gate: config of a :class:`MotionGate`, which leaves static instances out of the
            temporal hint. None treats every instance as moving, as the released code does.
        balancer: config of a :class:`LossBalancer`; None for the plain sum.
        kwargs: arguments of :class:`MultiFrameLoss`.

    Raises:
        InputError: an option is unknown, or options contradict each other.

    Example:
        >>> target = torch.rand(1, 3, 8, 8)
        >>> def network(depth, error):
        ...     views = {-1: target + error, 1: target + error}
        ...     return dict(depth=torch.full((1, 1, 8, 8), depth), disp=torch.rand(1, 1, 8, 8),
        ...                 warps=views)
        >>> loss = MotionAwareLoss(candidates=('teacher', 'student'))
        >>> losses, aux = loss(target, {-1: 1 - target, 1: 1 - target}, network(5., 0.),
        ...                    network(7., .1), warp_fn=None, reliable=torch.ones(1, 1, 8, 8))
        >>> losses['loss_distil'].item(), aux['logs']['share_teacher'].item()
        (2.0, 1.0)
    """

    def __init__(self, temporal: bool = True, student_temporal: bool = False,
                 distil: bool = True, candidates: Sequence[str] = CANDIDATES,
                 min_shift: int = 0, paste_clip: bool = True, overlap: str = 'sum',
                 target_gradient: bool = True, average: str = 'disparity',
                 dual_distil: bool = False, depth_range: Tuple[float, float] = (0.1, 100.),
                 motion_gate: Optional[dict] = None, balancer: Optional[dict] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        _check_options(candidates, overlap, average)
        if balancer is not None and not distil:
            raise InputError('MotionAwareLoss: balancer needs the distillation loss; set '
                             'distil=True or remove balancer')
        if dual_distil and 'average' in candidates:
            raise InputError("MotionAwareLoss: dual_distil is for candidates=('teacher', "
                             "'student'); leave 'average' out")
        if dual_distil and not (distil and target_gradient):
            raise InputError('MotionAwareLoss: dual_distil passes the gradient through the '
                             'target; set distil=True and target_gradient=True')
        self.temporal, self.student_temporal = temporal, student_temporal
        self.distil, self.candidates = distil, tuple(candidates)
        self.min_shift, self.paste_clip, self.overlap = min_shift, paste_clip, overlap
        self.target_gradient, self.average = target_gradient, average
        self.dual_distil = dual_distil
        self.depth_range = (depth_range[0], depth_range[1])
        self.motion_gate = None if motion_gate is None else MODELS.build(
            {'type': 'MotionGate', **motion_gate})
        self.balancer = None if balancer is None else MODELS.build(
            {'type': 'LossBalancer', **balancer})

    @property
    def hinted(self) -> Tuple[str, ...]:
        """Networks with a temporal hint, which needs masks of instances."""
        return tuple(name for name, wanted in (
            ('teacher', self.temporal), ('student', self.student_temporal)) if wanted)

    def forward(self, target: torch.Tensor, sources: Views, teacher: Reconstruction,
                student: Reconstruction, warp_fn: Optional[WarpFunction],
                reliable: torch.Tensor, instances: Optional[Dict[str, list]] = None
                ) -> Tuple[Dict[str, torch.Tensor], dict]:
        """Compute the losses.

        Args:
            target, sources, teacher, student, reliable: see :meth:`MultiFrameLoss.forward`.
            warp_fn: function of a depth (B, 1, H, W) that returns ``warps`` and ``grids`` by
                offset, with poses detached. The candidate ``'average'`` and the motion gate
                call it.
            instances: for ``teacher`` and ``student``, per clip the masks (n, H, W) bool of
                movable instances in the warped images of the first and of the second offset. An
                instance with an empty mask has no effect. None for no instances.

        Returns:
            The losses by name, scalars: those of the base, and ``loss_distil``.
            Intermediate results: ``choice`` (B, 1, H, W), index of ``CANDIDATES``; with the
            hint of the teacher ``shifted``, images (B, 3, H, W) by offset, and per clip
            ``displacement`` (n, 2), shifts from the earlier image to the target frame in pixels
            (u, v), ``seen`` (n,) bool, visible in both warped images, and ``gate`` (n,), weights
            in the hint; the same with the prefix
            ``student_`` for the student; ``logs``, scalars to log. ``motion_gated`` is the
            share of visible instances that the gate leaves out, ``share_NAME`` the share of
            reliable pixels that follow a candidate.

        Raises:
            InputError: the temporal hint lacks two offsets around the target, or the masks do
                not fit the images.
        """
        images: Dict[str, list] = {}
        hints: Dict[str, Any] = {}
        logs: Dict[str, Any] = {}
        for name, network, prefix, pairs in self._hinted(teacher, student, instances):
            moved, hint, gated = self._temporal_hint(network, pairs, warp_fn)
            images[name] = list(moved)
            hints.update({prefix + key: value for key, value in hint.items()})
            logs[prefix + 'motion_gated'] = gated
        losses, aux = super().forward(target, sources, teacher, student, warp_fn, reliable,
                                      images)
        aux.update(hints, logs=logs)
        if self.distil:
            aux['choice'] = choice = self._choose(target, teacher, student, warp_fn, aux)
            losses['loss_distil'] = distillation_loss(
                teacher['depth'], student['depth'], choice, reliable, self.target_gradient,
                self.dual_distil)
            for name in self.candidates:
                chosen = (choice == CANDIDATES.index(name)) * reliable
                logs[f'share_{name}'] = chosen.sum() / reliable.sum().clamp(min=1)
        return losses, aux

    def reconstructions(self, teacher: Reconstruction, student: Reconstruction,
                        instances: Optional[Dict[str, list]]
                        ) -> Tuple[Dict[str, List[torch.Tensor]], dict]:
        """Return the reconstructions of the target, with the images of the temporal hints.

        Args:
            teacher, student: see :meth:`forward`.
            instances: images (B, 3, H, W) of the temporal hint by network.
        """
        images, aux = super().reconstructions(teacher, student, None)
        for name, moved in (instances or {}).items():
            images[name].extend(moved)
        return images, aux

    def combine(self, losses: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
        """Return the losses that are trained. Every rank must call it.

        Args:
            losses: the losses of :meth:`forward` and ``loss_smoothness``, means over scales.

        Returns:
            With a balancer ``loss`` and, to log, the unweighted losses without the prefix
            ``loss_`` and the weights ``weight_base`` and ``weight_distil``. Else ``losses``.

        Raises:
            InputError: the balancer is trained before its first epoch has started.
        """
        if self.balancer is None:
            return losses
        if self.training and not self.balancer.in_epoch:
            raise InputError('MotionAwareLoss: no epoch of the balancer has started; add '
                             'LossBalancerHook to custom_hooks, or call '
                             'balancer.start_epoch(0)')
        base = sum(value for name, value in losses.items() if name != 'loss_distil')
        loss = self.balancer(base, losses['loss_distil'])
        weights = self.balancer.weights.clone()
        return dict(loss=loss, weight_base=weights[0], weight_distil=weights[1],
                    **{name.removeprefix('loss_'): value.detach()
                       for name, value in losses.items()})

    def _hinted(self, teacher: Reconstruction, student: Reconstruction,
                instances: Optional[Dict[str, list]]
                ) -> Iterator[Tuple[str, Reconstruction, str, list]]:
        """Yield name, outputs, prefix of results and masks of the networks with a hint."""
        if instances is None:
            return
        networks = dict(teacher=(teacher, ''), student=(student, 'student_'))
        for name in self.hinted:
            if name not in instances:
                raise InputError(f'instances: the masks in the warped images of the {name} are '
                                 f'missing; add {name!r}, or switch its temporal hint off')
            yield (name, *networks[name], instances[name])

    def _temporal_hint(self, network: Reconstruction, pairs: Sequence[tuple],
                       warp_fn: Optional[WarpFunction]
                       ) -> Tuple[Sequence[torch.Tensor], dict, torch.Tensor]:
        """Return moved images, the results that lead to them, and the share of gated instances.

        A batch without instances has no moved images.
        """
        offsets = tuple(network['warps'])
        if len(offsets) != 2 or offsets[0] >= 0 or offsets[0] != -offsets[1]:
            raise InputError('MotionAwareLoss: the temporal hint needs an earlier and a later '
                             f'frame at equal distance, but the offsets are {offsets}; use '
                             'offsets such as (-1, 1)')
        earlier, later = network['warps'].values()
        instances = join_instances(pairs, earlier)
        with torch.no_grad():
            shifts = shifts_to_target(box_displacements(instances.earlier, instances.later),
                                      self.min_shift)
            seen = visible(instances).float()
            gate = seen
            if self.motion_gate is not None and len(seen):
                gate = seen * self.motion_gate(instances, shifts, network['depth'].detach(),
                                               network['grids'], warp_fn)
        moved = moved_images(earlier, later, instances, shifts, gate, self.paste_clip,
                             self.overlap) if len(seen) else ()
        hint = dict(seen=(seen > 0).split(instances.counts),
                    shifted=dict(zip(offsets, moved or (earlier, later))),
                    displacement=shifts.split(instances.counts),
                    gate=gate.split(instances.counts))
        return moved, hint, (seen - gate).sum() / seen.sum().clamp(min=1)

    @torch.no_grad()
    def _choose(self, target: torch.Tensor, teacher: Reconstruction, student: Reconstruction,
                warp_fn: Optional[WarpFunction], aux: dict) -> torch.Tensor:
        """Return the candidate (B, 1, H, W) with the smallest photometric error."""
        errors = dict(teacher=aux['error_teacher'], student=aux['error_student'])
        if 'average' in self.candidates:
            assert warp_fn is not None
            depth = average_depth(teacher, student, self.average, self.depth_range)
            errors['average'] = minimum_error(
                [photometric_error(image, target, self.ssim_weight)
                 for image in warp_fn(depth)['warps'].values()])
        return best_candidate({name: errors[name] for name in self.candidates})


def _check_options(candidates: Sequence[str], overlap: str, average: str) -> None:
    """Check the options that are names."""
    if len(set(candidates)) < 2 or not set(candidates) <= set(CANDIDATES):
        raise InputError(f'MotionAwareLoss: candidates={tuple(candidates)}; choose two or more '
                         f'of {CANDIDATES}')
    for name, value, known in (('overlap', overlap, OVERLAPS),
                               ('average', average, ('disparity', 'depth'))):
        if value not in known:
            raise InputError(f'MotionAwareLoss: {name}={value!r} is unknown; choose one of '
                             f'{known}')
