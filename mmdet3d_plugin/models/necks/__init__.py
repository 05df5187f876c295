"""Necks."""
from .dla_up import DLAUpConcatNeck

__all__ = ['DLAUpConcatNeck']
