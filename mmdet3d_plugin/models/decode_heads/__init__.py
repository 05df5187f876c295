"""Decode heads: from a backbone's feature maps to depth in metres at every pixel."""
from .bts_decoder import BTSDecoder
from .depth_decode_head import DepthDecodeHead, DepthOutput
from .disparity_decoder import DisparityDecoder, DisparityOutput
from .lt_decoder import LTDecoder
from .newcrfs_decoder import NeWCRFsDecoder

__all__ = [
    'BTSDecoder', 'DepthDecodeHead', 'DepthOutput', 'DisparityDecoder', 'DisparityOutput',
    'LTDecoder', 'NeWCRFsDecoder'
]
