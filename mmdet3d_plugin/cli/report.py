"""Command line of tools/report.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser
from .value_types import non_negative, score

EXAMPLES = '''
examples:
  # detectors
  python tools/test.py CONFIG CKPT --submission-dir WORK_DIR/results
  python tools/report.py WORK_DIR --data-root data/kitti

  # depth estimators and embedders
  python tools/test.py CONFIG CKPT --work-dir WORK_DIR/test
  python tools/report.py WORK_DIR

  # two runs of one task
  python tools/report.py --compare RUN_A RUN_B --data-root data/kitti
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        _check, description='Write WORK_DIR/report.html, a page that works without a network. The '
        'report of a detector shows frames to explore in 3D, AP, precision-recall curves, depth '
        'errors by distance and losses. The report of a depth estimator shows frames, depth '
        'errors, depth errors by distance and losses. The report of an embedder shows Recall@k, '
        'mAP@R, nearest neighbours, embeddings and losses. The training log tells which one to '
        'write. With --compare, write RUN_B/comparison.html, which shows two runs side by side.',
        epilog=EXAMPLES)
    parser.add_argument('work_dir', type=Path, nargs='?', help='folder of the training run')
    parser.add_argument('--compare', type=Path, nargs=2, metavar=('RUN_A', 'RUN_B'),
                        help='compare two runs in place of a report of one')
    parser.add_argument('--title', help='title of the page (default: the task and the name of the '
                        'work dir)')
    parser.add_argument('--max-frames', type=non_negative, default=24, metavar='N',
                        help='largest number of frames to show: half of them those with most '
                        'errors, the others evenly spaced (default: 24)')
    parser.add_argument('--facts', nargs='*', default=[], metavar='NAME=VALUE',
                        help='rows of the table of facts at the end of the page; they replace '
                        'facts of the same name from the work dir')
    detector = parser.add_argument_group('detectors')
    detector.add_argument('--data-root', type=Path, metavar='DIR',
                          help="data set folder in KITTI's layout (required)")
    detector.add_argument('--pred', type=Path, action='append', metavar='DIR',
                          help='folder of result files, or its parent if it is named data; given '
                          'twice with --compare (default: results in the folder of the run)')
    detector.add_argument('--split', default='val', metavar='NAME',
                          help='evaluated split (default: val)')
    detector.add_argument('--score-thr', type=score, default=0.1, metavar='S',
                          help='minimum score of detections that are shown at first '
                          '(default: 0.1)')
    detector.add_argument('--samples', type=Path, metavar='DIR',
                          help='folder of pictures of tools/test.py --show-samples (default: '
                          'WORK_DIR/test/samples or WORK_DIR/samples, if it has pictures)')
    others = parser.add_argument_group('depth estimators and embedders')
    others.add_argument('--frames', type=Path, metavar='DIR',
                        help='folder of pictures of tools/test.py (default: WORK_DIR/test/frames '
                        'of a depth estimator and WORK_DIR/test/neighbours of an embedder, if '
                        'it exists)')
    return parser


def _check(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if (args.work_dir is None) == (args.compare is None):
        parser.error('give either WORK_DIR or --compare RUN_A RUN_B')
