"""Self-supervised depth from clips: view synthesis, photometric losses and cost volumes."""
from .cost_volume import CostVolume, DepthBins, cost_volume
from .instance_warping import InstanceMatcher, masks_of_ids, warp_instance_map
from .multi_frame_loss import MultiFrameLoss, reprojection_loss
from .photometric_error import automask, masked_mean, minimum_error, photometric_error, ssim
from .rigid_motion import axis_angle_to_rotation, invert_motion, mirror_motion, motion_matrix
from .smoothness_loss import smoothness_loss
from .view_synthesis import back_project, disparity_to_depth, project, sampling_grid, warp

__all__ = [
    'CostVolume', 'DepthBins', 'InstanceMatcher', 'MultiFrameLoss', 'automask', 'axis_angle_to_rotation', 'back_project',
    'cost_volume', 'disparity_to_depth', 'invert_motion', 'masked_mean', 'masks_of_ids', 'minimum_error',
    'mirror_motion', 'motion_matrix', 'photometric_error', 'project',
    'reprojection_loss', 'sampling_grid',
    'smoothness_loss', 'ssim', 'warp', 'warp_instance_map'
]
