"""Detectors: wiring of parts."""
from .auxiliary_supervision import AuxiliarySupervision
from .center_roi_mono3d import CenterROIMono3D

__all__ = ['AuxiliarySupervision', 'CenterROIMono3D']
