"""Losses on labelled features from the library pytorch-metric-learning."""
import difflib
import inspect
import math
from typing import Any, Dict, Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError
from .metric_loss_result import MetricLossResult


@MODELS.register_module()
class LibraryMetricLoss(nn.Module):
    """Loss of pytorch-metric-learning by name, with an optional miner.

    Parameters of the loss, such as proxies, are parameters of this module, so the optimiser
    must be given them.

    Args:
        loss: ``type``, the name of a loss in ``pytorch_metric_learning.losses``, and the
            arguments of the loss. Wrappers around other losses are not supported.
        miner: ``type``, the name of a miner in ``pytorch_metric_learning.miners``, and the
            arguments of the miner. Default: all pairs or triplets of a batch.
        loss_weight: factor of the loss.

    Raises:
        InputError: a name is unknown, an argument does not fit, or a setting is out of its
            range.

    Example:
        >>> features = nn.functional.normalize(torch.randn(6, 8), dim=1).requires_grad_()
        >>> module = LibraryMetricLoss(dict(type='ContrastiveLoss', neg_margin=0.5),
        ...                            miner=dict(type='MultiSimilarityMiner'))
        >>> module(features, torch.tensor([0, 0, 1, 1, 2, 2])).loss.backward()
        >>> proxies = LibraryMetricLoss(
        ...     dict(type='ProxyAnchorLoss', num_classes=3, embedding_size=8))
        >>> {key: tuple(value.shape) for key, value in proxies.state_dict().items()}
        {'loss.proxies': (3, 8)}
    """

    def __init__(self, loss: Dict[str, Any], miner: Optional[Dict[str, Any]] = None,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        # Most models have no such loss, and the import takes a second.
        from pytorch_metric_learning import losses, miners
        if not 0 <= loss_weight < math.inf:
            raise InputError(f'LibraryMetricLoss: loss_weight is {loss_weight}, expected a '
                             'finite number that is not negative')
        self.loss = _build('loss', losses, losses.BaseMetricLossFunction, loss)
        self.miner = _build('miner', miners, miners.BaseMiner, miner) if miner else None
        self.name = loss['type']
        self.num_classes = loss.get('num_classes')
        self.embedding_size = loss.get('embedding_size')
        self.loss_weight = loss_weight

    def forward(self, features: torch.Tensor, labels: torch.Tensor) -> MetricLossResult:
        """Compute the loss of a batch.

        Args:
            features: (N, D) unit vectors.
            labels: (N,) long. Features with label -1 are left out.

        Returns:
            The loss, without logs. Without a labelled feature, or without a pair that the loss
            compares, it is a differentiable zero.

        Raises:
            InputError: the shapes do not fit together, a label or the length of the features
                does not fit the proxies of the loss, or the loss refuses the batch.
        """
        if features.dim() != 2 or labels.shape != features.shape[:1]:
            raise InputError(f'LibraryMetricLoss: features {tuple(features.shape)}, labels '
                             f'{tuple(labels.shape)}; expected (N, D) and (N,)')
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        # Parameters take part on every rank, with or without labelled features.
        zero = features.sum() * 0 + sum(item.sum() * 0 for item in self.loss.parameters())
        labelled = labels != -1
        features, labels = features[labelled], labels[labelled]
        if not len(features):
            return MetricLossResult(zero, {})
        self._check_sizes(features, labels)
        try:
            pairs = None if self.miner is None else self.miner(features, labels)
            loss = self.loss(features, labels, pairs)
        except ValueError as error:  # the loss needs other batches
            raise InputError(f'{self.name}: {error}') from error
        return MetricLossResult(self.loss_weight * loss + zero, {})

    def _check_sizes(self, features: torch.Tensor, labels: torch.Tensor) -> None:
        """Raise InputError for labels or features that do not fit the proxies of the loss."""
        if self.num_classes is not None and labels.max() >= self.num_classes:
            raise InputError(f'{self.name}: num_classes is {self.num_classes}, but a label is '
                             f'{int(labels.max())}; set num_classes to the number of training '
                             'classes')
        if self.embedding_size not in (None, features.shape[1]):
            raise InputError(f'{self.name}: embedding_size is {self.embedding_size}, but '
                             f'features have length {features.shape[1]}; set embedding_size to '
                             'that length')


def _build(kind: str, module, base: type, settings: Dict[str, Any]) -> nn.Module:
    """Build a loss or a miner of the library from its settings."""
    settings = dict(settings)
    name = settings.pop('type', None)
    found = {key: value for key, value in vars(module).items()
             if inspect.isclass(value) and issubclass(value, base) and value is not base}
    if name not in found:
        lower = {key.lower(): key for key in found}
        near = lower[difflib.get_close_matches(str(name).lower(), lower, n=1, cutoff=0)[0]]
        raise InputError(f'LibraryMetricLoss: {kind} type {name!r} is not in '
                         f'{module.__name__}; did you mean {near!r}?')
    try:
        return found[name](**settings)
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise InputError(f'LibraryMetricLoss: {kind} {name}: {error}') from error
