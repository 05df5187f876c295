"""A training that waits for a batch stops on a signal, with the state of its last whole step."""
import os
import signal
import time

import pytest
import torch
from mmdet3d.registry import DATASETS
from mmengine.runner import Runner
from reliability.toy_runner import ToyFrames, toy_config
from tiny_training import assert_same

from mmdet3d_plugin.datasets.sample_randomness import sample_randomness
from mmdet3d_plugin.engine import watched_loader
from mmdet3d_plugin.errors import InputError


@DATASETS.register_module()
class StuckFrames(ToyFrames):
    """Frames of random numbers; one never comes.

    Args:
        stuck: number of loaded frames after which the next one never comes.
        trainer: process that gets SIGTERM then, or None.
    """
    loaded = 0

    def __init__(self, stuck=99, trainer=None):
        self.stuck, self.trainer = stuck, trainer

    def __getitem__(self, index):
        if self.loaded == self.stuck:
            if self.trainer is not None:
                time.sleep(.3)  # the batches before are trained
                os.kill(self.trainer, signal.SIGTERM)
            time.sleep(60)
        self.loaded += 1
        with sample_randomness(index):
            return dict(inputs=torch.rand(3, 4, 6))


def train(work_dir, validate=False, timeout=0, workers=0, resume=None, **stuck):
    """Train three epochs of two batches, and return the runner."""
    cfg = toy_config(work_dir)
    loader = dict(dataset=dict(type='StuckFrames'), batch_size=2, num_workers=workers,
                  persistent_workers=workers > 0, sampler=dict(type='DefaultSampler',
                                                               shuffle=True))
    stuck = dict(loader, timeout=timeout, dataset=dict(type='StuckFrames', **stuck))
    cfg.train_dataloader, cfg.val_dataloader = (loader, stuck) if validate else (stuck, loader)
    cfg.update(train_cfg=dict(type='ResumableEpochLoop', max_epochs=3), val_cfg=dict(),
               val_evaluator=cfg.test_evaluator, randomness=dict(seed=1))
    cfg.optim_wrapper.optimizer.momentum = .9
    cfg.custom_hooks += [dict(type='InterruptionHook', backend_args=dict(backend='atomic'))]
    if resume:
        cfg.update(load_from=str(resume), resume=True)
    runner = Runner.from_cfg(cfg)
    runner.train()


def state(path):
    content = torch.load(path, weights_only=True)
    return {name: content[name] for name in ('state_dict', 'optimizer')} | dict(
        iter=content['meta']['iter'], epoch=content['meta']['epoch'])


@pytest.fixture(autouse=True)
def workers_end_at_once(monkeypatch):
    monkeypatch.setattr('torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL', .2)


@pytest.fixture(scope='module')
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp('straight')
    train(folder)
    return state(folder / 'epoch_3.pth')


@pytest.mark.parametrize('workers, stuck, done', [
    (0, 0, 0),   # before the first step
    (0, 7, 3),   # in the middle of an epoch and of a batch
    (1, 6, 3)])
def test_a_signal_while_a_training_batch_is_stuck(straight, tmp_path, workers, stuck, done):
    start = time.monotonic()
    with pytest.raises(SystemExit) as stopped:
        train(tmp_path, workers=workers, stuck=stuck, trainer=os.getpid())
    assert stopped.value.code == 143 and time.monotonic() - start < 40
    assert state(tmp_path / 'interrupted.pth')['iter'] == done
    train(tmp_path, resume=tmp_path / 'interrupted.pth')
    assert_same(state(tmp_path / 'epoch_3.pth'), straight)


def test_a_signal_while_a_validation_batch_is_stuck(straight, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        train(tmp_path, validate=True, stuck=6, trainer=os.getpid())  # in epoch 2
    assert stopped.value.code == 143
    assert state(tmp_path / 'interrupted.pth')['iter'] == 4
    train(tmp_path, resume=tmp_path / 'interrupted.pth')
    assert_same(state(tmp_path / 'epoch_3.pth'), straight)


@pytest.mark.parametrize('validate, name', [(False, 'train'), (True, 'val')])
def test_a_batch_that_does_not_come_in_time(tmp_path, validate, name):
    with pytest.raises(InputError, match=rf'^{name}_dataloader: no batch within 0\.5 s; '):
        train(tmp_path, validate=validate, workers=1, timeout=.5, stuck=2)


def test_a_test_batch_that_does_not_come_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(watched_loader, 'TIME_LIMIT', .5)
    cfg = toy_config(tmp_path)
    cfg.test_dataloader.dataset = dict(type='StuckFrames', stuck=2)
    cfg.custom_hooks += [dict(type='InterruptionHook')]
    with pytest.raises(InputError, match=r'^test_dataloader: no batch within 0\.5 s; '):
        Runner.from_cfg(cfg).test()
