"""Base class of transforms that mix several samples."""
from abc import abstractmethod
from typing import Optional, Sequence

from mmcv.transforms import BaseTransform


class MixTransform(BaseTransform):
    """Base class of transforms that mix a sample with others of its dataset.

    :class:`~mmdet3d_plugin.datasets.mix_image_dataset.MixImageDataset` calls :meth:`prepare`
    once, then for every sample :meth:`get_indexes`, and puts the loaded partners into
    ``results['mix_results']`` before the transform is called. mmdet's ``MultiImageMixDataset``
    calls ``get_indexes(dataset)`` without an index.
    """

    def prepare(self, dataset) -> None:
        """Inspect the dataset before the first sample is loaded."""

    @abstractmethod
    def get_indexes(self, dataset, index: Optional[int] = None) -> Sequence[int]:
        """Return the indices of the partners of a sample.

        Args:
            dataset: dataset of the sample.
            index: index of the sample, or None if the wrapper does not pass it.
        """
