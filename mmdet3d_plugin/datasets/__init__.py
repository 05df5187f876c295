"""Datasets. Importing this package registers them and their transforms."""
from . import transforms  # noqa: F401
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import FrameDataset
from .kitti_eigen_dataset import KittiEigenDataset
from .kitti_mono_dataset import KittiMonoDataset
from .mix_image_dataset import MixImageDataset
from .mono_dataset import MonoDataset
from .nuscenes_mono_dataset import NuScenesMonoDataset
from .nyu_depth_dataset import NYUDepthDataset, NYULabelledDataset
from .synthetic_depth_dataset import SyntheticDepthDataset
from .waymo_mono_dataset import WaymoMonoDataset

__all__ = [
    'DepthMapDataset', 'FrameDataset', 'KittiEigenDataset', 'KittiMonoDataset',
    'MixImageDataset', 'MonoDataset', 'NYUDepthDataset', 'NYULabelledDataset',
    'NuScenesMonoDataset', 'SyntheticDepthDataset', 'WaymoMonoDataset'
]
