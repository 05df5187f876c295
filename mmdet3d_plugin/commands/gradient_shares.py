"""Measure each loss's share of the gradient: python tools/analysis/gradient_shares.py CONFIG.

Legend: L losses, N batches.
"""
import argparse
import json
import math
import statistics
from itertools import islice
from pathlib import Path
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Union

import torch
import torch.nn as nn
from mmdet3d.registry import HOOKS
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, set_random_seed
from tqdm import tqdm

from ..engine.config_files import read_config
from ..engine.hooks.sample_selection_warmup_hook import SampleSelectionWarmupHook, set_selecting
from ..engine.load_model import load_model
from ..errors import InputError
from ..models.model_contract import dense_parts_of
from ..utils.files import atomic_write
from .benchmark import choose_device
from .command_line import config_errors

SHARED = ('backbone', 'neck')
# Norms by part and loss.
Norms = Dict[str, Dict[str, float]]
Losses = Mapping[str, Union[torch.Tensor, Sequence[torch.Tensor]]]


class Spread(NamedTuple):
    """Mean and sample standard deviation over batches; the deviation of one batch is None."""
    mean: float
    deviation: Optional[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> 'Spread':
        """Return the spread of at least one value."""
        return cls(statistics.fmean(values),
                   statistics.stdev(values) if len(values) > 1 else None)

    def text(self, template: str) -> str:
        """Format both numbers with a template such as ``'{:.1f}'``."""
        numbers = [number for number in self if number is not None]
        return ' ± '.join(template.format(number) for number in numbers)


def parts_of(model: nn.Module) -> Dict[str, List[nn.Parameter]]:
    """Return the trainable parameters of each part of a model.

    The parts are the dense parts of the model, and ``'heads'``: all other parameters, such as
    those of 3D heads and auxiliaries. ``'backbone+neck'`` joins these two. Parts without
    trainable parameters are left out.

    Args:
        model: detector or depth estimator, see ``model_contract``.
    """
    parts = {name: [item for item in part.parameters() if item.requires_grad]
             for name, part in dense_parts_of(model).items()}
    dense = {id(item) for items in parts.values() for item in items}
    heads = [item for item in model.parameters() if item.requires_grad and id(item) not in dense]
    joined = {'+'.join(SHARED): [item for name in SHARED for item in parts[name]]
              } if all(parts.get(name) for name in SHARED) else {}
    return {name: items for name, items in {**parts, **joined, 'heads': heads}.items() if items}


def loss_terms(losses: Losses) -> Dict[str, torch.Tensor]:
    """Return the terms whose sum is the training loss, as ``BaseModel.parse_losses`` forms them.

    Args:
        losses: output of a model in mode ``'loss'``. Values without ``loss`` in their key are
            only logged.

    Example:
        >>> loss_terms(dict(loss_a=[torch.tensor(1.), torch.tensor([2., 4.])],
        ...                 accuracy=torch.tensor(1.)))
        {'loss_a': tensor(4.)}
    """
    return {name: sum(item.mean() for item in (
        [value] if isinstance(value, torch.Tensor) else value))
        for name, value in losses.items() if 'loss' in name}


def gradient_norms(terms: Mapping[str, torch.Tensor],
                   parts: Mapping[str, Sequence[nn.Parameter]]) -> Norms:
    """Return the L2 norm of the gradient of each loss on the parameters of each part.

    A loss that does not depend on a part has norm 0 there.

    Args:
        terms: scalar losses by name.
        parts: parameters by part; a parameter may belong to several parts.

    Example:
        >>> weight = nn.Parameter(torch.tensor([1., 2.]))
        >>> gradient_norms(dict(loss=(torch.tensor([3., 4.]) * weight).sum()),
        ...                dict(layer=[weight]))
        {'layer': {'loss': 5.0}}
    """
    parameters = list({id(item): item for items in parts.values() for item in items}.values())
    norms: Norms = {name: {} for name in parts}
    for title, term in terms.items():
        gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True
                                        ) if term.requires_grad else [None] * len(parameters)
        squares = {id(item): 0. if gradient is None else gradient.double().square().sum().item()
                   for item, gradient in zip(parameters, gradients)}
        for name, items in parts.items():
            norms[name][title] = math.sqrt(sum(squares[id(item)] for item in items))
    return norms


def shares(norms: Mapping[str, float]) -> Dict[str, float]:
    """Return each loss's share of the sum of norms, 0 to 1; 0 if all norms are 0.

    Example:
        >>> shares(dict(loss_a=3., loss_b=1.))
        {'loss_a': 0.75, 'loss_b': 0.25}
    """
    total = sum(norms.values())
    return {name: norm / total if total else 0. for name, norm in norms.items()}


def measure(model: nn.Module, batches: Iterable[dict]) -> List[Norms]:
    """Return the gradient norms of each batch.

    Args:
        model: model in training mode.
        batches: N batches of the training data loader.

    Raises:
        InputError: a batch has no loss, or the gradient of a loss is NaN or infinite.
    """
    parts = parts_of(model)
    results = []
    for index, batch in enumerate(batches):
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        norms = gradient_norms(loss_terms(losses), parts)
        for name, by_loss in norms.items():
            if not by_loss:
                raise InputError(f'{type(model).__name__} returns no losses')
            for title, norm in by_loss.items():
                if not math.isfinite(norm):
                    raise InputError(f'the gradient of {title} on the {name} is {norm} in batch '
                                     f'{index}; see the losses with tools/train.py')
        results.append(norms)
    return results


def summarize(results: Sequence[Norms]) -> Dict[str, Dict[str, Dict[str, Spread]]]:
    """Return mean and deviation of norms and shares over batches.

    A loss that a batch lacks counts as 0 there.

    Args:
        results: norms of N batches.

    Returns:
        Part -> loss -> ``norm`` and ``share`` (0 to 1).
    """
    titles = list(dict.fromkeys(title for norms in results for by_loss in norms.values()
                                for title in by_loss))
    return {name: {title: dict(
        norm=Spread.of([norms[name].get(title, 0.) for norms in results]),
        share=Spread.of([shares(norms[name]).get(title, 0.) for norms in results]))
        for title in titles} for name in results[0]}


def table(summary: Mapping[str, Mapping[str, Mapping[str, Spread]]]) -> str:
    """Return the norms and shares as text for the terminal, one block per part.

    Args:
        summary: result of :func:`summarize`.
    """
    width = max(len(title) for by_loss in summary.values() for title in by_loss)
    lines = []
    for name, by_loss in summary.items():
        lines += ['', f'{name:<{width}}  {"gradient norm":>24}  {"share, %":>14}']
        lines += [f'{title:<{width}}  {found["norm"].text("{:.4g}"):>24}  '
                  f'{_percent(found["share"]).text("{:.1f}"):>14}'
                  for title, found in by_loss.items()]
    return '\n'.join(lines[1:])


def _percent(share: Spread) -> Spread:
    deviation = share.deviation
    return Spread(100 * share.mean, None if deviation is None else 100 * deviation)


def training_batches(cfg: Config, count: int, seed: int) -> Iterable[dict]:
    """Yield batches of the training set of a config, at most one epoch.

    Args:
        cfg: the config; worker processes are not used.
        count: number of batches.
        seed: random seed of the order.

    Raises:
        InputError: the config has no training set.
    """
    if cfg.get('train_dataloader') is None:
        raise InputError(f'{cfg.filename}: has no train_dataloader')
    options = cfg.train_dataloader.copy()
    options.update(num_workers=0, persistent_workers=False)
    options.pop('prefetch_factor', None)
    return islice(Runner.build_dataloader(options, seed=seed), count)


def build_model(cfg: Config, checkpoint: Optional[str], device: str) -> nn.Module:
    """Build a model in training mode, with the weights of a checkpoint or random weights."""
    model = load_model(cfg, checkpoint, device)
    hooks = [HOOKS.get(settings.type) for settings in cfg.get('custom_hooks', [])]
    if checkpoint is None and SampleSelectionWarmupHook in hooks:
        set_selecting(model, False)  # as in the first step of a training
    return model.train()


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    device = choose_device(args.device)
    MMLogger.get_current_instance().setLevel('WARNING')
    with config_errors(args.config):
        cfg = read_config(args.config, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmdet3d'))
        set_random_seed(args.seed)
        model = build_model(cfg, args.checkpoint, device)
        batches = training_batches(cfg, args.batches, args.seed)
        results = measure(model, tqdm(batches, desc='batches', total=args.batches,
                                      dynamic_ncols=True))
    summary = summarize(results)
    size = cfg.train_dataloader.batch_size
    print(f'{args.config}, {args.checkpoint or "random weights"}: mean ± standard deviation over '
          f'{len(results)} batches of {size}\n')
    print(table(summary))
    if args.json:
        content = dict(
            config=args.config, checkpoint=args.checkpoint, seed=args.seed, batch_size=size,
            batches=results, summary={name: {title: {key: value._asdict()
                                                     for key, value in found.items()}
                                             for title, found in by_loss.items()}
                                      for name, by_loss in summary.items()})
        atomic_write(Path(args.json), json.dumps(content, indent=1))
        print(f'\n{args.json}')
