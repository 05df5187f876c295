"""Self-supervised depth from clips: view synthesis, photometric losses and cost volumes."""
from .cost_volume import CostVolume, DepthBins, cost_volume
from .distillation_hint import (
    CANDIDATES,
    average_depth,
    best_candidate,
    distillation_loss,
    distillation_target,
)
from .instance_warping import InstanceMatcher, masks_of_ids, warp_instance_map
from .loss_balancer import LossBalancer
from .motion_aware_loss import MotionAwareLoss
from .motion_gate import MotionGate
from .multi_frame_loss import MultiFrameLoss, reprojection_loss
from .photometric_error import automask, masked_mean, minimum_error, photometric_error, ssim
from .rigid_motion import axis_angle_to_rotation, invert_motion, motion_matrix
from .smoothness_loss import smoothness_loss
from .temporal_hint import (
    InstancePairs,
    box_displacements,
    join_instances,
    moved_images,
    shifts_to_target,
)
from .view_synthesis import back_project, disparity_to_depth, project, sampling_grid, warp

__all__ = [
    'CANDIDATES', 'CostVolume', 'DepthBins', 'InstanceMatcher', 'InstancePairs',
    'LossBalancer', 'MotionAwareLoss', 'MotionGate', 'MultiFrameLoss', 'automask',
    'average_depth', 'axis_angle_to_rotation', 'back_project', 'best_candidate',
    'box_displacements', 'cost_volume', 'disparity_to_depth', 'distillation_loss',
    'distillation_target', 'invert_motion', 'join_instances', 'masked_mean', 'masks_of_ids',
    'minimum_error', 'motion_matrix', 'moved_images', 'photometric_error',
    'project', 'reprojection_loss', 'sampling_grid', 'shifts_to_target', 'smoothness_loss',
    'ssim', 'warp', 'warp_instance_map'
]
