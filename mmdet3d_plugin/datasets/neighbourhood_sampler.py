"""Mini-batches of images and their nearest neighbours."""
from itertools import islice
from typing import Iterator, List, Optional

import numpy as np
from mmengine.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from ..errors import InputError
from .sample_randomness import ResumableBatchSampler, SampleIndex, seed_of

# Default number of neighbours per image in the table.
NUM_CANDIDATES = 20


@DATA_SAMPLERS.register_module()
class NeighbourhoodBatchSampler(ResumableBatchSampler):
    """Mini-batches of random seed images, each with its nearest neighbours.

    A random batch holds too few points of one neighbourhood for a linear piece to be valid
    (Bhatnagar and Ahuja, CPAL 2024). A batch has ``batch_size / neighbourhood`` seeds, which
    the sampler of the dataset draws, and ``neighbourhood - 1`` neighbours of each. No image is
    twice in a batch: a neighbour that the batch holds already is replaced by the next one of
    the table. If the table has no further one, the batch is smaller.

    An epoch has as many batches as one of random batches. A
    :class:`~mmdet3d_plugin.engine.hooks.NeighbourTableHook` sets the table before each epoch.

    Args:
        sampler: sampler with ``seed`` and ``epoch``, such as mmengine's DefaultSampler.
        batch_size: images per mini-batch, a multiple of ``neighbourhood``.
        neighbourhood: a seed and its neighbours, in number. Kim et al., CVPR 2022, take 5 for
            CUB and Cars and 2 for SOP.
        num_candidates: neighbours per image in the table.

    Attributes:
        table: (N, num_candidates) indices of neighbours, the nearest first.

    Raises:
        InputError: the sizes do not fit together, or there is no table.

    Example:
        >>> from mmengine.dataset import DefaultSampler
        >>> order = DefaultSampler(range(6), shuffle=False)
        >>> batches = NeighbourhoodBatchSampler(order, 4, neighbourhood=2, num_candidates=2)
        >>> batches.table = np.array([[1, 2], [2, 3], [1, 3], [4, 2], [3, 5], [4, 3]])
        >>> # Seed 1, the nearest of seed 0, and then image 2 are in the batch already.
        >>> list(batches)
        [[0, 2, 1, 3]]
    """

    def __init__(self, sampler: Sampler, batch_size: int, neighbourhood: int = 5,
                 num_candidates: int = NUM_CANDIDATES) -> None:
        if not 2 <= neighbourhood <= min(batch_size, num_candidates + 1) or (
                batch_size % neighbourhood):
            raise InputError(
                f'NeighbourhoodBatchSampler: batch_size {batch_size}, neighbourhood '
                f'{neighbourhood}, num_candidates {num_candidates}; expected a neighbourhood of '
                '2 or more that divides batch_size, and a candidate for each neighbour')
        super().__init__(sampler, batch_size, drop_last=True)
        self.neighbourhood = neighbourhood
        self.num_candidates = num_candidates
        self.table: Optional[np.ndarray] = None
        if not len(self):
            raise InputError(f'NeighbourhoodBatchSampler: {len(sampler)} images are fewer than '
                             f'batch_size {batch_size}; lower train_dataloader.batch_size')

    def __iter__(self) -> Iterator[List[SampleIndex]]:
        if self.table is None:
            raise InputError('NeighbourhoodBatchSampler: there is no table of neighbours; add a '
                             'NeighbourTableHook to custom_hooks')
        start, self.start = self.start, 0
        seed, epoch = self.sampler.seed, self.sampler.epoch
        order = iter(self.sampler)
        num_seeds = self.batch_size // self.neighbourhood
        for number in range(len(self)):
            seeds = list(islice(order, num_seeds))
            if number >= start:
                yield [SampleIndex(index, seed_of(seed, epoch, index))
                       for index in self._with_neighbours(seeds)]

    def _with_neighbours(self, seeds: List[int]) -> List[int]:
        """Return the seeds, each followed by its neighbours."""
        assert self.table is not None  # checked by __iter__
        used, batch = set(seeds), []
        for seed in seeds:
            free = (int(index) for index in self.table[seed] if index not in used)
            neighbours = list(islice(free, self.neighbourhood - 1))
            used.update(neighbours)
            batch += [seed, *neighbours]
        return batch
