"""Several ranks compute the same as one process. All use gloo on the CPU."""
import copy
import json
import os
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.distributed.nn.functional as dist_functional
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from random_waymo import random_detections, random_labels
from tiny_kitti import make_objects, packed_frames, write_kitti
from tiny_training import run_two_ranks
from torch.utils.data import DataLoader

from mmdet3d_plugin.engine.distributed import (
    agreed_timeout,
    configure_distributed,
    join_environment,
    wait_for_rank_0,
)
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.evaluation import KittiAPMetric, WaymoAPMetric
from mmdet3d_plugin.models.task_modules.rank_means import mean_count

ROOT = Path(__file__).parents[2]
CLASSES = ['Pedestrian', 'Car', 'Cyclist']
DETECTORS = ('monodle', 'monocon', 'gupnet', 'didm3d', 'monolss')
# Frames of the tiny KITTI folder, which hold 3, 2, 0 and 2 objects of the classes. The first
# half belongs to rank 0, the other half to rank 1.
BATCHES = dict(uneven=(0, 3, 1, 2), one_without_objects=(0, 3, 2, 2))
# The larger batch keeps the rounding errors of the batch statistics small.
SYNCHRONISED = (0, 3, 2, 1, 2, 2, 2, 2)


class SynchronisedNorm(torch.nn.BatchNorm2d):
    """Replacement for torch's SyncBatchNorm, which has no CPU kernel."""

    def forward(self, values):
        sums = torch.cat([values.double().sum((0, 2, 3)), values.double().square().sum((0, 2, 3)),
                          torch.full((1, ), values.numel() / values.shape[1]).double()])
        if dist.is_initialized():
            sums = dist_functional.all_reduce(sums)
        mean, square = sums[:-1].view(2, -1, 1, 1) / sums[-1].clamp(min=1)
        normal = (values - mean) / (square - mean.square() + self.eps).sqrt()
        if self.affine:
            normal = normal * self.weight[:, None, None] + self.bias[:, None, None]
        return normal.to(values)


@pytest.fixture(autouse=True)
def plain_arithmetic(monkeypatch):
    """Use one thread, as for networks this small more are slower, and no oneDNN.

    Results of oneDNN's convolutions depend on the order of the images, with errors of 3e-5.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(torch.backends.mkldnn, 'enabled', False)
    yield
    torch.set_num_threads(threads)


def norms_of(module):
    return [child for child in module.modules() if isinstance(child, torch.nn.BatchNorm2d)]


def load_samples(root):
    """Return the folder's frames with random dense depths. The last frame is cropped."""
    samples = packed_frames(root, CLASSES)
    generator = torch.Generator().manual_seed(0)
    for sample in samples:
        depths = 5 + 30 * torch.rand(1, 24, 80, generator=generator)
        sample['data_samples'].gt_depth_map = PixelData(data=depths)
    samples[3]['data_samples'].set_metainfo(dict(affine_aug=True))
    return samples


def build(detector):
    """Build a detector whose batch norm keeps its statistics."""
    MMLogger.get_current_instance().setLevel('ERROR')
    cfg = Config.fromfile(f'configs/ddml/{detector}_both_synthetic.py')
    cfg.model.backbone.type = 'TinyDLANet'
    cfg.model.neck.in_channels = (8, 16, 32, 64)
    parts = [cfg.model.dense_head, cfg.model.object_head, *cfg.model.auxiliary]
    for part in parts:
        for name in {'in_channels', 'hidden_channels'} & part.keys():
            part[name] = 8
    torch.manual_seed(0)
    network = MODELS.build(cfg.model)
    network.init_weights()
    # Sizes start at 0, where MonoDLE's loss does not tell dimensions apart.
    torch.nn.init.uniform_(network.object_head.size_3d[-1].bias, .5, 2.)
    # Noise would differ.
    getattr(network.object_head.depth_head, 'sample_selector', network).deterministic = True
    for norm in norms_of(network):
        norm.eval()
    return network


def gradients_of(network, samples):
    """Return losses and gradients by name of a training step with every loss of a detector."""
    model = network
    if dist.is_initialized():
        model = torch.nn.parallel.DistributedDataParallel(network, find_unused_parameters=True)
    network.zero_grad()
    data = network.data_preprocessor(pseudo_collate(copy.deepcopy(samples)), True)
    losses = model(**data, mode='loss')
    network.parse_losses(losses)[0].backward()
    return ({name: value.detach() for name, value in losses.items() if name.startswith('loss_')},
            {name: weight.grad.clone() for name, weight in network.named_parameters()
             if weight.grad is not None})


def steps_of(detector, samples, rank=None):
    """Return losses and gradients of each batch, or of one rank's half of each batch."""
    def batch_of(frames):
        half = len(frames) // 2
        own = frames if rank is None else frames[rank * half:(rank + 1) * half]
        return [samples[index] for index in own]

    network = build(detector)
    steps = {name: gradients_of(network, batch_of(frames)) for name, frames in BATCHES.items()}
    for norm in norms_of(network.object_head):
        norm.__class__ = SynchronisedNorm
        norm.train()
    steps['synchronised'] = gradients_of(network, batch_of(SYNCHRONISED))
    return steps


def join(rank, store, size):
    """Set up a new process and join its process group."""
    import mmdet3d_plugin.datasets  # noqa: F401
    import mmdet3d_plugin.models  # noqa: F401
    init_default_scope('mmdet3d')
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=size)


class FrameNumbers:
    """Dataset of the numbers 0 to ``size - 1``."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index


def kitti_frame(index):
    """Return the number of a frame, random cars, and detections close to them."""
    rng = np.random.default_rng(index)
    places = [('Car', x, 1.6, z, yaw) for x, z, yaw in
              zip(rng.uniform(-6, 6, 4), rng.uniform(8, 40, 4), rng.uniform(-3, 3, 4))]
    found = [(name, x + dx, y, z + dz, yaw) for (name, x, y, z, yaw), dx, dz in
             zip(places, rng.normal(0, .1, 4), rng.normal(0, .3, 4))]
    truth, detections = make_objects(places), make_objects(found)
    return index, truth, replace(detections, scores=rng.random(4).astype(np.float32))


def waymo_frame(index):
    rng = np.random.default_rng(index)
    labels = random_labels(rng, 1, 6)
    labels = replace(labels, timestamps=labels.timestamps + index)
    return labels, random_detections(rng, labels)


FRAMES = dict(kitti=kitti_frame, waymo=waymo_frame)
METRICS = dict(kitti=KittiAPMetric, waymo=WaymoAPMetric)
# An odd number of frames, an even one, and fewer frames than ranks.
SIZES = (7, 6, 1)


def evaluate(name, size):
    """Evaluate frames as mmengine's loops do.

    Returns:
        The figures, and on rank 0 the numbers of the frames in the order of the evaluation.
    """
    class Recorder(METRICS[name]):
        def compute_metrics(self, results):
            self.frames = [item[0] if name == 'kitti' else int(item[0].timestamps[0])
                           for item in results]
            return super().compute_metrics(results)

    metric = Recorder() if name == 'kitti' else Recorder(modes=['official'])
    metric.dataset_meta = dict(classes=['Pedestrian', 'Car' if name == 'kitti' else 'Vehicle'])
    dataset = FrameNumbers(size)
    for batch in DataLoader(dataset, batch_size=2, sampler=DefaultSampler(dataset, shuffle=False)):
        metric.results += [FRAMES[name](index) for index in batch.tolist()]
    return metric.evaluate(size), getattr(metric, 'frames', None)


def work_as_one_of_two(rank, folder, root):
    os.chdir(folder)  # mmengine gathers results in a folder of the current one
    join(rank, folder / 'store', 2)
    torch.save({name: mean_count(torch.tensor(counts[rank])) for name, counts in COUNTS.items()},
               folder / f'counts_{rank}.pt')
    evaluations = {name: [evaluate(name, size) for size in SIZES] for name in METRICS}
    (folder / f'evaluations_{rank}.json').write_text(json.dumps(evaluations))
    os.chdir(ROOT)
    samples = load_samples(root)
    for detector in DETECTORS:
        torch.save(steps_of(detector, samples, rank), folder / f'{detector}_{rank}.pt')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def alone():
    """Return the evaluations of one process by metric."""
    return {name: [evaluate(name, size) for size in SIZES] for name in METRICS}


@pytest.fixture(scope='module')
def worked(tmp_path_factory, alone):
    """Folder with the results of each of two ranks.

    Forked ranks have the compiled functions of the evaluations of one process.
    """
    folder = tmp_path_factory.mktemp('worked')
    run_two_ranks(work_as_one_of_two, folder, write_kitti(folder / 'kitti'))
    return folder


COUNTS = dict(some=(3, 4), one=(0, 1), none=(0, 0))


def test_counts_are_means_over_ranks_of_at_least_one(worked):
    for rank in (0, 1):
        counts = torch.load(worked / f'counts_{rank}.pt', weights_only=True)
        assert counts == dict(some=3.5, one=.5, none=.5)
    assert mean_count(torch.tensor(0)) == 1 and mean_count(torch.tensor(5)) == 5


@pytest.mark.parametrize('name', METRICS)
def test_two_ranks_evaluate_as_one(worked, alone, name):
    """The same frames in the same order, and the same figures to the last digit."""
    found, other = (json.loads((worked / f'evaluations_{rank}.json').read_text())[name]
                    for rank in (0, 1))
    for size, (figures, frames), (expected, all_frames), (told, _) in zip(
            SIZES, found, alone[name], other):
        assert frames == all_frames == list(range(size))
        assert repr(figures) == repr(told) == repr(expected)  # repr, as nan != nan
    assert max(value for value in alone[name][0][0].values() if value == value) > 0


@pytest.mark.parametrize('detector', DETECTORS)
def test_two_ranks_learn_as_one_process(worked, detector):
    samples = load_samples(worked / 'kitti')
    halves = [torch.load(worked / f'{detector}_{rank}.pt', weights_only=True) for rank in (0, 1)]
    for case, (losses, gradients) in steps_of(detector, samples).items():
        (first, gradient), (second, twin) = (half[case] for half in halves)
        for name, loss in losses.items():
            assert (first[name] + second[name]).item() / 2 == pytest.approx(
                loss.item(), rel=1e-5, abs=1e-6), (case, name)
        assert gradient.keys() == gradients.keys()
        # The bias of the logits has no gradient: a shift of all logits changes no softmax.
        names = gradients.keys() - {'object_head.depth_head.logit.2.bias'}
        largest = max(gradients[name].abs().max() for name in names)
        assert largest > 1e-2
        for name in names:
            assert torch.equal(gradient[name], twin[name]), (case, name)
            error = (gradient[name] - gradients[name]).abs().max()
            scale = max(gradients[name].abs().max(), 1e-3 * largest)
            assert error <= 1e-5 * scale, (case, name)


ANY_PORT = '0'  # the system chooses a free one
LAUNCHED = dict(pytorch=dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0', MASTER_ADDR='127.0.0.1'),
                slurm=dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_LOCALID='0',
                           SLURM_NODELIST='here[3-4]', SLURM_JOB_ID='61234'))
VARIABLES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT')


@pytest.fixture
def launched(monkeypatch, tmp_path):
    """Function that sets the environment variables of a launcher, and SLURM's scontrol."""
    def launch(launcher, **change):
        for name in VARIABLES:
            monkeypatch.setenv(name, '')  # so that it is restored at the end
            monkeypatch.delenv(name)
        for name, value in {**LAUNCHED[launcher], **change}.items():
            monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
        if launcher == 'slurm':
            program = tmp_path / 'scontrol'
            program.write_text('#!/bin/sh\n[ "$*" = "show hostnames here[3-4]" ] || exit 1\n'
                               'echo 127.0.0.1; echo there\n')
            program.chmod(0o755)
            monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')

    return launch


@pytest.mark.parametrize('launcher', LAUNCHED)
def test_without_a_gpu_gloo_makes_the_group(launched, monkeypatch, launcher):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    launched(launcher, MASTER_PORT=ANY_PORT)
    cfg = Config(dict(launcher=launcher, find_unused_parameters=True))
    try:
        configure_distributed(cfg)
        assert dist.get_backend() == 'gloo' and dist.get_world_size() == 1
    finally:
        dist.destroy_process_group()
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False,
        find_unused_parameters=True)
    assert os.environ['LOCAL_RANK'] == '0' and os.environ['MASTER_ADDR'] == '127.0.0.1'


def test_a_gpu_is_left_to_the_runner(launched, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    launched('pytorch', MASTER_PORT=ANY_PORT)
    for cfg in (Config(dict(launcher='pytorch', sync_bn='torch')), Config(dict(launcher='none'))):
        before = copy.deepcopy(cfg)
        configure_distributed(cfg)
        assert cfg.to_dict() == before.to_dict() and not dist.is_initialized()


def test_slurm_jobs_have_different_ports(launched):
    launched('slurm')
    join_environment('slurm')
    assert {name: os.environ[name] for name in VARIABLES} == dict(
        RANK='0', WORLD_SIZE='1', LOCAL_RANK='0', MASTER_ADDR='127.0.0.1', MASTER_PORT='21234')


def test_a_rank_waits_for_rank_0(launched):
    with socket.create_server(('127.0.0.1', 0)) as rank_0:
        launched('pytorch', RANK='1', WORLD_SIZE='2', MASTER_PORT=str(rank_0.getsockname()[1]))
        wait_for_rank_0(timedelta(seconds=1))
    cfg = Config(dict(launcher='pytorch', env_cfg=dict(dist_cfg=dict(timeout=1))))
    with pytest.raises(InputError, match=r'^127\.0\.0\.1:\d+: rank 0 does not answer here within '
                       r'1 s \(\[Errno 111\]'):
        configure_distributed(cfg)
    assert not dist.is_initialized()


def test_the_time_limit_of_ranks():
    assert agreed_timeout(Config(dict(env_cfg={}))) == timedelta(minutes=30)
    for seconds in (0, 'x', 1e99):
        with pytest.raises(InputError, match='timeout is'):
            agreed_timeout(Config(dict(env_cfg=dict(dist_cfg=dict(timeout=seconds)))))


@pytest.mark.parametrize('launcher, change, message', [
    ('pytorch', dict(RANK=''), 'RANK is not set; start the processes with tools/dist_train.sh'),
    ('pytorch', dict(MASTER_PORT=''), 'MASTER_PORT is not set'),
    ('slurm', dict(SLURM_NTASKS=''), 'SLURM_NTASKS is not set; start the processes with tools/sl'),
    ('slurm', dict(SLURM_NODELIST='odd'), "scontrol does not tell the hosts of 'odd'")])
def test_missing_variables_of_a_launcher_are_named(launched, launcher, change, message):
    launched(launcher, **change)
    with pytest.raises(InputError, match=message):
        configure_distributed(Config(dict(launcher=launcher)))


def test_synchronised_batch_norm_needs_gpus(launched, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    launched('pytorch', MASTER_PORT=ANY_PORT)
    with pytest.raises(InputError, match='sync_bn needs GPUs'):
        configure_distributed(Config(dict(launcher='pytorch', sync_bn='torch')))
    assert not dist.is_initialized()
