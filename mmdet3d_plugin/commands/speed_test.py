"""Speed of loading, training and inference of a config, and its use of the machine."""
import copy
import resource
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
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

from ..datasets.neighbourhood_sampler import NeighbourhoodBatchSampler
from ..engine.acceleration import (
    accelerate,
    acceleration_switches,
    configure_acceleration,
    has_fast_bfloat16,
)
from ..engine.load_model import load_model
from ..models.model_contract import loss_methods_of

PHASES = ('data', 'forward', 'loss', 'backward', 'optimizer')
MATRIX_SIZES = dict(cpu=2048, cuda=8192)
PROCESS = Path('/proc/self')


class SpeedTest:
    """Model, data and optimizer of a config on a device, ready to be timed.

    Args:
        cfg: config of a detector or depth estimator; its ``acceleration`` is applied.
        device: 'cpu' or 'cuda'.
        batch_size: images per training step.
        num_workers: data loader processes.

    Attributes:
        train_flops: floating-point operations of a training step.
        predict_flops: floating-point operations of the prediction of one image.

    Raises:
        InputError: an option of ``acceleration`` is unknown.
    """

    def __init__(self, cfg: Config, device: str, batch_size: int, num_workers: int) -> None:
        set_random_seed(0)
        cfg = copy.deepcopy(cfg)
        configure_acceleration(cfg)
        switches = acceleration_switches(cfg)
        del switches['bfloat16']  # the optimizer wrapper applies it
        self.device = device
        self.batch_size = batch_size
        bfloat16 = cfg.optim_wrapper.type == 'AutocastOptimWrapper'
        self.dtype = (torch.bfloat16 if bfloat16 and has_fast_bfloat16(device)
                      else torch.float32)
        self.model = load_model(cfg, device=device).train()
        self.optim_wrapper = build_optim_wrapper(self.model, cfg.optim_wrapper)
        self.loader = self._build_loader(cfg.train_dataloader, batch_size, num_workers)
        set_tables(cfg, self.model, self.loader)
        self._batches: Optional[Iterator] = None
        frames = DATASETS.build(cfg.test_dataloader.dataset)
        self.test_batches = [pseudo_collate([frames[index]])
                             for index in range(min(len(frames), 8))]
        self.train_flops = self._count_flops(lambda: self._train(self.next_batch()))
        # A copy, since the frozen predictor cannot be trained.
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
        """Return the mean seconds per batch of the data loader alone."""
        for _ in range(self.loader.num_workers * (self.loader.prefetch_factor or 0)):
            self.next_batch()  # drop the batches that were loaded in advance
        return self._mean_time(num_batches, self.next_batch)

    def train(self, num_steps: int) -> float:
        """Return the mean seconds per training step, including the wait for data."""
        self.model.train()
        return self._mean_time(num_steps, lambda: self._train(self.next_batch()))

    def split(self, num_steps: int) -> Dict[str, float]:
        """Return the mean seconds of each phase of a training step.

        The device is synchronised after each phase, so on a GPU the sum exceeds the time of an
        ordinary step.
        """
        self.model.train()
        times = dict.fromkeys(PHASES, 0.)
        for _ in range(num_steps):
            start = time.perf_counter()
            batch = self.next_batch()
            times['data'] += time.perf_counter() - start
            self._train(batch, times)
        times['forward'] -= times['loss']  # the loss is computed in the forward pass
        return {phase: seconds / num_steps for phase, seconds in times.items()}

    def predict(self, num_images: int) -> List[float]:
        """Return the seconds of each prediction of one image, including decoding."""
        return [self._mean_time(1, partial(self._predict, batch)) for batch in (
            self.test_batches[index % len(self.test_batches)] for index in range(num_images))]

    def next_batch(self) -> dict:
        """Return the next batch of the data loader, which restarts at its end."""
        while True:
            if self._batches is None:
                self._batches = iter(self.loader)
            batch = next(self._batches, None)
            if batch is not None:
                return batch
            self._batches = None

    def _train(self, batch: dict, times: Optional[Dict[str, float]] = None) -> None:
        """Run a training step and add the seconds of its phases to ``times``, if given."""
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


def set_tables(cfg: Config, model: nn.Module, loader: DataLoader) -> None:
    """Set the tables that hooks of a training compute from embeddings of all images.

    Any neighbours and pseudo-labels will do, because the time of a step does not depend on them.

    Args:
        cfg: config of the training.
        model: its model; an Embedder gets pseudo-labels if the config has a ClusterLabelHook.
        loader: its training images; a NeighbourhoodBatchSampler gets a table.
    """
    size = len(loader.dataset)
    if isinstance(loader.batch_sampler, NeighbourhoodBatchSampler):
        count = min(loader.batch_sampler.num_candidates, size - 1)
        loader.batch_sampler.table = (np.arange(size)[:, None] + np.arange(1, count + 1)) % size
    for hook in cfg.get('custom_hooks', []):
        if hook.type == 'ClusterLabelHook':
            model.cluster_labels = torch.arange(size) % hook.num_clusters


class PhaseClock:
    """Clock of the phases of a training step.

    Args:
        device: 'cpu' or 'cuda'; the device is synchronised before and after each phase.
        times: seconds by phase, increased in place; None measures nothing and never
            synchronises.
    """

    def __init__(self, device: str, times: Optional[Dict[str, float]]) -> None:
        self.device = device
        self.times = times

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the seconds of a ``with`` block to a phase."""
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
        """Add the seconds of a model's target and loss methods to the phase 'loss'."""
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
    """Wait until the device has finished all queued work."""
    if device == 'cuda':
        torch.cuda.synchronize()


def matrix_ceiling(device: str, dtype: torch.dtype, repeats: int = 5) -> float:
    """Measure the floating-point operations per second of a large matrix product.

    This is an upper bound for networks of convolutions. The product is also computed as a 1x1
    convolution, for which CPUs have another library; the faster result counts.

    Args:
        device: 'cpu' or 'cuda'.
        dtype: data type of the matrices.
        repeats: timed products of each kind.
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
    """Return the peak memory since the last reset, in MiB.

    On a GPU this is the memory of tensors, on a CPU the resident memory of this process. Systems
    other than Linux cannot reset the peak; there it counts from the start of the process.
    """
    if device == 'cuda':
        return torch.cuda.max_memory_allocated() / 2 ** 20
    try:
        status = (PROCESS / 'status').read_text()
        return int(status.split('VmHWM:')[1].split()[0]) / 2 ** 10
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** 10


def reset_peak_memory(device: str) -> None:
    """Restart the measurement of :func:`peak_memory`."""
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    else:
        with suppress(OSError):
            (PROCESS / 'clear_refs').write_text('5')  # proc(5): sets the peak to the current size


def measure(tests: Sequence[SpeedTest], rounds: int, steps: int,
            images: int) -> List[Dict[str, Any]]:
    """Measure configs in alternating rounds, so that other load on the machine affects all.

    Args:
        tests: speed tests of the configs.
        rounds: measured rounds, after one warm-up round in which kernels are compiled and
            selected.
        steps: batches to load and training steps per round and config.
        images: predicted images per round and config.

    Returns:
        Figures of each config. Times are medians over all rounds, memory is the maximum.
    """
    samples: List[Dict[str, list]] = [defaultdict(list) for _ in tests]
    for number in tqdm(range(rounds + 1), desc='rounds, including warm-up', disable=None):
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
    """Return the speed-ups of one config over another.

    Args:
        own: figures of the config, see :func:`measure`.
        other: figures of the reference config.
    """
    return {name: own[f'{name}_images_per_s'] / other[f'{name}_images_per_s']
            for name in ('loading', 'training', 'inference')}
