"""The command ``tools/evaluate.py retrieval``."""
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_embedding import write_config, write_images

from mmdet3d_plugin.benchmarks.retrieval.embedding_files import write_embeddings
from mmdet3d_plugin.commands.test import configure_submission
from mmdet3d_plugin.evaluation import RetrievalMetric, table_metric


@pytest.fixture
def run(run_tool):
    """Return ``run(*OPTIONS)`` for the command: exit code and printed texts."""
    return lambda *options: run_tool('evaluate', 'retrieval', *options)


@pytest.fixture
def embeddings(tmp_path):
    """File of 60 images: 3 classes of 19, 20 and 20 images and one of a single image."""
    rng = np.random.default_rng(0)
    labels = np.append(np.arange(59) % 3, 3)
    path = tmp_path / 'embeddings.npz'
    write_embeddings(path, rng.normal(size=(60, 4)) + np.eye(4)[labels], labels,
                     [f'image_{index}' for index in range(60)], ['a', 'b', 'c', 'd'])
    return path


def test_table_and_json_are_those_of_the_metric(run, embeddings, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(table_metric, 'print_log', lambda text, *args: said.append(text))
    metric = RetrievalMetric(result_dir=str(tmp_path / 'written'))
    data = np.load(embeddings)
    metric.dataset_meta = dict(classes=tuple(data['classes']))
    for name, label, embedding in zip(data['names'], data['labels'], data['embeddings']):
        metric.process({}, [dict(name=str(name), label=label,
                                 pred_embedding=torch.tensor(embedding))])
    figures = metric.evaluate(60)
    for path in (embeddings, tmp_path / 'written/embeddings.npz'):
        code, printed = run('--embeddings', path, '--json', tmp_path / 'figures.json')
        assert code == 0 and printed.err == ''
        assert printed.out.strip() == said[-1].strip()
        assert printed.out.startswith('59 queries among 60 images of 4 classes, percent\n1 images')
        values = json.loads((tmp_path / 'figures.json').read_text())
        assert {f'retrieval/{key}': value for key, value in values.items()} == figures
        assert list(values) == ['R@1', 'R@2', 'R@4', 'R@8', 'mAP@R']


def test_recall_at(run, embeddings):
    code, printed = run('--embeddings', embeddings, '--recall-at', 1, 50)
    assert code == 0
    header, row = printed.out.splitlines()[-2:]
    assert header.split() == ['R@1', 'R@50', 'mAP@R']
    assert row.split()[1] == '100.00'


@pytest.mark.parametrize('options, message', [
    (['--recall-at', '60'], 'Recall@60: a set of 60 images has 59 neighbours per image'),
    (['--recall-at', 'one'], "invalid int value: 'one'"),
    (['--embeddings', 'none.npz'], 'none.npz: no such file'),
    (['--embeddings', 'docs/evaluation.md'], 'expected a file name that ends with .npz'),
    (['--json', '.'], '.: is a folder; --json needs a file name')])
def test_bad_input_ends_with_one_line(run, embeddings, options, message):
    code, printed = run('--embeddings', embeddings, *options)
    assert code == 2 and printed.out == ''
    assert message in printed.err.splitlines()[-1]


def test_submission_dir_of_an_embedder(tmp_path):
    cfg = Config(dict(test_evaluator=dict(type='RetrievalMetric'),
                      test_dataloader=dict(dataset=dict(type='ClassFolderDataset'))))
    configure_submission(cfg, str(tmp_path))
    assert cfg.test_evaluator == dict(type='RetrievalMetric', result_dir=str(tmp_path))


def test_embeddings_of_a_test_are_evaluated(run_tool, run, write_weights, tmp_path):
    """tools/test.py writes the file; the figures from the file are those of the test."""
    config = write_config(tmp_path, write_images(tmp_path / 'images'))
    weights = write_weights(config, tmp_path / 'weights.pth')
    work_dir = tmp_path / 'work'
    code, printed = run_tool('test', config, weights, '--work-dir', work_dir,
                             '--submission-dir', tmp_path / 'results')
    assert code == 0, printed.err
    log, = work_dir.glob('[0-9]*_[0-9]*/*.json')
    tested = json.loads(log.read_text())
    code, table = run('--embeddings', tmp_path / 'results/embeddings.npz', '--recall-at', 1, 2,
                      '--json', tmp_path / 'figures.json')
    assert code == 0 and table.out.strip() in printed.out + printed.err
    figures = json.loads((tmp_path / 'figures.json').read_text())
    assert list(figures) == ['R@1', 'R@2', 'mAP@R']
    assert figures == {key: tested[f'retrieval/{key}'] for key in figures}
    assert table.out.startswith('36 queries among 36 images of 6 classes')
