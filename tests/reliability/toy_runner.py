"""Trainings and tests with mmengine's runner that take a fraction of a second."""
import torch
import torch.nn as nn
from mmdet3d.registry import DATASETS, METRICS, MODELS
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from torch.utils.data import Dataset


@DATASETS.register_module()
class ToyFrames(Dataset):
    metainfo = {}

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.full((3, 4, 6), float(index)))


@MODELS.register_module()
class ToyEstimator(BaseModel):
    """Model of a backbone and a head; ``seen`` are inputs and outputs of the backbone."""

    task = 'depth'

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 3)
        self.decode_head = nn.Conv2d(4, 1, 1)
        self.seen = []
        self.backbone.register_forward_hook(
            lambda module, inputs, output: self.seen.append((inputs[0], output)))

    def dense_parts(self):
        return dict(backbone=self.backbone, decode_head=self.decode_head)

    def forward(self, inputs, mode):
        depth = self.decode_head(self.backbone(torch.stack(inputs)))
        return dict(loss=depth.square().mean()) if mode == 'loss' else list(depth)


@METRICS.register_module()
class ToyMetric(BaseMetric):

    def process(self, data_batch, data_samples):
        self.results.append(len(data_samples))

    def compute_metrics(self, results):
        return dict(frames=sum(results))


def toy_config(work_dir, **changes):
    """Return the config of one epoch of two batches, without validation."""
    loader = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
                  dataset=dict(type='ToyFrames'))
    cfg = Config(dict(
        default_scope='mmdet3d', work_dir=str(work_dir), model=dict(type='ToyEstimator'),
        train_dataloader=loader, test_dataloader=loader, test_evaluator=dict(type='ToyMetric'),
        train_cfg=dict(type='ResumableEpochLoop', max_epochs=1), test_cfg=dict(),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=.1)),
        custom_hooks=[dict(type='PlainCheckpointHook')], log_level='WARNING'))
    cfg.merge_from_dict(changes)
    return cfg
