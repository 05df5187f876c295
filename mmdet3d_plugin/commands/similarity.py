"""Measure how similarities without labels agree with the classes, without training.

Usage: ``python tools/analysis/similarity.py CONFIG [CHECKPOINT]``
"""
import argparse
import json
from pathlib import Path
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
from ..datasets.neighbourhood_sampler import NUM_CANDIDATES, NeighbourhoodBatchSampler
from ..engine.config_files import read_config
from ..engine.load_model import load_model
from ..errors import InputError
from ..metric_learning.batch_similarities import PieceSettings, batch_similarities
from ..metric_learning.piecewise_linear.threshold_rules import RULES
from ..metric_learning.similarity_quality import similarity_figures
from ..models.model_contract import EMBEDDING, task_of_config
from ..utils.files import atomic_write, check_writable
from ..visualization.similarity_plot import similarity_plot
from .command_line import config_errors
from .help_formatter import ExampleFormatter
from .options import ConfigOverride
from .similarity_table import DEFINITIONS, for_json, markdown, summarize

EXAMPLE = '''
example:
  python tools/analysis/similarity.py configs/plm/vehicles_128.py --split val \\
      --out work_dirs/similarity
  python tools/analysis/similarity.py --embeddings results/embeddings.npz
'''
DATALOADERS = dict(train='table_dataloader', val='val_dataloader', test='test_dataloader')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Measure how similarities of images agree with their classes. The methods '
        'see the embeddings of a batch, but no label; k-means and Ward are given the number of '
        'classes. Batches are drawn as NeighbourhoodBatchSampler draws them. The table is '
        'printed, and written with a bar chart to DIR/similarity.md, similarity.json and '
        'similarity.png. '
        + ' '.join(text[0].upper() + text[1:] for text in DEFINITIONS),
        epilog=EXAMPLE, formatter_class=ExampleFormatter)
    parser.add_argument('config', nargs='?',
                        help='config file of an embedder, see configs/plm; its '
                        'PiecewiseLinearLoss, if any, sets the pieces. May be left out with '
                        '--embeddings')
    parser.add_argument('checkpoint', nargs='?',
                        help='checkpoint file or URL (default: the model as initialised, with the '
                        'pre-trained weights that the config names and seed 0 for the others)')
    parser.add_argument('--embeddings', metavar='FILE.npz', type=Path,
                        help='embeddings, labels and names, as written by tools/test.py '
                        '--submission-dir, instead of a model')
    parser.add_argument('--split', choices=DATALOADERS, default='val',
                        help='image set of the config (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/similarity'), metavar='DIR',
                        help='output folder (default: %(default)s)')
    parser.add_argument('--seeds', type=int, default=30, metavar='N',
                        help='number of batches, drawn with the random seeds 0 to N - 1 (default: '
                        '%(default)s)')
    parser.add_argument('--batch', type=int, nargs=2, default=(24, 5), metavar=('S', 'K'),
                        help='a batch has S random images and K - 1 nearest neighbours of each '
                        '(default: 24 5)')
    parser.add_argument('--nearest', type=int, default=3, metavar='K',
                        help='neighbours in the method "K nearest" (default: %(default)s)')
    parser.add_argument('--ranks', type=int, nargs='+', default=(3, 5, 10), metavar='K',
                        help='values of precision@K (default: 3 5 10)')
    parser.add_argument('--rules', nargs='+', choices=RULES, default=('each', 'seed', 'share'),
                        help='threshold rules of the pieces (default: each seed share)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOverride, metavar='KEY=VALUE',
                        help='override config entries')
    args = parser.parse_args()
    if args.config is None and args.embeddings is None:
        parser.error('expected a config, or --embeddings FILE.npz')
    if args.checkpoint and args.embeddings:
        parser.error('expected either a checkpoint or --embeddings')
    if min(args.seeds, args.batch[0], args.nearest, *args.ranks) < 1 or args.batch[1] < 2:
        parser.error('--seeds, --batch, --nearest and --ranks: expected at least 1, and at least '
                     '2 images per neighbourhood')
    if max(args.ranks) >= args.batch[0] * args.batch[1]:
        parser.error(f'--ranks: {max(args.ranks)} of the other images, but a batch of '
                     f'--batch {args.batch[0]} {args.batch[1]} has '
                     f'{args.batch[0] * args.batch[1] - 1}; lower --ranks or raise --batch')
    return args


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


def main() -> None:
    """Run the command."""
    args = parse_args()
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
        list(summary), *([getattr(found, key) for found in correlations]
                         for key in ('mean', 'low', 'high')),
        title=f'{source}: {len(batches)} batches of {len(batches[0])}'))
    print(f'{text}\n\n{args.out / "similarity.png"}')
