"""Targets, coders and sample selectors: the arithmetic around the networks."""
from .center_roi_coder import CenterROICoder
from .center_target_assigner import CenterTargetAssigner
from .heading_bin_coder import HeadingBinCoder
from .sample_selectors import (AllSamples, LearnableSampleSelector, ThresholdSamples,
                               TopKSamples)

__all__ = [
    'AllSamples', 'CenterROICoder', 'CenterTargetAssigner', 'HeadingBinCoder',
    'LearnableSampleSelector', 'ThresholdSamples', 'TopKSamples'
]
