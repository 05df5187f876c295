"""Augmentation that depends on the sample's place in the training and on nothing else.

Which worker loads a sample, how many there are and what was loaded before do not matter,
so an interrupted epoch goes on exactly as it would have.
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
    """Index of a sample in a dataset, with the seed of its augmentation.

    To a dataset that knows nothing of seeds it is a plain integer.
    """
    seed: int

    def __new__(cls, index: int, seed: int) -> 'SampleIndex':
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __getnewargs__(self):
        return int(self), self.seed


def seed_of(*facts: int) -> int:
    """A 32-bit seed that differs wherever one of the facts (non-negative) does."""
    return int(np.random.SeedSequence(facts).generate_state(1)[0])


def seed_everything(seed: int) -> None:
    """Seeds Python's, numpy's and torch's generators, the latter on all devices."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextmanager
def sample_randomness(index: int) -> Iterator[None]:
    """Seeds what draws inside by a :class:`SampleIndex` and leaves the generators
    as they were; with a plain integer it does nothing."""
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
    """Batches of :class:`SampleIndex`, from any batch of an epoch on.

    Args:
        sampler: one with ``seed`` and ``epoch``, as mmengine's DefaultSampler.
        batch_size: samples of a batch.
        drop_last: leaves out a last batch that is not full.

    Attributes:
        start: batches that the next iteration, and only that, leaves out.
    """

    def __init__(self, sampler: Sampler, batch_size: int, drop_last: bool = False) -> None:
        super().__init__(sampler, batch_size, drop_last)
        self.start = 0

    def __iter__(self) -> Iterator[List[SampleIndex]]:
        start, self.start = self.start, 0
        seed, epoch = self.sampler.seed, self.sampler.epoch
        for batch in islice(super().__iter__(), start, None):
            yield [SampleIndex(index, seed_of(seed, epoch, index)) for index in batch]
