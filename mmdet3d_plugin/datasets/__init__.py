"""Datasets. Importing this package registers them and their transforms."""
from . import transforms  # noqa: F401
from .cityscapes_clip_dataset import CityscapesClipDataset
from .clip_dataset import ClipDataset
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import FrameDataset
from .kitti_eigen_dataset import KittiEigenDataset
from .kitti_mono_dataset import KittiMonoDataset
from .kitti_raw_clip_dataset import KittiRawClipDataset
from .mix_image_dataset import MixImageDataset
from .mono_dataset import MonoDataset
from .nuscenes_mono_dataset import NuScenesMonoDataset
from .nyu_depth_dataset import NYUDepthDataset, NYULabelledDataset
from .synthetic_clip_dataset import SyntheticClipDataset
from .synthetic_depth_dataset import SyntheticDepthDataset
from .waymo_mono_dataset import WaymoMonoDataset

__all__ = [
    'CityscapesClipDataset', 'ClipDataset', 'DepthMapDataset', 'FrameDataset',
    'KittiEigenDataset', 'KittiMonoDataset', 'KittiRawClipDataset', 'MixImageDataset',
    'MonoDataset', 'NYUDepthDataset', 'NYULabelledDataset', 'NuScenesMonoDataset',
    'SyntheticClipDataset', 'SyntheticDepthDataset', 'WaymoMonoDataset'
]
