"""RetrievalMetric on samples as returned by embedders."""
import numpy as np
import pytest
import torch
from mmdet3d.registry import METRICS
from mmengine.structures import BaseDataElement

from mmdet3d_plugin.benchmarks.retrieval.embedding_files import read_embeddings
from mmdet3d_plugin.benchmarks.retrieval.evaluation import evaluate_retrieval
from mmdet3d_plugin.errors import InputError

CLASSES = ('bus', 'car', 'van')


def sample(name, label, embedding):
    """Data sample as the evaluator passes it."""
    item = BaseDataElement(metainfo=dict(name=name, img_path=f'{name}.png', label=label))
    if embedding is not None:
        item.set_field(torch.as_tensor(embedding), 'pred_embedding')
    return item.to_dict()


def random_samples(count=40):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, count)
    points = rng.normal(size=(count, 5)).astype(np.float32) + np.eye(3, 5, dtype='f4')[labels]
    return points, labels, [sample(f'{CLASSES[label]}/{index}', label, point)
                            for index, (label, point) in enumerate(zip(labels, points))]


def evaluate(samples, size=None, **options):
    metric = METRICS.build(dict(type='RetrievalMetric', **options))
    metric.dataset_meta = dict(classes=CLASSES)
    for item in samples:
        metric.process({}, [item])
    return metric.evaluate(size or len(samples))


def test_figures_are_those_of_the_benchmark():
    points, labels, samples = random_samples()
    expected = evaluate_retrieval(points, labels, (1, 5)).to_dict()
    found = evaluate(samples, recall_at=(1, 5))
    assert found == {f'retrieval/{key}': value for key, value in expected.items()}
    assert list(found) == ['retrieval/R@1', 'retrieval/R@5', 'retrieval/mAP@R']
    assert list(evaluate(samples)) == [f'retrieval/{key}' for key in (
        'R@1', 'R@2', 'R@4', 'R@8', 'mAP@R')]
    assert list(evaluate(samples, prefix='val', recall_at=[1])) == ['val/R@1', 'val/mAP@R']


def test_samples_that_pad_the_last_batch_of_ranks_do_not_count():
    points, labels, samples = random_samples()
    found = evaluate(samples + samples[:3], size=len(samples))
    assert found['retrieval/R@1'] == evaluate_retrieval(points, labels).recall[1]


def test_half_precision_and_labels_as_tensors():
    samples = [sample('a', torch.tensor(0), torch.tensor([0.], dtype=torch.float16)),
               sample('b', np.int64(0), torch.tensor([1.], dtype=torch.bfloat16))]
    assert evaluate(samples, recall_at=(1,)) == {'retrieval/R@1': 100., 'retrieval/mAP@R': 100.}


def test_embeddings_are_written(tmp_path):
    points, labels, samples = random_samples()
    evaluate(samples, result_dir=str(tmp_path / 'out'))
    data = read_embeddings(tmp_path / 'out/embeddings.npz')
    np.testing.assert_array_equal(data.embeddings, points)
    np.testing.assert_array_equal(data.labels, labels)
    assert data.classes == CLASSES
    assert data.names == tuple(item['name'] for item in samples)


def test_the_table_is_logged(monkeypatch):
    from mmdet3d_plugin.evaluation import table_metric
    said = []
    monkeypatch.setattr(table_metric, 'print_log', lambda text, *args: said.append(text))
    points, labels, samples = random_samples()
    evaluate(samples)
    assert said == ['\n' + evaluate_retrieval(points, labels).table()]


@pytest.mark.parametrize('items, message', [
    ([sample('a/1', None, [1.])], 'a/1: has no label to evaluate against'),
    ([sample('a/1', 0, None)], 'a/1: has no pred_embedding'),
    ([sample('a/1', 0, [1., float('nan')])], 'a/1: the embedding holds NaN or infinity'),
    ([sample('a/1', 0, [1.]), sample('a/2', 0, [2.])], 'Recall@2: a set of 2 images has 1'),
    ([sample(str(index), index, [1.]) for index in range(9)], 'none of 9 images has another')])
def test_errors(items, message):
    with pytest.raises(InputError, match=message):
        evaluate(items)


def test_the_size_of_a_set_can_be_checked_before_a_training():
    metric = METRICS.build(dict(type='RetrievalMetric', recall_at=(1, 12)))
    metric.check_size(13)
    with pytest.raises(InputError, match='Recall@12: a set of 12 images has 11 neighbours'):
        metric.check_size(12)


def test_names_must_be_unique_in_a_file(tmp_path):
    with pytest.raises(InputError, match="two images have the name 'a'"):
        evaluate([sample('a', 0, [1.])] * 9, result_dir=str(tmp_path))
    assert not list(tmp_path.iterdir())
