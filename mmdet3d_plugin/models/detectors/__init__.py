"""Monocular 3D detectors, built from backbones, necks and heads."""
from .auxiliary_supervision import AuxiliarySupervision
from .center_mono3d import CenterMono3D

__all__ = ['AuxiliarySupervision', 'CenterMono3D']
