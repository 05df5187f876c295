"""Mini-batches of seeds and their nearest neighbours."""
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.dataset import DefaultSampler

from mmdet3d_plugin.datasets import NeighbourhoodBatchSampler
from mmdet3d_plugin.datasets.sample_randomness import SampleIndex, seed_of
from mmdet3d_plugin.errors import InputError

SIZE, BATCH, NEIGHBOURHOOD = 50, 12, 3


def points():
    return np.random.default_rng(0).normal(size=(SIZE, 2))


def table_of(embeddings, count):
    """Return the nearest other points of each point, by brute force."""
    rows = []
    for index, point in enumerate(embeddings):
        order = np.argsort(((embeddings - point) ** 2).sum(1), kind='stable')
        rows.append([other for other in order if other != index][:count])
    return np.array(rows)


def build(num_candidates=20, shuffle=True, seed=3, table=True, size=SIZE, **settings):
    sampler = DefaultSampler(range(size), shuffle=shuffle, seed=seed)
    batches = NeighbourhoodBatchSampler(sampler, BATCH, NEIGHBOURHOOD, num_candidates, **settings)
    if table:
        batches.table = table_of(points(), num_candidates)
    return batches


def reference(embeddings, seeds):
    """Add to each seed, in order, the nearest images that the batch does not hold yet."""
    batch, used = [], set(seeds)
    for seed in seeds:
        order = np.argsort(((embeddings - embeddings[seed]) ** 2).sum(1), kind='stable')
        near = [index for index in order if index not in used][:NEIGHBOURHOOD - 1]
        used.update(near)
        batch += [seed, *near]
    return batch


def test_seeds_and_their_nearest_free_neighbours():
    batches = build()
    order = list(batches.sampler)
    found = list(batches)
    assert len(found) == len(batches) == SIZE // BATCH == 4
    for number, batch in enumerate(found):
        assert batch == reference(points(), order[4 * number:4 * number + 4])
        assert len(set(batch)) == len(batch) == BATCH
    assert len({index for batch in found for index in batch[::NEIGHBOURHOOD]}) == 16


def test_indices_have_the_seeds_of_their_samples():
    batches = build()
    batches.sampler.set_epoch(2)
    for batch in batches:
        for index in batch:
            assert isinstance(index, SampleIndex) and index.seed == seed_of(3, 2, int(index))


def test_epochs_differ_and_repeat():
    batches = build()
    first = list(batches)
    assert list(batches) == first
    batches.sampler.set_epoch(1)
    assert list(batches) != first


def test_batches_are_smaller_where_the_table_ends():
    """All images have the same two neighbours, which only the first seed gets."""
    batches = build(num_candidates=2, shuffle=False)
    batches.table = np.tile([48, 49], (SIZE, 1))
    assert next(iter(batches)) == [0, 48, 49, 1, 2, 3]
    # A seed that is a neighbour itself stays a seed.
    batches.table = np.tile([1, 49], (SIZE, 1))
    assert next(iter(batches)) == [0, 49, 1, 2, 3]


def test_rest_of_an_epoch():
    batches = build()
    whole = list(batches)
    for start in range(5):
        batches.start = start
        rest = list(batches)
        assert rest == whole[start:] and batches.start == 0
        assert [[index.seed for index in batch] for batch in rest] == [
            [index.seed for index in batch] for batch in whole[start:]]
    assert list(batches) == whole


def test_ranks_have_different_seeds(monkeypatch):
    seeds = []
    for rank in range(2):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        batches = build()
        order = list(batches.sampler)
        assert len(order) == 25 and len(batches) == 2
        found = list(batches)
        for number, batch in enumerate(found):
            assert batch == reference(points(), order[4 * number:4 * number + 4])
        seeds += [index for batch in found for index in batch[::NEIGHBOURHOOD]]
    assert len(set(seeds)) == 16


def test_missing_table_is_refused():
    with pytest.raises(InputError, match='no table of neighbours; add a NeighbourTableHook'):
        next(iter(build(table=False)))


@pytest.mark.parametrize('batch, neighbourhood, candidates', [
    (12, 5, 20), (12, 1, 20), (12, 0, 20), (12, 4, 2), (0, 2, 20), (2, 4, 20), (-4, 2, 20)])
def test_sizes_that_do_not_fit_are_refused(batch, neighbourhood, candidates):
    sampler = SimpleNamespace(seed=0, epoch=0, __len__=lambda: 50)
    with pytest.raises(InputError, match=f'batch_size {batch}, neighbourhood {neighbourhood}, '
                                         f'num_candidates {candidates}; expected a neighbourhood'):
        NeighbourhoodBatchSampler(sampler, batch, neighbourhood, candidates)


def test_smallest_table_is_enough():
    assert len(list(build(num_candidates=NEIGHBOURHOOD - 1))) == 4


def test_set_smaller_than_a_batch_is_refused():
    with pytest.raises(InputError, match='11 images are fewer than batch_size 12; lower'):
        build(size=11, table=False)
