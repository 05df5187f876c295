"""Trainings of seconds, and what has to be equal where two of them end the same."""
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
EPOCHS = 5  # of two batches
# Everything that has a state of its own: augmentation, Gumbel noise, hierarchical tasks, a
# warm-up by the loss, momentum, schedules by iteration and by epoch.
CONFIG = """
_base_ = '{root}/configs/monolss/monolss_dla34_synthetic-demo.py'
randomness = dict(seed={seed})
train_pipeline = _base_.train_pipeline
train_pipeline[0]['prob'] = 0.5
next(item for item in train_pipeline if item.type == 'CropScaleAffine')['input_size'] = (320, 96)
test_pipeline = _base_.test_pipeline
test_pipeline[1]['input_size'] = (320, 96)
train_dataloader = dict(
    batch_size=2, num_workers={workers}, persistent_workers={workers} > 0,
    dataset=dict(pipeline=train_pipeline, dataset=dict(data_root='{data}')))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(data_root='{data}', pipeline=test_pipeline))
test_dataloader = val_dataloader
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
"""


def write_config(folder, data, hooks='', workers=0, epochs=EPOCHS, seed=3):
    folder.mkdir(exist_ok=True)
    path = folder / 'tiny.py'
    path.write_text(CONFIG.format(root=ROOT, data=data, hooks=hooks, workers=workers,
                                  epochs=epochs, seed=seed))
    return path


def training_state(path):
    """All that a training goes on from, without the facts of the run."""
    content = torch.load(path, weights_only=True)
    return {key: content[key] for key in (
        'state_dict', 'optimizer', 'param_schedulers', 'hierarchical_task',
        'sample_selection_warmup')} | dict(iter=content['meta']['iter'],
                                           epoch=content['meta']['epoch'])


def assert_same(state, other):
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
