"""Configs: read, overridden and checked before anything long starts."""
from pathlib import Path
from typing import Any, Optional

from mmengine.config import Config

from ..errors import InputError
from ..utils.files import is_inner_name, shortened

# Options of mmengine's hooks and visualisers that name files inside the work dir.
FILE_NAMES = ('filename_tmpl', 'config_save_file', 'scalar_save_file', 'img_save_dir')


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
