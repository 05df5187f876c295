"""Freezing of the teacher of a multi-frame depth estimator, with a restart of the optimiser."""
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...models.depth_estimators import MultiFrameDepth
from ..process_state import unwrap_model
from ..state_forms import FLAG


@HOOKS.register_module()
class FreezeTeacherHook(Hook):
    """Hook that trains the student alone from a given epoch on (Watson et al., 2021).

    When the epoch starts, teacher, pose network and depth bins are frozen, the optimiser's
    running averages are cleared, and the learning rate and its schedule start anew. The
    schedule then counts epochs from there. Checkpoints hold whether this has happened, so that a
    resumed training neither repeats nor misses it.

    Args:
        epoch: number of epochs with a trained teacher.

    Raises:
        InputError: ``epoch`` is negative, or the model has no teacher.
    """

    KEY = 'freeze_teacher'
    STATE_FORM = {'frozen': FLAG}

    def __init__(self, epoch: int) -> None:
        if epoch < 0:
            raise InputError(f'FreezeTeacherHook: epoch is {epoch}, expected 0 or more')
        self.epoch = epoch
        self.frozen = False

    def before_train(self, runner: Runner) -> None:
        model = unwrap_model(runner.model)
        if not isinstance(model, MultiFrameDepth):
            raise InputError(f'FreezeTeacherHook: {type(model).__name__} has no teacher; remove '
                             'the hook from custom_hooks')
        if runner.iter == 0:  # load_from also loads the state of the other training
            self.frozen = False
        if self.frozen:
            model.freeze_teacher()

    def before_train_epoch(self, runner: Runner) -> None:
        if self.frozen or runner.epoch < self.epoch:
            return
        self.frozen = True
        unwrap_model(runner.model).freeze_teacher()
        restart_optimizer(runner)
        print_log(f'from epoch {runner.epoch + 1} on the student alone is trained, with a new '
                  'optimiser', 'current')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint[self.KEY] = dict(frozen=self.frozen)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self.frozen = checkpoint.get(self.KEY, dict(frozen=False))['frozen']


def restart_optimizer(runner: Runner) -> None:
    """Clear the optimiser's state, and start the learning rate and its schedule anew.

    Args:
        runner: runner of a training.
    """
    optimizer = runner.optim_wrapper.optimizer
    optimizer.state.clear()
    for group in optimizer.param_groups:
        for name in ('lr', 'momentum', 'weight_decay'):
            if f'initial_{name}' in group:
                group[name] = group[f'initial_{name}']
    schedule = runner.cfg.get('param_scheduler')
    if schedule:
        runner.param_schedulers = runner.build_param_scheduler(schedule)
