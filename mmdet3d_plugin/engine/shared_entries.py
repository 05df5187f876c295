"""Entries of a config that stand once and apply to many places: classes and the input size.

- ``classes``: classes in label order, with mean (height, width, length) in metres or None. It sets
  the classes of all datasets, and the class count, names and mean sizes of the detector.
- ``class_map``: class by other names in the labels, for all datasets.
- ``input_size``: (width, height) of CropScaleAffine in all pipelines.
- ``input_fit``: ``fit`` of CropScaleAffine in all pipelines.

docs/configuration.md states the rules. Applying them again changes nothing.
"""
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from mmengine.config import Config

from ..errors import InputError
from ..structures.class_names import (
    check_class_map,
    check_class_names,
    check_mean_sizes,
    find_class,
)

CROP = 'CropScaleAffine'
DATALOADER = '_dataloader'  # end of the keys of dataloaders
# Entries of a detector that one of its heads has.
HEADS = ('dense_head', 'bbox_head', 'detector')
# Parts of a detector with class counts or sizes of their own.
OTHER_PARTS = ('backbone', 'neck', 'data_preprocessor', 'train_cfg', 'test_cfg')

Size = Tuple[int, int]
MeanSizes = Dict[str, Optional[Sequence[float]]]


def apply_shared_entries(cfg: Config, earlier_sizes: Sequence[Size] = ()) -> None:
    """Apply the shared entries of a config to all places where they count, in place.

    Args:
        cfg: a config after all merging.
        earlier_sizes: values that ``input_size`` has in the base files, see :func:`earlier_sizes`.

    Raises:
        InputError: an entry is malformed, or the detector needs mean sizes that it does not get.

    Example:
        >>> cfg = Config(dict(
        ...     classes=dict(Forklift=(2.1, 1.2, 2.9)),
        ...     model=dict(dense_head=dict(num_classes=3),
        ...                coder=dict(class_names=['Car'], mean_sizes=dict(Car=(1.5, 1.6, 3.9)))),
        ...     train_dataloader=dict(dataset=dict(metainfo=dict(classes=['Car'])))))
        >>> apply_shared_entries(cfg)
        >>> cfg.model.dense_head.num_classes, cfg.model.coder.mean_sizes
        (1, {'Forklift': (2.1, 1.2, 2.9)})
        >>> cfg.train_dataloader.dataset.metainfo.classes
        ['Forklift']
    """
    if cfg.get('classes') is not None:
        _apply_classes(cfg)
    if cfg.get('class_map') is not None:
        for _, dataset in innermost_datasets(cfg):
            dataset['class_map'] = cfg.class_map
            classes = (dataset.get('metainfo') or {}).get('classes')
            if classes:
                check_class_map(cfg.class_map, classes, f'{cfg.filename or "config"}')
    _apply_input_size(cfg, earlier_sizes)


def innermost_datasets(cfg: Config) -> Iterator[Tuple[str, dict]]:
    """Yield (key, settings) of the datasets of all dataloaders, without their wrappers.

    Example:
        >>> cfg = Config(dict(val_dataloader=dict(dataset=dict(
        ...     type='RepeatDataset', dataset=dict(type='KittiMonoDataset')))))
        >>> [key for key, settings in innermost_datasets(cfg)]
        ['val_dataloader.dataset.dataset']
    """
    for name in list(cfg):
        if name.endswith(DATALOADER) and isinstance(cfg[name], dict):
            dataset = cfg[name].get('dataset')
            if isinstance(dataset, dict):
                yield from _inside(f'{name}.dataset', dataset)


def _inside(key: str, dataset: dict) -> Iterator[Tuple[str, dict]]:
    inside = [(f'{key}.dataset', dataset.get('dataset'))]
    inside += [(f'{key}.datasets.{index}', inner)
               for index, inner in enumerate(dataset.get('datasets') or ())]
    wrapped = [(inner_key, inner) for inner_key, inner in inside if isinstance(inner, dict)]
    if not wrapped:
        yield key, dataset
    for inner_key, inner in wrapped:
        # Some wrappers pass entries of their own on to the dataset.
        if 'classes' in (dataset.get('metainfo') or {}):
            yield key, dataset
        yield from _inside(inner_key, inner)


def _apply_classes(cfg: Config) -> None:
    """Set the classes of all datasets and of the detector."""
    title = f'{cfg.filename or "config"}'
    classes = cfg.classes
    if isinstance(classes, dict):
        sizes: MeanSizes = {name: size for name, size in classes.items() if name != '_delete_'}
    else:
        sizes = dict.fromkeys(check_class_names(classes, title))
    names = list(check_class_names(list(sizes), title))
    check_mean_sizes(sizes, title)
    datasets = list(innermost_datasets(cfg))
    former = next((list(settings['metainfo']['classes']) for _, settings in datasets
                   if (settings.get('metainfo') or {}).get('classes')), [])
    model = cfg.get('model')
    if isinstance(model, dict) and any(head in model for head in HEADS):
        _set_classes(model, 'model', sizes, former, title)
    for _, settings in datasets:
        settings['metainfo'] = {**(settings.get('metainfo') or {}), 'classes': list(names)}
    if 'class_names' in cfg:
        cfg.class_names = list(names)


def _set_classes(part: dict, key: str, sizes: MeanSizes, former: Sequence[str],
                 title: str) -> None:
    """Set the class count, names and mean sizes in a part of a detector.

    Args:
        part: settings of the part.
        key: its dotted key, for messages.
        sizes: mean height, width, length, metres, or None, by class.
        former: classes of the datasets before.
        title: file of the config, for messages.
    """
    for name, value in part.items():
        if name in OTHER_PARTS:
            continue
        if name == 'num_classes':
            part[name] = len(sizes)
        elif name == 'class_names':
            part[name] = list(sizes)
        elif name == 'mean_sizes' and value is not None:
            part[name] = _all_sizes(sizes, value, f'{key}.{name}', title)
        elif name == 'base_dims' and value is not None:
            known = {other: (height, width, length) for other, (length, height, width)
                     in zip(former, value)} if len(former) == len(value) else {}
            found = _all_sizes(sizes, known, f'{key}.{name}', title)
            part[name] = tuple((length, height, width)
                               for height, width, length in found.values())
        elif name == 'base_depths' and value is not None and len(value) not in (1, len(sizes)):
            raise InputError(f'{title}: {key}.base_depths has depths of {len(value)} classes, but '
                             f'classes names {len(sizes)}; give one per class, or one for all')
        elif isinstance(value, dict):
            _set_classes(value, f'{key}.{name}', sizes, former, title)
        elif isinstance(value, (list, tuple)):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    _set_classes(item, f'{key}.{name}.{index}', sizes, former, title)


def _all_sizes(sizes: MeanSizes, known: Mapping[str, Sequence[float]], key: str,
               title: str) -> Dict[str, Tuple[float, ...]]:
    """Return the mean size of every class: the given one, or that of the model's config."""
    found = {}
    for name, size in sizes.items():
        other = find_class(name, known)
        if size is None and other is not None:
            size = known[other]
        if size is None:
            raise InputError(f'{title}: classes gives no mean size of {name}, which {key} needs; '
                             f'write classes = dict({name}=(height, width, length)) in metres, as '
                             'tools/create_data.py kitti prints it')
        found[name] = tuple(size)
    return found


def crops_of(cfg: Config) -> Iterator[dict]:
    """Yield the settings of every CropScaleAffine in the pipelines of all dataloaders.

    Example:
        >>> cfg = Config(dict(val_dataloader=dict(dataset=dict(
        ...     pipeline=[dict(type='LoadImageMono3D'), dict(type='CropScaleAffine')]))))
        >>> len(list(crops_of(cfg)))
        1
    """
    for name in list(cfg):
        if name.endswith(DATALOADER):
            yield from _crops(cfg[name])


def _crops(entries: Any) -> Iterator[dict]:
    if isinstance(entries, dict):
        if entries.get('type') == CROP:
            yield entries
        entries = entries.values()
    elif not isinstance(entries, (list, tuple)):
        return
    for value in entries:
        yield from _crops(value)


def _apply_input_size(cfg: Config, earlier: Iterable[Size]) -> None:
    """Set size and fit of the crops that follow the config's ``input_size``."""
    size, fit = cfg.get('input_size'), cfg.get('input_fit')
    former = [tuple(item) for item in earlier]
    if not isinstance(size, (list, tuple)):
        size = None  # embedders have the side of a square
    elif len(size) != 2 or not all(isinstance(length, int) and length > 0 for length in size):
        if list(crops_of(cfg)):
            raise InputError(f'{cfg.filename or "config"}: input_size is {size!r}, expected width '
                             'and height in pixels, such as (1280, 384)')
        size = None
    for crop in crops_of(cfg):
        own = crop.get('input_size')
        if size is not None and (own is None or tuple(own) in former) and (
                own is None or tuple(own) != tuple(size)):
            crop['input_size'] = tuple(size)
            if own is not None:
                # The base's fit suits the base's images and size.
                crop['fit'] = 'contain'
        if fit is not None:
            crop['fit'] = fit


def earlier_sizes(cfg: Config) -> List[Size]:
    """Return the values of ``input_size`` in base files that crops of a config still have.

    A crop with one of these values inherited it. A crop with any other value was given its own.

    Args:
        cfg: a config as read from its file.

    Returns:
        The sizes; none if all crops have the config's size.
    """
    found: List[Size] = []
    size = cfg.get('input_size')
    if isinstance(size, (list, tuple)) and not _is_consistent(cfg):
        for base in _bases(cfg.filename):
            other = base.get('input_size')
            if isinstance(other, (list, tuple)):
                found += [tuple(other)] if tuple(other) != tuple(size) else []
                found += earlier_sizes(base)
    return found


def _is_consistent(cfg: Config) -> bool:
    """Return whether all crops of a config have its ``input_size``."""
    return all(tuple(crop.get('input_size') or ()) == tuple(cfg.input_size)
               for crop in crops_of(cfg))


def _bases(filename: str) -> Iterator[Config]:
    """Yield the base configs that a config file names."""
    with tempfile.TemporaryDirectory() as folder:
        resolved = str(Path(folder, Path(filename).name))
        Config._substitute_env_variables(filename, resolved)
        names = Config._get_base_files(resolved)
    for name in names:
        path, _ = Config._get_cfg_path(name, filename)
        yield Config.fromfile(path, import_custom_modules=False)
