"""Trainings that take seconds, and comparison of their final states."""
import faulthandler
import logging
import multiprocessing
import os
import runpy
import signal
import sys
from pathlib import Path

import torch
import torch.multiprocessing as mp
from mmdet3d.models.backbones.dla import BasicBlock
from mmdet3d.registry import MODELS

from mmdet3d_plugin.models.backbones.dla import SlimDLANet

ROOT = Path(__file__).parents[1]
STOP_HOOKS = 'reliability.stop_hooks'  # module with hooks that stop a training
EPOCHS = 5  # of two batches each
# A fork spares the imports, but autograd does not work in forks where there is a GPU.
START_METHOD = 'spawn' if torch.cuda.is_available() else 'fork'
# With everything that has a state: augmentation, Gumbel noise, hierarchical tasks, a warm-up
# that depends on the loss, momentum, and schedules by iteration and by epoch.
CONFIG = """
_base_ = '{root}/configs/monolss/monolss_dla34_synthetic-demo.py'
randomness = dict(seed={seed})
train_pipeline = _base_.train_pipeline
train_pipeline[0]['prob'] = 0.5
next(item for item in train_pipeline if item.type == 'CropScaleAffine')['input_size'] = (128, 64)
test_pipeline = _base_.test_pipeline
test_pipeline[1]['input_size'] = (128, 64)
train_dataloader = dict(
    batch_size=2, num_workers={workers}, persistent_workers={workers} > 0,
    dataset=dict(pipeline=train_pipeline, dataset=dict(data_root='{data}')))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(data_root='{data}', pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(backbone=dict(type='TinyDLANet'), neck=dict(in_channels=(8, 16, 32, 64)),
             dense_head=dict(in_channels=8, hidden_channels=16),
             object_head=dict(in_channels=8, hidden_channels=16))
train_cfg = dict(max_epochs={epochs}, val_interval=2)
acceleration = dict(channels_last=False)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
optim_wrapper = dict(type='OptimWrapper')
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='MultiStepLR', milestones=[3], gamma=0.1, by_epoch=True)]
custom_hooks = [
    dict(type='PlainCheckpointHook'), dict(type='FiniteLossHook'),
    dict(type='InterruptionHook', backend_args=dict(backend='atomic')),
    dict(type='HierarchicalTaskHook', parents=dict(depth=['size_2d', 'offset_2d']),
         full_epoch=5, window=3),
    dict(type='SampleSelectionWarmupHook', mode='stable', window=1, tolerance=1.0),
    {hooks}]
custom_imports = dict(
    imports=[*_base_.custom_imports.imports, 'tiny_training', *{imports}])
"""


@MODELS.register_module()
class TinyDLANet(SlimDLANet):
    """SlimDLANet with a quarter of the channels."""

    # Configs inside checkpoints may name this project's classes only.
    __module__ = SlimDLANet.__module__
    arch_settings = {34: (BasicBlock, (1, 2, 1, 2, 1), (4, 8, 16, 32, 64))}


def write_config(folder, data, hooks='', workers=0, epochs=EPOCHS, seed=3, imports=()):
    """Write the config of a training, and return its path.

    Args:
        folder: folder of the config; made if necessary.
        data: KITTI folder.
        hooks: text of further entries of ``custom_hooks``.
        workers: number of data workers.
        epochs: number of epochs of two batches.
        seed: seed of the training.
        imports: further modules that the config imports, besides this one.
    """
    folder.mkdir(exist_ok=True)
    path = folder / 'tiny.py'
    path.write_text(CONFIG.format(root=ROOT, data=data, hooks=hooks, workers=workers,
                                  epochs=epochs, seed=seed, imports=list(imports)))
    return path


def run_two_ranks(work, *arguments):
    """Call ``work(RANK, *arguments)`` in two processes at the same time."""
    mp.start_processes(work, arguments, nprocs=2, start_method=START_METHOD)


def train_in_own_group(config, work_dir):
    """Train in a process that leads a process group of its own.

    The function returns when the last data worker has ended.

    Returns:
        The exit code, or minus the number of the signal that killed the process; and the output.
    """
    context = multiprocessing.get_context(START_METHOD)
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_train, args=(config, work_dir, writer))
    process.start()
    writer.close()
    with open(reader.fileno(), closefd=False) as output:
        printed = output.read()
    process.join()
    return process.exitcode, printed


def _train(config, work_dir, writer):
    faulthandler.dump_traceback_later(300, exit=True)  # ends a training that hangs
    os.setsid()
    os.dup2(writer.fileno(), 1)
    os.dup2(writer.fileno(), 2)
    writer.close()
    sys.stdout = sys.stderr = open(1, 'w', buffering=1, closefd=False)  # noqa: SIM115
    logging.raiseExceptions = False  # loggers of earlier trainings have closed streams
    torch.set_num_threads(1)
    os.chdir(ROOT)
    sys.argv = ['tools/train.py', str(config), '--work-dir', str(work_dir)]
    runpy.run_path('tools/train.py', run_name='__main__')


def train_until_killed(folder, data, hook, **settings):
    """Run a training in ``folder/run`` until a KillHook kills it, and return its output.

    Args:
        folder: folder of the test.
        data: KITTI folder.
        hook: arguments of the KillHook.
        settings: arguments of :func:`write_config`.
    """
    config = write_config(folder / 'killed', data, str(dict(type='KillHook', **hook)),
                          imports=[STOP_HOOKS], **settings)
    code, printed = train_in_own_group(config, folder / 'run')
    assert code == -signal.SIGKILL, printed
    return printed


def resume_training(run_tool, folder, data, **settings):
    """Resume the training in ``folder/run`` to its end, and return its output.

    Args:
        run_tool: fixture of this name.
        folder: folder of the test.
        data: KITTI folder.
        settings: arguments of :func:`write_config`.
    """
    config = write_config(folder / 'resumed', data, **settings)
    code, printed = run_tool('train', config, '--work-dir', folder / 'run', '--resume')
    assert code == 0, printed.err
    return printed.out + printed.err


def training_state(path):
    """Return everything in a checkpoint that a resume needs, except for run information."""
    content = torch.load(path, weights_only=True)
    return {key: content[key] for key in (
        'state_dict', 'optimizer', 'param_schedulers', 'hierarchical_task',
        'sample_selection_warmup')} | dict(iter=content['meta']['iter'],
                                           epoch=content['meta']['epoch'])


def assert_same(state, other):
    """Check that two nested states have the same types, keys and values, to the last bit."""
    assert type(state) is type(other)
    if isinstance(state, torch.Tensor):
        assert torch.equal(state, other)
    elif isinstance(state, dict):
        assert state.keys() == other.keys()
        for key in state:
            assert_same(state[key], other[key])
    elif isinstance(state, (list, tuple)):
        assert len(state) == len(other)
        for item, another in zip(state, other):
            assert_same(item, another)
    else:
        assert state == other
