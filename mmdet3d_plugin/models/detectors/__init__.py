"""Detectors: wiring of parts."""
from .auxiliary_supervision import AuxiliarySupervision
from .center_mono3d import CenterMono3D

__all__ = ['AuxiliarySupervision', 'CenterMono3D']
