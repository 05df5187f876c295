"""Configs in checkpoints and model folders, read without executing code.

mmengine executes a config file as a Python program. A checkpoint or a model folder may come from
anywhere, so its config is only parsed: it has to consist of assignments of plain values.
"""
import ast
import math
from typing import Any, Iterator

from mmengine.config import Config
from mmengine.registry import root
from mmengine.registry.registry import Registry

from ..errors import InputError
from ..utils.files import shortened

MAX_LENGTH = 1 << 20  # characters of a config
MAX_NUMBER = 1e9  # largest magnitude of a number in the config of a model
SCOPE_KEYS = ('_scope_', 'default_scope')
FLOATS = dict(inf=math.inf, nan=math.nan)


def parse_config(text: str, title: str) -> Config:
    """Parse the text of a config that holds plain values alone, such as ``Config.pretty_text``.

    Accepted are assignments of numbers, strings, None, booleans, lists, tuples, dictionaries and
    calls of ``dict`` with keyword arguments.

    Args:
        text: text of the config.
        title: origin of the text, for messages.

    Raises:
        InputError: the text is too long, or holds anything else.

    Example:
        >>> parse_config("model = dict(type='A', depth=-1.5)", 'a.pth').model
        {'type': 'A', 'depth': -1.5}
        >>> parse_config('model = open("a")', 'a.pth')  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.pth: its config holds more than plain values (line 1...
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f'{title}: its config has {len(text)} characters, expected at most '
                         f'{MAX_LENGTH}; name the config file instead')
    try:
        values = {}
        for statement in ast.parse(text).body:
            if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1
                    and isinstance(statement.targets[0], ast.Name)):
                raise _refusal(title, statement)
            values[statement.targets[0].id] = _value(statement.value, title)
        return Config(values)
    except InputError:
        raise
    except (SyntaxError, ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(f'{title}: its config cannot be parsed ({type(error).__name__}); name '
                         'the config file instead') from None


def _value(node: ast.expr, title: str) -> Any:
    """Return the value of an expression of plain values."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in FLOATS:
        return FLOATS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand, title)
        if type(value) in (int, float):
            return -value
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_value(item, title) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key, title): _value(value, title)
                for key, value in zip(node.keys, node.values)}
    if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict'
            and all(isinstance(item, ast.Dict) for item in node.args)
            and all(item.arg for item in node.keywords)):
        values = {}
        for item in node.args:  # mmengine writes keys that are no identifiers so
            values.update(_value(item, title))
        return {**values, **{item.arg: _value(item.value, title) for item in node.keywords}}
    raise _refusal(title, node)


def _refusal(title: str, node: ast.AST) -> InputError:
    return InputError(f'{title}: its config holds more than plain values (line '
                      f'{getattr(node, "lineno", 0)}); name the config file instead')


def check_parts(config: Config, title: str) -> None:
    """Check that a parsed config builds registered classes alone, from numbers of usual size.

    mmengine imports a type with dots that is not registered, such as ``os.system``, and calls it.
    It also imports the package that a scope names.

    Args:
        config: the config.
        title: origin of the config, for messages.

    Raises:
        InputError: a type or a scope is not registered, or a number is too large.
    """
    scopes = {registry.scope for registry in _registries()}
    for key, value in _walk(config.to_dict()):
        if key in SCOPE_KEYS and value not in scopes:
            raise InputError(f'{title}: its config has {key}={shortened(value)}, expected one of '
                             f'{", ".join(sorted(scopes))}; correct the config')
        if key == 'type' and not (isinstance(value, str) and _is_registered(value)):
            raise InputError(f'{title}: its config names {shortened(value)}, which is not '
                             'registered; import the module that defines it, or correct the '
                             'config')
        if type(value) in (int, float) and MAX_NUMBER < abs(value) < math.inf:
            raise InputError(f'{title}: its config has {key}={shortened(value)}, expected at most '
                             f'{MAX_NUMBER:g}; correct the config')


def _walk(entries: Any, key: Any = '') -> Iterator[tuple]:
    """Yield (key, plain value) of all nested entries."""
    if isinstance(entries, dict):
        for name, value in entries.items():
            yield from _walk(value, name)
    elif isinstance(entries, (list, tuple)):
        for value in entries:
            yield from _walk(value, key)
    else:
        yield key, entries


def _is_registered(kind: str) -> bool:
    """Return whether a registry of OpenMMLab has a class of this name, without importing it."""
    scope, _, name = kind.rpartition('.')
    return any(name in registry._module_dict for registry in _registries()
               if not scope or scope == registry.scope)


def _registries() -> Iterator[Registry]:
    """Yield all registries: mmengine's, and those of its children."""
    waiting = [value for value in vars(root).values() if isinstance(value, Registry)]
    while waiting:
        registry = waiting.pop()
        yield registry
        waiting.extend(registry._children.values())
