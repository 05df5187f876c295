"""Data preprocessors: from packed samples to network inputs."""
from .clip_preprocessor import ClipPreprocessor
from .unit_range_preprocessor import UnitRangePreprocessor
from .views_preprocessor import ViewsPreprocessor

__all__ = ['ClipPreprocessor', 'UnitRangePreprocessor', 'ViewsPreprocessor']
