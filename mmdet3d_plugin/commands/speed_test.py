"""How fast a config loads, trains and predicts, and how much of the machine it uses."""
import copy
import resource
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence
from unittest import mock

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner, set_random_seed
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from ..engine.acceleration import (accelerate, acceleration_switches, configure_acceleration,
                                   has_fast_bfloat16)
from ..engine.load_model import load_model
from ..models.model_contract import loss_methods_of

PHASES = ('data', 'forward', 'loss', 'backward', 'optimizer')
MATRIX_SIZES = dict(cpu=2048, cuda=8192)
PROCESS = Path('/proc/self')


class SpeedTest:
    """One config on one device, ready to be timed step by step.

    Args:
        cfg: of a detector or depth estimator; ``acceleration`` may ask for bfloat16,
            channels-last, compilation.
        device: 'cpu' or 'cuda'.
        batch_size: images of a training step.
        num_workers: of the loader that feeds it.

    Raises:
        InputError: a switch of ``acceleration`` is unknown.
    """

    def __init__(self, cfg: Config, device: str, batch_size: int, num_workers: int) -> None:
        set_random_seed(0)
        cfg = copy.deepcopy(cfg)
        configure_acceleration(cfg)
        switches = acceleration_switches(cfg)
        del switches['bfloat16']  # which the optimiser's wrapper does
        self.device = device
        self.batch_size = batch_size
        bfloat16 = cfg.optim_wrapper.type == 'AutocastOptimWrapper'
        self.dtype = (torch.bfloat16 if bfloat16 and has_fast_bfloat16(device)
                      else torch.float32)
        self.model = load_model(cfg, device=device).train()
        self.optim_wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.loader = self._build_loader(cfg.train_dataloader, batch_size, num_workers)
        self._batches: Optional[Iterator] = None
        frames = DATASETS.build(cfg.test_dataloader.dataset)
        self.test_batches = [pseudo_collate([frames[index]])
                             for index in range(min(len(frames), 8))]
        self.train_flops = self._count_flops(lambda: self._train(self.next_batch()))
        # The model learns on, what predicts is final.
        self.predictor = copy.deepcopy(self.model).eval()
        self.predict_flops = self._count_flops(lambda: self._predict(self.test_batches[0]))
        accelerate(self.model, **switches)
        accelerate(self.predictor, freeze=True, **switches)

    @staticmethod
    def _build_loader(options: Config, batch_size: int, num_workers: int) -> DataLoader:
        options = options.copy()
        options.update(batch_size=batch_size, num_workers=num_workers,
                       persistent_workers=num_workers > 0)
        return Runner.build_dataloader(options, seed=0)

    def load(self, num_batches: int) -> float:
        """Seconds a batch that the loader takes when nothing else is done."""
        for _ in range(self.loader.num_workers * (self.loader.prefetch_factor or 0)):
            self.next_batch()  # was loaded before
        return self._mean_time(num_batches, self.next_batch)

    def train(self, num_steps: int) -> float:
        """Seconds a training step, the wait for data included."""
        self.model.train()
        return self._mean_time(num_steps, lambda: self._train(self.next_batch()))

    def split(self, num_steps: int) -> Dict[str, float]:
        """Mean seconds of a step's phases. The device is waited for after each, so on a GPU
        they add up to more than a step takes."""
        self.model.train()
        times = dict.fromkeys(PHASES, 0.)
        for _ in range(num_steps):
            start = time.perf_counter()
            batch = self.next_batch()
            times['data'] += time.perf_counter() - start
            self._train(batch, times)
        times['forward'] -= times['loss']  # which is a part of it
        return {phase: seconds / num_steps for phase, seconds in times.items()}

    def predict(self, num_images: int) -> List[float]:
        """Seconds of each of some predictions of one image, decoded boxes included."""
        return [self._mean_time(1, lambda: self._predict(batch)) for batch in (
            self.test_batches[index % len(self.test_batches)] for index in range(num_images))]

    def next_batch(self) -> dict:
        """Of the set, read over and over."""
        while True:
            if self._batches is None:
                self._batches = iter(self.loader)
            batch = next(self._batches, None)
            if batch is not None:
                return batch
            self._batches = None

    def _train(self, batch: dict, times: Optional[Dict[str, float]] = None) -> None:
        """A step; the seconds of its phases are added to ``times``, if given."""
        clock = PhaseClock(self.device, times)
        with self.optim_wrapper.optim_context(self.model), clock.phase('forward'), \
                clock.losses_of(self.model):
            inputs = self.model.data_preprocessor(batch, training=True)
            loss, _ = self.model.parse_losses(self.model(**inputs, mode='loss'))
        with clock.phase('backward'):
            self.optim_wrapper.backward(loss)
        with clock.phase('optimizer'):
            self.optim_wrapper.step()
            self.optim_wrapper.zero_grad()

    def _predict(self, batch: dict) -> None:
        with torch.no_grad(), torch.autocast(self.device, dtype=torch.bfloat16,
                                             enabled=self.dtype == torch.bfloat16):
            self.predictor.test_step(batch)

    def _mean_time(self, count: int, run: Callable[[], Any]) -> float:
        synchronize(self.device)
        start = time.perf_counter()
        for _ in range(count):
            run()
        synchronize(self.device)
        return (time.perf_counter() - start) / count

    @staticmethod
    def _count_flops(run: Callable[[], Any]) -> int:
        with FlopCounterMode(display=False) as counter:
            run()
        return counter.get_total_flops()


class PhaseClock:
    """Adds up seconds by phase, with the device's work done.

    Args:
        times: seconds by phase; without it nothing is measured, and nothing waited for.
    """

    def __init__(self, device: str, times: Optional[Dict[str, float]]) -> None:
        self.device = device
        self.times = times

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        if self.times is None:
            yield
            return
        synchronize(self.device)
        start = time.perf_counter()
        yield
        synchronize(self.device)
        self.times[name] += time.perf_counter() - start

    @contextmanager
    def losses_of(self, model: nn.Module) -> Iterator[None]:
        """Counts a model's targets and losses as phase 'loss'."""
        with ExitStack() as stack:
            for owner, method in loss_methods_of(model) if self.times is not None else ():
                stack.enter_context(mock.patch.object(
                    owner, method, self._counted(getattr(owner, method))))
            yield

    def _counted(self, method: Callable) -> Callable:
        def run(*args: Any, **kwargs: Any) -> Any:
            with self.phase('loss'):
                return method(*args, **kwargs)
        return run


def synchronize(device: str) -> None:
    if device == 'cuda':
        torch.cuda.synchronize()


def matrix_ceiling(device: str, dtype: torch.dtype, repeats: int = 5) -> float:
    """Floating-point operations a second of a large product of square matrices: what a
    network of convolutions can hope for.

    The product is also done as a 1x1 convolution, for which CPUs have another library; the
    faster one counts.
    """
    size = MATRIX_SIZES[device]
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    image = a.view(1, size, 1, size).to(memory_format=torch.channels_last)
    times = []
    for product in (lambda: a @ b, lambda: F.conv2d(image, b.view(size, size, 1, 1))):
        for _ in range(repeats + 1):
            synchronize(device)
            start = time.perf_counter()
            product()
            synchronize(device)
            times.append(time.perf_counter() - start)
    return 2 * size ** 3 / min(times)


def peak_memory(device: str) -> float:
    """MiB since the last reset: on a GPU of its tensors, on a CPU of this process, with all that
    it holds. Where the system does not tell (it is no Linux), of this process so far."""
    if device == 'cuda':
        return torch.cuda.max_memory_allocated() / 2 ** 20
    try:
        status = (PROCESS / 'status').read_text()
        return int(status.split('VmHWM:')[1].split()[0]) / 2 ** 10
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 10


def reset_peak_memory(device: str) -> None:
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    else:
        with suppress(OSError):
            (PROCESS / 'clear_refs').write_text('5')  # proc(5): the peak is what is held now


def measure(tests: Sequence[SpeedTest], rounds: int, steps: int,
            images: int) -> List[Dict[str, Any]]:
    """Measures configs in turn, round by round, so that a busy moment meets all of them.

    Args:
        rounds: in each, every config loads and trains ``steps`` batches and predicts
            ``images`` images. One more comes before, in which kernels are compiled and chosen.

    Returns:
        Figures of each config, medians over all rounds.
    """
    samples = [defaultdict(list) for _ in tests]
    for number in tqdm(range(rounds + 1), desc='rounds, the first to warm up', disable=None):
        for test, sample in zip(tests, samples):
            if number == 1:
                sample.clear()
            sample['loading'].append(test.load(steps))
            reset_peak_memory(test.device)
            sample['step'].append(test.train(steps))
            sample['training_memory'].append(peak_memory(test.device))
            sample['split'].append(test.split(steps))
            reset_peak_memory(test.device)
            sample['latency'] += test.predict(images)
            sample['inference_memory'].append(peak_memory(test.device))
            sample['ceiling'].append(matrix_ceiling(test.device, test.dtype))
    return [_summarise(test, sample) for test, sample in zip(tests, samples)]


def _summarise(test: SpeedTest, sample: Dict[str, list]) -> Dict[str, Any]:
    loading, step, latency = (median(sample[name]) for name in ('loading', 'step', 'latency'))
    ceiling = max(sample['ceiling'])
    return dict(
        loading_images_per_s=test.batch_size / loading,
        training_images_per_s=test.batch_size / step,
        training_step_s=step,
        training_split_s={phase: median(split[phase] for split in sample['split'])
                          for phase in PHASES},
        inference_images_per_s=1 / latency,
        inference_latency_s=latency,
        inference_latency_p95_s=float(np.percentile(sample['latency'], 95)),
        training_peak_memory_mib=max(sample['training_memory']),
        inference_peak_memory_mib=max(sample['inference_memory']),
        training_flops=test.train_flops,
        inference_flops=test.predict_flops,
        matrix_product_flops_per_s=ceiling,
        matrix_product_dtype=str(test.dtype).removeprefix('torch.'),
        training_utilisation=test.train_flops / step / ceiling,
        inference_utilisation=test.predict_flops / latency / ceiling)


def ratios(own: Dict[str, Any], other: Dict[str, Any]) -> Dict[str, float]:
    """How many times as fast one config is as another."""
    return {name: own[f'{name}_images_per_s'] / other[f'{name}_images_per_s']
            for name in ('loading', 'training', 'inference')}
