#!/usr/bin/env python
"""Writes a report of a run: python tools/report.py WORK_DIR --data-root DIR --pred DIR."""
import argparse
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.kitti import KittiObjects, read_calibration, read_objects, read_split
from mmdet3d_plugin.kitti.evaluation import KittiEvaluation, evaluate_kitti
from mmdet3d_plugin.utils.command_line import run_command
from mmdet3d_plugin.visualization import (depth_errors, frame_panel, read_training_log,
                                          write_report)

CLASSES = ('Car', 'Pedestrian', 'Cyclist')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write WORK_DIR/report.html: losses, AP, precision-recall, depth error by '
        'distance, and frames with ground truth and predictions.',
        epilog='example: python tools/test.py CONFIG CKPT --submission-dir WORK_DIR/results; '
        'python tools/report.py WORK_DIR --data-root data/kitti --pred WORK_DIR/results/data')
    parser.add_argument('work_dir', type=Path, help='folder of the training run')
    parser.add_argument('--data-root', type=Path, required=True, help="folder in KITTI's layout")
    parser.add_argument('--pred', type=Path, required=True, help='folder of result files')
    parser.add_argument('--split', default='val', help='evaluated split (default: val)')
    parser.add_argument('--max-frames', type=int, default=12, help='pictures (default: 12)')
    parser.add_argument('--score-thr', type=float, default=0.1,
                        help='draw detections of at least this score (default: 0.1)')
    parser.add_argument('--samples', type=Path, metavar='DIR',
                        help='pictures of tools/test.py --show-samples, to be shown too')
    parser.add_argument('--title', default='Monocular 3D detection')
    parser.add_argument('--facts', nargs='*', default=[], metavar='NAME=VALUE',
                        help='lines of the table at the top')
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


def draw_panels(args: argparse.Namespace, names: List[str], truths: List[KittiObjects],
                predictions: List[KittiObjects]) -> List[Tuple[str, np.ndarray]]:
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


def read_pictures(folder: Path) -> List[Tuple[str, np.ndarray]]:
    """(frame, picture) of every JPEG in a folder."""
    pictures = [(path.stem, cv2.imread(str(path))) for path in sorted(folder.glob('*.jpg'))]
    if not pictures or any(picture is None for _, picture in pictures):
        raise InputError(f'{folder}: no readable pictures; make them with '
                         'tools/test.py --show-samples')
    return pictures


def main() -> None:
    args = parse_args()
    if not args.work_dir.is_dir():
        raise InputError(f'{args.work_dir}: no such work dir')
    names = read_split(args.data_root / 'ImageSets' / f'{args.split}.txt')
    truths = [read_objects(args.data_root / 'training/label_2' / f'{name}.txt')
              for name in names]
    predictions = [read_objects(args.pred / f'{name}.txt', with_scores=True) for name in names]
    evaluation = evaluate_kitti(truths, predictions, CLASSES)
    path = args.work_dir / 'report.html'
    write_report(
        path,
        title=args.title,
        frames=draw_panels(args, names, truths, predictions),
        scalars=read_training_log(args.work_dir),
        metrics=evaluation.to_dict(),
        precision_recall=curves(evaluation),
        depth_error=[depth_errors(truths, predictions, name) for name in CLASSES],
        samples=read_pictures(args.samples) if args.samples else (),
        summary=parse_facts(args.facts))
    print(evaluation.table())
    print(f'report: {path}')


if __name__ == '__main__':
    run_command(main)
