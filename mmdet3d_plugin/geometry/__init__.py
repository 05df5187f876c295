"""Camera geometry on torch tensors: projection, angles, image affines and Gaussians.

Frames: the camera frame is KITTI's (x right, y down, z forward, metres). Image points are
continuous pixels: (0, 0) is the corner of the first pixel and (width, height) the far corner
of the last.

All functions are pure. Each of the M objects of a batch has a camera of its own.
``structures.cameras`` and ``structures.angles`` hold the numpy counterparts for one camera, used
by the packages that do not import torch. :func:`wrap_angle` is defined there and re-exported here:
it works on numbers, numpy arrays and tensors alike.
"""
from .angles import alpha_to_yaw, wrap_angle, yaw_to_alpha
from .camera import image_to_camera, project_to_image
from .gaussian import draw_gaussians, gaussian_radius
from .image_affine import affine_from_crop, apply_affine, inverse_of_affine

__all__ = [
    'affine_from_crop', 'alpha_to_yaw', 'apply_affine', 'draw_gaussians',
    'gaussian_radius', 'image_to_camera', 'inverse_of_affine', 'project_to_image', 'wrap_angle',
    'yaw_to_alpha'
]
