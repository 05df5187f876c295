"""Embedding of images, learned with or without labels."""
from typing import Any, Dict, List, Optional, Tuple, Union

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.model import BaseModel, BaseModule
from mmengine.structures import BaseDataElement
from torch.nn.modules.batchnorm import _BatchNorm

from ...errors import InputError
from ..model_contract import EMBEDDING
from .momentum_encoder import MomentumEncoder

Samples = List[BaseDataElement]
# Sources of the labels that the loss is given.
LABELS = ('none', 'truth', 'clusters')


class Encoder(BaseModule):
    """Backbone and head: images (B, 3, H, W) to unit vectors (B, D).

    Args:
        backbone: config of the backbone.
        head: config of the :class:`EmbeddingHead`.
        norm_eval: keep batch normalisation in evaluation mode during training.
    """

    def __init__(self, backbone: dict, head: dict, norm_eval: bool) -> None:
        super().__init__()
        self.backbone = MODELS.build(backbone)
        self.head = MODELS.build(head)
        self.norm_eval = norm_eval

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of images."""
        return self.head(self.backbone(images))

    def train(self, mode: bool = True) -> 'Encoder':
        """Set the mode; batch normalisation stays in evaluation mode with ``norm_eval``."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self


@MODELS.register_module()
class Embedder(BaseModel):
    """Embedding of images: an encoder, its momentum encoder, and a loss over a batch.

    A loss without labels is called as ``loss(features, points)`` with the embeddings of the
    trained and of the momentum encoder. A loss with labels is called as
    ``loss(features, labels)``. Both return a
    :class:`~mmdet3d_plugin.metric_learning.MetricLossResult`.

    A batch holds V views of each image. They are separate points for the loss. The momentum
    encoder sees the same views, or one clean view per image if the pipeline makes one
    (:class:`~mmdet3d_plugin.datasets.transforms.MakeViews`).

    Args:
        backbone: config of a backbone that returns feature maps.
        head: config of an :class:`EmbeddingHead`.
        loss: config of the loss; None for a model that only predicts.
        labels: labels that the loss is given. ``'none'``: the points of the momentum encoder
            instead; ``'truth'``: the classes of the dataset; ``'clusters'``: the pseudo-labels
            of a :class:`~mmdet3d_plugin.engine.hooks.ClusterLabelHook`.
        momentum: share of the momentum encoder that is kept in each step, for example 0.999;
            None uses the trained encoder in its place. A
            :class:`~mmdet3d_plugin.engine.hooks.MomentumEncoderHook` updates it.
        norm_eval: keep batch normalisation in evaluation mode during training, as suits a
            pre-trained backbone.
        data_preprocessor: config of a :class:`ViewsPreprocessor`.
        init_cfg: mmengine's weight initialisation.

    Attributes:
        cluster_labels: (N,) pseudo-labels of the training images by ``sample_idx``, on the CPU,
            or None.

    Raises:
        InputError: ``labels`` or ``momentum`` is out of its range.
    """

    task = EMBEDDING

    def __init__(self, backbone: dict, head: dict, loss: Optional[dict] = None,
                 labels: str = 'none', momentum: Optional[float] = None, norm_eval: bool = False,
                 data_preprocessor: Optional[dict] = None, init_cfg=None) -> None:
        if labels not in LABELS:
            raise InputError(f'Embedder: labels is {labels!r}, expected one of '
                             f'{", ".join(LABELS)}')
        if momentum is not None and not 0 < momentum < 1:
            raise InputError(f'Embedder: momentum is {momentum}, expected a share between 0 '
                             'and 1, or None')
        super().__init__(data_preprocessor, init_cfg)
        self.encoder = Encoder(backbone, head, norm_eval)
        self.momentum_encoder = None if momentum is None else MomentumEncoder(
            self.encoder, momentum)
        self.loss_module = None if loss is None else MODELS.build(loss)
        self.labels = labels
        self.cluster_labels: Optional[torch.Tensor] = None

    def init_weights(self) -> None:
        """Initialise the encoder and copy it to the momentum encoder."""
        super().init_weights()
        if self.momentum_encoder is not None:
            self.momentum_encoder.module.load_state_dict(self.encoder.state_dict())

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Return the backbones of both encoders, see ``model_contract``."""
        average = {} if self.momentum_encoder is None else dict(
            momentum_backbone=self.momentum_encoder.module.backbone)
        return dict(backbone=self.encoder.backbone, **average)

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Return the method that computes the loss, see ``model_contract``."""
        return [] if self.loss_module is None else [(self.loss_module, 'forward')]

    def forward(self, inputs: Dict[str, torch.Tensor], data_samples: Optional[Samples] = None,
                mode: str = 'tensor') -> Union[torch.Tensor, Samples, Dict[str, torch.Tensor]]:
        """Embed a batch.

        Args:
            inputs: ``views`` (B, V, 3, H, W) and optionally ``clean`` (B, 3, H, W), normalised.
            data_samples: B data samples.
            mode: ``'tensor'``, ``'predict'`` or ``'loss'``.

        Returns:
            ``'tensor'``: (B, V, D) embeddings. ``'predict'``: the data samples with
            ``pred_embedding`` (D,), of the first view. ``'loss'``: ``loss_metric`` and values
            for the log.
        """
        if mode == 'loss':
            assert data_samples is not None
            return self.batch_loss(inputs, data_samples)
        embeddings = self.embed(inputs['views'])
        if mode == 'tensor':
            return embeddings
        assert data_samples is not None
        for sample, embedding in zip(data_samples, embeddings[:, 0]):
            sample.set_field(embedding, 'pred_embedding', dtype=torch.Tensor)
        return data_samples

    def embed(self, views: torch.Tensor, averaged: bool = False) -> torch.Tensor:
        """Return the embeddings (B, V, D) of views (B, V, 3, H, W).

        Args:
            views: normalised images.
            averaged: use the momentum encoder if there is one.
        """
        encoder = self.encoder
        if averaged and self.momentum_encoder is not None:
            encoder = self.momentum_encoder
        return encoder(views.flatten(0, 1)).unflatten(0, views.shape[:2])

    def batch_loss(self, inputs: Dict[str, torch.Tensor], data_samples: Samples
                   ) -> Dict[str, torch.Tensor]:
        """Return the loss of a batch and values for the log.

        The loss is computed in float32 under autocast too: bfloat16 would round a cosine of two
        unit vectors to three digits.

        Raises:
            InputError: the model has no loss, or no pseudo-labels are set.
        """
        if self.loss_module is None:
            raise InputError('Embedder: model.loss is None, so the model only predicts; set a '
                             'loss to train it')
        features = self.embed(inputs['views'])
        other = (self.points(inputs, features) if self.labels == 'none' else
                 self._labels_of(data_samples, features).repeat_interleave(features.shape[1]))
        with torch.autocast(features.device.type, enabled=False):
            result = self.loss_module(features.flatten(0, 1), other)
        return dict(loss_metric=result.loss, **result.logs)

    @torch.no_grad()
    def points(self, inputs: Dict[str, torch.Tensor], features: torch.Tensor) -> torch.Tensor:
        """Return the points (B * V, D) of the momentum encoder for each view.

        Args:
            inputs: as in :meth:`forward`.
            features: (B, V, D) embeddings of the trained encoder.
        """
        if 'clean' in inputs:
            clean = self.embed(inputs['clean'][:, None], averaged=True)
            return clean.expand_as(features).flatten(0, 1)
        if self.momentum_encoder is None:
            return features.detach().flatten(0, 1)
        return self.embed(inputs['views'], averaged=True).flatten(0, 1)

    def _labels_of(self, data_samples: Samples, features: torch.Tensor) -> torch.Tensor:
        """Return the (B,) labels of the images on the device of the features."""
        if self.labels == 'truth':
            labels = torch.tensor([sample.label for sample in data_samples])
        elif self.cluster_labels is None:
            raise InputError("Embedder: labels is 'clusters', but there are no pseudo-labels; "
                             'add a ClusterLabelHook to custom_hooks')
        else:
            labels = self.cluster_labels[[sample.sample_idx for sample in data_samples]]
        return labels.to(features.device, non_blocking=True)
