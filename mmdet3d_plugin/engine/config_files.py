"""Functions that read a config and check it before a run starts."""
from typing import Any, Iterator, List, Optional, Tuple

from mmdet3d.registry import METRICS
from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from ..errors import InputError
from ..structures.class_names import class_key, find_class
from ..utils.config_names import find_config
from ..utils.files import is_inner_name, shortened
from ..utils.user_code import add_user_packages, user_traceback
from .config_entries import check_options, check_variables
from .shared_entries import apply_shared_entries, earlier_sizes

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Options of mmengine's hooks and visualisers that name files inside the work dir.
FILE_NAMES = ('filename_tmpl', 'config_save_file', 'scalar_save_file', 'img_save_dir')


def read_config(name: str, options: Optional[dict] = None) -> Config:
    """Read a config, override some of its entries, and apply its shared entries.

    The shared entries ``classes``, ``class_map``, ``input_size`` and ``input_fit`` set many
    places, see :mod:`.shared_entries`.

    Args:
        name: file of the config, or the name of a shipped config.
        options: new values by dotted key, as of ``--cfg-options``.

    Raises:
        InputError: there is no such file, and the message suggests a config of a similar name;
            nothing reads an option or a variable of the file; a module of ``custom_imports`` is
            missing; a YAML file holds more than plain values; or a shared entry is malformed.
    """
    path = find_config(name)
    try:
        cfg = Config.fromfile(path, import_custom_modules=False)
    except InputError as error:  # of a YAML file, this one or a file of _base_
        raise InputError(f'{path}: {error}') from None
    check_variables(cfg)
    check_options(cfg, options or {})
    import_custom_modules(cfg)
    sizes = earlier_sizes(cfg)
    if isinstance(cfg.get('input_size'), (list, tuple)):
        sizes.append(tuple(cfg.input_size))  # options may change it
    cfg.merge_from_dict(options or {})
    apply_shared_entries(cfg, sizes)
    return cfg


def import_custom_modules(cfg: Config) -> None:
    """Import the modules of ``custom_imports``, which register their parts.

    Errors in code of these modules keep their traceback, see :mod:`..utils.user_code`.

    Args:
        cfg: a config as read from its file.

    Raises:
        InputError: there is no such module.
        Exception: any exception of a module.
    """
    entry = cfg.get('custom_imports') or {}
    modules = entry.get('imports') or []
    add_user_packages([modules] if isinstance(modules, str) else modules)
    try:
        import_modules_from_strings(**entry or dict(imports=[]))
    except ImportError as error:
        cause = error.__context__ or error  # mmengine's own message does not name the cause
        missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
        if missing and user_traceback(cause) is None:
            raise InputError(f'{cfg.filename}: custom_imports: there is no module {missing}; add '
                             'the folder that holds it to the environment variable PYTHONPATH, '
                             'or correct the name') from error
        raise cause from None


def check_file_names(entries: Any, title: str) -> None:
    """Check that names of output files stay inside their folder.

    Args:
        entries: a config, or a part of it, as plain dicts and lists.
        title: file of the config, for the message.

    Raises:
        InputError: a name leads out of its folder.
    """
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
    """Check that datasets and metrics have the classes of the model, in the same order.

    Upper and lower case are not told apart.

    Args:
        cfg: config of a run; ``model.coder.class_names`` are the classes of the model.

    Raises:
        InputError: a dataset has other classes, the model has no mean size of a class, or a metric
            cannot evaluate a class.
    """
    coder = cfg.model.get('coder') or {}
    expected = coder.get('class_names')
    if expected and coder.get('mean_sizes'):
        for name in expected:
            if find_class(name, coder['mean_sizes']) is None:
                raise InputError(f'{cfg.filename}: model.coder.mean_sizes has no size of {name}; '
                                 'give the sizes in the entry classes of the config')
    for name in DATALOADERS:
        datasets = _nested_datasets(cfg, name)
        classes = (datasets[-1][1].get('metainfo') or {}).get('classes') if datasets else None
        if expected and classes and [*map(class_key, classes)] != [*map(class_key, expected)]:
            raise InputError(f'{cfg.filename}: {name} labels the classes {list(classes)}, but '
                             f'model.coder has {list(expected)}; make them equal, order included')
        _check_evaluator(cfg, name, classes)


def _check_evaluator(cfg: Config, dataloader: str, classes: Optional[List[str]]) -> None:
    """Raise InputError for a class that the metric of a dataloader cannot evaluate."""
    settings = cfg.get(dataloader.replace('dataloader', 'evaluator')) or []
    for item in [settings] if isinstance(settings, dict) else settings:
        check = getattr(METRICS.get(item['type']) if isinstance(item.get('type'), str) else
                        item.get('type'), 'check_settings', None)
        if check is not None and classes:
            try:
                check(item, list(classes))
            except InputError as error:
                raise InputError(f'{cfg.filename}: {error}') from None


def check_centers(cfg: Config) -> None:
    """Check that training keeps an object by the centre that its cell is computed from.

    Args:
        cfg: config of a run; ``model.coder.cell_center`` is the centre of cells.

    Raises:
        InputError: ``kept_center`` of a CropScaleAffine is another centre.
    """
    coder = cfg.model.get('coder', {})
    if coder.get('type') != 'CenterCoder':
        return
    cell_center = coder.get('cell_center', 'projected')
    for _, item in _crops(cfg, 'train_dataloader'):
        if item.get('kept_center', 'projected') != cell_center:
            raise InputError(f'{cfg.filename}: model.coder.cell_center is {cell_center!r}, so '
                             f'CropScaleAffine in training needs kept_center={cell_center!r}')


def check_reference(cfg: Config) -> None:
    """Check that model, datasets and transforms agree on ``reference``.

    ``reference=True`` selects the arithmetic of the released code of MonoDLE, GUPNet, DID-M3D
    and MonoLSS for the projected centres of KITTI datasets, for the warp of images and the
    cells that CropScaleAffine keeps, and for the geometry of the model. A missing entry counts
    as False. Datasets of other types have no such entry and are not checked.

    Args:
        cfg: config of a run.

    Raises:
        InputError: an entry differs from ``model.reference``.
    """
    expected = cfg.model.get('reference', False)
    given = [*_dataset_references(cfg),
             *((f'{title}.reference', item.get('reference', False))
               for name in DATALOADERS for title, item in _crops(cfg, name))]
    for entry, value in given:
        if value != expected:
            raise InputError(f'{cfg.filename}: {entry} is {value}, but model.reference is '
                             f'{expected}; set {entry}={expected}')


def check_momentum_encoder(cfg: Config) -> None:
    """Check that a hook updates the momentum encoder of an embedder.

    Args:
        cfg: config of a run.

    Raises:
        InputError: ``model.momentum`` is set, but there is no MomentumEncoderHook.
    """
    hooks = [hook.type for hook in cfg.get('custom_hooks', [])]
    if (cfg.model.type == 'Embedder' and cfg.model.get('momentum') is not None
            and 'MomentumEncoderHook' not in hooks):
        raise InputError(f'{cfg.filename}: model.momentum is {cfg.model.momentum}, but nothing '
                         'updates the momentum encoder; add a MomentumEncoderHook to custom_hooks')


def _nested_datasets(cfg: Config, dataloader: str) -> List[Tuple[str, dict]]:
    """Return (key, settings) of a dataloader's dataset and of those that it wraps, in order."""
    datasets = []
    key, settings = f'{dataloader}.dataset', (cfg.get(dataloader) or {}).get('dataset')
    while settings:
        datasets.append((key, settings))
        key, settings = f'{key}.dataset', settings.get('dataset')
    return datasets


def _dataset_references(cfg: Config) -> Iterator[Tuple[str, bool]]:
    """Yield (key, value) of the ``reference`` of every KITTI dataset."""
    for name in DATALOADERS:
        datasets = _nested_datasets(cfg, name)
        # MixImageDataset's own entries override those of the dataset that it wraps.
        given = [(f'{key}.reference', settings['reference']) for key, settings in datasets
                 if 'reference' in settings]
        if given:
            yield given[0]
        elif datasets and datasets[-1][1].get('type') == 'KittiMonoDataset':
            yield f'{datasets[-1][0]}.reference', False


def _crops(cfg: Config, dataloader: str) -> Iterator[Tuple[str, dict]]:
    """Yield (key, settings) of every CropScaleAffine of a dataloader's pipelines."""
    for key, settings in _nested_datasets(cfg, dataloader):
        for index, item in enumerate(settings.get('pipeline', [])):
            if item['type'] == 'CropScaleAffine':
                yield f'{key}.pipeline.{index}', item
