"""Command line of tools/test.py."""
import argparse

from .command_parser import CommandParser, ConfigAction
from .common_options import add_common_arguments
from .value_types import score

EXAMPLE = '''
example:
  python tools/test.py configs/monolss/monolss_dla34_kitti.py \\
      work_dirs/monolss_dla34_kitti/epoch_600.pth --show-dir work_dirs/frames
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Evaluate a checkpoint on the test set of a config and draw predictions.',
        epilog=EXAMPLE)
    parser.add_argument('config', action=ConfigAction, help='config file, see configs/')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--submission-dir', metavar='DIR',
                        help='also write result files: DIR/data/FRAME.txt in the format of '
                        "KITTI's test server, DIR/labels.npz and DIR/detections.npz for Waymo, "
                        '16-bit PNG files for depth estimators, or DIR/embeddings.npz for '
                        'embedders')
    parser.add_argument('--show-dir', metavar='DIR',
                        help='draw all frames, or the nearest neighbours of 60 images for an '
                        'embedder, into this folder (default: draw 12 into WORK_DIR/frames or '
                        'WORK_DIR/neighbours)')
    parser.add_argument('--show-samples', action='store_true',
                        help='also draw the weights of the ROI locations of the highest-scoring '
                        'objects, into SHOW_DIR/samples (default: WORK_DIR/samples, 12 frames)')
    parser.add_argument('--score-thr', type=score, metavar='S',
                        help='minimum score of drawn detections (default: 0.1)')
    add_common_arguments(parser)
    return parser
