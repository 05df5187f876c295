"""Depth estimators."""
from .clip_batch import ClipBatch
from .clip_depth import ClipDepth
from .depth_estimator import DepthEstimator
from .multi_frame_depth import MultiFrameDepth
from .pose_network import PoseNetwork
from .single_frame_depth import SingleFrameDepth

__all__ = [
    'ClipBatch', 'ClipDepth', 'DepthEstimator', 'MultiFrameDepth', 'PoseNetwork',
    'SingleFrameDepth'
]
