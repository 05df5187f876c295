"""Analyse how features are ordered by depth.

Usage: ``python tools/analysis/depth_features.py CONFIG CHECKPOINT``
"""
import argparse
import json
from pathlib import Path
from typing import Dict, List, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from tqdm import tqdm

from ..benchmarks.depth.object_errors import object_depth_errors
from ..benchmarks.kitti.labels import read_objects
from ..engine.config_files import read_config
from ..engine.load_model import load_model
from ..errors import InputError
from ..evaluation.prediction_conversion import predictions_to_table
from ..metric_learning import QuasiIsometricLoss
from ..metric_learning.depth_order import measure_depth_order, principal_plane
from ..models.auxiliaries import AuxiliaryLabels
from ..models.auxiliaries.metric_auxiliary import sample_descriptors
from ..models.detectors import AuxiliarySupervision, CenterMono3D
from ..structures.object_table import ObjectTable
from ..utils.files import atomic_write, check_writable
from ..visualization.depth_order_plot import depth_order_plot
from .command_line import config_errors

MAX_OBJECTS = 3000  # analysed objects; all their pairs are compared


class DescriptorRecorder:
    """Recorder of the descriptors and depths of objects, called like an auxiliary.

    Attributes:
        descriptors: (N, C) descriptors of the N objects of each recorded batch.
        depths: (N,) depths in metres of the same objects.
    """

    def __init__(self) -> None:
        self.descriptors: List[torch.Tensor] = []
        self.depths: List[torch.Tensor] = []

    def __call__(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> None:
        """Record the objects of a batch.

        Args:
            feature: (B, C, H, W) feature map.
            labels: labels of the batch, with objects.
        """
        objects = labels.need_objects(self)
        self.descriptors.append(
            sample_descriptors(feature, objects.image_index, objects.centers).cpu())
        self.depths.append(objects.depths.cpu())


def build_model(cfg: Config, args: argparse.Namespace) -> nn.Module:
    """Build the detector and load its weights; wrap it to expose inputs of auxiliaries."""
    model = load_model(cfg, args.checkpoint)
    if isinstance(model, (CenterMono3D, AuxiliarySupervision)):
        return model
    return AuxiliarySupervision(model, args.feature, auxiliary=[]).eval()


def labelled_validation_set(cfg: Config):
    """Build the validation set of a config with the objects that training learns from.

    Raises:
        InputError: the config has no validation set.
    """
    if cfg.get('val_dataloader') is None:
        raise InputError(f'{cfg.filename}: has no validation set; pass a config with a '
                         'val_dataloader')
    settings = cfg.val_dataloader.dataset
    while 'dataset' in settings:
        settings = settings.dataset
    load, *rest = settings.pipeline
    learned = [cfg.object_filter] if 'object_filter' in cfg else []
    settings.update(test_mode=False, filter_empty_gt=False, pipeline=[
        load, dict(type='LoadAnnotationsMono3D'), *learned, *rest])
    return DATASETS.build(settings)


@torch.no_grad()
def run(model: nn.Module, recorder: DescriptorRecorder,
        dataset) -> Tuple[List[ObjectTable], List[ObjectTable]]:
    """Record the objects of all frames and predict.

    Returns:
        Ground truth and predictions of each frame.
    """
    truths, predictions = [], []
    for index in tqdm(range(len(dataset)), desc='frames', dynamic_ncols=True):
        sample = dataset[index]
        if len(sample['data_samples'].gt_instances_3d):
            data = model.data_preprocessor(pseudo_collate([sample]), True)
            recorder(*model.auxiliary_inputs(**data))
        found, = model(**model.data_preprocessor(pseudo_collate([sample]), False), mode='predict')
        predictions.append(predictions_to_table(found.to_dict(), dataset.metainfo['classes']))
        label = Path(dataset.data_prefix['label']) / f'{found.frame}.txt'
        truths.append(read_objects(label))
    return truths, predictions


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    band = QuasiIsometricLoss(*args.band)
    check_writable(str(args.out), '--out')
    recorder = DescriptorRecorder()
    with config_errors(args.config):
        cfg = read_config(args.config, args.cfg_options)
        init_default_scope(cfg.default_scope)
        model = build_model(cfg, args)
        dataset = labelled_validation_set(cfg)
    truths, predictions = run(model, recorder, dataset)
    count = sum(map(len, recorder.depths))
    if count < 3:
        raise InputError(f'{args.config}: the validation set has {count} objects, expected at '
                         'least 3')
    chosen = torch.randperm(count, generator=torch.Generator().manual_seed(0))[:MAX_OBJECTS]
    descriptors = torch.cat(recorder.descriptors)[chosen]
    depths = torch.cat(recorder.depths)[chosen]
    order = measure_depth_order(descriptors, depths, band)
    errors = [object_depth_errors(truths, predictions, name)
              for name in dataset.metainfo['classes']]
    figures: Dict = dict(
        config=args.config, checkpoint=args.checkpoint, objects=len(chosen),
        band=dict(zip(('K', 'B', 'epsilon'), args.band)), **order.figures(),
        mean_depth_error={item.class_name: float(item.errors.mean()) if len(item.errors) else None
                          for item in errors})
    title = f'Spearman {order.spearman:.3f}, in the band {100 * order.qi_satisfied:.1f} %'
    K, B, epsilon = args.band
    atomic_write(args.out / 'depth_features.png', depth_order_plot(
        order.depth_distances.numpy(), order.feature_distances.numpy(), K, B, epsilon,
        principal_plane(descriptors).numpy(), depths.numpy(), errors, title))
    atomic_write(args.out / 'depth_features.json', json.dumps(figures, indent=1))
    print(f'{len(chosen)} objects: {title}\n{args.out / "depth_features.png"}')
