"""Hook that stores what each rank of a training of an embedder has at the end."""
from pathlib import Path

import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmdet3d_plugin.engine.process_state import unwrap_model


@HOOKS.register_module()
class ShareRecorder(Hook):
    """Hook that writes ``FOLDER/rank_RANK.pth`` with weights, table and names of all batches."""

    def __init__(self, folder):
        self.folder = folder
        self.batches = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.batches.append([sample.name for sample in data_batch['data_samples']])

    def after_train(self, runner):
        model = unwrap_model(runner.model)
        table = getattr(runner.train_dataloader.batch_sampler, 'table', None)
        torch.save(dict(
            weights=dict(model.state_dict()), batches=self.batches,
            table=model.cluster_labels if table is None else torch.from_numpy(table)),
            Path(self.folder) / f'rank_{get_rank()}.pth')
