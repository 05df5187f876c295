"""Hooks."""
from .draw_frames_hook import DrawFramesHook
from .draw_samples_hook import DrawSamplesHook
from .hierarchical_task_hook import HierarchicalTaskHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .progress_bar_hook import ProgressBarHook
from .sample_selection_warmup_hook import SampleSelectionWarmupHook

__all__ = [
    'DrawFramesHook', 'DrawSamplesHook', 'HierarchicalTaskHook', 'PlainCheckpointHook',
    'ProgressBarHook', 'SampleSelectionWarmupHook'
]
