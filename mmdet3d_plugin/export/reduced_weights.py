"""ONNX files with weights of lower precision."""
import logging
from pathlib import Path
from typing import Callable, Dict

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

MIN_ENTRIES = 256  # of a tensor; smaller ones take no room
# Parts with outputs in metres, pixels and radians. Eight bits are too coarse for them.
PRECISE_PARTS = ('/object_head/', '/dense_head/', '/decode_head/prediction/')


def store_half(source: Path, target: Path) -> None:
    """Write a file with its weights as float16. It computes in float32.

    Tensors with values beyond the range of float16, and tensors of less than
    :data:`MIN_ENTRIES` entries, stay float32.

    Args:
        source: ONNX file.
        target: file to write.
    """
    content = onnx.load(source)
    graph = content.graph
    casts = []
    for index, tensor in enumerate(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < MIN_ENTRIES:
            continue
        with np.errstate(over='ignore'):
            halves = values.astype(np.float16)
        if np.isfinite(halves).all():
            name = f'{tensor.name}_half'
            casts.append(helper.make_node('Cast', [name], [tensor.name], to=TensorProto.FLOAT))
            graph.initializer[index].CopyFrom(numpy_helper.from_array(halves, name))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    onnx.save(content, target)


def quantise(source: Path, target: Path) -> None:
    """Write a file with 8-bit weights of backbone, neck and decoder (dynamic quantisation).

    Inputs of the quantised layers are rounded to 8 bits in each run, with the range that they
    have in this run. The layers of :data:`PRECISE_PARTS` stay float32.

    Args:
        source: ONNX file.
        target: file to write.
    """
    precise = [node.name for node in onnx.load(source, load_external_data=False).graph.node
               if any(part in node.name for part in PRECISE_PARTS)]
    logging.disable(logging.WARNING)  # advice on files of other exporters
    try:
        quantize_dynamic(source, target, nodes_to_exclude=precise, weight_type=QuantType.QUInt8,
                         op_types_to_quantize=['Conv', 'MatMul'])
    finally:
        logging.disable(logging.NOTSET)


REDUCTIONS: Dict[str, Callable[[Path, Path], None]] = dict(fp16=store_half, int8=quantise)
