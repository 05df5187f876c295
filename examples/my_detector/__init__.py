"""An own detector. Importing this package registers its parts."""
from .head import GroundDepthHead
from .loss import RelativeLaplacianLoss
from .selector import LargestLogits

__all__ = ['GroundDepthHead', 'LargestLogits', 'RelativeLaplacianLoss']
