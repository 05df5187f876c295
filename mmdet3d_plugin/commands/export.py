"""Export a trained model for other runtimes: python tools/export.py onnx CHECKPOINT OUT.onnx."""
import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, List, Mapping, Optional, Tuple

import torch
import torch.nn as nn
from mmengine.config import Config

from ..cli.export import RENDERED_FRAMES, TOLERANCE
from ..engine.trained_model import read_trained_model
from ..errors import InputError
from ..utils.files import atomic_write

if TYPE_CHECKING:
    from ..export.check import Row  # needs onnx

FAILED_CHECK_EXIT = 1


def check_out(out: Path) -> None:
    """Check the name of the output file.

    Raises:
        InputError: its suffix is not .onnx, or its folder does not exist.
    """
    if out.suffix != '.onnx':
        raise InputError(f'{out}: OUT has to end with .onnx')
    if not out.parent.is_dir():
        raise InputError(f'{out.parent}: no such folder; create it')
    if out.is_dir():
        raise InputError(f'{out}: is a folder; name a file')


def limit_detections(model: nn.Module, top_k: Optional[int]) -> None:
    """Set the number of detections per image of a detector.

    Raises:
        InputError: the model detects no objects.
    """
    if top_k is None:
        return
    if 'max_detections' not in getattr(model, 'test_cfg', {}):
        raise InputError(f'--top-k {top_k}: {type(model).__name__} detects no objects; leave the '
                         'option out')
    model.test_cfg['max_detections'] = top_k


def chosen_input_size(cfg: Config, wanted: Optional[Tuple[int, int]]) -> Tuple[int, int]:
    """Return (width, height) of the input, from the test pipeline or the option.

    Raises:
        InputError: both are given and differ, or neither is given.
    """
    from ..export import input_size_of
    fixed = input_size_of(cfg)
    size = fixed or wanted
    if size is None:
        raise InputError('the test pipeline keeps the size of the images, and a file has one '
                         'size; give it with --input-size WIDTHxHEIGHT')
    if fixed and wanted and fixed != wanted:
        raise InputError('--input-size {}x{}: the test pipeline makes inputs of {}x{}; change the '
                         'pipeline in the config instead'.format(*wanted, *fixed))
    return size


def read_frames(images: List[str], size: Optional[Tuple[int, int]]) -> list:
    """Read the frames of the check, or render them.

    Args:
        images: files, folders and patterns; none to render frames.
        size: (width, height) of rendered frames; KITTI's by default.

    Raises:
        InputError: an image is missing or unreadable.
    """
    from ..export import frame_of_image, rendered_frames
    from ..prediction.image_sources import open_images
    if not images:
        return rendered_frames(RENDERED_FRAMES, *([size] if size else []))
    return [frame_of_image(image.name, image.load())
            for source in images for image in open_images(source)]


def table(torch_time: float, rows: Mapping[str, 'Row']) -> str:
    """Return the figures of a check as text for the terminal.

    Args:
        torch_time: milliseconds per run of torch.
        rows: :class:`~mmdet3d_plugin.export.check.Row` by name of the file.
    """
    titles = ('MB', 'compared', 'unmatched', 'metres', 'radians', 'score', 'pixels',
              'ms per run', 'torch / this')
    lines = [f'{"weights":<8}' + ''.join(f'{title:>{len(title) + 3}}' for title in titles)]
    for name, row in rows.items():
        errors = row.errors
        lines.append(f'{name:<8}{row.megabytes:5.1f}{errors.compared:11d}{errors.unmatched:12d}'
                     f'{errors.metres:9.2g}{errors.radians:10.2g}{errors.score:8.2g}'
                     f'{errors.pixels:9.2g}{row.milliseconds:13.1f}'
                     f'{torch_time / row.milliseconds:15.2f}')
    return '\n'.join([*lines, f'{"torch":<72}{torch_time:13.1f}{1.:15.2f}'])


def failure_of(rows: Mapping[str, 'Row'], tolerance: Optional[Tuple[float, float]]
               ) -> Optional[str]:
    """Return why a check fails; None if it passes.

    Without a tolerance, only the float32 file is judged, with :data:`TOLERANCE`.

    Args:
        rows: :class:`~mmdet3d_plugin.export.check.Row` by name of the file.
        tolerance: largest errors, metres (and radians) and score.
    """
    judged = [row.errors for name, row in rows.items() if tolerance or name == 'fp32']
    if not all(errors.within(*(tolerance or TOLERANCE)) for errors in judged):
        return 'the errors exceed the tolerance'
    if not all(errors.compared for errors in judged):
        return ('the check compared nothing, since the model detects no objects in its images; '
                'name images with objects: --check IMAGE ...')
    return None


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    check_out(args.out)
    missing = [name for name in ('onnx', 'onnxruntime') if find_spec(name) is None]
    if missing:
        raise InputError(f'{" and ".join(missing)}: not installed; run "pip install '
                         f'{" ".join(missing)}"')
    from ..export import REDUCTIONS, FileFormat, ParityCheck, export_onnx, graph_of, input_fit_of
    torch.set_num_threads(args.threads)
    form = FileFormat(args.batch, args.opset, args.image_type)
    trained = read_trained_model(args.checkpoint, args.config)
    model = trained.build()
    limit_detections(model, args.top_k)
    graph = graph_of(model, chosen_input_size(trained.config, args.input_size))
    with tempfile.TemporaryDirectory() as folder:
        files = dict(fp32=Path(folder, 'fp32.onnx'))
        export_onnx(graph, files['fp32'], form, input_fit_of(trained.config))
        if args.weights != 'fp32':
            files[args.weights] = Path(folder, f'{args.weights}.onnx')
            REDUCTIONS[args.weights](files['fp32'], files[args.weights])
        if args.check is not None:
            frames = read_frames(args.check, args.input_size)
            check = ParityCheck(graph, trained.config, frames, args.batch or 2, args.image_type)
            torch_time, rows = check.run(files, args.threads)
            print(table(torch_time, rows))
            if failure := failure_of(rows, args.tolerance):
                print(f'{args.out}: not written, {failure}', file=sys.stderr)
                sys.exit(FAILED_CHECK_EXIT)
        atomic_write(args.out, files[args.weights].read_bytes())
    print(f'{args.out}: {", ".join(graph.inputs)} -> {", ".join(graph.outputs)}')
