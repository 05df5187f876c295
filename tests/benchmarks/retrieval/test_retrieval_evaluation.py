"""Recall@k and mAP@R: worked cases, brute force, and pytorch-metric-learning."""
import numpy as np
import pytest
import torch
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

from mmdet3d_plugin.benchmarks.retrieval import nearest_neighbours as search
from mmdet3d_plugin.benchmarks.retrieval.evaluation import (
    evaluate_retrieval,
    is_retrieval_key,
    retrieval_style,
)
from mmdet3d_plugin.errors import InputError


def brute_force(points, labels, recall_at):
    """Figures in percent by loops over queries and positions."""
    points, labels = np.asarray(points, np.float64), np.asarray(labels)
    recalls, precisions = [], []
    for query in range(len(points)):
        others = [row for row in range(len(points)) if row != query]
        others.sort(key=lambda row: np.linalg.norm(points[row] - points[query]))
        hits = [labels[row] == labels[query] for row in others]
        if not any(hits):
            continue
        recalls.append([any(hits[:k]) for k in recall_at])
        total = sum(hits)
        precisions.append(sum(
            sum(hits[:i]) / i for i in range(1, total + 1) if hits[i - 1]) / total)
    return {**{f'R@{k}': value for k, value in zip(recall_at, 100 * np.mean(recalls, axis=0))},
            'mAP@R': 100 * np.mean(precisions)}


def random_set(seed=0, count=300, classes=20):
    """Weak clusters of unequal sizes; at least one class has a single image."""
    rng = np.random.default_rng(seed)
    labels = np.append(rng.integers(0, rng.integers(1, classes, count)), classes)
    points = rng.normal(size=(classes + 1, 8))[labels] + 1.5 * rng.normal(size=(count + 1, 8))
    return points.astype(np.float32), labels


def test_a_worked_case():
    """Places 0, 1, 3, 4.5, 6 and 20 on a line, classes a, a, b, a, b and c.

    Hits among the R nearest, R = 2 for a and 1 for b:
    place 0: 1 3 -> a b: AP (1) / 2. Place 1: 0 3 -> a b: the same.
    Place 4.5: 3 and 6 are at the same distance, in the order of the set -> b b: AP 0.
    Place 3: 4.5 -> a: AP 0. Place 6: 4.5 -> a: AP 0.
    The first hit of place 3 is neighbour 4 (after 4.5, 1 and, by index, 0), of place 6
    neighbour 2, of place 4.5 neighbour 3. The class c has no other image.
    """
    evaluation = evaluate_retrieval(np.array([[0.], [1.], [3.], [4.5], [6.], [20.]]),
                                    [0, 0, 1, 0, 1, 2], recall_at=(1, 2, 3, 4))
    assert evaluation.recall == pytest.approx({1: 40., 2: 60., 3: 80., 4: 100.})
    assert evaluation.map_at_r == pytest.approx(20.)
    assert (evaluation.num_images, evaluation.num_classes) == (6, 3)
    assert (evaluation.num_queries, evaluation.num_single) == (5, 1)


def test_precision_counts_earlier_misses():
    """R = 3 and the neighbours of place 0 are other, same, same: (1/2 + 2/3) / 3.

    The other four images are far away and of classes of their own.
    """
    points = np.array([[0.], [1.], [2.], [3.], [1000.]])
    labels = [0, 1, 0, 0, 0]
    expected = brute_force(points, labels, (1,))
    assert evaluate_retrieval(points, labels, (1,)).to_dict() == pytest.approx(expected)
    # AP@R: places 0 (1/2 + 2/3) / 3, 2 (1 + 2/3) with neighbours other, same, same by index,
    # 3: same, other, same, 1000: same, same, other.
    assert expected['mAP@R'] == pytest.approx(
        100 / 4 * ((1 / 2 + 2 / 3) + (1 / 2 + 2 / 3) + (1 + 2 / 3) + 2) / 3)


@pytest.mark.parametrize('seed', range(3))
def test_brute_force(seed):
    points, labels = random_set(seed, count=120)
    found = evaluate_retrieval(points, labels, (1, 2, 4, 8))
    assert found.to_dict() == pytest.approx(brute_force(points, labels, (1, 2, 4, 8)), rel=1e-12)
    assert found.num_single >= 1


@pytest.mark.parametrize('seed', range(3))
def test_pytorch_metric_learning_agrees(seed):
    points, labels = random_set(seed)
    reference = AccuracyCalculator(
        include=('precision_at_1', 'mean_average_precision_at_r'), k='max_bin_count',
        device=torch.device('cpu')).get_accuracy(torch.tensor(points), torch.tensor(labels))
    found = evaluate_retrieval(points, labels).to_dict()
    assert found['R@1'] == pytest.approx(100 * reference['precision_at_1'])
    assert found['mAP@R'] == pytest.approx(100 * reference['mean_average_precision_at_r'])
    assert 5 < found['mAP@R'] < found['R@1'] < 95


def test_order_names_of_classes_and_rotation_do_not_matter():
    points, labels = random_set()
    expected = evaluate_retrieval(points, labels).to_dict()
    rng = np.random.default_rng(1)
    order = rng.permutation(len(points))
    rotation = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    for changed, names in ((points[order], labels[order]), (points, 1000 - 7 * labels),
                           (3 * points @ rotation + 5, labels)):
        assert evaluate_retrieval(changed, names).to_dict() == pytest.approx(expected)


def test_parts_of_the_queries_give_the_same_figures(monkeypatch):
    points, labels = random_set()
    expected = evaluate_retrieval(points, labels)
    monkeypatch.setattr(search, 'MAX_ROWS', 3)
    assert evaluate_retrieval(points, labels).to_dict() == pytest.approx(expected.to_dict())


def test_perfect_and_worst_embeddings():
    labels = np.repeat(np.arange(10), 6)
    points = np.eye(10)[labels] + 1e-3 * np.random.default_rng(0).normal(size=(60, 10))
    perfect = evaluate_retrieval(points, labels)
    assert set(perfect.to_dict().values()) == {100.}
    # Every image has a duplicate of another class, and its own class is the farthest.
    worst = evaluate_retrieval([[0.], [0.], [1.], [1.]], [0, 1, 1, 0], recall_at=(1, 2))
    assert worst.to_dict() == {'R@1': 0., 'R@2': 50., 'mAP@R': 0.}


def test_duplicates_count_as_neighbours():
    """Each image has a copy of the same label: every first neighbour is of the class."""
    points = np.tile(np.random.default_rng(0).normal(size=(50, 4)), (2, 1))
    labels = np.tile(np.arange(50), 2)
    assert evaluate_retrieval(points, labels).to_dict() == {
        **{f'R@{k}': 100. for k in (1, 2, 4, 8)}, 'mAP@R': 100.}


def test_an_embedding_of_one_point_has_no_recall():
    """All queries have the first images as neighbours: only their classes are found."""
    labels = np.repeat(np.arange(20), 5)
    found = evaluate_retrieval(np.ones((100, 4)), labels, (1,))
    assert found.recall[1] == pytest.approx(5.)


def test_table_and_names():
    points, labels = np.array([[0.], [1.], [3.], [4.5], [9.]]), [0, 0, 1, 0, 2]
    evaluation = evaluate_retrieval(points, labels, recall_at=[2, 1, 2])
    assert list(evaluation.to_dict()) == ['R@1', 'R@2', 'mAP@R']
    assert evaluation.table().splitlines() == [
        '3 queries among 5 images of 3 classes, percent',
        '2 images without another image of their class are no queries',
        '      R@1      R@2    mAP@R',
        '    66.67   100.00    41.67']
    assert all(map(is_retrieval_key, evaluation.to_dict()))
    assert not any(map(is_retrieval_key, ('R@0', 'R@', 'AP', 'Car_3D_AP40_easy_strict')))
    assert retrieval_style('R@1').title == 'R@1 (%) ↑'


@pytest.mark.parametrize('points, labels, recall_at, message', [
    (np.zeros((3, 2)), [0, 0], (1,), r'3 embeddings, but labels of shape \(2,\)'),
    (np.zeros((3, 2)), [[0, 0, 1]], (1,), r'labels of shape \(1, 3\)'),
    (np.zeros((3, 2)), [0, 0, 1], (1, 3), 'Recall@3: a set of 3 images has 2 neighbours'),
    (np.zeros((3, 2)), [0, 0, 1], (0,), 'Recall@0'),
    (np.zeros((3, 2)), [0, 0, 1], (), 'recall_at: is empty'),
    (np.zeros((3, 2)), [0, 1, 2], (1,), 'none of 3 images has another image of its class'),
    ([[0.], [np.nan]], [0, 0], (1,), 'row 1 holds NaN'),
    (np.zeros((0, 2)), [], (1,), r'embeddings: have shape \(0, 2\)')])
def test_errors(points, labels, recall_at, message):
    with pytest.raises(InputError, match=message):
        evaluate_retrieval(points, labels, recall_at)
