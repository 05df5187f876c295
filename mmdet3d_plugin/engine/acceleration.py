"""Switches for speed: bfloat16, channels-last memory format, and compilation.

They are set by ``acceleration = dict(bfloat16=..., channels_last=..., compile=...)`` in a config
(``configs/_base_/default_runtime.py``) or by flags of the training, test and benchmark commands.
"""
from typing import Dict, Tuple

import torch
import torch.nn as nn
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..errors import InputError
from ..models.model_contract import dense_parts_of
from .process_state import unwrap_model

SWITCHES = ('bfloat16', 'channels_last', 'compile')


def has_fast_bfloat16(device_type: str) -> bool:
    """Return whether bfloat16 is faster than float32 on ``'cpu'`` or another device type.

    It is slower on CPUs without bfloat16 arithmetic, which convert to float32 and back.
    """
    return device_type != 'cpu' or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def use_channels_last(model: nn.Module) -> None:
    """Keep feature maps in channels-last memory format. Results differ by rounding.

    Args:
        model: a model with dense parts, see :func:`dense_parts_of`; changed in place.
    """
    for name, part in dense_parts_of(unwrap_model(model)).items():
        if name.endswith('backbone'):
            part.register_forward_pre_hook(_to_channels_last)


def _to_channels_last(module: nn.Module, inputs: Tuple[torch.Tensor, ...]) -> tuple:
    return tuple(item.contiguous(memory_format=torch.channels_last) for item in inputs)


def compile_dense_parts(model: nn.Module, freeze: bool = False) -> None:
    """Compile the parts of a model that run per pixel, in place.

    The first steps then take a minute or more. Parts that run per object are not compiled, since
    the number of objects changes with every batch.

    Args:
        model: a model with dense parts, see :func:`dense_parts_of`.
        freeze: treat weights as constants, for a model that only predicts. Normalisation is
            then folded into the weights of convolutions.
    """
    for part in dense_parts_of(unwrap_model(model)).values():
        part.compile(options=dict(freezing=freeze))


def accelerate(model: nn.Module, channels_last: bool = False, compile: bool = False,
               freeze: bool = False) -> None:
    """Apply the switches that concern the model. To be called once per model.

    Args:
        model: a model with dense parts; changed in place.
        channels_last: keep feature maps channels-last, see :func:`use_channels_last`.
        compile: compile dense parts, see :func:`compile_dense_parts`.
        freeze: the model only predicts, see :func:`compile_dense_parts`.
    """
    if channels_last:
        use_channels_last(model)
    if compile:
        compile_dense_parts(model, freeze)


@HOOKS.register_module()
class AccelerationHook(Hook):
    """Hook that applies :func:`accelerate` to the model of a training or a test.

    Args:
        channels_last: see :func:`accelerate`.
        compile: see :func:`accelerate`.
    """

    def __init__(self, channels_last: bool = False, compile: bool = False) -> None:
        self.switches = dict(channels_last=channels_last, compile=compile)
        self._done = False

    def before_train(self, runner: Runner) -> None:
        self._apply(runner, freeze=False)

    def before_test(self, runner: Runner) -> None:
        self._apply(runner, freeze=True)

    def _apply(self, runner: Runner, freeze: bool) -> None:
        if not self._done:
            accelerate(runner.model, freeze=freeze, **self.switches)
            self._done = True


def acceleration_switches(cfg: Config) -> Dict[str, bool]:
    """Return all switches of a config by name. Missing switches are off.

    Args:
        cfg: config with the optional entry ``acceleration``.

    Raises:
        InputError: ``acceleration`` is no dict, a switch is unknown, or its value no bool.

    Example:
        >>> acceleration_switches(Config(dict(acceleration=dict(compile=True))))
        {'bfloat16': False, 'channels_last': False, 'compile': True}
    """
    given = cfg.get('acceleration', {})
    if not isinstance(given, dict):
        raise InputError(f'{cfg.filename}: acceleration={given}: expected a dict of '
                         f'{", ".join(SWITCHES)}')
    for name, value in given.items():
        if name not in SWITCHES or not isinstance(value, bool):
            raise InputError(f'{cfg.filename}: acceleration.{name}={value}: expected one of '
                             f'{", ".join(SWITCHES)}, True or False')
    return {**dict.fromkeys(SWITCHES, False), **given}


def configure_acceleration(cfg: Config) -> None:
    """Translate ``cfg.acceleration`` into entries of mmengine's runner, in place.

    bfloat16 applies to trainings and tests. Validations during a training run in float32.

    Args:
        cfg: config of a run.

    Raises:
        InputError: a switch is wrong, see :func:`acceleration_switches`.
    """
    switches = acceleration_switches(cfg)
    if switches.pop('bfloat16'):
        cfg.optim_wrapper.type = 'AutocastOptimWrapper'
        # mmengine's autocast uses torch's default type, which is float16 on GPUs.
        torch.set_autocast_dtype('cuda', torch.bfloat16)
        cfg.test_cfg.fp16 = has_fast_bfloat16(get_device().split(':')[0])
    if any(switches.values()):
        cfg.custom_hooks = [*cfg.get('custom_hooks', []),
                            dict(type='AccelerationHook', **switches)]
