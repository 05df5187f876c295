"""Time of each part of a training step, measured with PyTorch's profiler."""
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Tuple
from unittest import mock

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from ..models.detectors import CenterMono3D
from ..models.model_contract import dense_parts_of, loss_methods_of

# Methods by part: (object, method name) pairs.
PartMethods = Dict[str, List[Tuple[Any, str]]]

BACKWARD_NODE = 'autograd::engine::evaluate_function: '
LOSSES = 'selector and losses'


@dataclass
class StepProfile:
    """Mean times of a training step.

    Attributes:
        step: milliseconds of a whole step.
        parts: milliseconds of each part, forward and backward together.
    """
    step: float
    parts: Dict[str, float]

    def share(self, part: str) -> float:
        """Return the share of a part in the step, 0 to 1."""
        return self.parts[part] / self.step

    def table(self) -> str:
        """Return a table with one line per part, the largest first, and the step at the end."""
        rows = sorted(self.parts.items(), key=lambda item: -item[1])
        lines = [f'{name:<22} {time:9.2f} ms {100 * time / self.step:6.1f} %'
                 for name, time in rows]
        return '\n'.join([*lines, f'{"step":<22} {self.step:9.2f} ms'])


@contextmanager
def labelled(methods: PartMethods) -> Iterator[None]:
    """Label all calls of methods for the profiler while the context is active."""
    def mark(method: Callable, label: str) -> Callable:
        def run(*args, **kwargs):
            with record_function(label):
                return method(*args, **kwargs)
        return run

    with ExitStack() as stack:
        for label, targets in methods.items():
            for target, name in targets:
                stack.enter_context(mock.patch.object(
                    target, name, mark(getattr(target, name), label)))
        yield


def profile_steps(model: nn.Module, optim_wrapper: OptimWrapper, batch: dict, num_steps: int,
                  warmup_steps: int = 2) -> StepProfile:
    """Profile training steps of a model on one batch.

    Backward operations count for the part that runs the matching forward operation.

    Args:
        model: detector or depth estimator, see ``model_contract``.
        optim_wrapper: optimizer of the model.
        batch: batch of the data loader.
        num_steps: profiled steps.
        warmup_steps: steps before them.
    """
    device = next(model.parameters()).device
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == 'cuda')
    parts = part_methods(model, optim_wrapper)
    model.train()
    with labelled(parts):
        for _ in range(warmup_steps):
            model.train_step(batch, optim_wrapper)
        with profile(activities=activities) as profiler:
            for _ in range(num_steps):
                with record_function('step'):
                    model.train_step(batch, optim_wrapper)
                    if device.type == 'cuda':
                        torch.cuda.synchronize()
    events = profiler.events()
    on_device = device.type == 'cuda'
    times = {label: part_time(events, label, on_device) / num_steps / 1000 for label in parts}
    step = sum(event.time_range.elapsed_us() for event in events
               if event.name == 'step') / num_steps / 1000
    return StepProfile(step, times)


def part_methods(model: nn.Module, optim_wrapper: OptimWrapper) -> PartMethods:
    """Return the methods of each part of a training step."""
    parts: PartMethods = {'preprocessing': [(model.data_preprocessor, 'forward')]}
    for name, module in dense_parts_of(model).items():
        parts[name.replace('_', ' ')] = [(module, 'forward')]
    if isinstance(model, CenterMono3D):
        parts['3D head'] = [(model.object_head, 'forward')]
    for owner, method in loss_methods_of(model):
        parts.setdefault('targets' if method == 'assign' else LOSSES, []).append((owner, method))
    if getattr(model, 'auxiliary', None):
        parts['auxiliaries'] = [(module, 'forward') for module in model.auxiliary]
    parts['optimizer'] = [(optim_wrapper, 'step')]
    return parts


def part_time(events: List[FunctionEvent], label: str, on_device: bool) -> float:
    """Return the microseconds of a labelled part, including its backward operations.

    Args:
        events: events of the profiler.
        label: label of the part.
        on_device: whether to add up the time of GPU kernels instead of CPU operations.
    """
    def time(event: FunctionEvent) -> float:
        return event.device_time_total if on_device else event.time_range.elapsed_us()

    marks = [event for event in events if event.name == label and not is_kernel(event)]
    sequence = set()
    for mark in marks:
        sequence |= {event.sequence_nr for event in descendants(mark) if event.sequence_nr >= 0}
    backward = sum(time(event) for event in events if event.sequence_nr in sequence
                   and event.name.startswith(BACKWARD_NODE))
    return sum(map(time, marks)) + backward


def is_kernel(event: FunctionEvent) -> bool:
    """Return whether an event ran on a GPU."""
    return event.device_type != torch.autograd.DeviceType.CPU


def descendants(event: FunctionEvent) -> Iterator[FunctionEvent]:
    """Yield all events inside an event."""
    for child in event.cpu_children:
        yield child
        yield from descendants(child)
