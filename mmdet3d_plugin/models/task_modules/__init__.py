"""Target assigner, coders, sample selectors and the calibration of scores."""
from .center_coder import CenterCoder
from .center_target_assigner import CenterTargetAssigner
from .heading_bin_coder import HeadingBinCoder
from .platt_scaling import PlattScaling, fit_platt_scaling
from .sample_selectors import AllSamples, LearnableSampleSelector, ThresholdSamples, TopKSamples

__all__ = [
    'AllSamples', 'CenterCoder', 'CenterTargetAssigner', 'HeadingBinCoder',
    'LearnableSampleSelector', 'PlattScaling', 'ThresholdSamples', 'TopKSamples',
    'fit_platt_scaling'
]
