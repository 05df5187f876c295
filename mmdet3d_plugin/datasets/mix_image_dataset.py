"""Wrapper for samples that are mixed from several images."""
from typing import Any, Optional, Sequence

import numpy as np
from mmdet3d.registry import DATASETS
from mmdet.datasets import MultiImageMixDataset

from .sample_randomness import sample_randomness
from .transforms.mix_transform import MixTransform


@DATASETS.register_module()
class MixImageDataset(MultiImageMixDataset):
    """mmdet's MultiImageMixDataset that tells a mixing transform the index of its sample.

    Mixing transforms are those derived from
    :class:`~mmdet3d_plugin.datasets.transforms.mix_transform.MixTransform`. Their partners are
    loaded into ``results['mix_results']``.

    Args:
        dataset: config of the dataset that is mixed. Its pipeline loads the samples, and it
            has ``filter_empty_gt=False``.
        pipeline: configs of the transforms of loaded samples.
        filter_empty_gt: draw another sample in place of one without objects, for detectors
            that cannot train on it.
        skip_type_keys: type names of transforms to leave out. Hooks may change them.
        max_refetch: number of samples to try before giving up.
        dataset_options: entries that override those of ``dataset``, so that
            ``train_dataloader.dataset.data_root`` has the same meaning in every config.

    Raises:
        RuntimeError: ``max_refetch`` samples in a row have no object.
    """

    def __init__(self, dataset: dict, pipeline: Sequence[dict], filter_empty_gt: bool = False,
                 skip_type_keys: Optional[Sequence[str]] = None, max_refetch: int = 15,
                 **dataset_options: Any) -> None:
        self.filter_empty_gt = filter_empty_gt
        super().__init__({**dataset, **dataset_options}, pipeline, skip_type_keys, max_refetch)

    def full_init(self) -> None:
        """Initialise the dataset and prepare the mixing transforms."""
        super().full_init()
        for transform in self.pipeline:
            if isinstance(transform, MixTransform):
                transform.prepare(self.dataset)

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return self._draw(int(index))

    def _draw(self, index: int) -> dict:
        """Return the sample or, if it has no object to train on, a random other one."""
        for _ in range(self.max_refetch):
            sample = self._prepare(index)
            if sample is not None:
                return sample
            index = np.random.randint(len(self))
        raise RuntimeError(f'{self.max_refetch} frames in a row gave no sample with an object')

    def _prepare(self, index: int) -> Optional[dict]:
        """Run the pipeline on one sample. None stands for a sample without objects."""
        results = self.dataset[index]
        # Compared by class, because mmdet's PipelineSwitchHook replaces the pipeline alone.
        skipped = {name.rpartition('.')[2] for name in self._skip_type_keys or ()}
        for transform in self.pipeline:
            if type(transform).__name__ in skipped:
                continue
            if isinstance(transform, MixTransform):
                results['mix_results'] = [
                    self.dataset[other] for other in transform.get_indexes(self.dataset, index)]
            results = transform(results)
            if results is None:
                return None
            results.pop('mix_results', None)
        if self.filter_empty_gt and not len(results['data_samples'].gt_instances_3d):
            return None
        return results
