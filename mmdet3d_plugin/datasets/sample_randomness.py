"""Random numbers of a sample as a function of the run's seed, the epoch and the sample.

They depend neither on the worker process that loads the sample, nor on the number of workers,
nor on samples loaded before. An interrupted epoch therefore resumes exactly.
"""
import random
from contextlib import contextmanager
from itertools import islice
from typing import Iterator, List

import numpy as np
import torch
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler, Sampler


class SampleIndex(int):
    """Index of a sample in a dataset, with the seed of the sample's augmentation.

    A dataset that does not use seeds can treat it as a plain integer.

    Attributes:
        seed: 32-bit seed.

    Example:
        >>> index = SampleIndex(3, seed=7)
        >>> index + 1, index.seed
        (4, 7)
    """
    seed: int

    def __new__(cls, index: int, seed: int) -> 'SampleIndex':
        """Return an index with a seed."""
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self):
        return int(self), self.seed


def seed_of(*facts: int) -> int:
    """Return a 32-bit seed made from non-negative integers.

    Example:
        >>> seed_of(0, 1, 2) == seed_of(0, 1, 2), seed_of(0, 1, 2) == seed_of(0, 2, 1)
        (True, False)
    """
    return int(np.random.SeedSequence(facts).generate_state(1)[0])


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, numpy and torch, the latter on all devices.

    Example:
        >>> seed_everything(3)
        >>> first = np.random.rand()
        >>> seed_everything(3)
        >>> first == np.random.rand()
        True
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def sample_randomness(index: int) -> Iterator[None]:
    """Seed the generators from a sample's index inside the ``with`` block.

    The generators' states are restored afterwards. A plain integer, which has no seed, changes
    nothing.

    Args:
        index: :class:`SampleIndex` or a plain integer.

    Example:
        >>> with sample_randomness(SampleIndex(0, seed=5)):
        ...     first = np.random.rand()
        >>> with sample_randomness(SampleIndex(9, seed=5)):
        ...     first == np.random.rand()
        True
    """
    if not isinstance(index, SampleIndex):
        yield
        return
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(index.seed)
    np.random.seed(index.seed)
    # Not torch.manual_seed: a worker process must not touch the GPU's generators.
    torch.default_generator.manual_seed(index.seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


@DATA_SAMPLERS.register_module()
class ResumableBatchSampler(BatchSampler):
    """Mini-batches of :class:`SampleIndex` that can start at any batch of an epoch.

    Args:
        sampler: sampler with ``seed`` and ``epoch``, such as mmengine's DefaultSampler.
        batch_size: samples per mini-batch.
        drop_last: leave out a last mini-batch that is not full.

    Attributes:
        start: number of batches that the next iteration skips. It is reset to 0 after that.

    Example:
        >>> from mmengine.dataset import DefaultSampler
        >>> batches = ResumableBatchSampler(DefaultSampler(range(5), shuffle=False), 2)
        >>> batches.start = 1
        >>> list(batches), list(batches)
        ([[2, 3], [4]], [[0, 1], [2, 3], [4]])
    """

    def __init__(self, sampler: Sampler, batch_size: int, drop_last: bool = False) -> None:
        super().__init__(sampler, batch_size, drop_last)
        self.start = 0

    def __iter__(self) -> Iterator[List[SampleIndex]]:
        start, self.start = self.start, 0
        seed, epoch = self.sampler.seed, self.sampler.epoch
        for batch in islice(super().__iter__(), start, None):
            yield [SampleIndex(index, seed_of(seed, epoch, index)) for index in batch]
