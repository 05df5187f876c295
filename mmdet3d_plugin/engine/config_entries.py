"""Entries of a config that nothing reads.

A config file is a Python program, and its variables become entries of the config, such as
``max_epochs = 15``. mmengine ignores entries that it does not know, so a misspelt entry or a new
value of such a variable would change nothing. docs/configuration.md states the rules.
"""
import ast
import inspect
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Optional, Tuple

from mmengine.config import Config
from mmengine.runner import Runner

from ..errors import InputError
from ..utils.suggestions import closest

# Entries that mmengine's runner reads from its config besides its own arguments.
RUNNER_ENTRIES = (
    'activation_checkpointing', 'compile', 'custom_imports', 'efficient_conv_bn_eval',
    'find_unused_parameters', 'model_wrapper_cfg', 'sync_bn')
# Entries that this project reads.
OWN_ENTRIES = (
    'acceleration', 'class_map', 'classes', 'input_fit', 'input_size', 'object_filter',
    'table_dataloader', 'training_camera')
ENTRIES = frozenset([*inspect.signature(Runner).parameters, *RUNNER_ENTRIES, *OWN_ENTRIES]) - {
    'cfg'}
MISSPELT = 0.85  # similarity from which on a name is taken for a misspelt entry


def check_options(cfg: Config, options: Iterable[str]) -> None:
    """Check that something reads the entries that ``--cfg-options`` sets.

    Args:
        cfg: the config without the options.
        options: dotted keys.

    Raises:
        InputError: nothing reads an entry. The message names the closest entry.
    """
    for key in options:
        name = key.partition('.')[0]
        if name not in ENTRIES:
            raise InputError(f'{cfg.filename}: --cfg-options {key}: nothing reads the entry '
                             f'{name}{_hint(_closest_entry(cfg, key))}')


def check_variables(cfg: Config) -> None:
    """Check that the variables of a config file are used.

    The file that is run must use each variable that it sets, unless the variable is an entry
    that something reads. Variables of its base files may be unused. A file without base files,
    such as those in work dirs, must only not misspell an entry that it lacks.

    Args:
        cfg: a config as read from its file.

    Raises:
        InputError: a variable is not used. The message names the closest entry.
    """
    if Path(cfg.filename).suffix == '.py':
        names, derived = _unused_variables(Path(cfg.filename).read_text(encoding='utf-8'))
    else:
        names, derived = [*cfg], False
    for name in names:
        if name not in cfg or name in ENTRIES:  # functions and modules are not in the config
            continue
        if derived:
            near = _closest_entry(cfg, name)
        else:
            near = closest(name, ENTRIES.difference(cfg), MISSPELT)
        if derived or near:
            raise InputError(f'{cfg.filename}: nothing reads the variable {name}'
                             f'{_hint(near) or "; use it in the file, or delete it"}')


def _hint(near: Optional[str]) -> str:
    return f'; did you mean {near}?' if near else ''


def _unused_variables(text: str) -> Tuple[List[str], bool]:
    """Return the variables that a Python config sets and does not use, and if it has bases."""
    tree = ast.parse(text)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    targets = [node for statement in tree.body if isinstance(statement, ast.Assign)
               for target in statement.targets for node in ast.walk(target)
               if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    stored = [node.id for node in targets]
    return [name for name in stored if name not in used and name != '_base_'], '_base_' in stored


def _closest_entry(cfg: Config, key: str) -> Optional[str]:
    """Return the dotted key that was probably meant, if any.

    It is the entry of a very similar name, or else the outermost entry of the same name inside
    of another entry, such as ``train_cfg.max_epochs`` for ``max_epochs``.
    """
    name, dot, rest = key.partition('.')
    leaf = key.rpartition('.')[2]
    near = closest(name, ENTRIES, MISSPELT)
    if near is None:
        inner = [inner for entry in ENTRIES.intersection(cfg)
                 for inner in _dotted_keys(cfg[entry], entry) if inner.rpartition('.')[2] == leaf]
        if inner:
            return min(inner, key=lambda item: ('train' not in item, item.count('.'), item))
        near = closest(name, ENTRIES)
    return near and near + dot + rest


def _dotted_keys(entries: Any, prefix: str) -> Iterator[str]:
    """Yield the dotted keys of all entries inside of dicts and lists."""
    if isinstance(entries, (list, tuple)):
        entries = {str(index): value for index, value in enumerate(entries)}
    elif not isinstance(entries, dict):
        return
    for key, value in entries.items():
        yield f'{prefix}.{key}'
        yield from _dotted_keys(value, f'{prefix}.{key}')
