"""Command line of tools/export.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction
from .value_types import batch_size, image_size, positive

EXAMPLE = '''
examples:
  python tools/export.py onnx work_dirs/run/epoch_15.pth work_dirs/run/model.onnx --check
  python tools/export.py onnx work_dirs/run/epoch_15.pth work_dirs/run/small.onnx \\
      --weights fp16 --batch 4 --top-k 20 --check data/my_images
'''
# Largest errors of float32 files: metres (and radians), score.
TOLERANCE = (1e-3, 1e-4)
RENDERED_FRAMES = 4


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Export a trained model for other runtimes; see docs/export.md.',
        epilog='Run "python tools/export.py FORMAT --help" for the options and an example.')
    formats = parser.add_subparsers(dest='format', required=True, metavar='FORMAT')
    onnx = formats.add_parser(
        'onnx', help='ONNX file with fixed shapes', epilog=EXAMPLE,
        description='Write an ONNX file that computes boxes, scores and labels, or a depth map, '
        'from image, camera and affine, with normalisation and decoding inside. With --check the '
        'file is only written if objects or depths were compared and the errors against torch are '
        'within --tolerance.')
    onnx.add_argument('checkpoint', help='checkpoint of tools/train.py, file of weights, model '
                      'folder or work dir')
    onnx.add_argument('out', type=Path, metavar='OUT.onnx', help='file to write')
    onnx.add_argument('--config', action=ConfigAction,
                      help='config of the checkpoint (default: the one that it holds)')
    onnx.add_argument('--batch', type=batch_size, default=1, metavar='N',
                      help="images per run, or 'dynamic' for any number (default: 1)")
    onnx.add_argument('--top-k', type=positive, metavar='K',
                      help="detections per image (default: the config's max_detections)")
    onnx.add_argument('--input-size', type=image_size, metavar='WIDTHxHEIGHT',
                      help="size of the input in pixels, for a test pipeline that keeps the size "
                      'of the images')
    onnx.add_argument('--image-type', choices=['uint8', 'float32'], default='uint8',
                      help='type of the input image, with values 0 to 255 (default: uint8)')
    onnx.add_argument('--weights', choices=['fp32', 'fp16', 'int8'], default='fp32',
                      help='precision of the weights: fp16 halves the file, int8 quantises '
                      'backbone, neck and decoder dynamically (default: fp32)')
    onnx.add_argument('--opset', type=int, default=17, metavar='N',
                      help='opset version, 17 to 20 (default: 17)')
    onnx.add_argument('--check', nargs='*', metavar='IMAGE',
                      help='compare the file with torch on these images and folders (default: on '
                      f'{RENDERED_FRAMES} rendered frames), and print errors and latency')
    onnx.add_argument('--tolerance', nargs=2, type=float, metavar=('METRES', 'SCORE'),
                      help='largest errors in the check (default: {:g} {:g} for fp32; none for '
                      'fp16 and int8)'.format(*TOLERANCE))
    onnx.add_argument('--threads', type=positive, default=1, metavar='N',
                      help='threads of torch and ONNX Runtime in the check (default: 1)')
    return parser
