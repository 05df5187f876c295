"""Decoders of dense depth: from a backbone's maps to metres at every pixel."""
from .bts_decoder import BTSDecoder
from .depth_decoder import DepthDecoder, DepthOutput
from .lt_decoder import LTDecoder
from .newcrfs_decoder import NeWCRFsDecoder

__all__ = ['BTSDecoder', 'DepthDecoder', 'DepthOutput', 'LTDecoder', 'NeWCRFsDecoder']
