"""Write an HTML report of a training run: python tools/report.py WORK_DIR [options]."""
import argparse
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ..benchmarks.depth.map_errors import DEPTH_STYLES
from ..benchmarks.depth.map_files import read_depth_map
from ..benchmarks.depth.object_errors import object_depth_errors
from ..benchmarks.depth.pixel_errors import DISTANCE_ERRORS, read_pixel_errors
from ..benchmarks.kitti.average_precision import KittiEvaluation, evaluate_kitti, scored_detections
from ..benchmarks.kitti.calibration import read_calibration
from ..benchmarks.kitti.frame_outcomes import frame_outcomes
from ..benchmarks.kitti.splits import read_split
from ..benchmarks.metric_style import format_value, without_prefix
from ..errors import InputError
from ..structures.object_table import ObjectTable
from ..utils.files import has_file
from ..utils.images import ImageFolder, read_image
from ..visualization import write_depth_report, write_embedding_report, write_report
from ..visualization.comparison_report import (
    ComparedRun,
    write_depth_comparison,
    write_detection_comparison,
    write_embedding_comparison,
)
from ..visualization.embedding_plot import EMBEDDING_FILE
from ..visualization.frame_entries import (
    TRUE_DEPTH,
    Entry,
    best_predictions,
    choose_frames,
    detection_entry,
    scene_entry,
)
from ..visualization.neighbour_sheet import SHEET_FILE
from ..visualization.piece_picture import PIECE_FILE
from ..visualization.report_plots import Rows
from ..visualization.retrieval_plots import MAP_AT_R, recall_keys
from .depth_frames import DepthFrames, most_changed_entries, worst_entries
from .evaluate_kitti import default_classes, find_results, read_frames
from .picture_files import read_pictures
from .run_facts import run_facts
from .training_log import read_training_log

DETECTION, DEPTH, EMBEDDING = 'detection', 'depth', 'embedding'
# Metrics that only validations of these tasks log.
TASK_KEYS = {EMBEDDING: 'retrieval/R@1', DEPTH: 'depth/AbsRel'}
TITLES = {DETECTION: 'Monocular 3D detection', DEPTH: 'Monocular depth',
          EMBEDDING: 'Embedding of images'}
# Pictures of DrawNeighboursHook, by argument of write_embedding_report.
EMBEDDING_PICTURES = dict(neighbours=SHEET_FILE, embedding=EMBEDDING_FILE, piece=PIECE_FILE)
SAMPLE_FOLDERS = ('test/samples', 'samples')  # of tools/test.py in a work dir
REPORT, COMPARISON = 'report.html', 'comparison.html'


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


class Run(NamedTuple):
    """Folder of a training, and what its log says.

    Attributes:
        folder: work dir.
        scalars: rows of the training log.
        task: one of :data:`TITLES`.
    """
    folder: Path
    scalars: Rows
    task: str

    @classmethod
    def read(cls, folder: Path) -> 'Run':
        """Read the training log of a work dir.

        Raises:
            InputError: there is no such folder, or the log cannot be read.
        """
        if not folder.is_dir():
            raise InputError(f'{folder}: no such work dir')
        scalars = read_training_log(folder)
        logged = {key for row in scalars for key in row}
        task = next((task for task, key in TASK_KEYS.items() if key in logged), DETECTION)
        return cls(folder, scalars, task)

    @property
    def name(self) -> str:
        """Name of the work dir."""
        return self.folder.resolve().name

    def title(self, args: argparse.Namespace) -> str:
        """Return the title of the report."""
        return args.title or f'{TITLES[self.task]}: {self.name}'

    def facts(self, args: argparse.Namespace) -> Dict[str, str]:
        """Return the facts of the work dir by name, replaced and extended by ``--facts``.

        Raises:
            InputError: an option or the text log is invalid.
        """
        return {**run_facts(self.folder, self.scalars), **parse_facts(args.facts)}

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Row of the last validation of a depth estimator or an embedder."""
        return next(row for row in reversed(self.scalars) if TASK_KEYS[self.task] in row)


class Detections(NamedTuple):
    """Labels of a split, and the predictions of each run.

    Attributes:
        root: folder of the data set.
        names: names of the N frames.
        truths: labels of each frame.
        runs: predictions of each frame, by run.
        classes: evaluated classes.
    """
    root: Path
    names: List[str]
    truths: List[ObjectTable]
    runs: List[List[ObjectTable]]
    classes: List[str]

    @classmethod
    def read(cls, args: argparse.Namespace, folders: Sequence[Path]) -> 'Detections':
        """Read the labels and the result files of runs.

        Args:
            args: options of the command.
            folders: work dirs of the runs.

        Raises:
            InputError: an option is missing, or a file is missing or invalid.
        """
        if args.data_root is None:
            raise InputError(f'{folders[0]}: no training log with metrics of depth or retrieval; '
                             'the report of a detector needs --data-root, see --help')
        results = args.pred or [folder / 'results' for folder in folders]
        if len(results) != len(folders):
            raise InputError(f'--pred: given for {len(results)} of {len(folders)} runs; give it '
                             'once per run')
        names = read_split(args.data_root / 'ImageSets' / f'{args.split}.txt')
        truths = read_frames(args.data_root / 'training/label_2', names, with_scores=False)
        runs = [read_frames(find_results(folder, names)[0], names, with_scores=True)
                for folder in results]
        classes = default_classes(truths, [table for run in runs for table in run])
        return cls(args.data_root, names, truths, runs, classes)

    def frame_errors(self, threshold: float) -> List[float]:
        """Return the number of errors of each frame, or by how much it differs between runs.

        Args:
            threshold: minimum score of a prediction that counts.
        """
        counts = [[frame_outcomes(truth, shown, self.classes).errors(shown.scores, threshold)
                   for truth, shown in zip(self.truths, map(best_predictions, run))]
                  for run in self.runs]
        if len(counts) == 1:
            return [float(sum(errors.values())) for errors in counts[0]]
        return [float(sum(abs(first[kind] - second[kind]) for kind in first))
                for first, second in zip(*counts)]

    def entries(self, args: argparse.Namespace) -> List[Entry]:
        """Return the frames that the page shows, most important first.

        Args:
            args: options of the command.

        Raises:
            InputError: an image, calibration or depth map is missing or invalid.
        """
        folder = self.root / 'training'
        images = ImageFolder(folder / 'image_2')
        entries = []
        for index in choose_frames(self.frame_errors(args.score_thr), args.max_frames):
            name = self.names[index]
            image = read_image(images.find(name))
            depth_file = folder / 'depth_2' / f'{name}.png'
            maps = {TRUE_DEPTH: read_depth_map(depth_file)} if has_file(depth_file) else {}
            scene = scene_entry(name, image,
                                read_calibration(folder / 'calib' / f'{name}.txt').P2, maps)
            entries.append(detection_entry(scene, self.truths[index],
                                           [run[index] for run in self.runs], self.classes))
        return entries


def sample_pictures(folder: Optional[Path], work_dir: Path) -> List[Tuple[str, np.ndarray]]:
    """Read the pictures of ROI weights.

    Args:
        folder: folder of the pictures, or None to look into the work dir, where pictures are
            optional.
        work_dir: folder of the run.

    Raises:
        InputError: the given folder has no pictures, or a picture is unreadable.
    """
    if folder is None:
        folder = next((work_dir / name for name in SAMPLE_FOLDERS
                       if any((work_dir / name).rglob('*.jpg'))), None)
    return read_pictures(folder, '--show-samples') if folder else []


def curves(evaluation: KittiEvaluation, metrics: Sequence[str]
           ) -> Dict[str, Dict[Tuple[str, str], Tuple[np.ndarray, np.ndarray]]]:
    """Return (recalls, precisions) at moderate difficulty, by class and (metric, overlap).

    Args:
        evaluation: the evaluation.
        metrics: metrics to return; 2D has one overlap, which is called strict.
    """
    moderate = evaluation.difficulties.index('moderate')
    return {
        name: {(metric, overlap): (
            evaluation.recall,
            evaluation.precision[index, evaluation.metrics.index(metric), moderate, o])
            for metric in metrics for o, overlap in enumerate(evaluation.overlaps)
            if metric != '2D' or overlap == 'strict'}
        for index, name in enumerate(evaluation.classes)}


def report_detector(args: argparse.Namespace, path: Path, run: Run) -> str:
    """Write the report of a detector and return the table of its AP."""
    found = Detections.read(args, [run.folder])
    evaluation = evaluate_kitti(found.truths, found.runs[0], found.classes)
    write_report(
        path,
        title=run.title(args),
        frames=found.entries(args),
        scalars=run.scalars,
        metrics=evaluation.to_dict(),
        precision_recall=curves(evaluation, evaluation.metrics),
        depth_error=[object_depth_errors(found.truths, found.runs[0], name)
                     for name in evaluation.classes],
        reliability=scored_detections(found.truths, found.runs[0], evaluation.classes),
        samples=sample_pictures(args.samples, run.folder),
        summary={'Frames': f'{len(found.names)} evaluated, split {args.split}', **run.facts(args)},
        threshold=args.score_thr)
    return evaluation.table()


def report_depth(args: argparse.Namespace, path: Path, run: Run) -> str:
    """Write the report of a depth estimator and return the metrics of its last validation."""
    folder = args.frames or run.folder / 'test/frames'
    frames = worst_entries(DepthFrames(folder), args.max_frames) \
        if args.frames or folder.is_dir() else []
    write_depth_report(
        path,
        title=run.title(args),
        frames=frames,
        scalars=run.scalars,
        metrics=run.metrics,
        depth_error=read_pixel_errors(folder / DISTANCE_ERRORS),
        summary=run.facts(args))
    return '\n'.join(
        f'{style.title}: {format_value(run.metrics.get(f"depth/{key}"), style.decimals)}'
        for key, style in DEPTH_STYLES.items())


def report_embedding(args: argparse.Namespace, path: Path, run: Run) -> str:
    """Write the report of an embedder and return the metrics of its last validation.

    Raises:
        InputError: ``--frames`` has none of the pictures, or one is unreadable.
    """
    folder = args.frames or run.folder / 'test/neighbours'
    files = {name: folder / file for name, file in EMBEDDING_PICTURES.items()}
    pictures = {name: read_image(file, 'picture') for name, file in files.items()
                if has_file(file)}
    if args.frames and not pictures:
        raise InputError(f'{folder}: no readable pictures of embeddings; make them with '
                         'tools/test.py --show-dir')
    write_embedding_report(
        path, title=run.title(args), scalars=run.scalars, metrics=run.metrics,
        summary=run.facts(args), **pictures)
    metrics = without_prefix(run.metrics)
    return '\n'.join(f'{key}: {format_value(metrics.get(key))} %'
                     for key in [*recall_keys(metrics), MAP_AT_R])


def compare_runs(args: argparse.Namespace, path: Path, runs: Sequence[Run]) -> None:
    """Write the comparison of two runs.

    Raises:
        InputError: the runs have different tasks, or a file is missing or invalid.
    """
    task = runs[0].task
    if runs[1].task != task:
        raise InputError(f'{runs[1].folder}: is a run of {runs[1].task}, but {runs[0].folder} is '
                         f'one of {task}; compare runs of one task')
    names = [f'{letter}: {run.name}' for letter, run in zip('AB', runs)]
    common: Dict[str, Any] = dict(
        title=args.title or f'{TITLES[task]}: {runs[0].name} and {runs[1].name}',
        summary={**dict(zip(names, (str(run.folder) for run in runs))),
                 **parse_facts(args.facts)})
    if task == DETECTION:
        compare_detectors(args, path, runs, names, common)
        return
    compared = [ComparedRun(name, run.scalars, run.metrics) for name, run in zip(names, runs)]
    if task == EMBEDDING:
        write_embedding_comparison(path, runs=compared, **common)
        return
    folders = [run.folder / 'test/frames' for run in runs]
    frames = most_changed_entries(list(map(DepthFrames, folders)), names, args.max_frames) \
        if all(folder.is_dir() for folder in folders) else []
    write_depth_comparison(path, runs=compared, frames=frames, **common)


def compare_detectors(args: argparse.Namespace, path: Path, runs: Sequence[Run],
                      names: Sequence[str], common: Dict[str, Any]) -> None:
    """Write the comparison of two detectors.

    Args:
        args: options of the command.
        path: HTML file.
        runs: the two runs.
        names: names of the runs in the page.
        common: title and summary of the page.
    """
    found = Detections.read(args, [run.folder for run in runs])
    evaluations = [evaluate_kitti(found.truths, predictions, found.classes)
                   for predictions in found.runs]
    by_run = [curves(evaluation, ['3D']) for evaluation in evaluations]
    panels = {name: {(run, overlap): curve for run, panel in zip(names, by_run)
                     for (_, overlap), curve in panel[name].items()} for name in found.classes}
    write_detection_comparison(
        path, runs=[ComparedRun(name, run.scalars, evaluation.to_dict())
                    for name, run, evaluation in zip(names, runs, evaluations)],
        precision_recall=panels,
        reliability={name: scored_detections(found.truths, predictions, found.classes)
                     for name, predictions in zip(names, found.runs)},
        frames=found.entries(args), threshold=args.score_thr, **common)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.compare:
        runs = [Run.read(folder) for folder in args.compare]
        path = runs[1].folder / COMPARISON
        compare_runs(args, path, runs)
        print(f'comparison: {path}')
        return
    run = Run.read(args.work_dir)
    path = run.folder / REPORT
    write = {DETECTION: report_detector, DEPTH: report_depth, EMBEDDING: report_embedding}
    print(write[run.task](args, path, run))
    print(f'report: {path}')
