"""Datasets; importing this package registers them and their transforms."""
from . import transforms  # noqa: F401
from .kitti_mono_dataset import KittiMonoDataset
from .mix_image_dataset import MixImageDataset
from .mono_dataset import MonoDataset
from .nuscenes_mono_dataset import NuScenesMonoDataset
from .waymo_mono_dataset import WaymoMonoDataset

__all__ = [
    'KittiMonoDataset', 'MixImageDataset', 'MonoDataset', 'NuScenesMonoDataset',
    'WaymoMonoDataset'
]
