"""Evaluate predicted depth maps: python tools/evaluate.py depth."""
import argparse
import math
import sys
from pathlib import Path
from typing import Iterator, List, Tuple

from tqdm import tqdm

from ..benchmarks.depth.crops import CROPS
from ..benchmarks.depth.map_errors import DepthEvaluation, DepthProtocol
from ..benchmarks.depth.map_files import KITTI_SCALE, read_depth_map
from ..benchmarks.depth.splits import locate_depth, read_depth_split
from ..cli.command_parser import ExampleFormatter
from ..errors import InputError
from ..utils.files import has_file, inside
from .evaluate_outputs import Curves, add_outputs

EXAMPLES = '''
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


def add_parser(benchmarks: argparse._SubParsersAction) -> None:
    """Add the parser of ``tools/evaluate.py depth``."""
    parser = benchmarks.add_parser(
        'depth', epilog=EXAMPLES, formatter_class=ExampleFormatter,
        help='errors of dense depth maps',
        description='Compute AbsRel, SqRel, RMSE, RMSElog, log10 and the shares of pixels within '
                    '1.25, 1.25^2 and 1.25^3, averaged over images. Depth maps are 16-bit PNG '
                    'files, 0 where unknown.')
    parser.add_argument('--gt', required=True, metavar='DIR', type=Path,
                        help='folder of ground truth depth maps, searched recursively')
    parser.add_argument('--pred', required=True, metavar='DIR', type=Path,
                        help='folder of predictions with the same relative paths')
    parser.add_argument('--split', metavar='FILE', type=Path,
                        help='file with one image and its depth map per line; predictions have '
                             'the paths of the images (default: all depth maps of --gt)')
    for side in ('gt', 'pred'):
        parser.add_argument(f'--{side}-scale', metavar='S', type=positive, default=KITTI_SCALE,
                            help=f'stored units per metre of --{side} (default: 256, as KITTI; '
                                 'NYU: 1000)')
    parser.add_argument('--crop', nargs='+', metavar='NAME', choices=list(CROPS), default=None,
                        help=f'evaluated image region: {", ".join(CROPS)}; several are applied in '
                             'turn, each inside the one before (default: whole image)')
    parser.add_argument('--min-depth', metavar='M', type=positive, default=1e-3,
                        help='smallest evaluated depth in metres (default: 0.001)')
    parser.add_argument('--max-depth', metavar='M', type=positive, default=80.,
                        help='largest evaluated depth in metres (default: 80)')
    parser.add_argument('--median-scaling', action='store_true',
                        help='scale each prediction to the median of the ground truth')
    add_outputs(parser, plot=False)
    parser.set_defaults(evaluate=evaluate_depth_files)


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
    return sorted(path for path in folder.rglob('[!.]*.png') if has_file(path))


def evaluate_depth_files(args: argparse.Namespace) -> Tuple[DepthEvaluation, Curves]:
    """Evaluate predicted depth maps and print the table."""
    for option, folder in (('--gt', args.gt), ('--pred', args.pred)):
        if not any(folder.rglob('[!.]*.png')):
            reason = 'holds no depth maps (*.png)' if folder.is_dir() else 'no such folder'
            raise InputError(f'{folder}: {reason}; {option} needs a folder of 16-bit PNG files')
    protocol = DepthProtocol(args.min_depth, args.max_depth, args.crop, args.median_scaling)
    pairs = list(depth_pairs(args))
    missing = [predicted for _, _, predicted in pairs if not has_file(predicted)]
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
