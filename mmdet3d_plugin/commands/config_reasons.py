"""Reasons of exceptions while a config is read or its objects are built, as one line each."""
import inspect
import os
import re
import traceback
from types import FrameType
from typing import Any, Iterator, List, Optional, Set

from ..utils.suggestions import did_you_mean
from ..utils.user_code import user_traceback

CONFIG_PACKAGE = os.path.join('mmengine', 'config')
CONFIG_READERS = ('fromfile', '_file2dict', '_is_lazy_import')  # have the name of the config
UNNAMED = '<unknown>'
RUNNER = 'mmengine.runner.runner'  # passes entries such as randomness on as arguments
UNKNOWN_TYPE = re.compile(r'(\S+) is not in the \S+?::(.+?) registry')
UNKNOWN_ARGUMENT = re.compile(r"(?:(\w+)\.__init__|(\w+))\(\) got an unexpected keyword argument "
                              r"'(\w+)'")


def config_reason(error: BaseException) -> Optional[str]:
    """Return what is wrong with a config.

    Args:
        error: exception that was raised while a config was read, or while the objects of a run
            were built.

    Returns:
        One line, with the closest name for a misspelt type or argument; None if the config is
        not the cause.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    reason = _unknown_type(error, frames) or _syntax_error(error, frames)
    # The registry called a constructor with an argument that it does not have.
    if frames and frames[-1].f_code.co_name == 'build_from_cfg':
        reason = reason or _unknown_argument(error, frames)
    if reason or user_traceback(error) is not None:
        return reason
    if _is_config_error(error, frames):
        return _unknown_argument(error, frames) or _plain_reason(error)
    called_by_runner = frames and frames[-1].f_globals.get('__name__') == RUNNER
    return _unknown_argument(error, frames) if called_by_runner else None


def _is_config_error(error: BaseException, frames: List[FrameType]) -> bool:
    """Return whether an error arose from reading a config or building an object of it."""
    codes = [frame.f_code for frame in frames]
    if any(CONFIG_PACKAGE in code.co_filename for code in codes):
        return True
    return (isinstance(error, (AssertionError, AttributeError, ImportError, KeyError, TypeError,
                               ValueError))
            and any(code.co_name.startswith('build_') and 'mmengine' in code.co_filename
                    for code in codes))


def _plain_reason(error: BaseException) -> str:
    """Return type and message of an exception, with file and line of the config's code."""
    if isinstance(error, OSError) and error.filename is not None:
        return f'{error.filename}: {error.strerror}'
    place = next((f'{frame.f_code.co_filename}:{line}: '
                  for frame, line in reversed([*traceback.walk_tb(error.__traceback__)])
                  if '__name__' not in frame.f_globals), '')
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    return f'{place}{type(error).__name__}: {" ".join(str(message).split())}'


def _syntax_error(error: BaseException, frames: List[FrameType]) -> Optional[str]:
    """Return file, line and message of a syntax error in a config or in a module of the user."""
    if not isinstance(error, SyntaxError):
        return None
    file = error.filename
    if file == UNNAMED:  # mmengine parses the text of a config without its name
        file = [frame.f_locals['filename'] for frame in frames
                if frame.f_code.co_name in CONFIG_READERS][-1]
    return f'{file}:{error.lineno}: SyntaxError: {error.msg}'


def _unknown_type(error: BaseException, frames: List[FrameType]) -> Optional[str]:
    """Return a line for a type that is not registered, with the closest registered name."""
    found = UNKNOWN_TYPE.search(str(error)) if isinstance(error, KeyError) else None
    if not found or frames[-1].f_code.co_name != 'build_from_cfg':
        return None
    name, kind = found.group(1).strip('\'"'), found.group(2)
    registry = frames[-1].f_locals['registry']
    hint = did_you_mean(name, set(_registered_names(registry.root, registry.scope)))
    return (f'no {kind} {name} is registered'
            + (hint or '; name its module in custom_imports, or correct the type'))


def _registered_names(registry: Any, scope: str) -> Iterator[str]:
    """Yield the names of a tree of registries as a config of a scope writes them."""
    prefix = '' if registry.scope in (scope, registry.root.scope) else f'{registry.scope}.'
    for name in registry.module_dict:
        yield prefix + name
    for child in registry.children.values():
        yield from _registered_names(child, scope)


def _unknown_argument(error: BaseException, frames: List[FrameType]) -> Optional[str]:
    """Return a line for an argument that a constructor does not have, with the closest one."""
    found = UNKNOWN_ARGUMENT.search(str(error)) if isinstance(error, TypeError) else None
    if not found:
        return None
    owner, function, argument = found.groups()
    name = owner or function
    called = [frame.f_locals['obj_cls'] for frame in frames
              if frame.f_code.co_name == 'build_from_cfg' and 'obj_cls' in frame.f_locals][-1:]
    caller = frames[-1]
    called += [value for value in (caller.f_globals.get(name),
                                   getattr(caller.f_locals.get('self'), name, None))
               if callable(value)]
    hint = did_you_mean(argument, set().union(*map(_arguments, called)))
    return f'{name} has no argument {argument}{hint}'


def _arguments(called: Any) -> Set[str]:
    """Return the names of the arguments of a function, or of a class and its bases."""
    functions = [vars(base).get('__init__') for base in inspect.getmro(called)] if isinstance(
        called, type) else [getattr(called, '__func__', called)]
    return {name for function in functions if inspect.isfunction(function)
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            } - {'self'}
