"""Figures of similarities by hand, against scipy and against loops."""
import math

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, ttest_1samp, ttest_rel
from sklearn.metrics.cluster import contingency_matrix

from mmdet3d_plugin.metric_learning.batch_similarities import (
    BatchSimilarity,
    PieceSettings,
    batch_similarities,
)
from mmdet3d_plugin.metric_learning.clusters import kmeans_labels, random_walk_similarity
from mmdet3d_plugin.metric_learning.piecewise_linear import (
    grow_pieces,
    normalize_to_nearest,
    piecewise_similarity,
)
from mmdet3d_plugin.metric_learning.similarity_quality import estimate, similarity_figures

LABELS = [0, 0, 0, 1, 1, 1, 2, 2]


def draw(count=8, size=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, size, generator=generator, dtype=torch.double)
    return torch.nn.functional.normalize(points, dim=1)


def figures_of(values, labels, groups=None, ranks=(3, )):
    groups = None if groups is None else torch.tensor(groups, dtype=torch.bool)
    return similarity_figures(BatchSimilarity(torch.as_tensor(values), groups), labels, ranks)


def same_class(labels):
    labels = torch.tensor(labels)
    return (labels[:, None] == labels).double()


def test_perfect_similarity():
    values = 3 * same_class(LABELS) - 7
    assert figures_of(values, LABELS)['correlation'] == pytest.approx(1)
    assert figures_of(-values, LABELS)['correlation'] == pytest.approx(-1)
    assert figures_of(values, LABELS, ranks=(1, ))['precision@1'] == 1


def test_similarity_without_relation_to_the_classes():
    # A third of the similar pairs 01, 02 and 03, and a third of all six pairs, is of one class.
    values = torch.zeros(4, 4)
    values[0, 1:] = values[1:, 0] = 1.
    similar = figures_of(values, [0, 0, 1, 1])
    assert similar['correlation'] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('values, labels', [
    (torch.ones(4, 4), [0, 0, 1, 1]), (torch.rand(4, 4), [0, 0, 0, 0]),
    (torch.rand(4, 4), [0, 1, 2, 3]), (torch.rand(1, 1), [0])])
def test_correlation_of_constants_is_not_defined(values, labels):
    assert math.isnan(figures_of(values, labels)['correlation'])


def test_correlation_is_that_of_scipy_without_the_diagonal():
    generator = torch.Generator().manual_seed(1)
    values = torch.rand(8, 8, generator=generator) + same_class(LABELS)
    pairs = [(i, j) for i in range(8) for j in range(8) if i != j]
    expected = pearsonr([values[pair].item() for pair in pairs],
                        [LABELS[i] == LABELS[j] for i, j in pairs]).statistic
    assert figures_of(values, LABELS)['correlation'] == pytest.approx(expected)
    changed = values.clone().fill_diagonal_(1e6)
    assert figures_of(changed, LABELS)['correlation'] == pytest.approx(expected)


def test_groups_by_hand():
    # Groups {0, 1}, {1, 0, 2}, {2}, {3, 2} of the classes 0 0 1 1.
    groups = [[0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    found = figures_of(torch.rand(4, 4), [0, 0, 1, 1], groups)
    assert found['pair_precision'] == pytest.approx(3 / 4)  # pairs 01, 10 and 32; not 12
    assert found['purity'] == pytest.approx((1 + 2 / 3 + 1 + 1) / 4)


def test_purity_of_clusters_is_the_usual_one():
    rng = np.random.default_rng(0)
    labels, clusters = rng.integers(4, size=50), rng.integers(6, size=50)
    groups = (clusters[:, None] == clusters) & ~np.eye(50, dtype=bool)
    table = contingency_matrix(labels, clusters)
    found = figures_of(torch.rand(50, 50), labels, groups)
    assert found['purity'] == pytest.approx(table.max(axis=0).sum() / 50)
    pairs = (table * (table - 1)).sum() / (table.sum(axis=0) * (table.sum(axis=0) - 1)).sum()
    assert found['pair_precision'] == pytest.approx(pairs)


def test_methods_without_groups_have_no_purity():
    found = figures_of(torch.rand(8, 8), LABELS)
    assert math.isnan(found['purity']) and math.isnan(found['pair_precision'])
    alone = figures_of(torch.rand(2, 2), [0, 1], [[0, 0], [0, 0]])
    assert math.isnan(alone['pair_precision']) and alone['purity'] == 1


@pytest.mark.parametrize('rank', [1, 3, 5, 7])
def test_precision_agrees_with_a_loop(rank):
    values = torch.rand(8, 8, generator=torch.Generator().manual_seed(2))
    hits = 0
    for i in range(8):
        ranked = sorted((j for j in range(8) if j != i), key=lambda j: -values[i, j].item())
        hits += sum(LABELS[j] == LABELS[i] for j in ranked[:rank])
    found = figures_of(values, LABELS, ranks=(rank, ))
    assert found[f'precision@{rank}'] == pytest.approx(hits / (8 * rank))


def test_equally_similar_points_share_the_last_places():
    # Every point has one other of its class. From points 0 and 1 it is the most similar, from
    # points 2 and 3 one of three equal points that share two places.
    values = torch.tensor([[9., 2., 1., 1.], [2., 9., 1., 1.], [1., 1., 9., 1.], [1., 1., 1., 9.]])
    found = figures_of(values, [0, 0, 1, 1], ranks=(1, 2, 3, 4))
    assert found['precision@1'] == pytest.approx((1 + 1 + 1 / 3 + 1 / 3) / 4)
    assert found['precision@2'] == pytest.approx((1 + 1 + 2 / 3 + 2 / 3) / 8)
    assert found['precision@3'] == pytest.approx(4 / 12)
    assert math.isnan(found['precision@4'])


def test_order_of_the_batch_does_not_matter():
    points, order = draw(), torch.randperm(8, generator=torch.Generator().manual_seed(4))
    labels = np.array(LABELS)
    for name in ('pieces (each)', 'Ward', 'cosine', 'random walk', '3 nearest'):
        first = similarity_figures(batch_similarities(points, 3)[name], labels)
        second = similarity_figures(batch_similarities(points[order], 3)[name], labels[order])
        assert second == pytest.approx(first, nan_ok=True), name


def test_interval_is_that_of_scipy():
    values = [.1, .4, .35, .2]
    found = estimate(values)
    expected = ttest_1samp(values, 0).confidence_interval(.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.mean == pytest.approx(.2625) and found.count == 4
    others = [.2, .1, .3, .5]
    paired = estimate(np.subtract(values, others))
    expected = ttest_rel(values, others).confidence_interval(.95)
    assert (paired.low, paired.high) == pytest.approx(tuple(expected))


def test_estimates_of_few_batches():
    assert estimate([.5, math.nan])[0] == .5 and math.isnan(estimate([.5]).low)
    assert math.isnan(estimate([math.nan]).mean) and estimate([]).count == 0


def test_similarities_are_those_of_the_losses():
    points = draw(14, 6)
    settings = PieceSettings(dim=2, threshold=.8, n_alpha=3., n_beta=1.)
    # Lengths of the points do not matter.
    found = batch_similarities(points * torch.arange(1., 15.)[:, None], 4, ('seed', 'all'),
                               settings, num_neighbours=2, seed=5)
    assert list(found) == ['pieces (seed)', 'pieces (all)', 'k-means', 'Ward', 'cosine',
                           'random walk', '2 nearest', 'self-taught']
    pieces = grow_pieces(points, 2, 'seed', .8)
    assert torch.equal(found['pieces (seed)'].groups, pieces.members)
    expected = piecewise_similarity(pieces, 3., 1.)
    assert (found['pieces (seed)'].values - expected).abs().max() < 1e-7
    scaled = batch_similarities(points, 4, ('seed', ), settings._replace(
        normalize_similarity=True))['pieces (seed)'].values
    assert (scaled - normalize_to_nearest(expected)).abs().max() < 1e-7
    labels = torch.from_numpy(kmeans_labels(points, 4, 5))
    assert torch.equal(found['k-means'].values, (labels[:, None] == labels).double())
    assert not found['k-means'].groups.diagonal().any()
    assert torch.allclose(found['cosine'].values, points @ points.T)
    assert torch.allclose(found['random walk'].values, random_walk_similarity(points))


def test_nearest_neighbours_by_hand():
    points = torch.tensor([[1., 0.], [1., .1], [1., .3], [-1., 0.]])
    found = batch_similarities(points, 2, (), num_neighbours=1)['1 nearest']
    assert found.groups.int().tolist() == [[0, 1, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    assert found.values.tolist() == [[0, 1, 0, 0], [1, 0, .5, 0], [0, .5, 0, .5], [0, 0, .5, 0]]


def test_separated_classes_are_found_by_all_methods():
    labels = torch.arange(6).repeat_interleave(5)
    points = 10 * torch.eye(6)[labels] + .1 * draw(30, 6)
    for name, similarity in batch_similarities(points, 6).items():
        found = similarity_figures(similarity, labels)
        assert found['precision@3'] == 1, name
        assert found['correlation'] > .5, name
        if similarity.groups is not None and name != 'pieces (share)':
            assert found['pair_precision'] > .8, name
