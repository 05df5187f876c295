"""Evaluate result files with the metrics of a benchmark: python tools/evaluate.py BENCHMARK."""
import argparse
import json
import math
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import numpy as np
from tqdm import tqdm

from ..benchmarks.depth.crops import CROPS
from ..benchmarks.depth.map_errors import DepthEvaluation, DepthProtocol
from ..benchmarks.depth.map_files import KITTI_SCALE, read_depth_map
from ..benchmarks.depth.splits import locate_depth, read_depth_split
from ..benchmarks.kitti.average_precision import MIN_OVERLAPS, KittiEvaluation, evaluate_kitti
from ..benchmarks.kitti.labels import read_objects
from ..benchmarks.kitti.splits import read_split
from ..benchmarks.waymo.average_precision import MODES, WaymoEvaluation, evaluate_waymo
from ..benchmarks.waymo.files import read_objects as read_waymo
from ..benchmarks.waymo.objects import TYPES
from ..errors import InputError
from ..structures.object_table import ObjectTable
from ..utils.files import atomic_write, inside
from .help_formatter import ExampleFormatter

# Precision-recall curves: panel title -> curve name -> (recalls, precisions).
Curves = Dict[str, Dict[str, Tuple[np.ndarray, np.ndarray]]]

KITTI_EXAMPLES = '''
examples:
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results \\
      --split data/kitti/ImageSets/val.txt --classes Car --json results.json

docs/evaluation.md defines all metrics.
'''
WAYMO_EXAMPLES = '''
examples:
  python tools/evaluate.py waymo --gt labels.npz --pred detections.npz --plot curves.png
  python tools/evaluate.py waymo --gt labels.npz --pred detections.npz --mode deviant
  python tools/evaluate.py waymo --gt ground_truths.bin --pred predictions.bin

docs/datasets.md describes the files and both modes.
'''
DEPTH_EXAMPLES = '''
examples:
  python tools/evaluate.py depth --gt data/synthetic/training/depth_2 --pred results --crop garg
  python tools/evaluate.py depth --gt data/kitti_depth/data_depth_annotated --pred results \\
      --split data/kitti_depth/splits/eigen_test_files_with_gt.txt --crop garg
  python tools/evaluate.py depth --gt data/nyu/official_splits/test --gt-scale 1000 \\
      --pred results --split data/nyu/splits/nyudepthv2_test_files_with_gt.txt \\
      --crop nyu --max-depth 10

docs/evaluation.md defines all metrics.
'''


def positive(text: str) -> float:
    """Parse an option value that must be a finite number above 0."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f'{text} is not a number above 0')
    return value


positive.__name__ = 'number'  # argparse prints this name in its error messages


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Evaluate result files with the metrics of a benchmark.',
        epilog='Run "python tools/evaluate.py BENCHMARK --help" for the options and examples of '
        'a benchmark.')
    benchmarks = parser.add_subparsers(dest='benchmark', required=True, metavar='BENCHMARK')
    kitti = benchmarks.add_parser(
        'kitti', epilog=KITTI_EXAMPLES, formatter_class=ExampleFormatter,
        help='AP and AOS of KITTI result files',
        description="Compute KITTI's AP in 2D, BEV and 3D, and AOS, at R40 and R11, for each "
                    'difficulty, at strict (0.7/0.5/0.5) and loose overlaps (0.5/0.25/0.25 in '
                    'BEV and 3D; 2D and AOS keep the strict ones).')
    kitti.add_argument('--gt', required=True, metavar='LABEL_DIR', type=Path,
                       help='folder of ground truth label files (label_2)')
    kitti.add_argument('--pred', required=True, metavar='RESULT_DIR', type=Path,
                       help='folder of result files, or its parent if it is named data')
    kitti.add_argument('--split', metavar='FILE', type=Path,
                       help='file with one frame name per line (default: all label files)')
    kitti.add_argument('--classes', nargs='+', metavar='CLASS', default=list(MIN_OVERLAPS),
                       help=f'classes to evaluate (default: {" ".join(MIN_OVERLAPS)})')
    waymo = benchmarks.add_parser(
        'waymo', epilog=WAYMO_EXAMPLES, formatter_class=ExampleFormatter,
        help='AP and APH of Waymo detections',
        description="Compute Waymo's 3D AP and APH per class, level, IoU and range. Mode "
                    "'official' is Waymo's released algorithm in the vehicle frame. Mode "
                    "'deviant' is the algorithm of DEVIANT and later monocular papers. Results "
                    'of the two modes are not comparable.')
    waymo.add_argument('--gt', required=True, metavar='FILE', type=Path,
                       help='file of ground truth labels: .npz, .json or .bin')
    waymo.add_argument('--pred', required=True, metavar='FILE', type=Path,
                       help='file of detections: .npz, .json or .bin')
    waymo.add_argument('--mode', choices=MODES, default='official',
                       help='evaluation algorithm (default: official)')
    waymo.add_argument('--classes', nargs='+', metavar='CLASS', default=list(TYPES),
                       help=f'classes to evaluate (default: {" ".join(TYPES)})')
    depth = benchmarks.add_parser(
        'depth', epilog=DEPTH_EXAMPLES, formatter_class=ExampleFormatter,
        help='errors of dense depth maps',
        description='Compute AbsRel, SqRel, RMSE, RMSElog, log10 and the shares of pixels within '
                    '1.25, 1.25^2 and 1.25^3, averaged over images. Depth maps are 16-bit PNG '
                    'files, 0 where unknown.')
    depth.add_argument('--gt', required=True, metavar='DIR', type=Path,
                       help='folder of ground truth depth maps, searched recursively')
    depth.add_argument('--pred', required=True, metavar='DIR', type=Path,
                       help='folder of predictions with the same relative paths')
    depth.add_argument('--split', metavar='FILE', type=Path,
                       help='file with one image and its depth map per line; predictions have '
                            'the paths of the images (default: all depth maps of --gt)')
    for side in ('gt', 'pred'):
        depth.add_argument(f'--{side}-scale', metavar='S', type=positive, default=KITTI_SCALE,
                           help=f'stored units per metre of --{side} (default: 256, as KITTI; '
                                'NYU: 1000)')
    depth.add_argument('--crop', nargs='+', metavar='NAME', choices=list(CROPS), default=None,
                       help=f'evaluated image region: {", ".join(CROPS)}; several are applied in '
                            'turn, each inside the one before (default: whole image)')
    depth.add_argument('--min-depth', metavar='M', type=positive, default=1e-3,
                       help='smallest evaluated depth in metres (default: 0.001)')
    depth.add_argument('--max-depth', metavar='M', type=positive, default=80.,
                       help='largest evaluated depth in metres (default: 80)')
    depth.add_argument('--median-scaling', action='store_true',
                       help='scale each prediction to the median of the ground truth')
    depth.set_defaults(plot=None)
    for benchmark in (kitti, waymo, depth):
        benchmark.add_argument('--json', metavar='OUT', type=Path,
                               help='also write all metrics to this JSON file')
    for benchmark in (kitti, waymo):
        benchmark.add_argument('--plot', metavar='OUT', type=Path,
                               help='also draw precision-recall curves to this PNG file')
    return parser.parse_args()


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


def waymo_curves(evaluation: WaymoEvaluation) -> Curves:
    """Return level 2 curves: one panel per class and overlap, one curve per range."""
    panels: Curves = {}
    for item in evaluation.results:
        if item.level == 2:
            title = f'{item.class_name}, IoU {item.min_overlap}, level 2 ({evaluation.mode})'
            panels.setdefault(title, {})[item.range_name] = (item.recalls, item.precisions)
    return panels


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


def evaluate_waymo_files(args: argparse.Namespace) -> Tuple[WaymoEvaluation, Curves]:
    """Evaluate Waymo detections and print the table."""
    labels, detections = read_waymo(args.gt, False), read_waymo(args.pred, True)
    evaluation = evaluate_waymo(labels, detections, args.mode, args.classes)
    print(f'{len(labels)} labels, {len(detections)} detections\n{evaluation.table()}')
    return evaluation, waymo_curves(evaluation)


def depth_pairs(args: argparse.Namespace) -> Iterator[Tuple[str, Path, Path]]:
    """Yield name, ground truth file and prediction file of every frame."""
    if args.split:
        for pair in read_depth_split(args.split):
            if pair.depth is not None:
                yield (pair.frame, locate_depth(args.gt, pair.depth),
                       inside(args.pred, f'{pair.frame}.png'))
    else:
        for path in depth_files(args.gt):
            name = path.relative_to(args.gt)
            yield str(name.with_suffix('')), path, args.pred / name


def depth_files(folder: Path) -> List[Path]:
    """Return the sorted PNG files of a folder and its subfolders, without hidden files."""
    return sorted(path for path in folder.rglob('[!.]*.png') if path.is_file())


def evaluate_depth_files(args: argparse.Namespace) -> Tuple[DepthEvaluation, Curves]:
    """Evaluate predicted depth maps and print the table."""
    for option, folder in (('--gt', args.gt), ('--pred', args.pred)):
        if not any(folder.rglob('[!.]*.png')):
            reason = 'holds no depth maps (*.png)' if folder.is_dir() else 'no such folder'
            raise InputError(f'{folder}: {reason}; {option} needs a folder of 16-bit PNG files')
    protocol = DepthProtocol(args.min_depth, args.max_depth, args.crop, args.median_scaling)
    pairs = list(depth_pairs(args))
    missing = [predicted for _, _, predicted in pairs if not predicted.is_file()]
    if missing:
        raise InputError(f'{missing[0]}: no such prediction; {len(missing)} of {len(pairs)} '
                         'are missing; --pred needs one per ground truth depth map')
    if extra := len(set(depth_files(args.pred)) - {predicted for _, _, predicted in pairs}):
        print(f'ignoring {extra} predictions of frames that are not evaluated', file=sys.stderr)
    evaluation = DepthEvaluation(protocol)
    for name, truth, predicted in tqdm(pairs, 'evaluating', unit='image', disable=None, delay=1):
        evaluation.add(name, protocol.errors(read_depth_map(truth, args.gt_scale),
                                             read_depth_map(predicted, args.pred_scale),
                                             str(predicted)))
    print(evaluation.table())
    return evaluation, {}


def main() -> None:
    """Run the command."""
    args = parse_args()
    for option, path in (('--json', args.json), ('--plot', args.plot)):
        if path and path.is_dir():
            raise InputError(f'{path}: is a folder; {option} needs a file name')
    evaluate = dict(kitti=evaluate_kitti_files, waymo=evaluate_waymo_files,
                    depth=evaluate_depth_files)[args.benchmark]
    evaluation, curves = evaluate(args)
    if args.json:
        values = {name: None if math.isnan(value) else value
                  for name, value in evaluation.to_dict().items()}
        atomic_write(args.json, json.dumps(values, indent=2) + '\n')
    if args.plot:
        # Imported here because only --plot needs matplotlib.
        from ..visualization.precision_recall_picture import precision_recall_picture
        atomic_write(args.plot, precision_recall_picture(curves))
