"""Packing of a monocular sample for the model."""
from typing import Sequence

import numpy as np
from mmdet3d.datasets.transforms import Pack3DDetInputs
from mmdet3d.datasets.transforms.formating import to_tensor
from mmdet3d.registry import TRANSFORMS
from mmengine.structures import InstanceData, PixelData


@TRANSFORMS.register_module()
class PackMono3DInputs(Pack3DDetInputs):
    """Pack3DDetInputs that also carries KITTI's object flags, DontCare regions
    (as ``ignored_instances``), dense depth (as ``gt_depth_map``), the frame's name
    and the input's affine.

    Args:
        keys: entries to pack; absent ones are left out.
    """

    FLAG_KEYS = ('truncations', 'occlusions', 'alphas')
    INSTANCEDATA_3D_KEYS = [*Pack3DDetInputs.INSTANCEDATA_3D_KEYS, *FLAG_KEYS]
    DEFAULT_KEYS = ('img', 'gt_bboxes', 'gt_bboxes_labels', 'gt_bboxes_3d', 'gt_labels_3d',
                    'centers_2d', 'depths', *FLAG_KEYS)
    META_KEYS = ('img_path', 'frame', 'sample_idx', 'ori_shape', 'img_shape', 'pad_shape',
                 'cam2img', 'affine', 'trans_mat', 'affine_aug', 'flip', 'scale_factor',
                 'mixed_with', 'box_mode_3d', 'box_type_3d')

    def __init__(self, keys: Sequence[str] = DEFAULT_KEYS) -> None:
        super().__init__(keys=tuple(keys), meta_keys=self.META_KEYS)

    def pack_single_results(self, results: dict) -> dict:
        for key in self.FLAG_KEYS:
            if key in results:
                results[key] = to_tensor(results[key])
        packed = super().pack_single_results(results)
        if 'gt_bboxes_ignore' in results:
            packed['data_samples'].ignored_instances = InstanceData(
                bboxes=to_tensor(results['gt_bboxes_ignore']))
        if 'gt_depth_map' in results:
            packed['data_samples'].gt_depth_map = PixelData(
                data=to_tensor(np.ascontiguousarray(results['gt_depth_map'])[None]))
        return packed
