"""Synthetic street scenes in KITTI's layout.

Meshes are built with trimesh and rendered by ray casting with Embree.
"""
from .camera import KITTI_P2, KITTI_SIZE, Camera, kitti_camera
from .labels import frame_objects
from .render import RenderedFrame, render_frame
from .scene import Scene, sample_scene
from .writer import ABLATION_SET, DEMO_SET, SyntheticSet, write_synthetic_set

__all__ = [
    'ABLATION_SET', 'DEMO_SET', 'KITTI_P2', 'KITTI_SIZE', 'Camera', 'RenderedFrame', 'Scene',
    'SyntheticSet', 'frame_objects', 'kitti_camera', 'render_frame', 'sample_scene',
    'write_synthetic_set'
]
