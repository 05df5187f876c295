"""Train a family of configs with several seeds and compare the results.

Usage: ``python tools/ablate.py CONFIGS --data synthetic --seeds 0 1 2 --out DIR``
"""
import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Dict, List, Sequence

from mmengine.logging import MMLogger
from tqdm import tqdm

from ..errors import InputError
from ..utils.files import atomic_write, check_writable
from ..utils.processes import available_cores
from ..visualization.ablation_plot import ablation_plot
from .ablation_run import AblationRun, row_title
from .ablation_table import EVALUATORS, FEATURE_STYLES, AblationRow, ablation_page, style_of
from .help_formatter import ExampleFormatter
from .paired_comparison import Effect

EXAMPLE = '''
example:
  python tools/ablate.py configs/monolss/ablations --data synthetic \\
      --seeds 0 1 2 --out work_dirs/ablations
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train every config with every seed. Write tables (table.md) and a plot '
        '(plot.png) of the mean and the standard deviation over seeds. The tables also compare '
        'every row with a baseline by pairs of trainings with the same seed. Run the same command '
        'again to resume: finished runs are kept, interrupted and failed runs continue. A failed '
        'run does not stop the others.',
        epilog=EXAMPLE, formatter_class=ExampleFormatter)
    parser.add_argument('configs', type=Path, nargs='+',
                        help='config files or folders of config files, one row per config')
    parser.add_argument('--data', metavar='NAME',
                        help='train on this data set: every row varies the config *_NAME.py next '
                        'to the folder of rows; "synthetic" is rendered if it is absent and is '
                        'small enough for a CPU (default: the data set of the paper, kitti or '
                        'nyu)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], metavar='S',
                        help='random seeds of the trainings (default: 0 1 2)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='output folder for runs, table and plot')
    parser.add_argument('--only', nargs='+', metavar='ROW',
                        help='train only these rows, given by config name')
    parser.add_argument('--jobs', type=int, default=1, metavar='N',
                        help='trainings that run at the same time and share the CPU cores '
                        '(default: 1)')
    parser.add_argument('--metrics', nargs='+', metavar='KEY',
                        help='metrics to compare, named as in the training log without "kitti/", '
                        '"depth/" or "retrieval/" (default: Car AP 3D R40 moderate; AbsRel, RMSE '
                        'and delta1; or R@1 and mAP@R)')
    parser.add_argument('--baseline', metavar='ROW',
                        help='row that the others are compared with, given by config name '
                        '(default: the first)')
    parser.add_argument('--effect', nargs='+', default=[], metavar='[KEY=]SIZE[%]',
                        help='effect for which the table shows the number of seeds that detect '
                        "it: in the metric's unit, or with %% relative to the baseline's mean; "
                        'with KEY only for this metric (default: 5%%)')
    parser.add_argument('--test', action='store_true',
                        help='compare on the test set: run tools/test.py on the last checkpoint '
                        'of every training (default: the last validation of the training)')
    parser.add_argument('--depth-features', action='store_true',
                        help='also analyse the features of every detector with '
                        'tools/analysis/depth_features.py and add columns for the Spearman '
                        'correlation, the share of pairs in the band and the depth error of cars')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='override config entries in every run; {seed} in VALUE stands for '
                        'the seed of the run')
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error('--jobs: expected at least 1')
    for option in args.cfg_options:
        if '=' not in option:
            parser.error(f'--cfg-options {option}: expected KEY=VALUE')
    return args


def render_if_absent(folder: Path) -> None:
    """Render the demo's synthetic set, unless the folder holds a data set."""
    if not (folder / 'ImageSets').is_dir():
        # Imported here because only this data set needs the renderer.
        from ..synthetic import DEMO_SET, write_synthetic_set
        write_synthetic_set(folder, DEMO_SET, available_cores())


def find_rows(args: argparse.Namespace) -> List[Path]:
    """Return the configs of all rows, those of a folder sorted by name.

    Raises:
        InputError: a folder holds no configs or no config for ``--data``, two rows have the same
            name, or ``--only`` names an unknown row.
    """
    rows = []
    for path in args.configs:
        found = sorted(path.glob('*.py')) if path.is_dir() else [path]
        if not found:
            raise InputError(f'{path}: no configs here; see configs/monolss/ablations')
        if path.is_dir() and args.data and not list(path.parent.glob(f'*_{args.data}.py')):
            raise InputError(f'--data {args.data}: no config {path.parent}/*_{args.data}.py')
        rows += found
    names = [row.stem for row in rows]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f'{twice[0]}: two rows have this name; rename a config')
    unknown = set(args.only or ()) - set(names)
    if unknown:
        raise InputError(f'--only {sorted(unknown)[0]}: no such row; choose from '
                         + ', '.join(names))
    return rows


def choose_metrics(args: argparse.Namespace, evaluators: Sequence[str]) -> List[str]:
    """Return the metrics to compare: those of ``--metrics``, or the evaluators' defaults.

    Args:
        args: options of the command.
        evaluators: type names of the metrics.

    Raises:
        InputError: the evaluators do not compute a metric of ``--metrics`` or have no defaults.
    """
    known = [EVALUATORS[name] for name in evaluators if name in EVALUATORS]
    default = list(dict.fromkeys(key for metrics in known for key in metrics.columns))
    if args.metrics and len(known) == len(evaluators):
        unknown = [key for key in args.metrics
                   if not any(metrics.yields(key) for metrics in known)]
        if unknown:
            raise InputError(f'--metrics {unknown[0]}: no such metric; expected a name like '
                             f'{default[0]}')
    if not args.metrics and not default:
        raise InputError(f'{args.configs[0]}: {" and ".join(evaluators) or "no evaluator"} has no '
                         'default metrics; choose some with --metrics')
    return [*(args.metrics or default), *(FEATURE_STYLES if args.depth_features else ())]


def choose_baseline(args: argparse.Namespace, rows: Sequence[Path]) -> str:
    """Return the name of the row that the others are compared with.

    Raises:
        InputError: ``--baseline`` names an unknown row.
    """
    names = [row.stem for row in rows]
    if args.baseline and args.baseline not in names:
        raise InputError(f'--baseline {args.baseline}: no such row; choose from '
                         + ', '.join(names))
    return args.baseline or names[0]


def choose_effects(args: argparse.Namespace, metrics: Sequence[str]) -> Dict[str, Effect]:
    """Return the effect of each metric to compute the number of seeds for.

    A size for one metric overrides a size for all metrics.

    Args:
        args: options of the command.
        metrics: metrics to compare.

    Raises:
        InputError: a size of ``--effect`` is no positive number, or its metric is not compared.
    """
    effects = {}
    for text in sorted(args.effect, key=lambda text: '=' in text):
        key, _, size = text.rpartition('=')
        if key and key not in metrics:
            raise InputError(f'--effect {text}: {key} is not compared; choose from '
                             + ', '.join(metrics))
        try:
            effect = Effect.parse(size)
        except ValueError:
            raise InputError(f'--effect {text}: expected a positive number, such as 2 or 5%, or '
                             f'{metrics[0]}=2') from None
        effects.update(dict.fromkeys([key] if key else metrics, effect))
    return effects


def write_outputs(out: Path, rows: List[Path], metrics: List[str],
                  results: Dict[str, Dict[int, dict]], baseline: str,
                  effects: Dict[str, Effect]) -> str:
    """Write the tables and the plot of all finished runs.

    Args:
        out: output folder.
        rows: config of each row.
        metrics: metrics to compare.
        results: metrics of the finished runs, by row name and seed.
        baseline: name of the row that the others are compared with.
        effects: effect of each metric to compute the number of seeds for.

    Returns:
        The tables in Markdown.
    """
    table_rows = [AblationRow(row.stem, row_title(row), results[row.stem]) for row in rows]
    tables = ablation_page(table_rows, metrics, baseline, effects)
    atomic_write(out / 'table.md', tables + '\n')
    atomic_write(out / 'plot.png', ablation_plot(
        [row.name for row in table_rows], [style_of(key) for key in metrics],
        [[row.values(key) for row in table_rows] for key in metrics]))
    return tables


def main() -> None:
    """Run the command."""
    args = parse_args()
    rows = find_rows(args)
    MMLogger.get_current_instance().setLevel('WARNING')  # mmengine logs every environment variable
    # All rows of one seed come before the next seed, so early tables compare all rows.
    runs = [AblationRun(row, seed, args.out / row.stem / f'seed_{seed}',
                        [option.replace('{seed}', str(seed)) for option in args.cfg_options],
                        dict(ABLATION_DATA=args.data) if args.data else {},
                        args.depth_features, args.test)
            for seed in dict.fromkeys(args.seeds) for row in rows]
    metrics = choose_metrics(args, list(dict.fromkeys(
        name for run in runs for name in run.evaluators)))
    comparison = choose_baseline(args, rows), choose_effects(args, metrics)
    check_writable(str(args.out), '--out')
    if args.data == 'synthetic':
        render_if_absent(Path('data/synthetic'))
    results: Dict[str, Dict[int, dict]] = {row.stem: {} for row in rows}
    unfinished = []
    for run in runs:
        figures = run.recorded()
        if figures is not None:
            results[run.config.stem][run.seed] = figures
        elif not args.only or run.config.stem in args.only:
            unfinished.append(run)

    failed = []
    threads = max((os.cpu_count() or 1) // args.jobs, 1)
    with ThreadPoolExecutor(args.jobs) as pool, tqdm(
            total=len(unfinished), desc='runs', unit='run', dynamic_ncols=True) as bar:
        futures = {pool.submit(run.run, threads): run for run in unfinished}
        try:
            for future in as_completed(futures):
                run = futures[future]
                try:
                    results[run.config.stem][run.seed] = future.result()
                    write_outputs(args.out, rows, metrics, results, *comparison)
                except (RuntimeError, InputError, OSError) as error:
                    failed.append(f'{run.config.stem}, seed {run.seed}: {error}')
                    bar.write(f'failed: {failed[-1]}', file=sys.stderr)
                bar.update()
        except (KeyboardInterrupt, SystemExit):
            pool.shutdown(cancel_futures=True)
            raise
    print(write_outputs(args.out, rows, metrics, results, *comparison))
    print(f'\n{args.out / "table.md"}, {args.out / "plot.png"}')
    if failed:
        print(f'{len(failed)} of {len(unfinished)} runs failed; run the same command to retry',
              file=sys.stderr)
        sys.exit(1)
