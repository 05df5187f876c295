"""Writes a report of a run: python tools/report.py WORK_DIR [--data-root DIR --pred DIR]."""
import argparse
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np

from ..benchmarks.depth.distance_errors import DISTANCE_ERRORS, read_distance_errors
from ..benchmarks.depth.metric_styles import DEPTH_STYLES
from ..benchmarks.depth.object_errors import depth_errors
from ..benchmarks.kitti.average_precision import KittiEvaluation, evaluate_kitti
from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.labels import read_objects
from ..benchmarks.kitti.splits import read_split
from ..errors import InputError
from ..structures.object_table import ObjectTable
from ..visualization import frame_panel, write_depth_report, write_report
from ..visualization.plots import Rows
from .training_log import read_training_log

CLASSES = ('Car', 'Pedestrian', 'Cyclist')
# What the log of a depth estimator holds after a validation.
DEPTH_KEY = 'depth/AbsRel'
EXAMPLE = '''
examples:
  python tools/test.py CONFIG CKPT --submission-dir WORK_DIR/results
  python tools/report.py WORK_DIR --data-root data/kitti --pred WORK_DIR/results/data

  python tools/test.py DEPTH_CONFIG CKPT --work-dir WORK_DIR/test
  python tools/report.py WORK_DIR
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write WORK_DIR/report.html. Of a detector: losses, AP, precision-recall, '
        'depth error by distance, and frames with ground truth and predictions. Of a depth '
        'estimator, which the training log tells: losses, errors, also by distance, and frames.',
        epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', type=Path, help='folder of the training run')
    parser.add_argument('--title', help='default: the task')
    parser.add_argument('--max-frames', type=int, default=12, help='pictures (default: 12)')
    parser.add_argument('--facts', nargs='*', default=[], metavar='NAME=VALUE',
                        help='lines of the table at the top')
    detector = parser.add_argument_group('detectors')
    detector.add_argument('--data-root', type=Path, help="folder in KITTI's layout")
    detector.add_argument('--pred', type=Path, help='folder of result files')
    detector.add_argument('--split', default='val', help='evaluated split (default: val)')
    detector.add_argument('--score-thr', type=float, default=0.1,
                          help='draw detections of at least this score (default: 0.1)')
    detector.add_argument('--samples', type=Path, metavar='DIR',
                          help='pictures of tools/test.py --show-samples, to be shown too')
    depth = parser.add_argument_group('depth estimators')
    depth.add_argument('--frames', type=Path, metavar='DIR',
                       help='what tools/test.py draws (default: WORK_DIR/test/frames, if it is '
                       'there)')
    return parser.parse_args()


def parse_facts(facts: List[str]) -> Dict[str, str]:
    pairs = [fact.split('=', 1) for fact in facts]
    wrong = [fact for fact, pair in zip(facts, pairs) if len(pair) != 2]
    if wrong:
        raise InputError(f'--facts {wrong[0]}: expected NAME=VALUE')
    return dict(pairs)


def curves(evaluation: KittiEvaluation) -> Dict[str, Dict[str, Tuple[np.ndarray, np.ndarray]]]:
    """Precision over recall at moderate difficulty, by class, metric and overlap."""
    moderate = evaluation.difficulties.index('moderate')
    return {
        name: {f'{metric}, {overlap}': (evaluation.recall,
                                        evaluation.precision[index, m, moderate, o])
               for m, metric in enumerate(evaluation.metrics)
               for o, overlap in enumerate(evaluation.overlaps)}
        for index, name in enumerate(evaluation.classes)}


def draw_panels(args: argparse.Namespace, names: List[str], truths: List[ObjectTable],
                predictions: List[ObjectTable]) -> List[Tuple[str, np.ndarray]]:
    """Pictures spread over the split, that with the most cars first."""
    count = min(args.max_frames, len(names))
    chosen = np.unique(np.linspace(0, len(names) - 1, count).round().astype(int)).tolist()
    chosen.sort(key=lambda index: -np.sum(truths[index].names == 'Car'))
    panels = []
    for index in chosen:
        name, shown = names[index], predictions[index]
        shown = shown[shown.scores >= args.score_thr]
        folder = args.data_root / 'training'
        image = cv2.imread(str(folder / 'image_2' / f'{name}.png'))
        if image is None:
            raise InputError(f'{folder / "image_2" / name}.png: not a readable image')
        P2 = read_calibration(folder / 'calib' / f'{name}.txt').P2
        panels.append((f'{name}: {len(shown)} predictions of score {args.score_thr:g} or more',
                       frame_panel(image, P2, truths[index], shown, title=name)))
    return panels


def read_pictures(folder: Path, flag: str) -> List[Tuple[str, np.ndarray]]:
    """(frame, picture) of every JPEG in a folder, that tools/test.py makes with ``flag``."""
    paths = sorted(folder.rglob('*.jpg'))
    pictures = [(path.relative_to(folder).with_suffix('').as_posix(), cv2.imread(str(path)))
                for path in paths]
    if not pictures or any(picture is None for _, picture in pictures):
        raise InputError(f'{folder}: no readable pictures; make them with tools/test.py {flag}')
    return pictures


def report_detector(args: argparse.Namespace, path: Path, scalars: Rows) -> str:
    """Writes the report; returns the table of the figures."""
    for flag, value in (('--data-root', args.data_root), ('--pred', args.pred)):
        if value is None:
            raise InputError(f'{args.work_dir}: its training log names no depth metrics, and to '
                             f'report a detector {flag} is needed; see --help')
    names = read_split(args.data_root / 'ImageSets' / f'{args.split}.txt')
    truths = [read_objects(args.data_root / 'training/label_2' / f'{name}.txt')
              for name in names]
    predictions = [read_objects(args.pred / f'{name}.txt', with_scores=True) for name in names]
    evaluation = evaluate_kitti(truths, predictions, CLASSES)
    write_report(
        path,
        title=args.title or 'Monocular 3D detection',
        frames=draw_panels(args, names, truths, predictions),
        scalars=scalars,
        metrics=evaluation.to_dict(),
        precision_recall=curves(evaluation),
        depth_error=[depth_errors(truths, predictions, name) for name in CLASSES],
        samples=read_pictures(args.samples, '--show-samples') if args.samples else (),
        summary=parse_facts(args.facts))
    return evaluation.table()


def report_depth(args: argparse.Namespace, path: Path, scalars: Rows) -> str:
    """Writes the report; returns the figures of the last validation."""
    folder = args.frames or args.work_dir / 'test/frames'
    frames = read_pictures(folder, '--show-dir') if args.frames or folder.is_dir() else []
    metrics = next(row for row in reversed(scalars) if DEPTH_KEY in row)
    write_depth_report(
        path,
        title=args.title or 'Monocular depth',
        frames=frames[:args.max_frames],
        scalars=scalars,
        metrics=metrics,
        depth_error=read_distance_errors(folder / DISTANCE_ERRORS),
        summary=parse_facts(args.facts))
    return '\n'.join(f'{style.title}: {metrics[f"depth/{key}"]:.{style.decimals}f}'
                     for key, style in DEPTH_STYLES.items())


def main() -> None:
    args = parse_args()
    if not args.work_dir.is_dir():
        raise InputError(f'{args.work_dir}: no such work dir')
    path = args.work_dir / 'report.html'
    scalars = read_training_log(args.work_dir)
    is_depth = any(DEPTH_KEY in row for row in scalars)
    print((report_depth if is_depth else report_detector)(args, path, scalars))
    print(f'report: {path}')
