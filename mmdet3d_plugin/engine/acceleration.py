"""Switches that run the same model faster: bfloat16, channels-last, compilation.

``acceleration = dict(bfloat16=..., channels_last=..., compile=...)`` in a config sets them
(``configs/_base_/default_runtime.py``), and so do flags of the training, test and benchmark
commands.
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
    """Whether bfloat16 is a gain there. CPUs without its arithmetic convert to and fro."""
    return device_type != 'cpu' or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def use_channels_last(model: nn.Module) -> None:
    """Keeps feature maps channels-last from the backbone on. Results differ by rounding."""
    first = next(iter(dense_parts_of(unwrap_model(model)).values()))
    first.register_forward_pre_hook(_to_channels_last)


def _to_channels_last(module: nn.Module, inputs: Tuple[torch.Tensor, ...]) -> tuple:
    return tuple(item.contiguous(memory_format=torch.channels_last) for item in inputs)


def compile_dense_parts(model: nn.Module, freeze: bool = False) -> None:
    """Compiles what runs at every pixel, in place; the first steps take a minute or more.

    Objects are left to eager execution: their number changes with every batch.

    Args:
        freeze: weights will not change any more. Normalisation is folded into
            convolutions, whose weights are laid out once for all.
    """
    for part in dense_parts_of(unwrap_model(model)).values():
        part.compile(options=dict(freezing=freeze))


def accelerate(model: nn.Module, channels_last: bool = False, compile: bool = False,
               freeze: bool = False) -> None:
    """Applies the switches that concern the model. Call it once.

    Args:
        channels_last, compile: the switches.
        freeze: the model is to predict only, see :func:`compile_dense_parts`.
    """
    if channels_last:
        use_channels_last(model)
    if compile:
        compile_dense_parts(model, freeze)


@HOOKS.register_module()
class AccelerationHook(Hook):
    """Applies :func:`accelerate` to the model of a training or a test."""

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
    """All switches; those that ``cfg.acceleration`` leaves out are off.

    Raises:
        InputError: it is no dict, or a switch is unknown or neither true nor false.
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
    """Turns ``cfg.acceleration`` into what mmengine's runner understands.

    bfloat16 concerns training, and tests; validation during a training stays exact.

    Raises:
        InputError: as :func:`acceleration_switches`.
    """
    switches = acceleration_switches(cfg)
    if switches.pop('bfloat16'):
        cfg.optim_wrapper.type = 'AutocastOptimWrapper'
        # mmengine's autocast takes torch's default type, which is float16 on GPUs.
        torch.set_autocast_dtype('cuda', torch.bfloat16)
        cfg.test_cfg.fp16 = has_fast_bfloat16(get_device().split(':')[0])
    if any(switches.values()):
        cfg.custom_hooks = [*cfg.get('custom_hooks', []),
                            dict(type='AccelerationHook', **switches)]
