"""ONNX forms of operations that torch's exporter lacks."""
from contextlib import contextmanager
from typing import Iterator, List

import torch
from torch.onnx import register_custom_op_symbolic, symbolic_helper, unregister_custom_op_symbolic
from torch.onnx.errors import OnnxExporterError


@contextmanager
def extra_operations(opset: int) -> Iterator[None]:
    """Register the ONNX forms of this file inside the ``with`` block.

    Args:
        opset: opset of the exported file.
    """
    forms = {'aten::logaddexp': _logaddexp, 'aten::adaptive_avg_pool2d': _adaptive_avg_pool2d,
             'aten::_adaptive_avg_pool2d': _adaptive_avg_pool2d}
    for name, form in forms.items():
        register_custom_op_symbolic(name, form, opset)
    try:
        yield
    finally:
        for name in forms:
            unregister_custom_op_symbolic(name, opset)


def _logaddexp(g, first, second):
    """``max(a, b) + log(1 + exp(-|a - b|))``."""
    distance = g.op('Abs', g.op('Sub', first, second))
    return g.op('Add', g.op('Max', first, second), g.op('Softplus', g.op('Neg', distance)))


def _adaptive_avg_pool2d(g, images, output_size):
    """Product with constant matrices of means along rows and columns.

    torch's own form needs cells of equal size.
    """
    cells = symbolic_helper._parse_arg(output_size, 'is')
    if cells == [1, 1]:
        return g.op('GlobalAveragePool', images)
    lengths = symbolic_helper._get_tensor_sizes(images)[-2:]
    if None in lengths:
        raise OnnxExporterError('pooling of a map whose size depends on the number of images')
    rows, columns = (pooling_matrix(length, count) for length, count in zip(lengths, cells))
    across = g.op('MatMul', images, g.op('Constant', value_t=columns.T.contiguous()))
    return g.op('MatMul', g.op('Constant', value_t=rows), across)


def pooling_matrix(length: int, cells: int) -> torch.Tensor:
    """Return the matrix of adaptive average pooling along one side.

    Args:
        length: L, number of values.
        cells: C, number of means.

    Returns:
        (C, L): row c averages the values from ``floor(c L / C)`` to
        ``ceil((c + 1) L / C) - 1``.

    Example:
        >>> pooling_matrix(3, 2).tolist()
        [[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]
    """
    rows: List[torch.Tensor] = []
    for cell in range(cells):
        start, end = cell * length // cells, -(-(cell + 1) * length // cells)
        row = torch.zeros(length)
        row[start:end] = 1 / (end - start)
        rows.append(row)
    return torch.stack(rows)
