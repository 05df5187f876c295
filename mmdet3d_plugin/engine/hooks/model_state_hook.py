"""Base class of hooks that store a state of the model in the checkpoint."""
import torch.nn as nn
from mmengine.hooks import Hook


class ModelStateHook(Hook):
    """Base class of hooks that store a state of the model in the checkpoint.

    The state decides how the model predicts.

    A runner restores it through ``after_load_checkpoint``.
    :func:`~mmdet3d_plugin.engine.load_model.load_model`, which has no runner, calls
    :meth:`restore_model`.
    """

    @classmethod
    def restore_model(cls, model: nn.Module, checkpoint: dict) -> None:
        """Set the model to the state that a checkpoint holds, if it holds one.

        Args:
            model: the model itself, without a distributed wrapper.
            checkpoint: content of the file.

        Raises:
            NotImplementedError: a subclass has to define the method.
        """
        raise NotImplementedError
