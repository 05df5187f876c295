"""Evaluate Waymo detections: python tools/evaluate.py waymo."""
import argparse
from pathlib import Path
from typing import Tuple

from ..benchmarks.waymo.average_precision import MODES, WaymoEvaluation, evaluate_waymo
from ..benchmarks.waymo.files import read_objects
from ..benchmarks.waymo.objects import TYPES
from ..cli.command_parser import ExampleFormatter
from .evaluate_outputs import Curves, add_outputs

EXAMPLES = '''
examples:
  python tools/evaluate.py waymo --gt labels.npz --pred detections.npz --plot curves.png
  python tools/evaluate.py waymo --gt labels.npz --pred detections.npz --mode deviant
  python tools/evaluate.py waymo --gt ground_truths.bin --pred predictions.bin

docs/datasets.md describes the files and both modes.
'''


def add_parser(benchmarks: argparse._SubParsersAction) -> None:
    """Add the parser of ``tools/evaluate.py waymo``."""
    parser = benchmarks.add_parser(
        'waymo', epilog=EXAMPLES, formatter_class=ExampleFormatter,
        help='AP and APH of Waymo detections',
        description="Compute Waymo's 3D AP and APH per class, level, IoU and range. Mode "
                    "'official' is Waymo's released algorithm in the vehicle frame. Mode "
                    "'deviant' is the algorithm of DEVIANT and later monocular papers. Results "
                    'of the two modes are not comparable.')
    parser.add_argument('--gt', required=True, metavar='FILE', type=Path,
                        help='file of ground truth labels: .npz, .json or .bin')
    parser.add_argument('--pred', required=True, metavar='FILE', type=Path,
                        help='file of detections: .npz, .json or .bin')
    parser.add_argument('--mode', choices=MODES, default='official',
                        help='evaluation algorithm (default: official)')
    parser.add_argument('--classes', nargs='+', metavar='CLASS', default=list(TYPES),
                        help=f'classes to evaluate (default: {" ".join(TYPES)})')
    add_outputs(parser, plot=True)
    parser.set_defaults(evaluate=evaluate_waymo_files)


def waymo_curves(evaluation: WaymoEvaluation) -> Curves:
    """Return level 2 curves: one panel per class and overlap, one curve per range."""
    panels: Curves = {}
    for item in evaluation.results:
        if item.level == 2:
            title = f'{item.class_name}, IoU {item.min_overlap}, level 2 ({evaluation.mode})'
            panels.setdefault(title, {})[item.range_name] = (item.recalls, item.precisions)
    return panels


def evaluate_waymo_files(args: argparse.Namespace) -> Tuple[WaymoEvaluation, Curves]:
    """Evaluate Waymo detections and print the table."""
    labels, detections = read_objects(args.gt, False), read_objects(args.pred, True)
    evaluation = evaluate_waymo(labels, detections, args.mode, args.classes)
    print(f'{len(labels)} labels, {len(detections)} detections\n{evaluation.table()}')
    return evaluation, waymo_curves(evaluation)
