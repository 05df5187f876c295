"""Losses that OpenMMLab does not have; the others are its own."""
from .heading_loss import HeadingBinLoss
from .laplacian_loss import LaplacianAleatoricLoss

__all__ = ['HeadingBinLoss', 'LaplacianAleatoricLoss']
