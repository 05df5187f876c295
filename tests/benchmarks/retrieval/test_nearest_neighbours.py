"""Exact nearest neighbours against brute force in double precision."""
import faiss
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.retrieval import nearest_neighbours as module
from mmdet3d_plugin.benchmarks.retrieval.nearest_neighbours import nearest_neighbours
from mmdet3d_plugin.errors import InputError


@pytest.fixture(autouse=True, params=[0, 10**9], ids=['products', 'differences'])
def method_of_faiss(request, monkeypatch):
    """Distances from matrix products, as in large sets, or from differences, as in small ones."""
    monkeypatch.setattr(faiss.cvar, 'distance_compute_blas_threshold', request.param)


def brute_force(points, k, queries=None):
    """Neighbours by sorting all distances, in double precision."""
    points = np.asarray(points, np.float64)
    others = points if queries is None else np.asarray(queries, np.float64)
    distances = np.linalg.norm(others[:, None] - points, axis=2)
    if queries is None:
        np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind='stable')[:, :k]
    return order, np.take_along_axis(distances, order, 1)


def assert_same(found, expected):
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)


def random_points(count, dims, seed=0):
    return np.random.default_rng(seed).normal(size=(count, dims)).astype(np.float32)


@pytest.mark.parametrize('count, dims, k', [(300, 16, 5), (300, 3, 299), (2, 1, 1), (30, 200, 7)])
def test_neighbours_of_a_set(count, dims, k):
    points = random_points(count, dims)
    indices, distances = nearest_neighbours(points, k)
    assert indices.dtype == np.int64 and distances.dtype == np.float32
    assert indices.shape == distances.shape == (count, k)
    assert_same((indices, distances), brute_force(points, k))


@pytest.mark.parametrize('k', [1, 50])
def test_neighbours_of_queries(k):
    points, queries = random_points(50, 8), random_points(40, 8, seed=1)
    queries[3] = points[7]
    indices, distances = nearest_neighbours(points, k, queries)
    assert_same((indices, distances), brute_force(points, k, queries))
    assert indices[3, 0] == 7 and distances[3, 0] == 0


def test_parts_of_a_set_give_the_same_neighbours(monkeypatch):
    points = random_points(101, 8)
    expected = nearest_neighbours(points, 4)
    for name, size in (('MAX_ROWS', 7), ('MAX_CANDIDATES', 50), ('MAX_DIFFERENCES', 100)):
        monkeypatch.setattr(module, name, size)
        assert_same(nearest_neighbours(points, 4), expected)
        assert_same(nearest_neighbours(points, 4, points[:20]),
                    brute_force(points, 4, points[:20]))


def test_duplicates_are_neighbours_at_distance_0():
    """Every point has three duplicates: the other three are its nearest neighbours."""
    points = np.tile(random_points(100, 32), (4, 1))
    indices, distances = nearest_neighbours(points, 4)
    rows = np.arange(400)
    expected = np.sort([(rows + shift) % 400 for shift in (100, 200, 300)], axis=0).T
    np.testing.assert_array_equal(indices[:, :3], expected)
    assert (distances[:, :3] == 0).all() and (distances[:, 3] > 1).all()


def test_equal_points_have_the_first_points_as_neighbours():
    points = np.full((3000, 8), .3, np.float32)
    indices, distances = nearest_neighbours(points, 2)
    assert (distances == 0).all()
    assert indices[:3].tolist() == [[1, 2], [0, 2], [0, 1]]
    assert (indices[3:] == [0, 1]).all()


def test_equal_distances_are_ordered_by_index():
    points = np.array([[0.], [1.], [-1.], [2.], [-2.]])
    assert nearest_neighbours(points, 4)[0][0].tolist() == [1, 2, 3, 4]
    assert nearest_neighbours(points[[0, 4, 3, 2, 1]], 4)[0][0].tolist() == [3, 4, 1, 2]


@pytest.mark.parametrize('offset, scale', [(1000., 1e-3), (0., 1e25), (0., 1e-25)])
def test_offset_and_scale_cost_no_precision(offset, scale):
    points = offset + scale * random_points(200, 8).astype(np.float64)
    indices, _ = nearest_neighbours(points, 6)
    np.testing.assert_array_equal(indices, brute_force(points, 6)[0])


def test_small_distances_inside_far_clusters():
    """Squared distances of 1e-8 inside a cluster, below the rounding of squared norms."""
    clusters = np.repeat(np.eye(20, 16) * 2 - 1, 10, axis=0)
    points = (clusters + 1e-4 * random_points(200, 16)).astype(np.float32)
    assert_same(nearest_neighbours(points, 3), brute_force(points, 3))


@pytest.mark.parametrize('points, k, queries, message', [
    (np.zeros((5, 2)), 5, None, '5 nearest neighbours: the set has 4 other points'),
    (np.zeros((1, 2)), 1, None, '1 nearest neighbours: the set has 0 other points'),
    (np.zeros((5, 2)), 0, None, '0 nearest neighbours'),
    (np.zeros((5, 2)), 6, np.zeros((1, 2)), '6 nearest neighbours: the set has 5 points'),
    (np.zeros((5, 2)), 1, np.zeros((1, 3)), 'queries: have 3 dimensions, the set has 2'),
    (np.zeros((5, 2)), 1, np.full((1, 2), np.nan), 'queries: row 0 holds NaN'),
    (np.array([[0.], [1.], [np.inf]]), 1, None, 'embeddings: row 2 holds NaN or infinity'),
    (np.zeros(5), 1, None, r'embeddings: have shape \(5,\)'),
    (np.zeros((0, 4)), 1, None, r'embeddings: have shape \(0, 4\)')])
def test_errors(points, k, queries, message):
    with pytest.raises(InputError, match=message):
        nearest_neighbours(points, k, queries)
