"""Evaluate result files with the metrics of a benchmark: python tools/evaluate.py BENCHMARK."""
import argparse
import json
import math

from ..cli.command_parser import CommandParser
from ..errors import InputError
from ..utils.files import atomic_write, check_output
from . import evaluate_depth, evaluate_kitti, evaluate_retrieval, evaluate_waymo


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Evaluate result files with the metrics of a benchmark.',
        epilog='Run "python tools/evaluate.py BENCHMARK --help" for the options and examples of '
        'a benchmark.')
    benchmarks = parser.add_subparsers(dest='benchmark', required=True, metavar='BENCHMARK')
    for module in (evaluate_kitti, evaluate_waymo, evaluate_depth, evaluate_retrieval):
        module.add_parser(benchmarks)
    return parser


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    for option, path in (('--json', args.json), ('--plot', args.plot)):
        if path and path.is_dir():
            raise InputError(f'{path}: is a folder; {option} needs a file name')
        if path:
            check_output(path)
    evaluation, curves = args.evaluate(args)
    if args.json:
        values = {name: None if math.isnan(value) else value
                  for name, value in evaluation.to_dict().items()}
        atomic_write(args.json, json.dumps(values, indent=2) + '\n')
    if args.plot:
        # Imported here because only --plot needs matplotlib.
        from ..visualization.precision_recall_picture import precision_recall_picture
        atomic_write(args.plot, precision_recall_picture(curves))
