"""Embedders, and their trainings that take a second.

A training has 36 noisy images of 6 classes and 2 epochs of 4 steps.
"""
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModule
from mmengine.structures import BaseDataElement

ROOT = Path(__file__).parents[1]
SIZE = 16  # width and height of the images and views, pixels
NUM_IMAGES, BATCH, EPOCHS = 36, 8, 2
CONFIG = """
_base_ = '{root}/configs/_base_/default_runtime.py'
randomness = dict(seed=5)
train_views = [dict(type='RandomResizedCrop', size={size}, scale=(.3, 1.)),
               dict(type='RandomHorizontalFlip')]
def images(split, views, **loader):
    return dict(
        batch_size={batch}, num_workers=0, persistent_workers=False, **loader,
        dataset=dict(type='ClassFolderDataset', data_root='{data}', split=split, pipeline=[
            dict(type='LoadCrop'), dict(type='MakeViews', **views), dict(type='PackViews')]))
still = dict(transforms=[dict(type='CenterCrop', size={size})])
train_dataloader = images(
    'train', dict(transforms=train_views), sampler=dict(type='DefaultSampler', shuffle=True))
in_order = dict(sampler=dict(type='DefaultSampler', shuffle=False), drop_last=False)
table_dataloader = images('train', still, **in_order)
val_dataloader = test_dataloader = images('val', still, **in_order)
val_evaluator = test_evaluator = dict(type='RetrievalMetric', recall_at=(1, 2))
del images
model = dict(
    type='Embedder', data_preprocessor=dict(type='ViewsPreprocessor'),
    backbone=dict(type='TinyConvNet'), head=dict(type='EmbeddingHead', in_channels=8, embed_dim=6))
train_cfg = dict(type='ResumableEpochLoop', max_epochs={epochs}, val_interval={epochs})
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-2, weight_decay=1e-2),
    paramwise_cfg=dict(custom_keys={{'encoder.head': dict(lr_mult=2.)}}))
param_scheduler = [dict(type='CosineAnnealingLR', T_max={epochs}, by_epoch=True,
                        convert_to_iter_based=True)]
default_hooks = dict(logger=dict(interval=1))
custom_imports = dict(imports=[*_base_.custom_imports.imports, 'tiny_embedding', *{imports}])
custom_hooks = [hook for hook in _base_.custom_hooks
                if hook.type not in ('DrawFramesHook', 'DrawDepthHook', 'DrawNeighboursHook')]
"""
PLM = """
train_dataloader['batch_sampler'] = dict(
    type='NeighbourhoodBatchSampler', neighbourhood=4, num_candidates=10)
model.update(momentum=.9, loss=dict(
    type='PiecewiseLinearLoss', embed_dim=6, dim=2, num_proxies=3, learn_delta=True))
custom_hooks += [dict(type='MomentumEncoderHook'), dict(type='NeighbourTableHook')]
"""
KMEANS = """
model.update(labels='clusters', loss=dict(
    type='LibraryMetricLoss', loss=dict(type='MultiSimilarityLoss')))
custom_hooks += [dict(type='ClusterLabelHook', num_clusters=4)]
"""


@MODELS.register_module()
class TinyConvNet(BaseModule):
    """Two convolutions of stride 2 with batch normalisation, 8 output channels."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, images):
        return (self.layers(images), )


def write_images(root: Path, splits=('train', 'val'), num_classes=6, count=6) -> Path:
    """Write noisy images of a colour per class, ``SPLIT/CLASS/INDEX.png``."""
    rng = np.random.default_rng(0)
    for split in splits:
        for number in range(num_classes):
            folder = root / split / f'class_{number}'
            folder.mkdir(parents=True)
            color = rng.integers(60, 200, 3)
            for index in range(count):
                image = np.clip(color + rng.normal(0, 40, (SIZE, SIZE, 3)), 0, 255)
                cv2.imwrite(str(folder / f'{index}.png'), image.astype(np.uint8))
    return root


def write_config(folder: Path, data: Path, extra='', name='tiny.py', imports=()) -> Path:
    """Write the config of a training.

    Args:
        folder: folder of the config; made if necessary.
        data: folder of :func:`write_images`.
        extra: text at the end, such as :data:`PLM` or :data:`KMEANS`.
        name: name of the file.
        imports: further modules that the config imports.
    """
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(CONFIG.format(root=ROOT, data=data, size=SIZE, batch=BATCH, epochs=EPOCHS,
                                  imports=list(imports)) + extra)
    return path


def embedder_config(**settings):
    """Return the config of an embedder of D = 6 with a TinyConvNet."""
    return dict(type='Embedder', data_preprocessor=dict(type='ViewsPreprocessor'),
                backbone=dict(type='TinyConvNet'),
                head=dict(type='EmbeddingHead', in_channels=8, embed_dim=6), **settings)


def build_embedder(**settings):
    """Build an embedder of :func:`embedder_config`, with weights that depend on no other test."""
    torch.manual_seed(3)
    model = MODELS.build(embedder_config(**settings))
    model.init_weights()
    return model


def random_batch(num_images=5, num_views=1, clean=False):
    """Return a batch as of a dataloader; image i has the label 10 i and the sample_idx i + 2."""
    generator = torch.Generator().manual_seed(0)

    def pixels(*shape):
        return torch.randint(256, (*shape, 3, SIZE, SIZE), dtype=torch.uint8, generator=generator)

    return pseudo_collate([
        dict(inputs=dict(views=pixels(num_views), **(dict(clean=pixels()) if clean else {})),
             data_samples=BaseDataElement(metainfo=dict(
                 name=f'image {index}', label=10 * index, sample_idx=index + 2)))
        for index in range(num_images)])
