"""Command line of tools/predict.py."""
import argparse
from pathlib import Path
from typing import Union

from .command_parser import CommandParser, ConfigAction
from .value_types import positive, score

EXAMPLE = '''
examples:
  python tools/predict.py work_dirs/demo pictures/ --fov 80
  python tools/predict.py model.pth drive.mp4 --camera camera.yaml --save video json
  python tools/predict.py model.pth 'data/kitti/testing/image_2/*.png' \\
      --camera data/kitti/testing/calib/000000.txt --save kitti --score 0
'''
PICTURES, JSON, KITTI, VIDEO = FORMATS = ('pictures', 'json', 'kitti', 'video')
AUTO = 'auto'
SCORE_THRESHOLD = 0.1  # that of Predictor


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Predict 3D boxes or depth maps for images, a folder, a video or a webcam. '
        'Finished images of a folder are kept, so an interrupted run resumes. Unreadable images '
        'are skipped and listed at the end, and the exit code is then 1, as for a video that '
        'breaks off.',
        epilog=EXAMPLE)
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py (file or URL), model '
                        'folder of tools/export_weights.py, or work dir of a training')
    parser.add_argument('source', help='image, URL of an image, folder, glob pattern in quotes, '
                        'video, or index of a webcam')
    add_camera_options(parser)
    parser.add_argument('--out', type=Path, default=Path('work_dirs/predictions'), metavar='DIR',
                        help='output folder (default: %(default)s)')
    parser.add_argument('--save', nargs='+', choices=FORMATS, metavar='FORMAT',
                        help=f'outputs: {", ".join(FORMATS)} (default: {PICTURES} {JSON}; '
                        f'for a video {VIDEO} {JSON})')
    parser.add_argument('--score', type=score, default=SCORE_THRESHOLD, metavar='S',
                        help='minimum score of an object (default: %(default)s)')
    parser.add_argument('--config', action=ConfigAction, metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none')
    parser.add_argument('--device', default=AUTO, metavar='NAME',
                        help='cpu, cuda or cuda:N (default: auto, which is a GPU if there is one)')
    parser.add_argument('--batch', type=positive, default=1, metavar='B',
                        help='images per step of the model (default: 1)')
    parser.add_argument('--limit', type=positive, metavar='N',
                        help='stop after N images; Ctrl-C also ends a webcam')
    parser.add_argument('--training-camera', nargs=3, type=float, metavar=('F', 'WIDTH', 'HEIGHT'),
                        help='focal length and size of the training images in pixels, for a '
                        'checkpoint that does not say them')
    parser.add_argument('--no-focal-correction', action='store_true',
                        help="leave depth uncorrected for a focal length unlike the training's")
    parser.add_argument('--overwrite', action='store_true',
                        help='remove the predictions of earlier runs from DIR and start anew')
    return parser


def add_camera_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the camera of the images."""
    camera = parser.add_argument_group('camera, one of').add_mutually_exclusive_group()
    camera.add_argument('--camera', metavar='FILE', help='calibration file of KITTI, OpenCV or '
                        'ROS, or a text file of a 3x3 or 3x4 matrix; lens distortion in it is '
                        'removed from the images')
    camera.add_argument('--focal', type=_focal, metavar='F', help='focal length in pixels, or '
                        '"auto" for a guess from the image size')
    camera.add_argument('--fov', type=float, metavar='DEG',
                        help='horizontal field of view in degrees')


def _focal(text: str) -> Union[float, str]:
    return text if text == AUTO else float(text)


# argparse prints the name of the type in its error messages.
_focal.__name__ = 'number'
