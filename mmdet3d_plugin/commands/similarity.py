"""Measure how similarities without labels agree with the classes, without training.

Usage: ``python tools/analysis/similarity.py CONFIG [CHECKPOINT]``
"""
import argparse
import json
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import DefaultSampler
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from tqdm import tqdm

from ..benchmarks.retrieval.embedding_files import LabelledEmbeddings, read_embeddings
from ..benchmarks.retrieval.nearest_neighbours import nearest_neighbours
from ..cli.similarity import DEFINITIONS
from ..datasets.neighbourhood_sampler import NUM_CANDIDATES, NeighbourhoodBatchSampler
from ..engine.config_files import read_config
from ..engine.load_model import load_model
from ..errors import InputError
from ..metric_learning.batch_similarities import PieceSettings, batch_similarities
from ..metric_learning.similarity_quality import similarity_figures
from ..models.model_contract import EMBEDDING, task_of_config
from ..utils.files import atomic_write, check_writable
from ..visualization.similarity_plot import similarity_plot
from .command_line import config_errors
from .similarity_table import for_json, markdown, summarize

DATALOADERS = dict(train='table_dataloader', val='val_dataloader', test='test_dataloader')


def piece_settings(cfg: Config) -> PieceSettings:
    """Return the settings of a config's PiecewiseLinearLoss, or the default settings."""
    loss = cfg.model.get('loss') or {}
    if loss.get('type') != 'PiecewiseLinearLoss':
        return PieceSettings()
    return PieceSettings(**{key: loss[key] for key in PieceSettings._fields if key in loss})


@torch.no_grad()
def embed_split(cfg: Config, checkpoint: Optional[str], split: str) -> LabelledEmbeddings:
    """Embed an image set of a config by the trained encoder.

    Args:
        cfg: config of an embedder.
        checkpoint: checkpoint file or URL, or None for the model as initialised.
        split: ``'train'`` (without augmentation), ``'val'`` or ``'test'``.

    Raises:
        InputError: the model is no embedder, or the config has no such set.
    """
    if task_of_config(cfg.model) != EMBEDDING:
        raise InputError(f'{cfg.filename}: {cfg.model.type} embeds no images; pass a config of '
                         'configs/plm')
    settings = cfg.get(DATALOADERS[split])
    if settings is None:
        raise InputError(f'{cfg.filename}: has no {DATALOADERS[split]}; add it or choose another '
                         '--split')
    set_random_seed(0)
    model = load_model(cfg, checkpoint, pretrained=True)
    loader = Runner.build_dataloader(settings, seed=0)
    samples = [sample for batch in tqdm(loader, desc='batches', dynamic_ncols=True, disable=None)
               for sample in model.test_step(batch)]
    embeddings = torch.stack([sample.pred_embedding for sample in samples])
    return LabelledEmbeddings(
        embeddings.float().cpu().numpy(), np.array([sample.label for sample in samples]),
        tuple(sample.name for sample in samples), tuple(loader.dataset.metainfo['classes']))


def draw_batches(embeddings: np.ndarray, count: int, num_seeds: int,
                 neighbourhood: int) -> List[List[int]]:
    """Draw batches as a NeighbourhoodBatchSampler does, each with its own random seed.

    Args:
        embeddings: (N, D) unit vectors.
        count: number of batches.
        num_seeds: seed images per batch.
        neighbourhood: a seed and its neighbours, in number.

    Returns:
        Indices of the images of each batch.

    Raises:
        InputError: there are fewer images than a batch has.
    """
    size = num_seeds * neighbourhood
    if len(embeddings) < size:
        raise InputError(f'{len(embeddings)} images are fewer than the {size} of a batch; lower '
                         '--batch')
    num_candidates = min(max(NUM_CANDIDATES, neighbourhood - 1), len(embeddings) - 1)
    table, _ = nearest_neighbours(embeddings, num_candidates)
    batches = []
    for seed in range(count):
        order = DefaultSampler(range(len(embeddings)), shuffle=True, seed=seed)
        sampler = NeighbourhoodBatchSampler(order, size, neighbourhood, num_candidates)
        sampler.table = table
        batches.append([int(index) for index in next(iter(sampler))])
    return batches


def measure(embeddings: np.ndarray, labels: np.ndarray, batches: Sequence[Sequence[int]],
            ranks: Sequence[int], **settings: Any) -> Dict[str, List[Dict[str, float]]]:
    """Return the figures of each batch by method.

    Args:
        embeddings: (N, D).
        labels: (N,).
        batches: indices of the images of each batch.
        ranks: values of K of precision@K.
        settings: arguments of :func:`~mmdet3d_plugin.metric_learning.batch_similarities.\
batch_similarities`.
    """
    figures: Dict[str, List[Dict[str, float]]] = {}
    for seed, batch in enumerate(tqdm(batches, desc='batches', dynamic_ncols=True, disable=None)):
        own = labels[batch]
        found = batch_similarities(torch.from_numpy(embeddings[batch]), len(np.unique(own)),
                                   seed=seed, **settings)
        for name, similarity in found.items():
            figures.setdefault(name, []).append(similarity_figures(similarity, own, ranks))
    return figures


def describe(source: str, data: LabelledEmbeddings, batches: Sequence[Sequence[int]],
             pieces: PieceSettings) -> str:
    """Return the lines above the table."""
    labels = [data.labels[batch] for batch in batches]
    classes = [len(np.unique(own)) for own in labels]
    same = [(np.unique(own, return_counts=True)[1]**2).sum() - len(own) for own in labels]
    pairs = [len(own) * (len(own) - 1) for own in labels]
    return (f'{source}: {len(data.labels)} images of {len(np.unique(data.labels))} classes, '
            f'embeddings of length {data.embeddings.shape[1]}. {len(batches)} batches of '
            f'{len(batches[0])} images with {np.mean(classes):.1f} classes ({min(classes)} to '
            f'{max(classes)}), also the number of clusters. Pairs of one class: '
            f'{100 * sum(same) / sum(pairs):.1f} %. Pieces: '
            f'{", ".join(f"{key} {value}" for key, value in pieces._asdict().items())}.')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    check_writable(str(args.out), '--out')
    MMLogger.get_current_instance().setLevel('WARNING')
    pieces = PieceSettings()
    if args.config is not None:
        with config_errors(args.config):
            cfg = read_config(args.config, args.cfg_options)
            init_default_scope(cfg.get('default_scope', 'mmdet3d'))
            pieces = piece_settings(cfg)
            if args.embeddings is None:
                data = embed_split(cfg, args.checkpoint, args.split)
    source = f'{args.config}, {args.checkpoint or "as initialised"}, {args.split}'
    if args.embeddings is not None:
        data, source = read_embeddings(args.embeddings), str(args.embeddings)
    embeddings = F.normalize(torch.from_numpy(data.embeddings), dim=1).numpy()
    batches = draw_batches(embeddings, args.seeds, *args.batch)
    figures = measure(embeddings, data.labels, batches, args.ranks, rules=tuple(args.rules),
                      pieces=pieces, num_neighbours=args.nearest)
    summary = summarize(figures)
    title = describe(source, data, batches, pieces)
    text = '\n\n'.join([title, markdown(summary), '\n'.join(f'- {line}' for line in DEFINITIONS)])
    atomic_write(args.out / 'similarity.md', f'# Quality of similarities\n\n{text}\n')
    atomic_write(args.out / 'similarity.json', json.dumps(for_json(dict(
        source=source, classes=data.classes, pieces=pieces._asdict(), summary=summary,
        figures=figures, definitions=DEFINITIONS)), indent=1))
    correlations = [found['correlation'] for found in summary.values()]
    atomic_write(args.out / 'similarity.png', similarity_plot(
        list(summary), [found.mean for found in correlations],
        [found.low for found in correlations], [found.high for found in correlations],
        title=f'{source}: {len(batches)} batches of {len(batches[0])}'))
    print(f'{text}\n\n{args.out / "similarity.png"}')
