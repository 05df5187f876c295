"""Evaluate KITTI result files: python tools/evaluate.py kitti."""
import argparse
import sys
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from tqdm import tqdm

from ..benchmarks.kitti.average_precision import KittiEvaluation, evaluate_kitti
from ..benchmarks.kitti.labels import read_object_file
from ..benchmarks.kitti.protocol import MIN_HEIGHTS, MIN_OVERLAPS
from ..benchmarks.kitti.splits import read_split
from ..cli.command_parser import ExampleFormatter
from ..errors import InputError
from ..structures.class_names import class_key, find_class
from ..structures.object_table import DONT_CARE, ObjectTable
from ..utils.files import has_file, inner_names, shortened
from .evaluate_outputs import Curves, add_outputs

EXAMPLES = '''
examples:
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results \\
      --split data/kitti/ImageSets/val.txt --classes Car --json results.json
  python tools/evaluate.py kitti --gt data/own/training/label_2 --pred results \\
      --classes Forklift Pallet --min-overlaps Forklift=0.7/0.5 --min-heights 60 40 20

docs/evaluation.md defines all metrics.
'''


def add_parser(benchmarks: argparse._SubParsersAction) -> None:
    """Add the parser of ``tools/evaluate.py kitti``."""
    parser = benchmarks.add_parser(
        'kitti', epilog=EXAMPLES, formatter_class=ExampleFormatter,
        help='AP and AOS of KITTI result files',
        description="Compute KITTI's AP in 2D, BEV and 3D, and AOS, at R40 and R11, for each "
                    'difficulty, at strict overlaps (0.7 for Car and other vehicles, 0.5 for all '
                    'other classes) and loose ones (0.5 and 0.25 in BEV and 3D; 2D and AOS keep '
                    'the strict ones).')
    parser.add_argument('--gt', required=True, metavar='LABEL_DIR', type=Path,
                        help='folder of ground truth label files (label_2)')
    parser.add_argument('--pred', required=True, metavar='RESULT_DIR', type=Path,
                        help='folder of result files, or its parent if it is named data')
    parser.add_argument('--split', metavar='FILE', type=Path,
                        help='file with one frame name per line (default: all label files)')
    parser.add_argument('--classes', nargs='+', metavar='CLASS',
                        help=f'classes to evaluate (default: {" ".join(MIN_OVERLAPS)}, or the '
                        'classes of the labels if these are others)')
    parser.add_argument('--min-overlaps', nargs='+', type=class_overlaps, default=[],
                        metavar='CLASS=STRICT/LOOSE',
                        help='IoU that a match of a class must exceed, such as Truck=0.7/0.5')
    parser.add_argument('--min-heights', nargs=3, type=float, default=MIN_HEIGHTS,
                        metavar=('EASY', 'MODERATE', 'HARD'),
                        help='smallest heights of image boxes, pixels (default: 40 25 25)')
    add_outputs(parser, plot=True)
    parser.set_defaults(evaluate=evaluate_kitti_files)


DEVKIT_FILES = 'stats_'  # start of the names of files that KITTI's development kit leaves


def class_overlaps(text: str) -> Tuple[str, Tuple[float, ...]]:
    """Parse CLASS=STRICT/LOOSE into the class and its overlaps."""
    name, _, values = text.rpartition('=')
    try:
        strict, loose = map(float, values.split('/'))
    except ValueError:
        name = ''
    if not name:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not CLASS=STRICT/LOOSE, such as Truck=0.7/0.5')
    return name, (strict, loose)


def default_classes(labels: Sequence[ObjectTable], results: Sequence[ObjectTable]) -> List[str]:
    """Return KITTI's classes or, where neither labels nor results have one, all of the labels."""
    own = {str(name) for table in labels for name in table.names} - {DONT_CARE}
    found = own | {str(name) for table in results for name in table.names}
    kitti = list(MIN_OVERLAPS)
    if not own or any(find_class(name, found) for name in kitti):
        return kitti
    return sorted({class_key(name): name for name in sorted(own, reverse=True)}.values())


def check_known(classes: Sequence[str], labels: Sequence[ObjectTable],
                results: Sequence[ObjectTable], title: str) -> None:
    """Raise InputError for a class that no label and no result has, unless it is KITTI's."""
    found = {str(name) for table in [*labels, *results] for name in table.names} - {DONT_CARE}
    for name in classes:
        if find_class(name, [*found, *MIN_OVERLAPS]) is None:
            raise InputError(f'{title}: cannot evaluate {shortened(name)}, which no label and no '
                             f'result has; choose from {", ".join(sorted(found)[:20])}')


def find_frames(labels: Path, split: Optional[Path]) -> List[str]:
    """Return the frames to evaluate: those of the split, or of all label files.

    Raises:
        InputError: the folder is missing, or there are no frames.
    """
    if not labels.is_dir():
        raise InputError(f'{labels}: no such folder; --gt needs the folder of the label files')
    frames = read_split(split) if split else inner_names(labels, ['.txt'])
    if not frames or (not split and (labels / 'label_2').is_dir()):
        raise InputError(f'{labels}: holds no label files (*.txt); '
                         '--gt needs the folder of the label files')
    return frames


def find_results(results: Path, frames: Sequence[str]) -> Tuple[Path, List[str]]:
    """Return the folder of the result files, ``results`` or ``results/data``, and their frames.

    The folder is the one with more of the evaluated frames: KITTI's development kit leaves text
    files beside ``data``.

    Args:
        results: folder of the result files, or its parent.
        frames: names of the evaluated frames.

    Raises:
        InputError: there is no result file of an evaluated frame.
    """
    folders = (results, results / 'data')
    counts = [sum(has_file(folder / f'{frame}.txt') for frame in frames) for folder in folders]
    if not any(counts):
        reason = (f'holds no result files of the {len(frames)} frames ({frames[0]}.txt and so on)'
                  if results.is_dir() else 'no such folder')
        raise InputError(f'{results}: {reason}; --pred needs one result file for each frame, '
                         'empty if nothing was detected; tools/test.py CONFIG CKPT '
                         f'--submission-dir {results} writes them')
    folder = folders[int(np.argmax(counts))]
    return folder, [name for name in inner_names(folder, ['.txt'])
                    if not name.rpartition('/')[2].startswith(DEVKIT_FILES)]


def read_frames(folder: Path, frames: List[str], with_scores: bool) -> List[ObjectTable]:
    """Read the label files (or result files, which have scores) of frames, with a progress bar."""
    kind = 'results' if with_scores else 'labels'
    files = [read_object_file(folder / f'{frame}.txt', with_scores)
             for frame in tqdm(frames, f'reading {kind}', disable=None, delay=1)]
    scored = sum(file.ignored_scores for file in files)
    if scored:
        print(f'{folder}: label lines end with a 16th field, a score, in {scored} of {len(files)} '
              'files; it is ignored', file=sys.stderr)
    return [file.objects for file in files]


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
    folder, found = find_results(args.pred, frames)
    if extra := len(set(found) - set(frames)):
        print(f'ignoring {extra} result files of frames that are not evaluated', file=sys.stderr)
    labels = read_frames(args.gt, frames, with_scores=False)
    results = read_frames(folder, frames, with_scores=True)
    min_overlaps: Dict[str, Sequence[float]] = dict(args.min_overlaps)
    classes = args.classes or default_classes(labels, results)
    check_known(classes, labels, results, str(args.gt))
    evaluation = evaluate_kitti(labels, results, classes, min_overlaps=min_overlaps,
                                min_heights=args.min_heights)
    print(f'{len(frames)} frames, percent\n{evaluation.table()}')
    return evaluation, kitti_curves(evaluation)
