"""Datasets; importing this package registers them and their transforms."""
from . import transforms  # noqa: F401
from .kitti_mono_dataset import KittiMonoDataset
from .mix_image_dataset import MixImageDataset

__all__ = ['KittiMonoDataset', 'MixImageDataset']
