"""Predictions for pictures of any camera: cameras, sources of images, results.

:class:`Predictor` needs no dataset, no runner and no files besides the weights.
"""
from .cameras import Camera, read_camera
from .image_sources import ImageSource, open_images
from .prediction import Prediction
from .predictor import Predictor

__all__ = ['Camera', 'ImageSource', 'Prediction', 'Predictor', 'open_images', 'read_camera']
