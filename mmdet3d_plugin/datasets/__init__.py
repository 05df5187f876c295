"""Datasets. Importing this package registers them and their transforms."""
from . import transforms  # noqa: F401
from .checked_dataset import CheckedDataset
from .cityscapes_clip_dataset import CityscapesClipDataset
from .clip_dataset import ClipDataset
from .custom_mono_dataset import CustomMonoDataset
from .depth_map_dataset import DepthMapDataset
from .frame_dataset import FrameDataset
from .image_list_datasets import (
    CarsDataset,
    ClassFolderDataset,
    CUBDataset,
    ImageListDataset,
    ProductsDataset,
)
from .kitti_eigen_dataset import KittiEigenDataset
from .kitti_mono_dataset import KittiMonoDataset
from .kitti_raw_clip_dataset import KittiRawClipDataset
from .labelled_image_dataset import LabelledImageDataset
from .mix_image_dataset import MixImageDataset
from .mono_dataset import MonoDataset
from .neighbourhood_sampler import NeighbourhoodBatchSampler
from .nuscenes_mono_dataset import NuScenesMonoDataset
from .nyu_depth_dataset import NYUDepthDataset, NYULabelledDataset
from .object_crop_dataset import ObjectCropDataset
from .synthetic_clip_dataset import SyntheticClipDataset
from .synthetic_depth_dataset import SyntheticDepthDataset
from .waymo_mono_dataset import WaymoMonoDataset

__all__ = [
    'CUBDataset', 'CarsDataset', 'CheckedDataset', 'CityscapesClipDataset', 'ClassFolderDataset',
    'ClipDataset', 'CustomMonoDataset', 'DepthMapDataset', 'FrameDataset', 'ImageListDataset',
    'KittiEigenDataset', 'KittiMonoDataset', 'KittiRawClipDataset', 'LabelledImageDataset',
    'MixImageDataset', 'MonoDataset', 'NYUDepthDataset', 'NYULabelledDataset',
    'NeighbourhoodBatchSampler', 'NuScenesMonoDataset', 'ObjectCropDataset', 'ProductsDataset',
    'SyntheticClipDataset', 'SyntheticDepthDataset', 'WaymoMonoDataset'
]
