"""Data preprocessors: from packed samples to network inputs."""
from .unit_range_preprocessor import UnitRangePreprocessor

__all__ = ['UnitRangePreprocessor']
