"""Where the time of a training step goes, by torch's profiler."""
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Tuple
from unittest import mock

import torch
import torch.nn as nn
from mmengine.optim import OptimWrapper
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

BACKWARD_NODE = 'autograd::engine::evaluate_function: '
LOSSES = 'selector and losses'


@dataclass
class StepProfile:
    """Mean times of a training step.

    Attributes:
        step: milliseconds of a whole step.
        parts: milliseconds by part, forward and backward together.
    """
    step: float
    parts: Dict[str, float]

    def share(self, part: str) -> float:
        """Share of the step, 0-1."""
        return self.parts[part] / self.step

    def table(self) -> str:
        """One line a part, the largest first."""
        rows = sorted(self.parts.items(), key=lambda item: -item[1])
        lines = [f'{name:<22} {time:9.2f} ms {100 * time / self.step:6.1f} %'
                 for name, time in rows]
        return '\n'.join([*lines, f'{"step":<22} {self.step:9.2f} ms'])


@contextmanager
def labelled(methods: Dict[str, List[Tuple[Any, str]]]) -> Iterator[None]:
    """Marks methods for the profiler: by label, (object, name of the method)."""
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
    """Profiles training steps of a centre detector on one batch.

    Backward operations count for the part whose forward operation they belong to.
    """
    device = next(model.parameters()).device
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == 'cuda')
    parts = {
        'backbone': [(model.backbone, 'forward')],
        'neck': [(model.neck, 'forward')],
        'dense head': [(model.dense_head, 'forward')],
        '3D head': [(model.object_head, 'forward')],
        'targets': [(model.assigner, 'assign')],
        LOSSES: [(model.dense_head, 'loss'), (model.object_head, 'loss')],
        'optimizer': [(optim_wrapper, 'step')],
        'preprocessing': [(model.data_preprocessor, 'forward')],
    }
    if model.auxiliary:
        parts['auxiliaries'] = [(module, 'forward') for module in model.auxiliary]
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


def part_time(events: List[FunctionEvent], label: str, on_device: bool) -> float:
    """Microseconds of what ran under a label, with its backward operations.

    On a GPU, the time of its kernels; on a CPU, of its operations.
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
    return event.device_type != torch.autograd.DeviceType.CPU


def descendants(event: FunctionEvent) -> Iterator[FunctionEvent]:
    for child in event.cpu_children:
        yield child
        yield from descendants(child)
