"""Draw how a multi-frame depth estimator treats movable objects in training.

Usage: ``python tools/analysis/motion_hints.py CONFIG CHECKPOINT --out DIR``
"""
import argparse
import inspect
from typing import Any, Container, Dict, List, Optional

import cv2
import numpy as np
import torch
import torch.nn as nn
from mmdet3d.registry import DATASETS, TRANSFORMS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from tqdm import tqdm

from ..benchmarks.depth.map_errors import DepthProtocol
from ..datasets import ClipDataset
from ..engine.config_files import read_config
from ..engine.load_model import load_model
from ..errors import InputError
from ..models.depth_estimators import MultiFrameDepth
from ..utils.files import atomic_path, check_writable, inside
from ..visualization import MotionHints, motion_hint_panel
from .command_line import config_errors


def dataset_settings(cfg: Config, split: str) -> dict:
    """Return the config of a split's innermost dataset.

    Raises:
        InputError: the config has no such split.
    """
    loader = cfg.get(f'{split}_dataloader')
    if loader is None:
        raise InputError(f'{cfg.filename}: has no {split}_dataloader')
    settings = loader.dataset
    while 'dataset' in settings:
        settings = settings.dataset
    return settings


def without_augmentation(pipeline: List[dict], with_depth: bool) -> List[dict]:
    """Return a training pipeline with a probability of 0 for every random change.

    Args:
        pipeline: configs of transforms, the loading of the clip first.
        with_depth: whether to load the true depth, at the size of the input.
    """
    found = []
    for settings in pipeline:
        settings = dict(settings)
        options = inspect.signature(TRANSFORMS.get(settings['type'])).parameters
        found.append(settings)
        if 'prob' in options:
            settings['prob'] = 0.
        if 'max_angle' in options:
            settings['max_angle'] = 0.
        if with_depth and settings['type'] == 'CropScaleAffine':
            settings['stride'] = 1
    if with_depth and 'LoadDepthMap' not in [settings['type'] for settings in found]:
        found.insert(1, dict(type='LoadDepthMap'))
    return found


def build_dataset(cfg: Config, split: str) -> ClipDataset:
    """Build a split of clips with the neighbours and the transforms of the training.

    Random changes are left out. The true depth is loaded where the split's own pipeline loads
    it.

    Args:
        cfg: the config; not changed.
        split: ``'train'`` or ``'val'``.

    Raises:
        InputError: the config has no such split, or its dataset has no clips.
    """
    training, chosen = dataset_settings(cfg, 'train'), dict(dataset_settings(cfg, split))
    if not issubclass(DATASETS.get(chosen['type']), ClipDataset):
        raise InputError(f'{cfg.filename}: {chosen["type"]} yields single frames; use a dataset '
                         'of clips')
    with_depth = any(settings['type'] == 'LoadDepthMap' for settings in chosen['pipeline'])
    chosen.update(pipeline=without_augmentation(training['pipeline'], with_depth),
                  missing='single')  # whole_clips() leaves such frames out
    if 'data_prefix' in training:  # such as the folder of instance maps
        chosen.update(data_prefix={**training['data_prefix'], **chosen.get('data_prefix', {})})
    if 'offsets' in training:
        chosen.update(offsets=training['offsets'])
    return DATASETS.build(chosen)


def whole_clips(dataset: ClipDataset, num: int) -> List[int]:
    """Return the indices of evenly spread samples with all neighbours.

    Args:
        dataset: a dataset with ``missing='single'``.
        num: largest number of samples.

    Raises:
        InputError: no sample has all neighbours.
    """
    whole = [index for index in range(len(dataset))
             if dataset.get_data_info(index)['clip_present'].all()]
    if not whole:
        raise InputError(f'{dataset.ann_file}: none of its {len(dataset)} frames has all '
                         f'neighbours at offsets {dataset.offsets}; use longer clips')
    return [whole[index] for index in np.unique(
        np.linspace(0, len(whole) - 1, min(num, len(whole))).round().astype(int))]


def protocol_of(cfg: Config) -> Optional[DepthProtocol]:
    """Return the depths and the scaling of the config's DepthMetric, or None without one."""
    evaluators = cfg.get('val_evaluator') or ()
    for settings in [evaluators] if isinstance(evaluators, dict) else evaluators:
        if settings['type'] == 'DepthMetric':
            options = {name: settings[name] for name in (
                'min_depth', 'max_depth', 'median_scaling') if name in settings}
            return DepthProtocol(**options)
    return None


def to_hints(found: Dict[str, Any]) -> MotionHints:
    """Convert a model's motion hints of one clip to arrays.

    Args:
        found: an item of the result of ``MultiFrameDepth.motion_hints``.
    """
    def array(name: str) -> Optional[np.ndarray]:
        value = found.get(name)
        return None if value is None else value.detach().float().cpu().numpy()

    def pictures(name: str) -> Dict[int, np.ndarray]:
        return {offset: to_picture(image) for offset, image in (found.get(name) or {}).items()}

    instances = array('instances')
    return MotionHints(
        to_picture(found['target']), pictures('sources'), array('teacher_depth'),
        array('student_depth'), pictures('warps'), pictures('shifted'), array('choice'),
        None if instances is None else instances > 0, array('displacements'), array('gate'))


def to_picture(image: torch.Tensor) -> np.ndarray:
    """Convert an image (3, H, W), RGB in [0, 1], to (H, W, 3) uint8 BGR.

    Example:
        >>> to_picture(torch.tensor([1., .5, 0.]).reshape(3, 1, 1)).tolist()
        [[[0, 128, 255]]]
    """
    values = image.detach().float().clamp(0, 1).mul(255).round().byte()
    return np.ascontiguousarray(values.cpu().numpy().transpose(1, 2, 0)[..., ::-1])


class GateTally:
    """Share of moving and of static instances that keep the temporal hint.

    Only instances with a place in the image of the hint count, in sets that know which
    instances move.

    Attributes:
        rows: (moving, weight of the hint, pixels) of each instance.

    Example:
        >>> tally = GateTally()
        >>> tally.add(np.array([7, 8]), {7}, np.array([1., 0.]), np.array([50, 30]))
        >>> print(tally.text())
        moving: 100 % of 1 instances and 100 % of their pixels keep the hint
        static: 0 % of 1 instances and 0 % of their pixels keep the hint
    """

    def __init__(self) -> None:
        self.rows: List[np.ndarray] = []

    def add(self, ids: np.ndarray, moving_ids: Container[int], gate: np.ndarray,
            pixels: np.ndarray) -> None:
        """Add the instances of a frame.

        Args:
            ids: (n,) numbers of the instances in the set.
            moving_ids: numbers of those that move.
            gate: (n,) weights in [0, 1].
            pixels: (n,) sizes in the target frame, 0 for instances without a warped mask.
        """
        moving = np.array([number in moving_ids for number in ids], dtype=float)
        self.rows.append(np.stack([moving, gate, pixels], axis=1)[pixels > 0])

    def text(self) -> str:
        """Return one line per kind of instance, none without instances of the kind."""
        rows = np.concatenate([np.zeros((0, 3)), *self.rows])
        lines = []
        for name, kind in (('moving', rows[rows[:, 0] == 1]), ('static', rows[rows[:, 0] == 0])):
            if len(kind):
                share = 100 * np.average(kind[:, 1], weights=kind[:, 2])
                lines.append(f'{name}: {100 * kind[:, 1].mean():.0f} % of {len(kind)} instances '
                             f'and {share:.0f} % of their pixels keep the hint')
        return '\n'.join(lines)


def draw(model: nn.Module, sample: dict, protocol: Optional[DepthProtocol], tally: GateTally
         ) -> np.ndarray:
    """Return the panel of a sample, (H, W, 3) uint8 BGR, and count its instances."""
    data = model.data_preprocessor(pseudo_collate([sample]), False)
    with torch.no_grad():
        found, = model.motion_hints(**data)
    item, = data['data_samples']
    hints, truth = to_hints(found), None
    if hints.gate is not None and 'moving_ids' in item and 'id_values' in item:
        assert hints.instances is not None
        pixels = hints.instances.sum(axis=(1, 2)) * found['seen'].cpu().numpy()
        tally.add(item.id_values[0].cpu().numpy(), item.moving_ids, hints.gate, pixels)
    if hints.instances is None and 'instance_maps' in item:  # a model that needs no instances
        ids = item.instance_maps[0].cpu().numpy()
        hints.instances = ids == np.unique(ids[ids > 0])[:, None, None]
    if 'gt_depth_map' in item:
        truth = item.gt_depth_map.data[0].cpu().numpy()
    return motion_hint_panel(hints, truth, item.frame, protocol)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    check_writable(str(args.out), '--out')
    with config_errors(args.config):
        cfg = read_config(args.config, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmdet3d'))
        set_random_seed(0)
        model = load_model(cfg, args.checkpoint)
        if not isinstance(model, MultiFrameDepth):
            raise InputError(f'{args.config}: {type(model).__name__} has no motion hints; pass a '
                             'config of MultiFrameDepth')
        dataset = build_dataset(cfg, args.split)
    chosen, protocol, tally = whole_clips(dataset, args.num), protocol_of(cfg), GateTally()
    for index in tqdm(chosen, desc='frames', dynamic_ncols=True):
        sample = dataset[index]
        panel = draw(model, sample, protocol, tally)
        with atomic_path(inside(args.out, f'{sample["data_samples"].frame}.png')) as path:
            cv2.imwrite(str(path), panel)
    if tally.text():
        print(tally.text())
    print(f'{len(chosen)} panels in {args.out}')
