"""What ``tools/train.py`` and ``tools/test.py`` share: configs, folders and
checkpoints, checked before anything long starts."""
import argparse
import os
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import torch.nn as nn
from mmengine.config import Config, DictAction

from ..errors import InputError
from ..utils.command_line import fault_message
from ..utils.files import is_inner_name, shortened
from .acceleration import acceleration_switches, configure_acceleration
from .checkpoints import TRAINING_STATE
from .distributed import configure_distributed
from .process_state import unwrap_model
from .safe_loading import load_plain_checkpoint

CONFIG_ERROR_EXIT = 1
CONFIG_PACKAGE = os.path.join('mmengine', 'config')
# Options of mmengine's hooks and visualisers that name files inside the work dir.
FILE_NAMES = ('filename_tmpl', 'config_save_file', 'scalar_save_file', 'img_save_dir')


class ConfigOverride(DictAction):
    """``--cfg-options`` that reports a malformed KEY=VALUE as a usage error."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        wrong = [value for value in values if '=' not in value]
        if wrong:
            parser.error(f'--cfg-options {wrong[0]}: expected KEY=VALUE')
        super().__call__(parser, namespace, values, option_string)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of mmdet3d's train and test commands."""
    parser.add_argument('--work-dir', metavar='DIR',
                        help='folder of logs and checkpoints (default: work_dirs/CONFIG_NAME)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOverride, metavar='KEY=VALUE',
                        help='override config entries, for example '
                        'train_dataloader.batch_size=8 optim_wrapper.optimizer.lr=5e-4')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='how distributed processes are started')
    add_acceleration_arguments(parser)
    # torch.distributed.launch passes it; torchrun sets the variable instead.
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def add_acceleration_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags for the switches of ``acceleration``."""
    group = parser.add_argument_group('speed (docs/performance.md)')
    group.add_argument('--amp', action='store_true', dest='bfloat16',
                       help='mixed precision (bfloat16), on a GPU or a CPU')
    group.add_argument('--channels-last', action='store_true',
                       help='keep feature maps channels-last')
    group.add_argument('--compile', action='store_true',
                       help='compile backbone, neck and dense head; starts a minute later')


def set_acceleration(cfg: Config, args: argparse.Namespace) -> None:
    """Adds the flags that are set to the config's own switches, and applies all."""
    flags = {name: True for name in ('bfloat16', 'channels_last', 'compile')
             if getattr(args, name)}
    cfg.acceleration = {**acceleration_switches(cfg), **flags}
    configure_acceleration(cfg)


def read_config(name: str, options: Optional[dict] = None) -> Config:
    """Reads a config and overrides the entries that ``options`` name."""
    path = Path(name)
    if not path.is_file():
        near = sorted(str(other) for other in Path('configs').rglob('*.py')
                      if path.stem in other.stem and '_base_' not in other.parts)
        hint = f'; did you mean {near[0]}?' if near else '; see configs/'
        raise InputError(f'{path}: no such config{hint}')
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(options or {})
    return cfg


def load_config(args: argparse.Namespace) -> Config:
    """The config that ``args`` name, for a run: overridden, its folder made, checked."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    check_file_names(cfg.to_dict(), cfg.filename)
    cfg.launcher = args.launcher
    cfg.work_dir = (args.work_dir or cfg.get('work_dir')
                    or f'work_dirs/{Path(args.config).stem}')
    check_writable(cfg.work_dir, '--work-dir')
    configure_distributed(cfg)
    set_acceleration(cfg, args)
    check_classes(cfg)
    check_centers(cfg)
    return cfg


def check_file_names(entries: Any, title: str) -> None:
    """Raises InputError if a name of output files, anywhere in a config's ``entries``, leads
    out of their folder. ``title`` is where the entries stand."""
    if isinstance(entries, (list, tuple)):
        entries = dict(enumerate(entries))
    elif not isinstance(entries, dict):
        return
    for key, value in entries.items():
        if key in FILE_NAMES and value is not None and not (
                isinstance(value, str) and is_inner_name(value)):
            raise InputError(f'{title}: {key}={shortened(value)} is no name of a file inside the '
                             'work dir; choose its folder with --work-dir')
        check_file_names(value, title)


def check_classes(cfg: Config) -> None:
    """Raises InputError if a dataset labels other classes than the model's."""
    expected = cfg.model.get('coder', {}).get('class_names')
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = (cfg.get(name) or {}).get('dataset', {})
        while 'dataset' in dataset:
            dataset = dataset['dataset']
        classes = dataset.get('metainfo', {}).get('classes')
        if expected and classes and list(classes) != list(expected):
            raise InputError(f'{cfg.filename}: {name} labels the classes {list(classes)}, but '
                             f'model.coder has {list(expected)}; make them equal, order included')


def check_centers(cfg: Config) -> None:
    """Raises InputError if training keeps objects by another centre than their cells'."""
    coder = cfg.model.get('coder', {})
    if coder.get('type') != 'CenterCoder':
        return
    dataset = (cfg.get('train_dataloader') or {}).get('dataset', {})
    pipelines = []
    while dataset:
        pipelines += dataset.get('pipeline', [])
        dataset = dataset.get('dataset', {})
    cell_center = coder.get('cell_center', 'projected')
    for item in pipelines:
        if (item['type'] == 'CropScaleAffine'
                and item.get('kept_center', 'projected') != cell_center):
            raise InputError(f'{cfg.filename}: model.coder.cell_center is {cell_center!r}, so '
                             f'CropScaleAffine in training needs kept_center={cell_center!r}')


@contextmanager
def config_errors(config: str) -> Iterator[None]:
    """Turns mmengine's complaint about a config into one line and exit code 1."""
    try:
        yield
    except Exception as error:
        # A worker's death is noticed anywhere, also where a config is being written.
        if (isinstance(error, InputError) or fault_message(error) is not None
                or not _is_config_error(error)):
            raise
        reason = ' '.join(str(error.args[0] if error.args else error).split())
        print(f'{Path(sys.argv[0]).name}: config error: {config}: {type(error).__name__}: '
              f'{reason}', file=sys.stderr)
        sys.exit(CONFIG_ERROR_EXIT)


def _is_config_error(error: BaseException) -> bool:
    """Whether a config was being read, or something that it names being built."""
    frames = traceback.extract_tb(error.__traceback__)
    if any(CONFIG_PACKAGE in frame.filename for frame in frames):
        return True
    return (isinstance(error, (AttributeError, ImportError, KeyError, TypeError, ValueError))
            and any(frame.name.startswith('build_') and 'mmengine' in frame.filename
                    for frame in frames))


def check_writable(folder: str, flag: str) -> None:
    """Raises InputError unless files can be made in the folder that ``flag`` gives."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f'{folder}: cannot write here ({error.strerror}); '
                         f'choose another folder with {flag}') from None


def check_checkpoint(path: str, model: nn.Module, resume: bool = False) -> None:
    """Raises InputError unless ``path`` holds the weights of this very model and,
    to ``resume`` from it, the state of its training."""
    if '://' in path:
        return  # mmengine fetches it
    content = load_plain_checkpoint(path)
    weights = content.get('state_dict', content)
    own = unwrap_model(model).state_dict()
    wrong = [key for key in own
             if getattr(weights.get(key), 'shape', None) != own[key].shape]
    if wrong or set(weights) - set(own):
        unknown = sorted(set(weights) - set(own))
        example = wrong[0] if wrong else unknown[0]
        raise InputError(
            f'{path}: the checkpoint of another model ({len(own) - len(wrong)} of {len(own)} '
            f'entries fit, {len(unknown)} are unknown; first odd one: {example}); '
            'pass the config that it was trained with')
    if resume and not TRAINING_STATE <= set(content):
        raise InputError(f'{path}: holds weights but no training state to resume; '
                         'start from it with --cfg-options load_from=PATH')
