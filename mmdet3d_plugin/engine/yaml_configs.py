"""YAML files as data: mmengine's own reader of YAML executes what a file names.

Importing this module replaces mmengine's handler of YAML files. It then holds for configs, for
their ``_base_`` files, and for all else that mmengine reads.
"""
from typing import IO, Any, Dict

import yaml
from mmengine.fileio import register_handler
from mmengine.fileio.handlers.yaml_handler import YamlHandler

from ..errors import InputError, visible

MAX_LENGTH = 1 << 18  # characters of a file; a config has about 10,000
MAX_VALUES = 1 << 16  # values of a file; a value with several aliases counts at each


class PlainLoader(yaml.SafeLoader):
    """Loader of plain values, and of tuples, which mmengine writes into YAML configs."""


PlainLoader.add_constructor(
    'tag:yaml.org,2002:python/tuple',
    lambda loader, node: tuple(loader.construct_sequence(node, deep=True)))


@register_handler(['yaml', 'yml'])
class PlainYamlHandler(YamlHandler):
    """mmengine's handler of YAML files, without objects of Python."""

    def load_from_fileobj(self, file: IO[str], **kwargs: Any) -> Any:
        """Read a file, see :func:`parse_yaml`."""
        return parse_yaml(file.read(MAX_LENGTH + 1))


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text that holds plain values alone.

    Args:
        text: text of a file.

    Raises:
        InputError: the text is too long, is no YAML, repeats a value too often by aliases, or
            holds an object of Python.

    Example:
        >>> parse_yaml('size: !!python/tuple [4, 2]')
        {'size': (4, 2)}
        >>> parse_yaml('a: !!python/object/apply:os.getcwd []')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: not readable as YAML of plain values (line 1: could not \
determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.getcwd')
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f'has more than {MAX_LENGTH} characters of YAML; split it')
    try:
        loader = PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _num_values(node, {}) > MAX_VALUES:
            raise InputError(f'its aliases repeat values to more than {MAX_VALUES}; write fewer')
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        mark = getattr(error, 'problem_mark', None)
        place = f'line {mark.line + 1}: ' if mark else ''
        reason = getattr(error, 'problem', None) or str(error) or type(error).__name__
        raise InputError('not readable as YAML of plain values '
                         f'({place}{visible(reason, 200)})') from None


def _num_values(node: yaml.Node, known: Dict[int, float]) -> float:
    """Return the number of values in a node after its aliases are replaced by their values.

    Args:
        node: the node.
        known: number by id of the nodes that were counted before.
    """
    if id(node) not in known:
        known[id(node)] = float('inf')  # of a value that holds itself
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in parts for part in pair]
        known[id(node)] = 1 + sum(_num_values(part, known) for part in parts)
    return known[id(node)]
