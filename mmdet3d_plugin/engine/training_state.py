"""Validation of the state of a training in a checkpoint, before a training resumes from it.

torch's optimisers and mmengine's schedules and message hub take over what a checkpoint holds,
without a check. An odd value would end the training with a traceback, at once or in a later step.
"""
from typing import Any, Dict, Iterable, List, Optional, Sequence

import torch
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch.optim import SGD, Adam, AdamW

from ..errors import InputError, visible
from .loops import ResumableEpochLoop
from .state_forms import COUNT, FLAG, TABLE, TEXT, Form, first_misfit, is_number, optional

FIX = 'start from its weights with --cfg-options load_from=PATH'
SEED = Form('a whole number below 2^32', lambda value: COUNT.fits(value) and value < 1 << 32)
TRAINING_STATE = {
    'meta': {'epoch': COUNT, 'iter': COUNT, 'seed?': optional(SEED), 'time?': TEXT},
    'optimizer': TABLE,
    'message_hub': {'log_scalars': TABLE, 'runtime_info': {'keep_ckpt_ids?': [COUNT]},
                    'resumed_keys': TABLE},
}
# State of a parameter: entries with the shape of the parameter, and those that each state has.
SHAPED = ('exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'momentum_buffer')
NEEDED = {Adam: ('step', 'exp_avg', 'exp_avg_sq'), AdamW: ('step', 'exp_avg', 'exp_avg_sq'),
          SGD: ()}
# Settings of a group that torch's newer releases add, and that no config sets.
SWITCHES = ('capturable', 'differentiable')
UNSETTLED = ('maximize', 'foreach', 'fused', 'decoupled_weight_decay', *SWITCHES)
BEST_SCORE = 'best_score'  # start of the names of mmengine's entries


def check_training_state(content: Dict[str, Any], title: str) -> None:
    """Check the entries that every training resumes from.

    Args:
        content: content of the file.
        title: name of the file, for messages.

    Raises:
        InputError: an entry is missing or odd.

    Example:
        >>> check_training_state(dict(meta=dict(epoch=-1, iter=0), optimizer={},
        ...                           message_hub={}), 'a.pth')  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.pth: holds no state of a training (meta.epoch is ...
    """
    reason = first_misfit(content, TRAINING_STATE, '')
    if reason is None:
        hub = content['message_hub']
        odd = [key for key, value in hub['runtime_info'].items()
               if not _is_name(key) or (key.startswith(BEST_SCORE) and not is_number(value))]
        # mmengine's hub refuses to change the other value later.
        odd += [key for key, value in hub['resumed_keys'].items()
                if not _is_name(key) or value is not True]
        reason = f'message_hub has an odd {visible(odd[0], 40)}' if odd else None
    if reason:
        raise InputError(f'{title}: holds no state of a training ({reason}); {FIX}')


def _is_name(key: Any) -> bool:
    return isinstance(key, str) and key.isprintable()


def check_hook_states(hooks: Iterable[Any], content: Dict[str, Any], title: str) -> None:
    """Check the states that hooks of this project keep in a checkpoint.

    Args:
        hooks: hooks, or their classes. Those with a ``STATE_FORM`` keep a state in ``KEY``.
        content: content of the file.
        title: name of the file, for messages.

    Raises:
        InputError: a state is odd.
    """
    for hook in hooks:
        form = getattr(hook, 'STATE_FORM', None)
        if form is not None and hook.KEY in content:
            reason = first_misfit(content[hook.KEY], form, hook.KEY)
            if reason:
                raise InputError(f'{title}: {reason}; restore it, or pass another checkpoint')


def check_fitting_state(runner: Runner, content: Dict[str, Any], title: str) -> None:
    """Check that the state of a training fits a run that resumes from it.

    Args:
        runner: the run, whose optimiser, schedules and loop are built.
        content: checked content of the file, see :func:`check_training_state`.
        title: name of the file, for messages.

    Raises:
        InputError: optimiser, schedules or position belong to another training.
    """
    reason = (_misfit_of_optimizers(content['optimizer'], runner.optim_wrapper)
              or _misfit_of_schedules(content.get('param_schedulers'), runner.param_schedulers)
              or _misfit_of_position(content, runner))
    if reason:
        raise InputError(f'{title}: holds the state of another training ({reason}); {FIX}')


def _misfit_of_position(content: Dict[str, Any], runner: Runner) -> Optional[str]:
    """Return why the iteration does not lie in the epoch, or None."""
    state, meta = content.get('train_loop'), content['meta']
    if state is None or not isinstance(runner.train_loop, ResumableEpochLoop):
        return None
    batches = state['batches_per_epoch']
    inside = 0 <= meta['iter'] - meta['epoch'] * batches <= batches
    return None if inside else (f'iteration {meta["iter"]} is not in epoch {meta["epoch"]} of '
                                f'{batches} batches')


def _misfit_of_optimizers(state: Dict[str, Any], wrapper: Any) -> Optional[str]:
    """Return why states do not fit the optimisers of a run, or None."""
    if isinstance(wrapper, OptimWrapperDict):
        if state.keys() != set(wrapper.keys()):
            return 'optimizer has other names'
        found = (_misfit_of_optimizer(state[name], one, f'optimizer.{name}')
                 for name, one in wrapper.items())
        return next(filter(None, found), None)
    return _misfit_of_optimizer(state, wrapper, 'optimizer')


def _misfit_of_optimizer(state: Any, wrapper: Any, name: str) -> Optional[str]:
    """Return why a state does not fit an optimiser, or None."""
    scaler = Form('numbers by name', lambda value: _alike(value, {}))
    reason = first_misfit(
        state, {'state': TABLE, 'param_groups': [{'params': [COUNT]}], 'loss_scaler?': scaler,
                'base_param_settings?': TABLE}, name)
    if reason:
        return reason
    groups, own_groups = state['param_groups'], wrapper.optimizer.param_groups
    if len(groups) != len(own_groups):
        return f'{name} has {len(groups)} groups of parameters, expected {len(own_groups)}'
    if 'base_param_settings' in state:
        reason = 'base_param_settings is odd' if wrapper.base_param_settings is None else (
            _misfit_of_group(state['base_param_settings'], {
                key: value for key, value in wrapper.base_param_settings.items()
                if key != 'params'}, 'base_param_settings'))
        if reason:
            return f'{name}.{reason}'
    parameters: List[Any] = []
    loaded: List[Any] = []
    for index, (group, own) in enumerate(zip(groups, own_groups)):
        start = len(parameters)
        parameters += own['params']
        loaded += [group] * len(own['params'])
        reason = _misfit_of_group(group, {**own, 'params': [*range(start, len(parameters))]},
                                  f'{name}.param_groups.{index}')
        if reason:
            return reason
    needed = NEEDED.get(type(wrapper.optimizer))
    for index, moments in state['state'].items():
        place = f'{name}.state.{visible(index, 40)}'
        if type(index) is not int or not 0 <= index < len(parameters):
            return f'{place} belongs to no parameter'
        if not isinstance(moments, dict):
            return f'{place} is not a dict'
        if moments and needed is not None:  # entries of other optimisers are not known
            reason = _misfit_of_moments(moments, parameters[index], (
                *needed, *(['max_exp_avg_sq'] if loaded[index].get('amsgrad') else [])), place)
            if reason:
                return reason
    return None


def _misfit_of_group(group: Dict[str, Any], own: Dict[str, Any], name: str) -> Optional[str]:
    """Return why the settings of a group of parameters do not fit, or None."""
    for key, value in own.items():
        if key not in group:
            if key not in UNSETTLED:
                return f'{name}.{key} is missing'
        elif key == 'params' and [*group[key]] != value:
            return f'{name} has other parameters'
        elif not _alike(group[key], value) or (key in SWITCHES and group[key] != value):
            return f'{name}.{key} is odd'
    betas = group.get('betas', ())
    return None if all(0 <= beta < 1 for beta in betas) else f'{name}.betas are not in [0, 1)'


def _misfit_of_moments(moments: Dict[Any, Any], parameter: torch.Tensor, needed: Sequence[str],
                       name: str) -> Optional[str]:
    """Return why the state of a parameter does not fit, or None."""
    missing = [key for key in needed if key not in moments]
    if missing:
        return f'{name}.{missing[0]} is missing'
    odd = [key for key, value in moments.items() if not _is_moment(key, value, parameter)]
    return f'{name}.{visible(odd[0], 40)} is odd' if odd else None


def _is_moment(key: Any, value: Any, parameter: torch.Tensor) -> bool:
    """Return whether a value is an entry of the state of a parameter."""
    if key in SHAPED:
        return (value is None and key == 'momentum_buffer') or (
            isinstance(value, torch.Tensor) and value.is_floating_point()
            and value.shape == parameter.shape and not bool(torch.isnan(value).any()))
    if isinstance(value, torch.Tensor):
        if value.numel() != 1 or value.dim() > 1:
            return False
        value = value.item()
    return key == 'step' and is_number(value) and value >= 0


def _misfit_of_schedules(states: Any, schedules: Any) -> Optional[str]:
    """Return why the states of schedules do not fit those of a run, or None."""
    if not schedules or states is None:
        return None
    if isinstance(schedules, dict):
        if not isinstance(states, dict) or states.keys() != schedules.keys():
            return 'param_schedulers has other names'
        return next(filter(None, (_misfit_of_schedules(states[name], schedules[name])
                                  for name in schedules)), None)
    if not isinstance(states, (list, tuple)) or len(states) != len(schedules):
        return f'param_schedulers is not a list of {len(schedules)} schedules'
    for index, (state, schedule) in enumerate(zip(states, schedules)):
        name, own = f'param_schedulers.{index}', schedule.state_dict()
        if not isinstance(state, dict) or state.keys() != own.keys():
            return f'{name} is no state of a {type(schedule).__name__}'
        odd = [key for key, value in own.items() if not _alike(state[key], value)
               or (key in ('last_step', '_global_step') and not COUNT.fits(state[key]))]
        if odd:
            return f'{name}.{odd[0]} is odd'
    return None


def _alike(value: Any, own: Any) -> bool:
    """Return whether a setting can take the place of a plain one.

    A positive whole number stays positive, since schedules divide by it.
    """
    if own is None or isinstance(own, bool):
        return value is None or FLAG.fits(value) or (own is None and is_number(value))
    if isinstance(own, (int, float)):
        return is_number(value) and (value > 0 or own <= 0 or isinstance(own, float))
    if isinstance(own, (list, tuple)):
        return (isinstance(value, (list, tuple)) and len(value) == len(own)
                and all(map(_alike, value, own)))
    if isinstance(own, dict):
        return isinstance(value, dict) and all(map(is_number, value.values()))
    return isinstance(value, type(own))
