"""Epoch of a loss balancer."""
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...self_supervision import LossBalancer
from ..process_state import unwrap_model


@HOOKS.register_module()
class LossBalancerHook(Hook):
    """Hook that tells the :class:`LossBalancer` of a model when an epoch starts.

    Raises:
        InputError: the model has no LossBalancer.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        balancers = [module for module in unwrap_model(runner.model).modules()
                     if isinstance(module, LossBalancer)]
        if not balancers:
            raise InputError('LossBalancerHook: the model has no LossBalancer; set '
                             'model.loss.balancer, or remove the hook from custom_hooks')
        for balancer in balancers:
            balancer.start_epoch(runner.epoch)
