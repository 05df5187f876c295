"""Models as ONNX files: graphs with fixed shapes, weights of lower precision, parity checks."""
from .check import ParityCheck, frame_of_image, input_fit_of, input_size_of, rendered_frames
from .graphs import graph_of
from .onnx_file import IMAGE_TYPES, OPSETS, FileFormat, export_onnx, load_session
from .reduced_weights import REDUCTIONS

__all__ = [
    'IMAGE_TYPES', 'OPSETS', 'REDUCTIONS', 'FileFormat', 'ParityCheck', 'export_onnx',
    'frame_of_image', 'graph_of', 'input_fit_of', 'input_size_of', 'load_session',
    'rendered_frames'
]
