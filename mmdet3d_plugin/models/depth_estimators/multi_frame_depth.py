"""Depth of a frame from itself and the previous frame, learned from clips without labels.

Legend: B clips of T frames, the target first; H x W input pixels; h x w cells of the matched
feature maps; D depth bins; C channels of the matched maps.
"""
from contextlib import nullcontext
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS
from mmdet3d.structures.det3d_data_sample import SampleList

from ...errors import InputError
from ...self_supervision import CostVolume, DepthBins, MotionAwareLoss, cost_volume, masks_of_ids
from ..backbones import first_maps, later_maps
from ..decode_heads import DisparityOutput
from .clip_batch import ClipBatch
from .clip_depth import (
    ClipDepth,
    Motions,
    check_whole,
    previous_index,
    pyramid_smoothness,
    reconstruct,
    reconstructions,
)

NO_MOTION = 1e-6  # largest entry of the difference from the identity; rounding of equal poses


class Lookup(NamedTuple):
    """Frames that the student compares with the target.

    Attributes:
        images: (B, 3, H, W) normalised.
        motion: (B, 4, 4) from the target's to their camera frame.
        valid: (B,) bool, whether the camera moved in between.
    """
    images: torch.Tensor
    motion: torch.Tensor
    valid: torch.Tensor


@MODELS.register_module()
class MultiFrameDepth(ClipDepth):
    """Teacher of one frame and student of two frames (ManyDepth, Watson et al., 2021).

    The student compares early features of the target with those of the previous frame at D
    depths of each cell. The costs pass through the rest of its backbone together with the
    target's features. It has the losses of its teacher where its best match agrees with the
    teacher's depth within ``agreement``, and follows the teacher elsewhere.

    In prediction the student uses the target and the previous frame. Without a previous frame,
    or after no motion of the camera, the costs are zero, as in a part of the training samples.

    Args:
        teacher: config of a :class:`SingleFrameDepth`. Its pose network and the weight of its
            smoothness serve both networks. Its ``ssim_weight`` and ``automask_noise`` are not
            used: ``loss`` has its own.
        backbone: config of the student's backbone, a TorchvisionBackbone or a DLANet.
        decode_head: config of the student's :class:`DisparityDecoder`.
        loss: config of a :class:`~mmdet3d_plugin.self_supervision.MultiFrameLoss` or
            :class:`~mmdet3d_plugin.self_supervision.MotionAwareLoss`.
        depth_bins: arguments of :class:`~mmdet3d_plugin.self_supervision.DepthBins`.
        matching_level: index of the backbone's map that is compared.
        matching_channels: C.
        instances: config of an :class:`~mmdet3d_plugin.self_supervision.InstanceMatcher`, for
            losses that need masks of movable instances; None without.
        static_prob: share of training samples with the target itself as previous frame.
        no_motion_prob: share of training samples without a match.
        agreement: factor of the teacher's depth, see above.
        loss_scales: number of scales with a loss, the finest ones; by default all of the
            decoders.
        length_unit: see :class:`ClipDepth`; that of the teacher is not used.
        data_preprocessor: config of a :class:`ClipPreprocessor`.
        init_cfg: mmengine's weight initialisation.

    Attributes:
        teacher_frozen: whether only the student is trained, see :class:`FreezeTeacherHook`.
    """

    def __init__(self, teacher: dict, backbone: dict, decode_head: dict, loss: dict,
                 depth_bins: Optional[dict] = None, matching_level: int = 1,
                 matching_channels: int = 64, instances: Optional[dict] = None,
                 static_prob: float = 0.25, no_motion_prob: float = 0.25,
                 agreement: float = 2., loss_scales: Optional[int] = None,
                 length_unit: float = 1., data_preprocessor: Optional[dict] = None,
                 init_cfg=None) -> None:
        super().__init__(length_unit, data_preprocessor, init_cfg)
        self.teacher = MODELS.build(teacher)
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.objective = MODELS.build(loss)
        self.bins = DepthBins(**(depth_bins or {}))
        self.fusion = ConvModule(matching_channels + self.bins.num_bins, matching_channels, 3,
                                 padding=1)
        self.instances: Any = MODELS.build(instances) if instances else None
        self._check(loss_scales)
        self.num_early = matching_level + 1
        self.static_prob = static_prob
        self.no_motion_prob = no_motion_prob
        self.agreement = agreement
        self.loss_scales = loss_scales
        self.teacher_frozen = False

    def _check(self, loss_scales: Optional[int]) -> None:
        """Raise InputError if parts of the config do not fit together."""
        if self.objective.hinted and self.instances is None:
            raise InputError('MultiFrameDepth: the temporal hint needs masks of instances; set '
                             'model.instances, or model.loss.temporal=False')
        ranges = {self.decode_head.depth_range, self.teacher.decode_head.depth_range}
        if isinstance(self.objective, MotionAwareLoss):
            ranges.add(self.objective.depth_range)
        if len(ranges) > 1:
            raise InputError('MultiFrameDepth: depth_range differs between decode_head, '
                             f'teacher.decode_head and loss: {sorted(ranges)}; use one range')
        if loss_scales is not None and loss_scales < 1:
            raise InputError(f'MultiFrameDepth: loss_scales is {loss_scales}, expected at least 1')

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Return the modules that run at every pixel, see ``model_contract``.

        The student's backbone runs in two parts, which are no modules of their own.
        """
        return dict(teacher_backbone=self.teacher.backbone,
                    teacher_decode_head=self.teacher.decode_head, fusion=self.fusion,
                    decode_head=self.decode_head)

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Return the methods that compute losses, see ``model_contract``."""
        return [(self, 'objective_losses')]

    def freeze_teacher(self) -> None:
        """Stop the training of the teacher, the pose network and the depth bins."""
        self.teacher_frozen = True
        self.teacher.requires_grad_(False)
        self.teacher.eval()

    def train(self, mode: bool = True) -> 'MultiFrameDepth':
        """Set the training mode. A frozen teacher stays in evaluation mode."""
        super().train(mode)
        if self.teacher_frozen:
            self.teacher.eval()
        return self

    def loss(self, clip: ClipBatch, data_samples: SampleList) -> Dict[str, torch.Tensor]:
        """Return the losses of teacher and student, means over the scales.

        Raises:
            InputError: a clip lacks a frame, or the masks of instances that the loss needs.
        """
        check_whole(data_samples)
        with torch.no_grad() if self.teacher_frozen else nullcontext():
            teacher, motions = self.teacher.estimate(clip), self.teacher.motions(clip)
        lookup, augmented = self._augmented(clip, self._lookup(clip, motions))
        student, volume = self._estimate(clip, lookup)
        if not self.teacher_frozen:
            self.bins.update(teacher.depth.detach()[:, None])
        reliable = self._reliable(volume, teacher.depth.detach()) * ~augmented
        return self.objective_losses(clip, data_samples, teacher, student, motions, reliable)

    def objective_losses(self, clip: ClipBatch, data_samples: SampleList,
                         teacher: DisparityOutput, student: DisparityOutput, motions: Motions,
                         reliable: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Return the losses of a prediction, means over the scales, and values to log.

        Args:
            clip: the batch.
            data_samples: its data samples.
            teacher: prediction of the teacher.
            student: prediction of the student.
            motions: (B, 4, 4) by offset.
            reliable: (B, 1, H, W), 1 where the student's matches are reliable.
        """
        teacher, student = (output._replace(disparities=output.disparities[:self.loss_scales])
                            for output in (teacher, student))
        scales = self._scales(clip, data_samples, teacher, student, motions, reliable)
        losses = _means([losses for losses, _ in scales])
        smoothness = pyramid_smoothness(student.disparities, clip.target) \
            + pyramid_smoothness(teacher.disparities, clip.target)
        losses['loss_smoothness'] = self.teacher.smoothness_weight * smoothness
        return {**self.objective.combine(losses),
                **_means([aux.get('logs', {}) for _, aux in scales])}

    def predict_output(self, clip: ClipBatch) -> Tuple[DisparityOutput, Optional[torch.Tensor]]:
        """Return the student's prediction for the target frames and the predicted motion."""
        if previous_index(clip) is None:
            return self._estimate(clip, None)[0], None
        lookup = self._lookup(clip, self.teacher.motions(clip))
        predicted = None if self.teacher.pose_network is None else lookup.motion
        return self._estimate(clip, lookup)[0], predicted

    @torch.no_grad()
    def motion_hints(self, inputs: dict, data_samples: SampleList) -> List[dict]:
        """Return intermediate results of the loss at the finest scale, for pictures.

        Args:
            inputs: a batch with ``views``, as in training.
            data_samples: one per clip, with both neighbours.

        Returns:
            Per clip: ``target`` (3, H, W); by offset ``sources``, ``warps`` of the teacher and,
            where the loss makes them, ``shifted`` images (3, H, W); ``teacher_depth`` and
            ``student_depth`` (H, W); ``choice`` (H, W) or None; ``instances`` (n, H, W) bool,
            ``displacements`` (n, 2) pixels, ``gate`` (n,) and ``seen`` (n,) bool or None.
        """
        clip = ClipBatch.from_batch(inputs, data_samples, self.length_unit)
        teacher, motions = self.teacher.estimate(clip), self.teacher.motions(clip)
        student, volume = self._estimate(clip, self._lookup(clip, motions))
        reliable = self._reliable(volume, teacher.depth)
        views = reconstructions(teacher, clip.sources, clip.cameras, motions,
                                self.teacher.decode_head.depth_range)[0]
        aux = self._scales(clip, data_samples, teacher, student, motions, reliable)[0][1]

        def of(values: Optional[Dict[int, torch.Tensor]], index: int) -> Dict[int, torch.Tensor]:
            return {offset: value[index] for offset, value in (values or {}).items()}

        def item(name: str, index: int) -> Optional[torch.Tensor]:
            return aux[name][index] if aux.get(name) is not None else None

        masks = None if not self.objective.hinted else [
            masks_of_ids(sample.instance_maps[0], sample.id_classes.shape[1])
            for sample in data_samples]
        return [dict(target=clip.target[index], sources=of(clip.sources, index),
                     warps=of(views['warps'], index), shifted=of(aux.get('shifted'), index),
                     teacher_depth=self.length_unit * teacher.depth[index],
                     student_depth=self.length_unit * student.depth[index],
                     choice=None if aux.get('choice') is None else aux['choice'][index, 0],
                     instances=None if masks is None else masks[index],
                     displacements=item('displacement', index), gate=item('gate', index),
                     seen=item('seen', index))
                for index in range(len(data_samples))]

    def _lookup(self, clip: ClipBatch, motions: Motions) -> Lookup:
        """Return the previous frames. Frames that do not exist are not valid."""
        index = previous_index(clip)
        if index is None:
            raise InputError('MultiFrameDepth: the clips have no frame before the target; add a '
                             'negative offset to the dataset')
        motion = motions[clip.offsets[index]].detach()
        change = (motion - torch.eye(4, device=motion.device)).abs().amax(dim=(1, 2))
        moved = change > NO_MOTION
        return Lookup(clip.images[:, index], motion, clip.present[:, index] & moved)

    def _augmented(self, clip: ClipBatch, lookup: Lookup) -> Tuple[Lookup, torch.Tensor]:
        """Replace the previous frame of some samples.

        The student also learns to predict without it.

        Returns:
            The lookup, and (B, 1, 1, 1) bool, which samples are changed.
        """
        draw = torch.rand(len(lookup.images), 1, 1, 1, device=lookup.images.device)
        static = draw < self.static_prob
        without = ~static & (draw < self.static_prob + self.no_motion_prob)
        images = torch.where(static, clip.images[:, 0], lookup.images)
        return (lookup._replace(images=images, valid=lookup.valid & ~without.flatten()),
                static | without)

    def _estimate(self, clip: ClipBatch, lookup: Optional[Lookup]
                  ) -> Tuple[DisparityOutput, Optional[CostVolume]]:
        """Return the student's prediction, and the costs of its matches if there is a lookup."""
        images = clip.images[:, 0]
        early = first_maps(self.backbone, images, self.num_early)
        feature, volume = early[-1], None
        if lookup is None:
            costs = feature.new_zeros(len(feature), self.bins.num_bins, *feature.shape[-2:])
        else:
            volume = self._costs(images.shape[-2:], feature, lookup, clip.cameras)
            costs = volume.costs.to(feature.dtype)
        fused = self.fusion(torch.cat([feature, costs], dim=1))
        late = later_maps(self.backbone, fused, self.num_early)
        maps = (*early[:-1], fused, *late)
        return self.decode_head(maps, tuple(images.shape[-2:])), volume

    @torch.no_grad()
    def _costs(self, input_size: Tuple[int, int], feature: torch.Tensor, lookup: Lookup,
               cameras: torch.Tensor) -> CostVolume:
        """Compare the target's features (B, C, h, w) with those of the previous frame."""
        previous = first_maps(self.backbone, lookup.images, self.num_early)[-1]
        cameras = cameras.clone()
        cameras[:, 0] *= feature.shape[-1] / input_size[1]
        cameras[:, 1] *= feature.shape[-2] / input_size[0]
        return cost_volume(feature, previous, self.bins.depths(), cameras, lookup.motion,
                           valid=lookup.valid)

    def _reliable(self, volume: Optional[CostVolume], teacher_depth: torch.Tensor) -> torch.Tensor:
        """Return (B, 1, H, W), 1 where the best match agrees with the teacher's depth.

        Args:
            volume: costs of the student's matches.
            teacher_depth: (B, H, W).
        """
        assert volume is not None  # of a batch with known motion
        size = teacher_depth.shape[-2:]
        matched, confidence = (F.interpolate(values[:, None], size, mode='nearest')
                               for values in (volume.depth, volume.confidence))
        ratio = matched / teacher_depth[:, None]
        return confidence * (torch.maximum(ratio, 1 / ratio) < self.agreement)

    def _scales(self, clip: ClipBatch, data_samples: SampleList, teacher: DisparityOutput,
                student: DisparityOutput, motions: Motions, reliable: torch.Tensor
                ) -> List[Tuple[Dict[str, torch.Tensor], dict]]:
        """Return the losses and the intermediate results of each scale."""
        fixed = {offset: motion.detach() for offset, motion in motions.items()}
        depth_range = self.decode_head.depth_range
        scales = zip(
            reconstructions(teacher, clip.sources, clip.cameras, motions, depth_range),
            reconstructions(student, clip.sources, clip.cameras, fixed, depth_range))
        return [self.objective(
            clip.target, clip.sources, teacher_views, student_views,
            warp_fn=lambda depth: reconstruct(depth, clip.sources, clip.cameras, fixed),
            reliable=reliable,
            instances=self._instances(data_samples, dict(teacher=teacher_views['grids'],
                                                         student=student_views['grids'])))
                for teacher_views, student_views in scales]

    def _instances(self, data_samples: SampleList, grids: Dict[str, Motions]
                   ) -> Optional[Dict[str, list]]:
        """Return the masks of instances, warped by the grids of each network, or None."""
        if not self.objective.hinted:
            return None
        for sample in data_samples:
            if 'instance_maps' not in sample or 'id_classes' not in sample:
                raise InputError(f'{sample.img_path}: no masks of instances; add '
                                 'LoadClipInstances and RelabelInstances to the training pipeline')
            match = sample.get('instance_match', self.instances.match)
            if match != self.instances.match:
                raise InputError(f'{sample.img_path}: RelabelInstances has match={match!r}, but '
                                 f'model.instances {self.instances.match!r}; use the same')
        maps = torch.stack([sample.instance_maps for sample in data_samples])
        classes = [sample.id_classes for sample in data_samples]
        return {name: self.instances(maps, classes, grids[name])
                for name in self.objective.hinted}


def _means(items: List[Dict[str, torch.Tensor]]) -> Dict[str, torch.Tensor]:
    """Return the mean of each entry over several dicts."""
    return {name: torch.stack([item[name] for item in items]).mean() for name in items[0]}
