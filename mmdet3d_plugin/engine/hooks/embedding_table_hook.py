"""Tables that are computed from the embeddings of the training images before each epoch."""
from abc import abstractmethod
from typing import Dict, Optional

import numpy as np
import torch
from mmengine.dist import all_gather_object, broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from ...benchmarks.retrieval.nearest_neighbours import nearest_neighbours
from ...datasets.neighbourhood_sampler import NeighbourhoodBatchSampler
from ...datasets.sample_randomness import seed_of
from ...errors import InputError
from ...metric_learning.clusters import kmeans_labels
from ...models.embedders import Embedder
from ..loops import ResumableEpochLoop
from ..process_state import unwrap_model
from ..state_forms import row_numbers


class EmbeddingTableHook(Hook):
    """Base class of hooks that compute a table from the embeddings of the training images.

    The images are embedded before each epoch by the momentum encoder, or by the trained one if
    there is no other. They come from ``table_dataloader`` of the config, which has the images of
    ``train_dataloader`` in the same order, without augmentation. Each rank embeds its share, and
    the main process computes the table.

    Checkpoints hold the table. A training that resumes in the middle of an epoch uses it again.

    Raises:
        InputError: the model is no Embedder, the loop no ResumableEpochLoop, or
            ``table_dataloader`` is missing, has other images than ``train_dataloader``, or
            leaves images out.
    """

    priority = 'HIGH'
    KEY: str

    def __init__(self) -> None:
        self._loader: Optional[DataLoader] = None
        self._table: Optional[torch.Tensor] = None

    @abstractmethod
    def compute(self, runner: Runner, embeddings: np.ndarray) -> np.ndarray:
        """Return the integer table of embeddings (N, D)."""

    @abstractmethod
    def apply(self, runner: Runner, table: torch.Tensor) -> None:
        """Hand the table over to its user."""

    def before_train(self, runner: Runner) -> None:
        name = type(self).__name__
        if not isinstance(unwrap_model(runner.model), Embedder):
            raise InputError(f'{name}: the model is no Embedder; remove the hook from '
                             'custom_hooks')
        if not isinstance(runner.train_loop, ResumableEpochLoop):
            raise InputError(f'{name}: the training loop is a {type(runner.train_loop).__name__}; '
                             "set train_cfg.type='ResumableEpochLoop'")
        settings = runner.cfg.get('table_dataloader')
        if settings is None:
            raise InputError(f'{name}: the config has no table_dataloader; add one with the '
                             'images of train_dataloader and the transforms of a test')
        self._loader = runner.build_dataloader(settings, seed=runner.seed)
        own, trained = self._loader.dataset, runner.train_dataloader.dataset
        if _names(own) != _names(trained):
            raise InputError(
                f'{name}: table_dataloader has {len(own)} images, train_dataloader '
                f'{len(trained)}, or they differ in name or order; give both the same set')

    def before_train_epoch(self, runner: Runner) -> None:
        if self._table is None or runner.train_loop.batch_in_epoch == 0:
            embeddings = self._embed(runner)
            table = [self.compute(runner, embeddings) if is_main_process() else None]
            broadcast_object_list(table)
            self._table = torch.from_numpy(table[0])
        self.apply(runner, self._table)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        if self._table is not None:
            checkpoint[self.KEY] = self._table

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        table = checkpoint.get(self.KEY) if runner._resume else None
        # A set that has changed since needs a new table. The checkpoint is on the device.
        if table is not None and len(table) == len(runner.train_dataloader.dataset):
            self._table = table.cpu()

    @torch.no_grad()
    def _embed(self, runner: Runner) -> np.ndarray:
        """Return the embeddings of all training images, (N, D) float32."""
        model = unwrap_model(runner.model)
        model.eval()
        found: Dict[int, np.ndarray] = {}
        for batch in tqdm(self._loader, desc='embedding the training images', unit='batch',
                          dynamic_ncols=True, disable=None if is_main_process() else True):
            batch = model.data_preprocessor(batch)
            embeddings = model.embed(batch['inputs']['views'], averaged=True)[:, 0]
            found.update(zip((sample.sample_idx for sample in batch['data_samples']),
                             embeddings.float().cpu().numpy()))
        shares = all_gather_object(found)
        everywhere = {index: row for share in shares for index, row in share.items()}
        assert self._loader is not None
        size = len(self._loader.dataset)
        if everywhere.keys() != set(range(size)):
            raise InputError(
                f'{type(self).__name__}: the table needs each of the {size} images of '
                f'table_dataloader once, but got {len(everywhere)}; set its drop_last=False, and '
                'give it a single data set')
        return np.stack([everywhere[index] for index in range(size)])


@HOOKS.register_module()
class NeighbourTableHook(EmbeddingTableHook):
    """Hook that rebuilds the table of a :class:`NeighbourhoodBatchSampler` before each epoch.

    Raises:
        InputError: the batch sampler of the training is another one.
    """

    KEY = 'neighbour_table'
    STATE_FORM = row_numbers(dims=2)

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        if not isinstance(runner.train_dataloader.batch_sampler, NeighbourhoodBatchSampler):
            raise InputError('NeighbourTableHook: train_dataloader.batch_sampler is no '
                             'NeighbourhoodBatchSampler; set it, or remove the hook from '
                             'custom_hooks')

    def compute(self, runner: Runner, embeddings: np.ndarray) -> np.ndarray:
        count = runner.train_dataloader.batch_sampler.num_candidates
        return nearest_neighbours(embeddings, min(count, len(embeddings) - 1))[0]

    def apply(self, runner: Runner, table: torch.Tensor) -> None:
        runner.train_dataloader.batch_sampler.table = table.numpy()


@HOOKS.register_module()
class ClusterLabelHook(EmbeddingTableHook):
    """Hook that gives an :class:`Embedder` the clusters of k-means as labels for each epoch.

    Args:
        num_clusters: number of clusters.

    Raises:
        InputError: the model does not use pseudo-labels.
    """

    KEY = 'cluster_labels'
    STATE_FORM = row_numbers(dims=1)

    def __init__(self, num_clusters: int) -> None:
        super().__init__()
        self.num_clusters = num_clusters

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        labels = unwrap_model(runner.model).labels
        if labels != 'clusters':
            raise InputError(f"ClusterLabelHook: model.labels is {labels!r}; set it to "
                             "'clusters', or remove the hook from custom_hooks")

    def compute(self, runner: Runner, embeddings: np.ndarray) -> np.ndarray:
        return kmeans_labels(embeddings, self.num_clusters, seed_of(runner.seed, runner.epoch))

    def apply(self, runner: Runner, table: torch.Tensor) -> None:
        unwrap_model(runner.model).cluster_labels = table


def _names(dataset: Dataset) -> list:
    """Return the names of all images of a data set in order."""
    return [dataset.get_data_info(index)['name'] for index in range(len(dataset))]
