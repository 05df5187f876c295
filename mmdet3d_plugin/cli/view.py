"""Command line of tools/view.py."""
import argparse

from .command_parser import CommandParser, ConfigAction
from .predict import AUTO, SCORE_THRESHOLD, add_camera_options
from .value_types import port, positive, score

EXAMPLE = '''
examples:
  python tools/view.py pictures/ --fov 80
  python tools/view.py drive.mp4 --model model.pth --camera camera.yaml --score 0.3
'''
MODEL = 'work_dirs/demo'
MAX_FRAMES = 500


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Predict 3D boxes or depth for images, a folder, a video or a webcam, and '
        'show them in 3D in a browser while the predictions arrive. Needs viser: pip install '
        '"viser>=1.1".', epilog=EXAMPLE)
    parser.add_argument('source', help='image, URL of an image, folder, glob pattern in quotes, '
                        'video, or index of a webcam')
    parser.add_argument('--model', default=MODEL, metavar='MODEL',
                        help='checkpoint of tools/train.py (file or URL), model folder of '
                        'tools/export_weights.py, or work dir of a training (default: '
                        '%(default)s)')
    add_camera_options(parser)
    parser.add_argument('--score', type=score, default=SCORE_THRESHOLD, metavar='S',
                        help='minimum score of objects that are shown at first (default: '
                        '%(default)s)')
    parser.add_argument('--config', action=ConfigAction, metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none')
    parser.add_argument('--device', default=AUTO, metavar='NAME',
                        help='cpu, cuda or cuda:N (default: auto, which is a GPU if there is one)')
    parser.add_argument('--limit', type=positive, default=MAX_FRAMES, metavar='N',
                        help='stop after N images, which are kept in memory (default: '
                        '%(default)s)')
    parser.add_argument('--host', default='localhost', metavar='NAME',
                        help='address to serve; 0.0.0.0 also serves other machines (default: '
                        '%(default)s)')
    parser.add_argument('--port', type=port, default=8080, metavar='N',
                        help='port to serve, or the next free one (default: %(default)s)')
    return parser
