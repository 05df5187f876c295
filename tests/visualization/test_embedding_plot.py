"""Embeddings in two dimensions, principal components, and their plot."""
import cv2
import numpy as np
import pytest
from sklearn.decomposition import PCA

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.visualization import (
    embedding_coordinates,
    embedding_plot,
    feature_colors,
    spread_points,
)
from mmdet3d_plugin.visualization.colors import to_bgr
from mmdet3d_plugin.visualization.embedding_plot import class_style
from mmdet3d_plugin.visualization.principal_components import principal_components


def groups(count, size, distance=8., dim=20):
    """Return (count * size, dim) points in groups, and their labels."""
    rng = np.random.default_rng(0)
    centers = distance * np.eye(dim)[:count]
    labels = np.repeat(np.arange(count), size)
    return centers[labels] + rng.normal(size=(count * size, dim)), labels


@pytest.mark.parametrize('shape, count', [((30, 7), 4), ((5, 40), 3), ((12, 3), 3)])
def test_principal_components_are_those_of_scikit_learn(shape, count):
    points = np.random.default_rng(1).normal(size=shape) * (1 + np.arange(shape[1]))
    expected = PCA(count).fit_transform(points)
    ours = principal_components(points, count)
    np.testing.assert_allclose(ours * np.sign((ours * expected).sum(0)), expected, atol=1e-8)


def test_principal_components_without_variance_are_zero():
    line = np.outer(np.arange(5.), [3., 4., 0.])
    components = principal_components(line, 5)
    np.testing.assert_allclose(components[:, 0], [-10, -5, 0, 5, 10])
    assert components.shape == (5, 5) and not components[:, 1:].any()
    assert not principal_components(np.ones((4, 3)), 2).any()


def test_feature_colors_do_not_depend_on_the_order_of_cells():
    features = np.random.default_rng(0).normal(size=(6, 4, 5))
    np.testing.assert_array_equal(feature_colors(features[..., ::-1]),
                                  feature_colors(features)[:, ::-1])


def test_groups_stay_together_in_two_dimensions():
    points, labels = groups(4, 20)
    coordinates = embedding_coordinates(points)
    assert coordinates.shape == (80, 2)
    distances = np.linalg.norm(coordinates[:, None] - coordinates, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).all()
    # Not the principal components.
    assert not np.allclose(coordinates, principal_components(points, 2))
    # The same seed gives the same picture.
    np.testing.assert_array_equal(embedding_coordinates(points), coordinates)
    # The longest axis is horizontal.
    assert coordinates[:, 0].var() > coordinates[:, 1].var()


def test_few_points_have_their_principal_components():
    points = groups(3, 3)[0]
    np.testing.assert_array_equal(embedding_coordinates(points), principal_components(points, 2))
    assert embedding_coordinates(groups(2, 5)[0]).shape == (10, 2)
    assert embedding_coordinates(np.ones((1, 8))).tolist() == [[0., 0.]]
    assert embedding_coordinates(np.zeros((0, 8))).shape == (0, 2)


def test_equal_points_are_at_one_place():
    assert not embedding_coordinates(np.ones((30, 8))).any()


@pytest.mark.parametrize('points', [np.zeros(5), np.full((3, 2), np.nan),
                                    np.array([[1., np.inf]])])
def test_bad_embeddings_are_refused(points):
    with pytest.raises(InputError, match='finite numbers'):
        embedding_coordinates(points)


def test_spread_points_are_far_apart():
    square = np.array([[0., 0.], [.1, 0.], [1., 1.], [0., .9], [.9, 0.]])
    # The farthest from (0, 0) is (1, 1). Then (0, .9) and (.9, 0) are .9 from the nearest.
    assert spread_points(square, 3).tolist()[:2] == [0, 2]
    assert sorted(spread_points(square, 4).tolist()) == [0, 2, 3, 4]
    assert sorted(spread_points(square, 99).tolist()) == [0, 1, 2, 3, 4]
    assert spread_points(np.zeros((5, 2)), 3).tolist() == [0]
    assert spread_points(np.zeros((0, 2)), 3).tolist() == []


def read(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def count_of(image, color, tolerance=45):
    """Return the number of pixels near a colour. Points are a little transparent."""
    return (np.abs(image.astype(int) - to_bgr(color)) < tolerance).all(-1).sum()


def test_points_have_the_color_of_their_class():
    points = np.array([[0., 0.], [1., 0.], [0., 1.], [1., 1.], [.5, .5], [.2, .8]])
    labels = np.array([4, 4, 4, 4, 4, 9])
    classes = [f'class {index}' for index in range(10)]
    image = read(embedding_plot(points, labels, classes))
    assert image.shape == (860, 1240, 3)
    first, second = class_style(0)[0], class_style(1)[0]
    plot = image[:, :1000]  # without the legend
    assert count_of(plot, first) > 3 * count_of(plot, second) > 0
    assert count_of(image, class_style(2)[0]) == 0


def test_legend_of_a_few_classes():
    points, labels = groups(20, 2)
    names = [f'kind {index}' for index in range(21)]
    with_legend = embedding_plot(points[:, :2], labels, names, form='svg').decode()
    assert all(f'kind {index} ' in with_legend.replace('-->', ' ') for index in range(20))
    points, labels = groups(20, 2)
    labels = np.append(labels, 20)
    points = np.vstack([points, points[:1]])
    assert 'kind 3' not in embedding_plot(points[:, :2], labels, names, form='svg').decode()


def test_hundred_classes_have_different_styles():
    assert len({class_style(order) for order in range(100)}) == 100


def test_thumbnails_are_at_their_points():
    points = np.array([[0., 0.], [4., 0.], [0., 2.], [4., 2.]])
    labels, classes = np.array([0, 1, 0, 1]), ['a', 'b']
    picture = np.full((30, 30, 3), (0, 0, 255), np.uint8)
    image = read(embedding_plot(points, labels, classes, {3: picture}))
    rows, columns = np.nonzero((image == (0, 0, 255)).all(-1))
    # 52 pixels with a frame of 4: a square of 44.
    assert abs(len(rows) - 44 ** 2) < 200
    assert rows.mean() < 430 and columns.mean() > 620  # top right
    around = image[rows.min() - 6:rows.max() + 7, columns.min() - 6:columns.max() + 7]
    assert count_of(around, class_style(1)[0]) > 500  # the frame


def test_plot_of_no_points():
    assert read(embedding_plot(np.zeros((0, 2)), np.zeros(0, int), [])).shape == (860, 1240, 3)
