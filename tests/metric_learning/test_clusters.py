"""Clusters and random walks against scikit-learn and plain numpy."""
import numpy as np
import pytest
import torch
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning.clusters import (
    kmeans_labels,
    random_walk_similarity,
    ward_labels,
)


def draw(count=40, size=6, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size))


def blobs(num_blobs=6, count=9):
    """Return separated groups of points in random order, and their groups."""
    rng = np.random.default_rng(1)
    groups = rng.permutation(np.repeat(np.arange(num_blobs), count))
    return 20 * rng.normal(size=(num_blobs, 5))[groups] + rng.normal(size=(len(groups), 5)), groups


def squared_error(points, labels):
    """Return the summed squared distances to the centres of the clusters."""
    return sum(((points[labels == label] - points[labels == label].mean(axis=0))**2).sum()
               for label in np.unique(labels))


@pytest.mark.parametrize('cluster', [lambda points: kmeans_labels(points, 6, num_starts=5),
                                     lambda points: ward_labels(points, 6)],
                         ids=['k-means', 'Ward'])
def test_separated_groups_are_found(cluster):
    points, groups = blobs()
    labels = cluster(points)
    assert labels.dtype == np.int64 and sorted(np.unique(labels)) == list(range(6))
    assert adjusted_rand_score(groups, labels) == 1
    assert (cluster(torch.from_numpy(points)) == labels).all()


def test_kmeans_is_as_good_as_that_of_sklearn():
    points = draw()
    expected = KMeans(5, n_init=30, random_state=0).fit(points).inertia_
    found = squared_error(points, kmeans_labels(points, 5, num_starts=30))
    assert found == pytest.approx(expected, rel=.03)


def test_kmeans_converges():
    """Every point belongs to the nearest centre of a cluster."""
    points = draw()
    labels = kmeans_labels(points, 5, num_iterations=100)
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(5)])
    distances = np.linalg.norm(points[:, None] - centres, axis=2)
    assert (distances.argmin(axis=1) == labels).all()


def test_kmeans_depends_on_the_seed_alone():
    points = draw()
    first = kmeans_labels(points, 8, seed=3)
    np.random.seed(5)
    assert (kmeans_labels(points, 8, seed=3) == first).all()
    assert any((kmeans_labels(points, 8, seed=seed) != first).any() for seed in (0, 2**40))


def test_kmeans_prints_nothing(capfd):
    kmeans_labels(draw(), 30)
    assert capfd.readouterr() == ('', '')


@pytest.mark.parametrize('count', [1, 2, 40])
def test_as_many_clusters_as_points(count):
    assert sorted(kmeans_labels(draw(count), count)) == list(range(count))
    assert sorted(ward_labels(draw(count), count)) == list(range(count))


def test_fewer_different_points_than_clusters():
    points = draw(3).repeat(5, axis=0)
    labels = kmeans_labels(points, 7)
    assert labels.min() >= 0 and labels.max() < 7
    for start in (0, 5, 10):
        assert len(set(labels[start:start + 5])) == 1


@pytest.mark.parametrize('num_clusters', [1, 2, 7, 20, 39])
def test_ward_agrees_with_sklearn(num_clusters):
    expected = AgglomerativeClustering(num_clusters, linkage='ward').fit(draw()).labels_
    found = ward_labels(draw(), num_clusters)
    assert adjusted_rand_score(expected, found) == 1
    assert len(np.unique(found)) == num_clusters


@pytest.mark.parametrize('cluster', [kmeans_labels, ward_labels])
@pytest.mark.parametrize('points, num_clusters, message', [
    (np.ones((3, 2)), 4, 'num_clusters is 4, expected 1 to 3'),
    (np.ones((3, 2)), 0, 'num_clusters is 0'), (np.ones(3), 1, r'expected \(N, D\)'),
    (np.ones((0, 2)), 1, r'expected \(N, D\)'),
    (np.array([[1.], [np.nan]]), 1, 'NaN or infinity')])
def test_wrong_input(cluster, points, num_clusters, message):
    with pytest.raises(InputError, match=f'{cluster.__name__}: .*{message}'):
        cluster(points, num_clusters)


def walk(points, k, steps):
    """Return the probabilities of the ends of all walks, one step at a time."""
    count = len(points)
    distances = np.array([[np.linalg.norm(a - b) for b in points] for a in points])
    nearest = [[j for j in np.argsort(distances[i], kind='stable') if j != i][:k]
               for i in range(count)]
    scale = np.mean([distances[i, nearest[i][-1]] for i in range(count)])
    chances = np.zeros((count, count))
    for i in range(count):
        for j in range(count):
            if i == j or j in nearest[i] or i in nearest[j]:
                chances[i, j] = np.exp(-(distances[i, j] / scale)**2)
        chances[i] /= chances[i].sum()
    result = np.eye(count)
    for _ in range(steps):
        result = result @ chances
    return result


@pytest.mark.parametrize('k, steps', [(5, 3), (1, 2), (4, 1), (30, 2)])
def test_random_walk_agrees_with_numpy(k, steps):
    points = draw(14)
    found = random_walk_similarity(torch.from_numpy(points), k, steps)
    assert found.numpy() == pytest.approx(walk(points, k, steps), abs=1e-12)
    assert found.sum(dim=1).numpy() == pytest.approx(1)
    # Only ratios of distances matter.
    scaled = random_walk_similarity(torch.from_numpy(7 * points), k, steps)
    assert scaled.numpy() == pytest.approx(found.numpy(), abs=1e-12)


def test_random_walk_stays_in_its_group():
    points, groups = blobs(count=6)
    found = random_walk_similarity(torch.from_numpy(points), 4, 3).numpy()
    assert (found[groups[:, None] != groups] == 0).all()


@pytest.mark.parametrize('points', [torch.ones(1, 3), torch.ones(6, 3)])
def test_random_walk_of_equal_points_is_uniform(points):
    found = random_walk_similarity(points, 5)
    assert torch.allclose(found, torch.full_like(found, 1 / len(points)))


@pytest.mark.parametrize('settings', [dict(num_neighbours=0), dict(num_steps=0)])
def test_settings_of_random_walks(settings):
    with pytest.raises(InputError, match=f'{next(iter(settings))} 0.*at least 1'):
        random_walk_similarity(torch.ones(3, 2), **settings)
