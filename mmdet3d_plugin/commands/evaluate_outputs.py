"""Output options of ``tools/evaluate.py``."""
import argparse
from pathlib import Path
from typing import Dict, Tuple

import numpy as np

# Precision-recall curves: panel title -> curve name -> (recalls, precisions).
Curves = Dict[str, Dict[str, Tuple[np.ndarray, np.ndarray]]]


def add_outputs(parser: argparse.ArgumentParser, plot: bool) -> None:
    """Add the options for output files.

    Args:
        parser: parser of a benchmark.
        plot: whether the benchmark has precision-recall curves.
    """
    parser.add_argument('--json', metavar='OUT', type=Path,
                        help='also write all metrics to this JSON file')
    if plot:
        parser.add_argument('--plot', metavar='OUT', type=Path,
                            help='also draw precision-recall curves to this PNG file')
    else:
        parser.set_defaults(plot=None)
