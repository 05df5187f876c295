"""A family of configs, each trained with several seeds, as resumable runs."""
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from ..errors import InputError
from ..utils.files import atomic_write
from ..visualization import read_training_log

METRIC_PREFIX = 'kitti/'


@dataclass
class AblationRun:
    """One config trained with one seed.

    Attributes:
        config: file of the row.
        seed: of the training.
        folder: work dir of the run; ``result.json`` there says that it finished.
        options: further ``--cfg-options`` of the training command.
        environment: variables that the config reads.
    """
    config: Path
    seed: int
    folder: Path
    options: Sequence[str]
    environment: Dict[str, str]

    @property
    def command(self) -> List[str]:
        return ['tools/train.py', str(self.config), '--work-dir', str(self.folder),
                *(['--resume'] if (self.folder / 'last_checkpoint').exists() else []),
                '--cfg-options', f'randomness.seed={self.seed}', *self.options]

    def recorded(self) -> Optional[Dict[str, float]]:
        """Metrics of the finished run, or None.

        Raises:
            InputError: the folder holds a run with other settings.
        """
        path = self.folder / 'result.json'
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            settings, metrics = content['settings'], content['metrics']
        except (ValueError, KeyError, TypeError):
            raise InputError(f'{path}: not a result of an ablation; remove it') from None
        if settings != self._settings():
            raise InputError(f'{path}: a run with other settings ({settings}); choose another '
                             'folder with --out, or remove this one')
        return metrics

    def train(self, num_threads: int) -> Dict[str, float]:
        """Trains, or goes on from the last checkpoint, and records the metrics.

        Raises:
            RuntimeError: the training failed; the message is its last line.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / 'train.log'
        environment = {**os.environ, **self.environment, 'OMP_NUM_THREADS': str(num_threads)}
        with log.open('w', encoding='utf-8') as file:
            code = subprocess.run([sys.executable, *self.command], env=environment, stdout=file,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
        if code:
            lines = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
            raise RuntimeError(f'{lines[-1] if lines else f"exit code {code}"} (log: {log})')
        metrics = self._last_validation()
        atomic_write(self.folder / 'result.json',
                     json.dumps(dict(settings=self._settings(), metrics=metrics), indent=1))
        return metrics

    def _last_validation(self) -> Dict[str, float]:
        rows = [row for row in read_training_log(self.folder)
                if any(key.startswith(METRIC_PREFIX) for key in row)]
        if not rows:
            raise RuntimeError(f'{self.folder}: the training was never validated; set '
                               'train_cfg.val_interval')
        return {key[len(METRIC_PREFIX):]: value for key, value in rows[-1].items()
                if key.startswith(METRIC_PREFIX)}

    def _settings(self) -> dict:
        return dict(config=str(self.config), seed=self.seed, options=list(self.options),
                    environment=self.environment)


def row_title(config: Path) -> str:
    """What a config varies: its first line, a comment."""
    first = config.read_text(encoding='utf-8').partition('\n')[0]
    return first.lstrip('# ').strip() if first.startswith('#') else config.stem
