"""Checkpoints that load without executing code."""
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

# Exact types: numpy's float64 is a float too, but not a plain value.
PLAIN_TYPES = {str, int, float, bool, type(None)}


def _is_plain(value: Any) -> bool:
    return type(value) in PLAIN_TYPES or (
        type(value) is list and all(type(item) in PLAIN_TYPES for item in value))


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Keeps checkpoints to tensors and plain values.

    ``torch.load(weights_only=True)``, which is how checkpoints are loaded here,
    refuses the log histories that mmengine stores, which smooth the printed log,
    and numpy's scalars among the run's facts. Both are left out, so a run resumes
    without trusting the file.
    """
    priority = 'VERY_LOW'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        hub = checkpoint.get('message_hub')
        if hub is not None:
            info = {key: value for key, value in hub['runtime_info'].items()
                    if _is_plain(value)}
            checkpoint['message_hub'] = dict(
                log_scalars={}, runtime_info=info,
                resumed_keys={key: value for key, value in hub['resumed_keys'].items()
                              if key in info})
