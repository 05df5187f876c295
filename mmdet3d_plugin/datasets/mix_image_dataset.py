"""Datasets whose samples are mixed from several images."""
from typing import Optional, Sequence

import numpy as np
from mmdet3d.registry import DATASETS
from mmdet.datasets import MultiImageMixDataset

from .sample_randomness import sample_randomness


@DATASETS.register_module()
class MixImageDataset(MultiImageMixDataset):
    """mmdet's MultiImageMixDataset whose transforms learn which frame they mix.

    A transform with ``get_indexes(dataset, index)`` names the frames that go into
    ``results['mix_results']``; one with ``prepare(dataset)`` sees the dataset
    before training starts.

    Args:
        dataset: config of the dataset that is mixed; its pipeline loads, with
            ``filter_empty_gt=False``.
        pipeline: transforms of loaded frames.
        filter_empty_gt: draws another frame in place of one whose sample ends up
            without objects, for detectors that can't train on it.
        skip_type_keys: types of transforms that are left out; hooks may change them.
        max_refetch: frames that are drawn before giving up.
        dataset_options: override entries of ``dataset``, so that
            ``train_dataloader.dataset.data_root`` means the same in every config.
    """

    def __init__(self, dataset: dict, pipeline: Sequence[dict], filter_empty_gt: bool = False,
                 skip_type_keys: Optional[Sequence[str]] = None, max_refetch: int = 15,
                 **dataset_options) -> None:
        self.filter_empty_gt = filter_empty_gt
        super().__init__({**dataset, **dataset_options}, pipeline, skip_type_keys, max_refetch)

    def full_init(self) -> None:
        super().full_init()
        for transform in self.pipeline:
            if hasattr(transform, 'prepare'):
                transform.prepare(self.dataset)

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return self._draw(int(index))

    def _draw(self, index: int) -> dict:
        for _ in range(self.max_refetch):
            sample = self._prepare(index)
            if sample is not None:
                return sample
            index = np.random.randint(len(self))
        raise RuntimeError(f'{self.max_refetch} frames in a row gave no sample with an object')

    def _prepare(self, index: int) -> Optional[dict]:
        results = self.dataset[index]
        # By class, since mmdet's PipelineSwitchHook replaces the pipeline alone.
        skipped = {name.rpartition('.')[2] for name in self._skip_type_keys or ()}
        for transform in self.pipeline:
            if type(transform).__name__ in skipped:
                continue
            if hasattr(transform, 'get_indexes'):
                results['mix_results'] = [
                    self.dataset[other] for other in transform.get_indexes(self.dataset, index)]
            results = transform(results)
            if results is None:
                return None
            results.pop('mix_results', None)
        if self.filter_empty_gt and not len(results['data_samples'].gt_instances_3d):
            return None
        return results
