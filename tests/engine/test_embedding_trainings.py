"""Trainings of embedders: tables of neighbours, pseudo-labels, momentum encoder, resume."""
import itertools
import json
import os
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from free_port import free_port
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from tiny_embedding import (
    BATCH,
    EPOCHS,
    KMEANS,
    NUM_IMAGES,
    PLM,
    ROOT,
    build_embedder,
    write_config,
    write_images,
)
from tiny_training import STOP_HOOKS, assert_same

from mmdet3d_plugin.datasets.sample_randomness import seed_of
from mmdet3d_plugin.engine.hooks import MomentumEncoderHook, NeighbourTableHook
from mmdet3d_plugin.metric_learning.clusters import kmeans_labels

STEPS = NUM_IMAGES // BATCH  # per epoch
STOP = """
custom_hooks += [dict(type='SignalHook', number=15, iteration={iteration})]
"""
RECORD = """
custom_hooks += [dict(type='TableRecorder', priority='LOWEST')]
"""
TABLES = []
RUNS = itertools.count()


@HOOKS.register_module()
class TableRecorder(Hook):
    """Hook that keeps the table of each epoch, and its own embeddings of the training images."""

    def before_train_epoch(self, runner):
        model = runner.model
        dataset = Runner.build_dataloader(runner.cfg.table_dataloader).dataset
        encoder = (model.momentum_encoder or SimpleNamespace(module=model.encoder)).module
        images = torch.stack([dataset[index]['inputs']['views'][0]
                              for index in range(len(dataset))]).float()
        mean, std = (torch.tensor(values)[:, None, None] for values in (
            (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        with torch.no_grad():
            embeddings = encoder.eval()((images / 255 - mean) / std).numpy()
        TABLES.append(dict(
            epoch=runner.epoch, seed=runner.seed, embeddings=embeddings,
            labels=model.cluster_labels,
            table=getattr(runner.train_dataloader.batch_sampler, 'table', None)))


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp('images') / 'set')


@pytest.fixture
def train(run_tool, images, tmp_path):
    """Function ``train(extra, *arguments)`` that returns the exit code and the output."""
    def train(extra, *arguments):
        # mmengine's loggers are shared by runs of one config name in one second.
        name = f'run_{next(RUNS)}.py'
        config = write_config(tmp_path, images, extra, name, imports=[STOP_HOOKS])
        code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run', *arguments)
        return code, printed.out + printed.err

    return train


@pytest.fixture(scope='module')
def whole_runs():
    return {}


@pytest.fixture
def whole(train, tmp_path, whole_runs):
    """Function ``whole(extra)`` that trains without interruption, once per ``extra``.

    It returns the records of TableRecorder, the final state, the output and the logged scalars.
    """
    def whole(extra):
        if extra not in whole_runs:
            TABLES.clear()
            code, printed = train(extra + RECORD)
            assert code == 0, printed
            logs = (tmp_path / 'run').glob('*/vis_data/scalars.json')
            lines = [json.loads(line) for path in logs for line in path.read_text().splitlines()]
            whole_runs[extra] = list(TABLES), state(tmp_path / 'run'), printed, lines
            shutil.rmtree(tmp_path / 'run')
        return whole_runs[extra]

    return whole


def state(folder):
    """Return everything in the last checkpoint that has to be the same after a resume."""
    content = torch.load(folder / f'epoch_{EPOCHS}.pth', weights_only=True)
    return {key: content[key] for key in ('state_dict', 'optimizer', 'param_schedulers',
                                          'neighbour_table', 'cluster_labels') if key in content}


def refused(result, message):
    code, printed = result
    assert code == 2 and 'Traceback' not in printed, printed
    assert message in printed.strip().splitlines()[-1]


# Tables


def test_table_holds_the_neighbours_of_the_momentum_encoder(whole):
    records, final, printed, lines = whole(PLM)
    assert 'requires_grad=False' not in printed
    assert [record['epoch'] for record in records] == [0, 1]
    for record in records:
        points = record['embeddings'].astype(float)
        assert points.shape == (NUM_IMAGES, 6)
        distances = np.linalg.norm(points[:, None] - points, axis=2)
        np.fill_diagonal(distances, np.inf)
        assert record['table'].shape == (NUM_IMAGES, 10)
        np.testing.assert_allclose(np.take_along_axis(distances, record['table'], 1),
                                   np.sort(distances, axis=1)[:, :10], atol=1e-5)
        assert all(len(set(row)) == 10 for row in record['table'].tolist())
    assert np.abs(records[0]['embeddings'] - records[1]['embeddings']).max() > 1e-3
    assert torch.equal(final['neighbour_table'], torch.from_numpy(records[1]['table']))
    # The momentum encoder follows the trained one.
    weights = final['state_dict']
    own, trained = (weights[f'{name}.head.linear.weight']
                    for name in ('momentum_encoder.module', 'encoder'))
    assert not torch.allclose(own, trained, atol=1e-3)
    assert weights['momentum_encoder.steps'] == EPOCHS * STEPS
    # The validation after the last epoch.
    figures = [line for line in lines if 'retrieval/R@1' in line]
    assert len(figures) == 1 and 0 <= figures[0]['retrieval/R@1'] <= 100


def test_pseudo_labels_are_clusters_of_the_trained_encoder(whole):
    records, final, _, _ = whole(KMEANS)
    assert [record['epoch'] for record in records] == [0, 1]
    for record in records:
        assert record['labels'].shape == (NUM_IMAGES, )
        expected = kmeans_labels(record['embeddings'], 4, seed_of(5, record['epoch']))
        assert record['labels'].tolist() == expected.tolist()
    assert not torch.equal(records[0]['labels'], records[1]['labels'])
    assert torch.equal(final['cluster_labels'], records[1]['labels'])


def test_recall_beyond_the_validation_set_is_refused_before_training(train, tmp_path):
    refused(train("val_evaluator.update(recall_at=(1, 100))\n"),
            'Recall@100: a set of 36 images has 35 neighbours')
    assert not list((tmp_path / 'run').glob('*.pth'))


# Interruption and resume


@pytest.mark.parametrize('extra, iteration', [
    (PLM, STEPS + 2), pytest.param(KMEANS, STEPS + 3, marks=pytest.mark.slow),
    pytest.param(PLM, 1, marks=pytest.mark.slow),
    pytest.param(PLM, STEPS, marks=pytest.mark.slow),
    pytest.param(KMEANS, 2, marks=pytest.mark.slow)],
    ids=['plm-second-epoch', 'kmeans-second-epoch', 'plm-first-step', 'plm-end-of-epoch',
         'kmeans-first-epoch'])
def test_resume_gives_the_same_bits(train, whole, tmp_path, extra, iteration):
    _, expected, _, _ = whole(extra)
    code, printed = train(extra + STOP.format(iteration=iteration))
    assert code == 143, printed
    stopped = torch.load(tmp_path / 'run/interrupted.pth', weights_only=True)
    assert stopped['meta']['iter'] == iteration
    code, printed = train(extra, '--resume')
    assert code == 0, printed
    assert_same(state(tmp_path / 'run'), expected)


def resumed(table, resume=True, size=4):
    """Return the table that a hook has after a checkpoint is loaded."""
    hook = NeighbourTableHook()
    hook.after_load_checkpoint(SimpleNamespace(
        _resume=resume, train_dataloader=SimpleNamespace(dataset=range(size))),
        {} if table is None else dict(neighbour_table=table))
    return hook._table


def test_table_of_a_checkpoint_is_used_on_resume_alone():
    table = torch.arange(8).view(4, 2)
    assert torch.equal(resumed(table), table)
    assert resumed(table, resume=False) is None and resumed(None) is None
    # A set that has changed since, for example by repaired images, needs a new table.
    assert resumed(table, size=5) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_table_of_a_checkpoint_on_a_gpu():
    assert not resumed(torch.arange(8).view(4, 2).cuda()).is_cuda


# Errors


@pytest.mark.parametrize('extra, message', [
    (PLM + "\ndel table_dataloader", 'NeighbourTableHook: the config has no table_dataloader'),
    (PLM + "\ntable_dataloader['dataset']['split'] = 'val'\n"
     "table_dataloader['dataset']['indices'] = 20",
     'NeighbourTableHook: table_dataloader has 20 images, train_dataloader 36'),
    (PLM + "\ntrain_dataloader['dataset']['indices'] = [*range(1, 36), 0]",
     'table_dataloader has 36 images, train_dataloader 36, or they differ in name or order'),
    (PLM + "\ntable_dataloader['drop_last'] = True",
     'the table needs each of the 36 images of table_dataloader once, but got 32; set its drop_l'),
    (PLM + "\nfor loader in (train_dataloader, table_dataloader):\n"
     "    loader['dataset'] = dict(type='ConcatDataset', datasets=[loader['dataset']] * 2)\n"
     "del loader", 'the table needs each of the 72 images of table_dataloader once, but got 36'),
    (PLM + "\ndel train_dataloader['batch_sampler']",
     'train_dataloader.batch_sampler is no NeighbourhoodBatchSampler; set it, or remove the hook'),
    (PLM + "\ncustom_hooks = custom_hooks[:-1]",
     'there is no table of neighbours; add a NeighbourTableHook to custom_hooks'),
    (PLM + "\nmodel['momentum'] = None",
     'MomentumEncoderHook: the model has no momentum encoder; set model.momentum, or remove'),
    (KMEANS + "\ncustom_hooks = custom_hooks[:-1]", 'add a ClusterLabelHook to custom_hooks'),
    (KMEANS + "\nmodel['labels'] = 'truth'",
     "ClusterLabelHook: model.labels is 'truth'; set it to 'clusters'"),
    (KMEANS + "\ncustom_hooks[-1]['num_clusters'] = 37", 'num_clusters is 37, expected 1 to 36')])
def test_settings_that_do_not_fit_are_refused(train, extra, message):
    refused(train(extra), message)


@pytest.mark.parametrize('hook, message', [
    ('NeighbourTableHook', 'NeighbourTableHook: the model is no Embedder; remove the hook from'),
    ('MomentumEncoderHook', 'MomentumEncoderHook: the model has no momentum encoder')])
def test_other_models_are_refused(hook, message):
    runner = SimpleNamespace(model=torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match=message):
        HOOKS.build(dict(type=hook)).before_train(runner)


def test_momentum_encoder_waits_for_accumulated_gradients():
    model = build_embedder(momentum=.5)
    steps = iter([False, True, False, True])
    runner = SimpleNamespace(
        model=model, optim_wrapper=SimpleNamespace(should_update=lambda: next(steps)))
    counts = []
    for index in range(4):
        MomentumEncoderHook().after_train_iter(runner, index)
        counts.append(model.momentum_encoder.steps.item())
    assert counts == [0, 1, 1, 2]


# Two ranks


def train_two_ranks(config, work_dir, *arguments):
    """Train by ``tools/dist_train.sh``; return the exit code and the output."""
    done = subprocess.run(
        [ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', work_dir, *arguments], cwd=ROOT,
        text=True, timeout=300, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'PORT': free_port(),
             'PYTHONPATH': str(ROOT / 'tests')})
    return done.returncode, done.stdout


SHARES = """
custom_hooks += [dict(type='ShareRecorder', folder='{folder}')]
"""


@pytest.mark.slow
@pytest.mark.parametrize('extra, steps', [(PLM, 2), (KMEANS, 3)], ids=['plm', 'kmeans'])
def test_two_ranks_have_equal_weights_and_tables(images, tmp_path, extra, steps):
    """A rank has 18 of 36 images: two batches of 8, and for k-means one of 2."""
    frozen_norms = "\nmodel['norm_eval'] = True"
    config = write_config(
        tmp_path, images, extra + frozen_norms + SHARES.format(folder=tmp_path),
        imports=['engine.share_recorder'])
    code, printed = train_two_ranks(config, tmp_path / 'run')
    assert code == 0, printed
    shares = [torch.load(tmp_path / f'rank_{rank}.pth', weights_only=True) for rank in (0, 1)]
    assert_same(shares[0]['weights'], shares[1]['weights'])
    assert_same(shares[0]['table'], shares[1]['table'])
    assert len(shares[0]['table']) == NUM_IMAGES
    batches = [share['batches'] for share in shares]
    assert len(batches[0]) == len(batches[1]) == EPOCHS * steps
    assert batches[0] != batches[1]
    saved = torch.load(tmp_path / f'run/epoch_{EPOCHS}.pth', weights_only=True)['state_dict']
    assert_same(dict(saved), shares[0]['weights'])
