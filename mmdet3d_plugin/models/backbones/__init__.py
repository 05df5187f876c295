"""Backbones beside mmdet3d's, and the initialisation of its DLANet."""
from .dla import DLAImageNetInit, SlimDLANet

__all__ = ['DLAImageNetInit', 'SlimDLANet']
