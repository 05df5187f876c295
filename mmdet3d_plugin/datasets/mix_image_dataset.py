"""Wrapper for samples that are mixed from several images."""
from typing import Any, Optional, Sequence

import numpy as np
from mmdet.datasets import MultiImageMixDataset
from mmdet3d.registry import DATASETS

from ..errors import InputError
from .learned_objects import count_objects, learned_frames, parts_of, title_of
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
            that cannot train on it. Only frames with an object that the pipelines keep are drawn.
        skip_type_keys: type names of transforms to leave out. Hooks may change them.
        max_refetch: number of samples to try before giving up: a random crop may show no object.
        dataset_options: entries that override those of ``dataset``, so that
            ``train_dataloader.dataset.data_root`` has the same meaning in every config.

    Raises:
        InputError: with ``filter_empty_gt`` no frame has an object, or random crops showed none
            ``max_refetch`` times in a row.
    """

    def __init__(self, dataset: dict, pipeline: Sequence[dict], filter_empty_gt: bool = False,
                 skip_type_keys: Optional[Sequence[str]] = None, max_refetch: int = 15,
                 **dataset_options: Any) -> None:
        self.filter_empty_gt = filter_empty_gt
        self.learned_frames: Optional[np.ndarray] = None  # all
        super().__init__({**dataset, **dataset_options}, pipeline, skip_type_keys, max_refetch)

    def full_init(self) -> None:
        """Initialise the dataset and prepare the mixing transforms."""
        super().full_init()
        if self.filter_empty_gt:
            self._find_learned_frames()
        for transform in self.pipeline:
            if isinstance(transform, MixTransform):
                transform.prepare(self.dataset)

    def _find_learned_frames(self) -> None:
        """Find the frames that can stand in for one without objects."""
        transforms = next(parts_of(self.dataset))[1]
        self.learned_frames = learned_frames(self.dataset, [*transforms, *self.pipeline])
        if not len(self.learned_frames):
            counts = count_objects(self)
            reason = counts.refusal() if counts else None
            raise InputError(f'{title_of(self.dataset)}: ' + (
                reason or 'no frame has an object to learn from; correct the classes, the split '
                'or the limits of FilterObjects'))

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return self._draw(int(index))

    def _draw(self, index: int) -> dict:
        """Return the sample or, if it has no object to train on, a random other one."""
        for _ in range(self.max_refetch):
            sample = self._prepare(index)
            if sample is not None:
                return sample
            index = int(np.random.choice(
                len(self) if self.learned_frames is None else self.learned_frames))
        raise InputError(f'{title_of(self.dataset)}: {self.max_refetch} random crops in a row '
                         'show no object; lower prob, scale or shift of CropScaleAffine, or set '
                         "input_fit='contain'")

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
