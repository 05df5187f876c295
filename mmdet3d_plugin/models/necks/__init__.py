"""Necks: fusion of a backbone's feature maps."""
from .dla_up import DLAUpConcatNeck

__all__ = ['DLAUpConcatNeck']
