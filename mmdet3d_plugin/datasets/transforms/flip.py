"""Horizontal flip of the images, the camera and the objects."""
import mmcv
import numpy as np
from mmdet3d.datasets.transforms import RandomFlip3D
from mmdet3d.registry import TRANSFORMS

from ...geometry import wrap_angle
from ...structures.cameras import flip_camera
from .sample_images import image_shape, map_images, map_instance_maps


@TRANSFORMS.register_module()
class RandomFlipMono3D(RandomFlip3D):
    """mmdet3d's RandomFlip3D with an exactly mirrored camera.

    The stock transform leaves the camera's translation unmirrored, which moves every object by
    about 12 cm on KITTI. This transform also flips dense depth, and every image, instance map
    and motion of a clip. Apply it before any affine of the image.

    Args:
        prob: probability of the flip.

    Example:
        >>> image = np.array([[[1] * 3, [2] * 3]], np.uint8)
        >>> results = RandomFlipMono3D(prob=1.)(
        ...     dict(img=image, img_shape=(1, 2), cam2img=np.eye(4)))
        >>> results['img'][0, :, 0].tolist(), results['flip']
        ([2, 1], True)
    """

    def __init__(self, prob: float = 0.5) -> None:
        super().__init__(sync_2d=True, flip_ratio_bev_horizontal=float(prob))

    def _flip(self, results: dict) -> None:
        """Flip every image and the 2D boxes."""
        direction = results['flip_direction']
        map_images(results, lambda image: mmcv.imflip(image, direction))
        if results.get('gt_bboxes') is not None:
            results['gt_bboxes'] = self._flip_bbox(results['gt_bboxes'], image_shape(results),
                                                   direction)

    def random_flip_data_3d(self, input_dict: dict, direction: str = 'horizontal') -> None:
        """Flip camera, 3D boxes, centres, label angles, dense depth and clips, in place."""
        width = input_dict['img_shape'][1]
        input_dict['cam2img'] = flip_camera(input_dict['cam2img'], width)
        if 'gt_bboxes_3d' in input_dict:
            boxes = input_dict['gt_bboxes_3d']
            boxes.flip(direction)
            boxes.tensor[:, 6] = wrap_angle(boxes.tensor[:, 6])
        if 'centers_2d' in input_dict:
            mirrored = input_dict['centers_2d'].copy()
            mirrored[:, 0] = width - mirrored[:, 0]
            input_dict['centers_2d'] = mirrored
        if 'alphas' in input_dict:
            input_dict['alphas'] = wrap_angle(np.float32(np.pi) - input_dict['alphas'])
        if 'gt_depth_map' in input_dict:
            input_dict['gt_depth_map'] = input_dict['gt_depth_map'][:, ::-1]
        map_instance_maps(input_dict, lambda instances: instances[:, ::-1])
        if 'clip_motions' in input_dict:
            input_dict['clip_motions'] = flip_motions(input_dict['clip_motions'])


def flip_motions(motions: np.ndarray) -> np.ndarray:
    """Return the motions between the cameras of horizontally mirrored images.

    Where a motion maps (x, y, z) to (x', y', z'), the returned motion maps (-x, y, z) to
    (-x', y', z').

    Args:
        motions: (..., 4, 4).

    Example:
        >>> motion = np.eye(4)
        >>> motion[0, 3] = 2.
        >>> flip_motions(motion)[0].tolist()
        [1.0, -0.0, -0.0, -2.0]
    """
    signs = np.array([-1, 1, 1, 1], dtype=motions.dtype)
    return motions * signs[:, None] * signs
