"""Target assigner, coders and sample selectors."""
from .center_coder import CenterCoder
from .center_target_assigner import CenterTargetAssigner
from .heading_bin_coder import HeadingBinCoder
from .sample_selectors import AllSamples, LearnableSampleSelector, ThresholdSamples, TopKSamples

__all__ = [
    'AllSamples', 'CenterCoder', 'CenterTargetAssigner', 'HeadingBinCoder',
    'LearnableSampleSelector', 'ThresholdSamples', 'TopKSamples'
]
