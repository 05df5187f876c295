"""The command ``tools/analysis/similarity.py``."""
import json
import math

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_embedding import build_embedder, write_config, write_images

from mmdet3d_plugin.benchmarks.retrieval.embedding_files import write_embeddings
from mmdet3d_plugin.commands.similarity import draw_batches, embed_split, measure, piece_settings
from mmdet3d_plugin.commands.similarity_table import Estimate, for_json, markdown, summarize
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning.batch_similarities import PieceSettings, batch_similarities
from mmdet3d_plugin.metric_learning.similarity_quality import similarity_figures

BATCH = ['--batch', 4, 3, '--seeds', 3, '--ranks', 2]


def draw(num_classes=6, count=6):
    """Return separated unit vectors and their labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(num_classes), count)
    points = np.eye(num_classes)[labels] + .05 * rng.normal(size=(len(labels), num_classes))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.fixture
def embeddings_file(tmp_path):
    points, labels = draw()
    write_embeddings(tmp_path / 'embeddings.npz', points, labels,
                     [f'image {index}' for index in range(len(labels))], list('abcdef'))
    return tmp_path / 'embeddings.npz'


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path / 'config', write_images(tmp_path / 'images'))


def test_embeddings_of_a_file(run_tool, tmp_path, embeddings_file):
    code, printed = run_tool('analysis/similarity', '--embeddings', embeddings_file, '--out',
                             tmp_path / 'out', *BATCH)
    assert code == 0, printed.err
    assert '36 images of 6 classes, embeddings of length 6. 3 batches of 12 images' in printed.out
    lines = (tmp_path / 'out/similarity.md').read_text().splitlines()
    assert all(line in printed.out for line in lines[2:])
    rows = [line.split(' | ') for line in lines if line.startswith('| ')]
    assert [row[0].strip('| ') for row in rows] == [
        'similarity', 'pieces (each)', 'pieces (seed)', 'pieces (share)', 'k-means', 'Ward',
        'cosine', 'random walk', '3 nearest', 'self-taught']
    assert rows[0][-1] == 'precision@2 |' and rows[1][-1] == '1.000 |'
    content = json.loads((tmp_path / 'out/similarity.json').read_text())
    assert content['classes'] == list('abcdef')
    assert content['summary']['cosine']['purity']['mean'] is None
    assert content['summary']['Ward']['correlation']['count'] == 3
    assert content['summary']['Ward']['pair_precision']['mean'] == 1
    assert (tmp_path / 'out/similarity.png').read_bytes()[1:4] == b'PNG'


def test_figures_are_those_of_each_batch(embeddings_file):
    points, labels = draw()
    batches = draw_batches(points, 2, 4, 3)
    figures = measure(points, labels, batches, (2, ), rules=('seed', ))
    for seed, batch in enumerate(batches):
        own = labels[batch]
        similarity = batch_similarities(torch.from_numpy(points[batch]), len(set(own)), ('seed', ),
                                        seed=seed)['k-means']
        expected = similarity_figures(similarity, own, (2, ))
        assert figures['k-means'][seed] == pytest.approx(expected, nan_ok=True)


def test_batches_hold_seeds_and_their_neighbours():
    points, _ = draw()
    batches = draw_batches(points, 4, 3, 4)
    assert all(len(set(batch)) == 12 for batch in batches)
    assert len({tuple(batch) for batch in batches}) == 4
    assert batches == draw_batches(points, 4, 3, 4)
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    for batch in batches:
        seeds, used = batch[::4], set(batch[::4])
        for place, seed in enumerate(seeds):
            order = [index for index in np.argsort(distances[seed]) if index not in used][:3]
            assert batch[4 * place + 1:4 * place + 4] == order
            used.update(order)


@pytest.mark.parametrize('split, options', [('val', []), ('train', ['--rules', 'all'])])
def test_model_as_initialised(run_tool, tmp_path, config, split, options):
    code, printed = run_tool('analysis/similarity', config, '--split', split, '--out',
                             tmp_path / 'out', *BATCH, *options)
    assert code == 0, printed.err
    assert f'tiny.py, as initialised, {split}: 36 images of 6 classes' in printed.out
    rule = 'all' if options else 'each'
    assert f'| pieces ({rule}) | ' in printed.out


def test_embeddings_of_a_checkpoint(tmp_path, config):
    model = build_embedder()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'weights.pth')
    cfg = Config.fromfile(config)
    data = embed_split(cfg, str(tmp_path / 'weights.pth'), 'val')
    assert data.embeddings.shape == (36, 6) and data.names[7] == 'val/class_1/1'
    assert data.labels.tolist() == [index // 6 for index in range(36)]
    assert data.classes[5] == 'class_5'
    first = embed_split(cfg, None, 'val').embeddings
    assert np.abs(first - data.embeddings).max() > 1e-3
    # The weights that no checkpoint names are always the same.
    assert np.array_equal(first, embed_split(cfg, None, 'val').embeddings)


def test_broken_images_may_be_left_out(config):
    cfg = Config.fromfile(config)
    cfg.table_dataloader.dataset.on_error = 'skip'
    path = f'{cfg.table_dataloader.dataset.data_root}/train/class_2/3.png'
    with open(path, 'wb'):
        pass
    data = embed_split(cfg, None, 'train')
    assert data.labels.tolist() == [index // 6 for index in range(36) if index != 15]
    assert data.names[14:16] == ('train/class_2/2', 'train/class_2/4')


def test_pieces_have_the_settings_of_the_loss():
    loss = dict(type='PiecewiseLinearLoss', embed_dim=8, dim=5, rule='seed', n_beta=1.,
                normalize_similarity=True)
    assert piece_settings(Config(dict(model=dict(loss=loss)))) == PieceSettings(
        dim=5, n_beta=1., normalize_similarity=True)
    for model in ({}, dict(loss=None), dict(loss=dict(type='SelfTaughtLoss', delta=2.))):
        assert piece_settings(Config(dict(model=model))) == PieceSettings()


def test_summary_by_hand():
    figures = dict(a=[dict(correlation=.5, purity=.2), dict(correlation=.7, purity=.4)],
                   b=[dict(correlation=.2, purity=math.nan), dict(correlation=math.nan,
                                                                  purity=.4)])
    found = summarize(figures)
    assert list(found['a']) == ['correlation', 'difference', 'purity']
    assert found['a']['difference'][0] == 0 and found['a']['purity'].mean == pytest.approx(.3)
    assert found['b']['difference'].mean == pytest.approx(-.3)
    assert found['b']['difference'].count == found['b']['purity'].count == 1
    lines = markdown(found).splitlines()
    assert lines[2].startswith('| a | 0.600 [-0.671, 1.871] |  | 0.300 |')
    assert lines[3] == '| b | 0.200 | -0.300 | 0.400 |'
    # JSON has no NaN.
    assert for_json([Estimate(.5, math.nan, .6, 1)]) == [
        dict(mean=.5, low=None, high=.6, count=1)]


@pytest.mark.parametrize('options, code, message', [
    ([], 2, 'expected a config, or --embeddings'),
    (['--embeddings', 'none.npz'], 2, 'none.npz: no such file'),
    (['configs/monolss/monolss_dla34_kitti.py'], 2, 'CenterMono3D embeds no images'),
    (['configs/plm/vehicles_128.py', 'a.pth', '--embeddings', 'b.npz'], 2, 'expected either'),
    (['configs/plm/vehicles_128.py', '--batch', '4', '1'], 2, 'at least 2 images'),
    (['configs/plm/vehicles_128.py', '--batch', '4', '3', '--ranks', '11', '12'], 2,
     '--ranks: 12 of the other images, but a batch of --batch 4 3 has 11; lower'),
    (['configs/plm/vehicles_128.py', '--rules', 'some'], 2, 'invalid choice')])
def test_bad_arguments_end_with_one_error_line(run_tool, tmp_path, options, code, message):
    found, printed = run_tool('analysis/similarity', *options, '--out', tmp_path)
    assert found == code and message in printed.err and 'Traceback' not in printed.err


def test_sets_that_are_too_small_or_missing(run_tool, tmp_path, embeddings_file, config):
    code, printed = run_tool('analysis/similarity', '--embeddings', embeddings_file, '--out',
                             tmp_path)
    assert code == 2 and '36 images are fewer than the 120 of a batch' in printed.err
    cfg = Config.fromfile(config)
    cfg.table_dataloader = None
    with pytest.raises(InputError, match='tiny.py: has no table_dataloader'):
        embed_split(cfg, None, 'train')
