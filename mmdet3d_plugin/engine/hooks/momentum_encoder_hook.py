"""Update of the momentum encoder of an embedder."""
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...models.embedders import Embedder
from ..process_state import unwrap_model


@HOOKS.register_module()
class MomentumEncoderHook(Hook):
    """Hook that moves the momentum encoder of an :class:`Embedder` after each optimiser step.

    Raises:
        InputError: the model has no momentum encoder.
    """

    def before_train(self, runner: Runner) -> None:
        model = unwrap_model(runner.model)
        if not isinstance(model, Embedder) or model.momentum_encoder is None:
            raise InputError('MomentumEncoderHook: the model has no momentum encoder; set '
                             'model.momentum, or remove the hook from custom_hooks')

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        if runner.optim_wrapper.should_update():
            model = unwrap_model(runner.model)
            model.momentum_encoder.update_parameters(model.encoder)
