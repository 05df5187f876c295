"""Epoch and stored state of a loss balancer."""
from typing import List

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...self_supervision import LossBalancer
from ..process_state import unwrap_model
from ..state_forms import stored


@HOOKS.register_module()
class LossBalancerHook(Hook):
    """Hook that starts the epochs of a model's :class:`LossBalancer` and stores its state.

    The state is saved in checkpoints and restored on resume. A training that only starts from
    the weights of another one starts with a new balance.

    Raises:
        InputError: the model has no LossBalancer.
    """

    KEY = 'loss_balancer'
    STATE_FORM = [{name: stored(value) for name, value in LossBalancer().get_state().items()}]

    def before_train(self, runner: Runner) -> None:
        if not _balancers(runner):
            raise InputError('LossBalancerHook: the model has no LossBalancer; set '
                             'model.loss.balancer, or remove the hook from custom_hooks')

    def before_train_epoch(self, runner: Runner) -> None:
        for balancer in _balancers(runner):
            balancer.start_epoch(runner.epoch)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint[self.KEY] = [balancer.get_state() for balancer in _balancers(runner)]

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if runner._resume:
            for balancer, state in zip(_balancers(runner), checkpoint.get(self.KEY, [])):
                balancer.set_state(state)


def _balancers(runner: Runner) -> List[LossBalancer]:
    return [module for module in unwrap_model(runner.model).modules()
            if isinstance(module, LossBalancer)]
