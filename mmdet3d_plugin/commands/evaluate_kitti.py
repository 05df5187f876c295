"""Evaluate KITTI result files: python tools/evaluate.py kitti."""
import argparse
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from tqdm import tqdm

from ..benchmarks.kitti.average_precision import MIN_OVERLAPS, KittiEvaluation, evaluate_kitti
from ..benchmarks.kitti.labels import read_objects
from ..benchmarks.kitti.splits import read_split
from ..errors import InputError
from ..structures.object_table import ObjectTable
from .evaluate_outputs import Curves, add_outputs
from .help_formatter import ExampleFormatter

EXAMPLES = '''
examples:
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results \\
      --split data/kitti/ImageSets/val.txt --classes Car --json results.json

docs/evaluation.md defines all metrics.
'''


def add_parser(benchmarks: argparse._SubParsersAction) -> None:
    """Add the parser of ``tools/evaluate.py kitti``."""
    parser = benchmarks.add_parser(
        'kitti', epilog=EXAMPLES, formatter_class=ExampleFormatter,
        help='AP and AOS of KITTI result files',
        description="Compute KITTI's AP in 2D, BEV and 3D, and AOS, at R40 and R11, for each "
                    'difficulty, at strict (0.7/0.5/0.5) and loose overlaps (0.5/0.25/0.25 in '
                    'BEV and 3D; 2D and AOS keep the strict ones).')
    parser.add_argument('--gt', required=True, metavar='LABEL_DIR', type=Path,
                        help='folder of ground truth label files (label_2)')
    parser.add_argument('--pred', required=True, metavar='RESULT_DIR', type=Path,
                        help='folder of result files, or its parent if it is named data')
    parser.add_argument('--split', metavar='FILE', type=Path,
                        help='file with one frame name per line (default: all label files)')
    parser.add_argument('--classes', nargs='+', metavar='CLASS', default=list(MIN_OVERLAPS),
                        help=f'classes to evaluate (default: {" ".join(MIN_OVERLAPS)})')
    add_outputs(parser, plot=True)
    parser.set_defaults(evaluate=evaluate_kitti_files)


def text_files(folder: Path) -> List[str]:
    """Return the sorted names, without suffix, of the text files of a folder."""
    return sorted(path.stem for path in folder.glob('*.txt') if path.is_file())


def find_frames(labels: Path, split: Optional[Path]) -> List[str]:
    """Return the frames to evaluate: those of the split, or of all label files.

    Raises:
        InputError: the folder is missing, or there are no frames.
    """
    if not labels.is_dir():
        raise InputError(f'{labels}: no such folder; --gt needs the folder of the label files')
    frames = read_split(split) if split else text_files(labels)
    if not frames:
        raise InputError(f'{labels}: holds no label files (*.txt); '
                         '--gt needs the folder of the label files')
    return frames


def find_results(results: Path) -> Tuple[Path, List[str]]:
    """Return the folder of the result files, ``results`` or ``results/data``, and their frames.

    Raises:
        InputError: there are no result files.
    """
    for folder in (results, results / 'data'):
        if names := text_files(folder):
            return folder, names
    reason = 'holds no result files (*.txt)' if results.is_dir() else 'no such folder'
    raise InputError(f'{results}: {reason}; --pred needs one result file for each frame, '
                     'empty if nothing was detected')


def read_frames(folder: Path, frames: List[str], with_scores: bool) -> List[ObjectTable]:
    """Read the label files (or result files, which have scores) of frames, with a progress bar."""
    kind = 'results' if with_scores else 'labels'
    return [read_objects(folder / f'{frame}.txt', with_scores)
            for frame in tqdm(frames, f'reading {kind}', disable=None, delay=1)]


def kitti_curves(evaluation: KittiEvaluation) -> Curves:
    """Return 3D curves: one panel per class and overlap, one curve per difficulty."""
    metric = evaluation.metrics.index('3D')
    return {
        f'{name} 3D, {overlap} IoU': {
            difficulty: (evaluation.recall, evaluation.precision[index, metric, d, o])
            for d, difficulty in enumerate(evaluation.difficulties)}
        for index, name in enumerate(evaluation.classes)
        for o, overlap in enumerate(evaluation.overlaps)}


def evaluate_kitti_files(args: argparse.Namespace) -> Tuple[KittiEvaluation, Curves]:
    """Evaluate KITTI result files and print the table."""
    frames = find_frames(args.gt, args.split)
    folder, found = find_results(args.pred)
    if extra := len(set(found) - set(frames)):
        print(f'ignoring {extra} result files of frames that are not evaluated', file=sys.stderr)
    evaluation = evaluate_kitti(read_frames(args.gt, frames, with_scores=False),
                                read_frames(folder, frames, with_scores=True), args.classes)
    print(f'{len(frames)} frames, percent\n{evaluation.table()}')
    return evaluation, kitti_curves(evaluation)
