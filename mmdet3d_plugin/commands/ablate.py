"""Train a family of configs with several seeds and compare the results.

Usage: ``python tools/ablate.py CONFIGS --data synthetic --seeds 0 1 2 --out DIR``
"""
import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from mmengine.logging import MMLogger
from tqdm import tqdm

from ..errors import InputError, visible
from ..utils.files import atomic_write, check_writable
from ..utils.folder_lock import folder_lock
from ..utils.processes import available_cores, signals_passed_on
from ..visualization.ablation_plot import ablation_plot
from ..visualization.ablation_report import write_ablation_report
from .ablation_run import AblationRun, row_title
from .ablation_table import (
    EVALUATORS,
    FEATURE_STYLES,
    AblationRow,
    ablation_page,
    page_tables,
    style_of,
)
from .paired_comparison import Effect


def render_if_absent(folder: Path) -> None:
    """Render the synthetic set of the ablations, unless the folder holds a data set."""
    if not (folder / 'ImageSets').is_dir():
        # Imported here because only this data set needs the renderer.
        from ..synthetic import ABLATION_SET, write_synthetic_set
        write_synthetic_set(folder, ABLATION_SET, available_cores())


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
    """Write the tables, the plot and the report of all finished runs.

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
    plotted: Dict[str, Any] = dict(
        rows=[row.name for row in table_rows], styles=list(map(style_of, metrics)),
        values=[[row.values(key) for row in table_rows] for key in metrics])
    atomic_write(out / 'plot.png', ablation_plot(**plotted))
    write_ablation_report(
        out / 'report.html', title=f'Ablation {out.resolve().name}', **plotted,
        tables=page_tables(table_rows, metrics, baseline, effects))
    return tables


@signals_passed_on()
def main(args: argparse.Namespace) -> None:
    """Run the command."""
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
    with folder_lock(args.out, 'ablation', '--out'):
        do_runs(args, rows, runs, metrics, comparison)


def do_runs(args: argparse.Namespace, rows: List[Path], runs: List[AblationRun],
            metrics: List[str], comparison: Tuple[str, Dict[str, Effect]]) -> None:
    """Do the unfinished runs, and write the tables and the plot after each of them.

    Args:
        args: options of the command.
        rows: config of each row.
        runs: all runs.
        metrics: metrics to compare.
        comparison: name of the baseline, and the effect of each metric.
    """
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
                    failed.append(f'{run.config.stem}, seed {run.seed}: {visible(error, 1000)}')
                    bar.write(f'failed: {failed[-1]}', file=sys.stderr)
                bar.update()
        except (KeyboardInterrupt, SystemExit):
            pool.shutdown(cancel_futures=True)
            raise
    print(write_outputs(args.out, rows, metrics, results, *comparison))
    print(f'\n{args.out / "table.md"}, {args.out / "plot.png"}, {args.out / "report.html"}')
    if failed:
        print(f'{len(failed)} of {len(unfinished)} runs failed; run the same command to retry',
              file=sys.stderr)
        sys.exit(1)
