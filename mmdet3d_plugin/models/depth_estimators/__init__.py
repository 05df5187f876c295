"""Depth estimators: wiring of parts."""
from .depth_estimator import DepthEstimator

__all__ = ['DepthEstimator']
