"""Pinhole geometry of one camera: projection, image affines, angles.

Frames: the camera frame is KITTI's (x right, y down, z forward, metres); image
points are continuous pixels, (0, 0) at the corner of the first pixel and
(width, height) at the far corner of the last. Everything here is a pure
function on torch tensors or, where the name says so, numpy arrays.
"""
from .angles import alpha_to_yaw, wrap_angle, yaw_to_alpha
from .camera import image_to_camera, project_to_image
from .gaussian import draw_gaussians, gaussian_radius
from .image_affine import affine_from_crop, apply_affine

__all__ = [
    'affine_from_crop', 'alpha_to_yaw', 'apply_affine', 'draw_gaussians',
    'gaussian_radius', 'image_to_camera', 'project_to_image', 'wrap_angle', 'yaw_to_alpha'
]
