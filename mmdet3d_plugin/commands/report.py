"""Write an HTML report of a training run: python tools/report.py WORK_DIR [options]."""
import argparse
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.object_errors import object_depth_errors
from ..benchmarks.depth.pixel_errors import DISTANCE_ERRORS, read_pixel_errors
from ..benchmarks.kitti.average_precision import KittiEvaluation, evaluate_kitti
from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.splits import read_split
from ..benchmarks.metric_style import format_value, without_prefix
from ..errors import InputError
from ..structures.object_table import ObjectTable
from ..utils.images import ImageFolder, image_size
from ..visualization import frame_panel, write_depth_report, write_embedding_report, write_report
from ..visualization.embedding_plot import EMBEDDING_FILE
from ..visualization.neighbour_sheet import SHEET_FILE
from ..visualization.piece_picture import PIECE_FILE
from ..visualization.report_plots import Rows
from ..visualization.retrieval_plots import MAP_AT_R, recall_keys
from .evaluate_kitti import default_classes, find_results, read_frames
from .help_formatter import ExampleFormatter
from .training_log import read_training_log

# Only validations of depth estimators log the first metric, only those of embedders the second.
DEPTH_KEY, RETRIEVAL_KEY = 'depth/AbsRel', 'retrieval/R@1'
# Pictures of DrawNeighboursHook, by argument of write_embedding_report.
EMBEDDING_PICTURES = dict(neighbours=SHEET_FILE, embedding=EMBEDDING_FILE, piece=PIECE_FILE)
EXAMPLES = '''
examples:
  # detectors
  python tools/test.py CONFIG CKPT --submission-dir WORK_DIR/results
  python tools/report.py WORK_DIR --data-root data/kitti --pred WORK_DIR/results/data

  # depth estimators and embedders
  python tools/test.py CONFIG CKPT --work-dir WORK_DIR/test
  python tools/report.py WORK_DIR
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write WORK_DIR/report.html. The report of a detector shows losses, AP, '
        'precision-recall curves, depth errors by distance, and frames with ground truth and '
        'predictions. The report of a depth estimator shows losses, depth errors, depth errors '
        'by distance, and frames. The report of an embedder shows losses, Recall@k, mAP@R, '
        'nearest neighbours and embeddings. The training log tells which one to write.',
        epilog=EXAMPLES, formatter_class=ExampleFormatter)
    parser.add_argument('work_dir', type=Path, help='folder of the training run')
    parser.add_argument('--title', help='title of the page (default: the task)')
    parser.add_argument('--max-frames', type=int, default=12, metavar='N',
                        help='largest number of frames to show (default: 12)')
    parser.add_argument('--facts', nargs='*', default=[], metavar='NAME=VALUE',
                        help='rows of the summary table at the top of the page')
    detector = parser.add_argument_group('detectors')
    detector.add_argument('--data-root', type=Path, metavar='DIR',
                          help="data set folder in KITTI's layout (required)")
    detector.add_argument('--pred', type=Path, metavar='DIR',
                          help='folder of result files, or its parent if it is named data '
                          '(required)')
    detector.add_argument('--split', default='val', metavar='NAME',
                          help='evaluated split (default: val)')
    detector.add_argument('--score-thr', type=float, default=0.1, metavar='S',
                          help='minimum score of drawn detections (default: 0.1)')
    detector.add_argument('--samples', type=Path, metavar='DIR',
                          help='folder of pictures of tools/test.py --show-samples to show too')
    others = parser.add_argument_group('depth estimators and embedders')
    others.add_argument('--frames', type=Path, metavar='DIR',
                        help='folder of pictures of tools/test.py (default: WORK_DIR/test/frames '
                        'of a depth estimator and WORK_DIR/test/neighbours of an embedder, if '
                        'it exists)')
    return parser.parse_args()


def parse_facts(facts: List[str]) -> Dict[str, str]:
    """Parse NAME=VALUE texts.

    Raises:
        InputError: a text has no ``=``.

    Example:
        >>> parse_facts(['Config=demo.py'])
        {'Config': 'demo.py'}
    """
    pairs = [fact.split('=', 1) for fact in facts]
    wrong = [fact for fact, pair in zip(facts, pairs) if len(pair) != 2]
    if wrong:
        raise InputError(f'--facts {wrong[0]}: expected NAME=VALUE')
    return dict(pairs)


def curves(evaluation: KittiEvaluation) -> Dict[str, Dict[str, Tuple[np.ndarray, np.ndarray]]]:
    """Return (recalls, precisions) at moderate difficulty, by class, metric and overlap."""
    moderate = evaluation.difficulties.index('moderate')
    return {
        name: {f'{metric}, {overlap}': (evaluation.recall,
                                        evaluation.precision[index, m, moderate, o])
               for m, metric in enumerate(evaluation.metrics)
               for o, overlap in enumerate(evaluation.overlaps)}
        for index, name in enumerate(evaluation.classes)}


def draw_panels(args: argparse.Namespace, names: List[str], truths: List[ObjectTable],
                predictions: List[ObjectTable]) -> List[Tuple[str, np.ndarray]]:
    """Draw frames that are evenly spaced over the split, frames with more cars first.

    Args:
        args: options of the command.
        names: frame names of the split.
        truths: ground truth of each frame.
        predictions: predictions of each frame.

    Returns:
        (caption, (H, W, 3) BGR picture) of each drawn frame.
    """
    count = min(args.max_frames, len(names))
    chosen = np.unique(np.linspace(0, len(names) - 1, count).round().astype(int)).tolist()
    chosen.sort(key=lambda index: -np.sum(truths[index].names == 'Car'))
    panels = []
    folder = args.data_root / 'training'
    images = ImageFolder(folder / 'image_2')
    for index in chosen:
        name, shown = names[index], predictions[index]
        shown = shown[shown.scores >= args.score_thr]
        path = images.find(name)
        image_size(path)  # refuses images that are too large
        image = cv2.imread(str(path))
        if image is None:
            raise InputError(f'{path}: not a readable image; restore the file')
        P2 = read_calibration(folder / 'calib' / f'{name}.txt').P2
        panels.append((f'{name}: {len(shown)} predictions of score {args.score_thr:g} or more',
                       frame_panel(image, P2, truths[index], shown, title=name)))
    return panels


def read_pictures(folder: Path, flag: str) -> List[Tuple[str, np.ndarray]]:
    """Read the JPEG files of a folder and its subfolders.

    Args:
        folder: folder of pictures.
        flag: option of ``tools/test.py`` that writes such pictures, for the error message.

    Returns:
        (frame name, (H, W, 3) BGR picture) of each file.

    Raises:
        InputError: there are no pictures, or one is unreadable.
    """
    paths = sorted(folder.rglob('*.jpg'))
    pictures = [(path.relative_to(folder).with_suffix('').as_posix(), cv2.imread(str(path)))
                for path in paths]
    if not pictures or any(picture is None for _, picture in pictures):
        raise InputError(f'{folder}: no readable pictures; make them with tools/test.py {flag}')
    return pictures


def report_detector(args: argparse.Namespace, path: Path, scalars: Rows) -> str:
    """Write the report of a detector and return the table of its AP."""
    for flag, value in (('--data-root', args.data_root), ('--pred', args.pred)):
        if value is None:
            raise InputError(f'{args.work_dir}: the training log has no metrics of depth or '
                             f'retrieval, so this is a detector, and its report needs {flag}; '
                             'see --help')
    names = read_split(args.data_root / 'ImageSets' / f'{args.split}.txt')
    truths = read_frames(args.data_root / 'training/label_2', names, with_scores=False)
    predictions = read_frames(find_results(args.pred, names)[0], names, with_scores=True)
    evaluation = evaluate_kitti(truths, predictions, default_classes(truths, predictions))
    write_report(
        path,
        title=args.title or 'Monocular 3D detection',
        frames=draw_panels(args, names, truths, predictions),
        scalars=scalars,
        metrics=evaluation.to_dict(),
        precision_recall=curves(evaluation),
        depth_error=[object_depth_errors(truths, predictions, name)
                     for name in evaluation.classes],
        samples=read_pictures(args.samples, '--show-samples') if args.samples else (),
        summary=parse_facts(args.facts))
    return evaluation.table()


def report_depth(args: argparse.Namespace, path: Path, scalars: Rows) -> str:
    """Write the report of a depth estimator and return the metrics of its last validation."""
    folder = args.frames or args.work_dir / 'test/frames'
    frames = read_pictures(folder, '--show-dir') if args.frames or folder.is_dir() else []
    metrics = next(row for row in reversed(scalars) if DEPTH_KEY in row)
    write_depth_report(
        path,
        title=args.title or 'Monocular depth',
        frames=frames[:args.max_frames],
        scalars=scalars,
        metrics=metrics,
        depth_error=read_pixel_errors(folder / DISTANCE_ERRORS),
        summary=parse_facts(args.facts))
    return '\n'.join(f'{style.title}: {metrics[f"depth/{key}"]:.{style.decimals}f}'
                     for key, style in DEPTH_STYLES.items())


def report_embedding(args: argparse.Namespace, path: Path, scalars: Rows) -> str:
    """Write the report of an embedder and return the metrics of its last validation.

    Raises:
        InputError: ``--frames`` has none of the pictures, or one is unreadable.
    """
    folder = args.frames or args.work_dir / 'test/neighbours'
    files = {name: folder / file for name, file in EMBEDDING_PICTURES.items()}
    pictures = {name: cv2.imread(str(file)) for name, file in files.items() if file.is_file()}
    if (args.frames and not pictures) or any(image is None for image in pictures.values()):
        raise InputError(f'{folder}: no readable pictures of embeddings; make them with '
                         'tools/test.py --show-dir')
    metrics = next(row for row in reversed(scalars) if RETRIEVAL_KEY in row)
    write_embedding_report(
        path, title=args.title or 'Embedding of images', scalars=scalars, metrics=metrics,
        summary=parse_facts(args.facts), **pictures)
    metrics = without_prefix(metrics)
    return '\n'.join(f'{key}: {format_value(metrics.get(key))} %'
                     for key in [*recall_keys(metrics), MAP_AT_R])


def main() -> None:
    """Run the command."""
    args = parse_args()
    if not args.work_dir.is_dir():
        raise InputError(f'{args.work_dir}: no such work dir')
    path = args.work_dir / 'report.html'
    scalars = read_training_log(args.work_dir)
    logged = {key for row in scalars for key in row}
    if RETRIEVAL_KEY in logged:
        write = report_embedding
    else:
        write = report_depth if DEPTH_KEY in logged else report_detector
    print(write(args, path, scalars))
    print(f'report: {path}')
