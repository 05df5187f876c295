"""Evaluates result files with the benchmark's official measures."""
import argparse
import json
import math
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from tqdm import tqdm

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.kitti import KittiObjects, read_objects, read_split
from mmdet3d_plugin.kitti.evaluation import MIN_OVERLAPS, evaluate_kitti
from mmdet3d_plugin.utils.command_line import run_command
from mmdet3d_plugin.utils.files import atomic_write

EXAMPLE = '''
examples:
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results
  python tools/evaluate.py kitti --gt data/kitti/training/label_2 --pred results \\
      --split data/kitti/ImageSets/val.txt --classes Car --json results.json

The definition of all values stands in docs/evaluation.md.
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    benchmarks = parser.add_subparsers(dest='benchmark', required=True, metavar='BENCHMARK')
    kitti = benchmarks.add_parser(
        'kitti', epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter,
        help="KITTI's AP and AOS from label and result files",
        description="KITTI's AP in 2D, BEV and 3D, and AOS, at R40 and R11, for each "
                    'difficulty,\nat the strict (0.7/0.5/0.5) and loose (0.5/0.25/0.25) overlaps.')
    kitti.add_argument('--gt', required=True, metavar='LABEL_DIR', type=Path,
                       help='folder of label files (label_2)')
    kitti.add_argument('--pred', required=True, metavar='RESULT_DIR', type=Path,
                       help='folder of result files, or the folder above it if that is named data')
    kitti.add_argument('--split', metavar='FILE', type=Path,
                       help='frame names, one a line; all label files if left out')
    kitti.add_argument('--classes', nargs='+', metavar='CLASS', default=list(MIN_OVERLAPS),
                       help=f'classes to evaluate (default: {" ".join(MIN_OVERLAPS)})')
    kitti.add_argument('--json', metavar='OUT', type=Path,
                       help='also write all values to this file, by name')
    return parser.parse_args()


def text_files(folder: Path) -> List[str]:
    """The sorted names, without suffix, of a folder's text files."""
    return sorted(path.stem for path in folder.glob('*.txt') if path.is_file())


def find_frames(labels: Path, split: Optional[Path]) -> List[str]:
    if not labels.is_dir():
        raise InputError(f'{labels}: no such folder; --gt needs the folder of the label files')
    frames = read_split(split) if split else text_files(labels)
    if not frames:
        raise InputError(f'{labels}: holds no label files (*.txt); '
                         '--gt needs the folder of the label files')
    return frames


def find_results(results: Path) -> Tuple[Path, List[str]]:
    """The folder of the result files, ``results`` or ``results/data``, and their names."""
    for folder in (results, results / 'data'):
        if names := text_files(folder):
            return folder, names
    reason = 'holds no result files (*.txt)' if results.is_dir() else 'no such folder'
    raise InputError(f'{results}: {reason}; --pred needs one result file for each frame, '
                     'empty if nothing was detected')


def read_frames(folder: Path, frames: List[str], with_scores: bool) -> List[KittiObjects]:
    kind = 'results' if with_scores else 'labels'
    return [read_objects(folder / f'{frame}.txt', with_scores)
            for frame in tqdm(frames, f'reading {kind}', disable=None, delay=1)]


def evaluate_files(args: argparse.Namespace) -> None:
    if args.json and args.json.is_dir():
        raise InputError(f'{args.json}: is a folder; --json needs a file name')
    frames = find_frames(args.gt, args.split)
    folder, found = find_results(args.pred)
    if extra := len(set(found) - set(frames)):
        print(f'ignoring {extra} result files of frames that are not evaluated', file=sys.stderr)
    evaluation = evaluate_kitti(read_frames(args.gt, frames, with_scores=False),
                                read_frames(folder, frames, with_scores=True), args.classes)
    print(f'{len(frames)} frames, percent\n{evaluation.table()}')
    if args.json:
        values = {name: None if math.isnan(value) else value
                  for name, value in evaluation.to_dict().items()}
        atomic_write(args.json, json.dumps(values, indent=2) + '\n')


if __name__ == '__main__':
    run_command(lambda: evaluate_files(parse_args()))
