"""Checkpoints that load with ``weights_only=True``."""
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

# Compared exactly, since numpy's float64 is a subclass of float but not a plain value.
PLAIN_TYPES = {str, int, float, bool, type(None)}


def _is_plain(value: Any) -> bool:
    return type(value) in PLAIN_TYPES or (
        type(value) is list and all(type(item) in PLAIN_TYPES for item in value))


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Hook that keeps only tensors and plain values in checkpoints.

    This project loads checkpoints with ``torch.load(weights_only=True)``, which executes no
    code but refuses other objects. mmengine's message hub holds such objects: the log histories,
    which only smooth the printed log, and numpy scalars. The hook removes them.
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
