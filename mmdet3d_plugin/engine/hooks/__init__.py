"""Hooks."""
from .draw_frames_hook import DrawFramesHook
from .hierarchical_task_hook import HierarchicalTaskHook
from .plain_checkpoint_hook import PlainCheckpointHook
from .progress_bar_hook import ProgressBarHook
from .sample_selection_warmup_hook import SampleSelectionWarmupHook

__all__ = ['DrawFramesHook', 'HierarchicalTaskHook', 'PlainCheckpointHook',
           'ProgressBarHook', 'SampleSelectionWarmupHook']
