"""Writing and loading of ONNX files."""
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence, Tuple
from unittest import mock

import onnx
import onnxruntime
import torch
import torch.nn as nn

from ..errors import InputError
from .graphs import DetectorGraph, example_inputs
from .symbolics import extra_operations

# RoiAlign has the mode of torchvision's aligned=False from opset 16 on, and the exporter with
# dynamo=False ends at 20.
OPSETS = range(17, 21)
IMAGE_TYPES = dict(uint8=torch.uint8, float32=torch.float32)


@dataclass(frozen=True)
class FileFormat:
    """Form of an exported file.

    Attributes:
        batch: images per run; None for any number.
        opset: version of ONNX's operators, one of :data:`OPSETS`.
        image_type: type of the input image, one of :data:`IMAGE_TYPES`.

    Raises:
        InputError: the opset is not one of :data:`OPSETS`.
    """
    batch: Optional[int] = 1
    opset: int = 17
    image_type: str = 'uint8'

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise InputError(f'--opset {self.opset}: expected {OPSETS[0]} to {OPSETS[-1]}; '
                             'RoiAlign needs the first, and the exporter has no later ones')


def export_onnx(graph: nn.Module, path: Path, form: FileFormat,
                fit: Optional[str] = None) -> None:
    """Write a graph as an ONNX file that ONNX Runtime loads.

    All shapes are constants, except for the number of images if ``form.batch`` is None.

    Args:
        graph: graph of :func:`~mmdet3d_plugin.export.graphs.graph_of`.
        path: file to write.
        form: form of the file.
        fit: ``fit`` of CropScaleAffine, for the metadata: how images are placed in the input.
            None if inputs are images of unchanged size.

    Raises:
        InputError: the model has an operation without ONNX form or one that needs a fixed number
            of images, or ONNX Runtime cannot load the file.
    """
    # With a batch of 1, the exporter would take 1 for a property of the network.
    inputs = example_inputs(graph, form.batch or 2, IMAGE_TYPES[form.image_type])
    axes = {} if form.batch else {
        name: {0: 'batch'} for name in (*graph.inputs, *graph.outputs)}
    # The exporter warns of shapes that become constants, as intended, and prints the graph of a
    # failed export.
    with torch.no_grad(), warnings.catch_warnings(), extra_operations(form.opset), \
            mock.patch.object(torch._C, '_jit_onnx_log', return_value=None):
        warnings.simplefilter('ignore')
        try:
            torch.onnx.export(
                graph, tuple(inputs.values()), str(path), dynamo=False, opset_version=form.opset,
                input_names=list(graph.inputs), output_names=list(graph.outputs),
                dynamic_axes=axes)
        except torch.onnx.errors.OnnxExporterError as error:
            reason = ' '.join(str(error).split())[:160]
            advice = '' if form.batch else '; try --batch N'
            raise InputError(f'{type(graph.model).__name__}: cannot be exported with opset '
                             f'{form.opset} ({reason}){advice}') from error
        outputs = graph(*inputs.values())
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
    _describe(graph, path, [tuple(output.shape) for output in outputs], form, fit)
    session = load_session(path)
    if not form.batch:
        _check_dynamic_batch(graph, session, form)


def load_session(path: Path, threads: Optional[int] = None) -> onnxruntime.InferenceSession:
    """Load a file with ONNX Runtime on the CPU.

    Args:
        path: file.
        threads: number of threads; by default one per core.

    Raises:
        InputError: ONNX Runtime cannot load the file, for example because of its opset.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised
    options.intra_op_num_threads = threads or 0
    try:
        return onnxruntime.InferenceSession(str(path), options,
                                            providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime raises many types
        reason = ' '.join(str(error).split())[:160]
        raise InputError(f'{path}: ONNX Runtime {onnxruntime.__version__} cannot load the file '
                         f'({reason}); try a lower --opset, or install a newer onnxruntime'
                         ) from error


def _describe(graph: nn.Module, path: Path, shapes: Sequence[Tuple[int, ...]],
              form: FileFormat, fit: Optional[str]) -> None:
    """Store the shapes of the outputs and the metadata in the file."""
    content = onnx.load(path)
    for output, shape in zip(content.graph.output, shapes):
        for index, (dimension, length) in enumerate(zip(output.type.tensor_type.shape.dim, shape)):
            # With any number of images, the exporter names constant lengths after operations.
            if index or form.batch:
                dimension.dim_value = length
    entries = dict(task=graph.model.task)
    if isinstance(graph, DetectorGraph):
        entries['class_names'] = json.dumps(graph.model.coder.class_names)
    else:
        head = graph.model.decode_head
        entries['depth_range'] = json.dumps([head.min_depth, head.max_depth])
    if fit:
        entries['fit'] = fit
    camera = getattr(graph.model, 'cfg', {}).get('training_camera')
    if camera:
        entries['training_camera'] = json.dumps(camera)
    onnx.helper.set_model_props(content, entries)
    onnx.save(content, path)


def _check_dynamic_batch(graph: nn.Module, session: onnxruntime.InferenceSession,
                         form: FileFormat) -> None:
    """Raise InputError if a file for any number of images holds a constant number."""
    for batch in (1, 3):
        inputs = example_inputs(graph, batch, IMAGE_TYPES[form.image_type])
        try:
            outputs = session.run(None, {name: item.numpy() for name, item in inputs.items()})
        except Exception:  # onnxruntime raises many types
            outputs = []
        if [len(output) for output in outputs] != [batch] * len(graph.outputs):
            raise InputError(f'--batch dynamic: {type(graph.model.backbone).__name__} and its '
                             'heads fix the number of images in a file; use --batch N')
