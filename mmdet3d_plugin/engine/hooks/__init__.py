"""Hooks of trainings and tests."""
from .checkpoint_check_hook import CheckpointCheckHook
from .draw_depth_hook import DrawDepthHook
from .draw_frames_hook import DrawFramesHook
from .draw_neighbours_hook import DrawNeighboursHook
from .draw_samples_hook import DrawSamplesHook
from .durable_checkpoint_hook import DurableCheckpointHook
from .embedding_table_hook import ClusterLabelHook, EmbeddingTableHook, NeighbourTableHook
from .finite_loss_hook import FiniteLossHook
from .freeze_teacher_hook import FreezeTeacherHook
from .hierarchical_task_hook import HierarchicalTaskHook
from .interruption_hook import InterruptionHook
from .loss_balancer_hook import LossBalancerHook
from .momentum_encoder_hook import MomentumEncoderHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .progress_bar_hook import ProgressBarHook
from .sample_selection_warmup_hook import SampleSelectionWarmupHook
from .skipped_frames_hook import SkippedFramesHook

__all__ = [
    'CheckpointCheckHook', 'ClusterLabelHook', 'DrawDepthHook', 'DrawFramesHook',
    'DrawNeighboursHook', 'DrawSamplesHook', 'DurableCheckpointHook', 'EmbeddingTableHook',
    'FiniteLossHook', 'FreezeTeacherHook', 'HierarchicalTaskHook', 'InterruptionHook',
    'LossBalancerHook', 'MomentumEncoderHook', 'NeighbourTableHook', 'PlainCheckpointHook',
    'ProgressBarHook', 'SampleSelectionWarmupHook', 'SkippedFramesHook'
]
