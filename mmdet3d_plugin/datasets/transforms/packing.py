"""Packing of a sample for the model."""
from typing import Sequence

import numpy as np
from mmdet3d.datasets.transforms import Pack3DDetInputs
from mmdet3d.datasets.transforms.formating import to_tensor
from mmdet3d.registry import TRANSFORMS
from mmengine.structures import PixelData

from .sample_images import INSTANCE_MAPS, JITTERED

# Fields of a clip's data sample, with their types.
CLIP_FIELDS = {'clip_motions': np.float32, INSTANCE_MAPS: np.int64, 'gt_instance_map': np.int64,
               'id_classes': np.int64, 'id_values': np.int64}


@TRANSFORMS.register_module()
class PackMono3DInputs(Pack3DDetInputs):
    """mmdet3d's Pack3DDetInputs that also packs dense depth, clips, frame name and affine.

    Dense depth becomes ``gt_depth_map`` with data (1, H, W), metres. A single image becomes
    ``inputs['img']`` (3, H, W), and a clip of T images (T, 3, H, W), with ``inputs['jittered']``
    of the same shape after ``ClipColorJitter``. The data sample of a clip has ``clip_motions``
    (T, 4, 4) float32, ``instance_maps`` (T, H, W) int64 and ``gt_instance_map`` (H, W) int64 as
    far as they are loaded, ``id_classes`` and ``id_values`` (T, n) int64 after
    ``RelabelInstances``, and as metainfo the entries of the dataset that describe the clip.

    Args:
        keys: entries to pack. Absent ones are left out.

    Example:
        >>> packed = PackMono3DInputs()(dict(img=np.zeros((4, 6, 3), np.uint8), frame='a',
        ...                                  gt_depth_map=np.ones((4, 6), np.float32)))
        >>> packed['inputs']['img'].shape
        torch.Size([3, 4, 6])
        >>> packed['data_samples'].frame, packed['data_samples'].gt_depth_map.data.shape
        ('a', torch.Size([1, 4, 6]))
    """

    INPUTS_KEYS = [*Pack3DDetInputs.INPUTS_KEYS, JITTERED]
    DEFAULT_KEYS = ('img', JITTERED, 'gt_bboxes', 'gt_bboxes_labels', 'gt_bboxes_3d',
                    'gt_labels_3d', 'centers_2d', 'depths', 'alphas')
    INSTANCEDATA_3D_KEYS = [*Pack3DDetInputs.INSTANCEDATA_3D_KEYS, 'alphas']
    META_KEYS = ('img_path', 'frame', 'frame_reader', 'sample_idx', 'ori_shape', 'img_shape',
                 'pad_shape', 'cam2img', 'affine', 'trans_mat', 'affine_aug', 'flip',
                 'scale_factor', 'mixed_with', 'box_mode_3d', 'box_type_3d', 'clip_offsets',
                 'clip_present', 'clip_name', 'clip_index', 'moving_ids', 'instance_classes',
                 'instance_match')

    def __init__(self, keys: Sequence[str] = DEFAULT_KEYS) -> None:
        super().__init__(keys=tuple(keys), meta_keys=self.META_KEYS)

    def pack_single_results(self, results: dict) -> dict:
        """Pack one sample into ``inputs`` and ``data_samples``."""
        if 'alphas' in results:  # mmdet3d converts the other entries of objects
            results['alphas'] = to_tensor(results['alphas'])
        if JITTERED in results:
            stacked = np.stack(results[JITTERED]).transpose(0, 3, 1, 2)
            results[JITTERED] = to_tensor(np.ascontiguousarray(stacked))
        packed = super().pack_single_results(results)
        if 'gt_depth_map' in results:
            packed['data_samples'].gt_depth_map = PixelData(
                data=to_tensor(np.ascontiguousarray(results['gt_depth_map'])[None]))
        for key, dtype in CLIP_FIELDS.items():
            if key in results:
                packed['data_samples'].set_field(
                    to_tensor(np.ascontiguousarray(results[key], dtype=dtype)), key)
        return packed
