"""Detectors: wiring of parts."""
from .center_roi_mono3d import CenterROIMono3D

__all__ = ['CenterROIMono3D']
