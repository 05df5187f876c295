"""Resumable training run of an ablation: one config with one seed."""
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence
from unittest import mock

from ..benchmarks.metric_style import without_prefix
from ..engine.config_files import read_config
from ..engine.trained_model import LAST_CHECKPOINT
from ..errors import InputError
from ..models.model_contract import DEPTH, task_of_config
from ..utils.files import atomic_write, has_file, read_text
from ..utils.processes import run_child
from .command_line import config_errors
from .training_log import read_training_log

FEATURES = 'depth_features/depth_features.json'
MAX_BYTES = 1 << 24  # of a JSON file of a run
Figures = Dict[str, Optional[float]]  # by metric; None if undefined


@dataclass
class AblationRun:
    """One config trained with one seed.

    The run writes ``settings.json`` into its folder before the training starts,
    ``result.json`` when the training (and test) has finished, and the subfolder
    ``depth_features`` if features are analysed.

    Attributes:
        config: config file of the row.
        seed: random seed of the training.
        folder: work dir of the run.
        options: further ``--cfg-options`` of the training command, each ``KEY=VALUE``.
        environment: environment variables that the config reads, besides ``ABLATION_SEED``,
            which is the seed.
        analyse: whether to add the metrics of ``tools/analysis/depth_features.py``.
        test: whether the result is the test of the last checkpoint, in place of the last
            validation of the training.
        settings: everything that the result depends on, as plain values.
        evaluators: type names of the metrics.

    Raises:
        InputError: the features of a depth estimator are to be analysed, or the config has no
            ``test_evaluator`` for a test.
    """
    config: Path
    seed: int
    folder: Path
    options: Sequence[str]
    environment: Dict[str, str]
    analyse: bool = False
    test: bool = False

    def __post_init__(self) -> None:
        # Read here, since the environment of the process must not change while threads run.
        with mock.patch.dict(os.environ, self._config_environment()), \
                config_errors(str(self.config)):
            cfg = read_config(str(self.config))
        evaluators = cfg.get('test_evaluator') or []
        if self.test and not evaluators:
            raise InputError(f'{self.config}: --test needs a test_evaluator; add one, or leave '
                             '--test out')
        if not self.test:
            evaluators = cfg.get('val_evaluator') or evaluators
        if self.analyse and not isinstance(cfg.get('model'), dict):
            raise InputError(f'{self.config}: has no model; name the config of a training')
        if self.analyse and task_of_config(cfg.model) == DEPTH:
            raise InputError(f'{self.config}: --depth-features analyses detectors, but this '
                             'config estimates depth maps; leave it out')
        items = [evaluators] if isinstance(evaluators, dict) else evaluators
        if not isinstance(items, (list, tuple)) or not all(
                isinstance(item, dict) and isinstance(item.get('type'), str) for item in items):
            raise InputError(f'{self.config}: an evaluator has no type; name a metric')
        self.evaluators = [item['type'] for item in items]
        with config_errors(str(self.config)):
            content = cfg.pretty_text
        self.settings = dict(
            config=str(self.config), seed=self.seed, options=list(self.options),
            environment=self.environment,
            config_sha256=hashlib.sha256(content.encode()).hexdigest(),
            **(dict(test=True) if self.test else {}))

    def _config_environment(self) -> Dict[str, str]:
        """Return the environment variables that configs read."""
        return {**self.environment, 'ABLATION_SEED': str(self.seed)}

    def recorded(self) -> Optional[Figures]:
        """Return the metrics of the finished run, or None if it is unfinished.

        Raises:
            InputError: the folder holds a run with other settings.
        """
        settings, result = (self._read(name) for name in ('settings.json', 'result.json'))
        if settings is not None and settings != self.settings:
            raise InputError(f'{self.folder}: holds a run with other settings or of a config that '
                             'has changed; choose another folder with --out, or remove this one')
        features = self._read(FEATURES) if self.analyse else {}
        if result is None or features is None:
            return None
        try:
            metrics = {**result, **(feature_metrics(features) if self.analyse else {})}
        except (AttributeError, KeyError, TypeError):
            raise InputError(f'{self.folder / FEATURES}: holds no figures of features; remove '
                             'the file') from None
        odd = [name for name, value in metrics.items()
               if not isinstance(value, (int, float, type(None)))]
        if odd:
            raise InputError(f'{self.folder}/result.json: {odd[0]} is no number; remove the file')
        return metrics

    def run(self, num_threads: int) -> Figures:
        """Do the unfinished steps of the run.

        Args:
            num_threads: OpenMP threads of each command.

        Returns:
            The metrics by name.

        Raises:
            RuntimeError: a command failed; the message is the last line of its log.
        """
        if self._read('result.json') is None:
            self._train(num_threads)
        if self.analyse and self._read(FEATURES) is None:
            checkpoint = self._last_checkpoint()
            if not checkpoint:
                raise RuntimeError(f'{self.folder}: no checkpoint to analyse; remove the folder '
                                   'to train again')
            self._run('depth-features', num_threads, str(self.config),
                      checkpoint, '--out', str((self.folder / FEATURES).parent),
                      *self._overrides(*self.options))
        figures = self.recorded()
        assert figures is not None  # written above
        return figures

    def _train(self, num_threads: int) -> None:
        """Train, or resume from the last checkpoint, test, and write ``result.json``."""
        atomic_write(self.folder / 'settings.json', json.dumps(self.settings, indent=1))
        options = self._overrides(f'randomness.seed={self.seed}', *self.options)
        self._run('train', num_threads, str(self.config), '--work-dir', str(self.folder),
                  '--resume', 'auto', *options)
        metrics = None if self.test else self._final_validation()
        if metrics is None:
            # A training that was killed after its last epoch has no validation to resume.
            tests = self.folder / 'test'
            self._run('test', num_threads, str(self.config), self._last_checkpoint() or '',
                      '--work-dir', str(tests), *options)
            # Log folders are named by time; hooks write JSON files into other folders.
            log = max(tests.glob('[0-9]*_[0-9]*/*.json'), key=lambda path: path.parent.name)
            metrics = _metrics(json.loads(log.read_text(encoding='utf-8')))
        atomic_write(self.folder / 'result.json', json.dumps(metrics, indent=1))

    @staticmethod
    def _overrides(*options: str) -> List[str]:
        return ['--cfg-options', *options] if options else []

    def _run(self, command: str, num_threads: int, *arguments: str) -> None:
        log = self.folder / f'{command.replace("-", "_")}.log'
        environment = {**os.environ, **self._config_environment(),
                       'OMP_NUM_THREADS': str(num_threads)}
        with log.open('w', encoding='utf-8') as file:
            code = run_child([sys.executable, '-m', 'mmdet3d_plugin', command, *arguments],
                             env=environment, stdout=file, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL)
        if code:
            lines = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
            raise RuntimeError(f'{lines[-1] if lines else f"exit code {code}"} (log: {log})')

    def _last_checkpoint(self) -> Optional[str]:
        path = self.folder / LAST_CHECKPOINT
        return read_text(path, 'no such file').strip() if has_file(path) else None

    def _final_validation(self) -> Optional[Figures]:
        """Return the metrics of the validation after the last epoch, or None."""
        checkpoint = self._last_checkpoint()
        epoch = '' if checkpoint is None else Path(checkpoint).stem.rpartition('_')[2]
        if not epoch.isdecimal():
            raise RuntimeError(f'{self.folder}/{LAST_CHECKPOINT}: names no checkpoint of an '
                               'epoch; remove the folder to train again')
        last_epoch = int(epoch)
        for row in reversed(read_training_log(self.folder)):
            metrics = _metrics(row)
            if metrics and row['step'] == last_epoch:
                return metrics
        return None

    def _read(self, name: str) -> Optional[dict]:
        path = self.folder / name
        if not has_file(path):
            return None
        try:
            content = json.loads(read_text(path, 'no such file', MAX_BYTES, 'remove the file'))
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise InputError(f'{path}: is no JSON object; remove the file')
        return content


def _metrics(row: dict) -> Figures:
    """Return the validation metrics of a log row: the values whose key has a prefix."""
    return without_prefix({key: value for key, value in row.items() if '/' in key})


def feature_metrics(figures: dict) -> Figures:
    """Convert the JSON figures of ``tools/analysis/depth_features.py`` to metrics.

    Args:
        figures: content of ``depth_features.json``.

    Returns:
        ``spearman`` and ``qi_satisfied`` in percent, and ``CLASS_depth_error`` in metres for
        each class, None for a class without detections.
    """
    errors = figures['mean_depth_error']
    return dict(spearman=100 * figures['spearman'], qi_satisfied=100 * figures['qi_satisfied'],
                **{f'{name}_depth_error': error for name, error in errors.items()})


def row_title(config: Path) -> str:
    """Return the title of a config: its first line if this is a comment, else its name."""
    first = config.read_text(encoding='utf-8').partition('\n')[0]
    return first.lstrip('# ').strip() if first.startswith('#') else config.stem
