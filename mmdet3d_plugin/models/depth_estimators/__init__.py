"""Depth estimators."""
from .depth_estimator import DepthEstimator

__all__ = ['DepthEstimator']
