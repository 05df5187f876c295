"""Losses that order descriptors by a label, here objects' descriptors by depth."""
from .quasi_isometric_loss import QuasiIsometricLoss
from .rank_n_contrast_loss import RankNContrastLoss

__all__ = ['QuasiIsometricLoss', 'RankNContrastLoss']
