"""Pages of the reference: the modules of each room, and the parts that configs name."""
import ast
import re
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple

from .source_lines import PACKAGE, ROOT

FOLDER = 'reference/api'
# Commands have a page of their own.
LEFT_OUT = ('commands', 'cli')


class Part(NamedTuple):
    """Class that configs name by ``type``.

    Attributes:
        registry: name of its registry.
        name: its name there.
        symbol: dotted name of the class.
        summary: first line of its docstring.
    """
    registry: str
    name: str
    symbol: str
    summary: str


def modules(root: Path = ROOT) -> List[str]:
    """Return the dotted names of the documented modules."""
    names = []
    for path in sorted((root / PACKAGE).rglob('*.py')):
        parts = path.relative_to(root).with_suffix('').parts
        if not path.stem.startswith('_') and parts[1] not in LEFT_OUT:
            names.append('.'.join(parts))
    return names


def room_of(module: str) -> str:
    """Return the page of a module: its room, and for models and benchmarks the folder in it.

    Example:
        >>> room_of('mmdet3d_plugin.models.losses.mean'), room_of('mmdet3d_plugin.errors')
        ('models.losses', 'errors')
    """
    parts = module.split('.')[1:]
    depth = 2 if parts[0] in ('models', 'benchmarks') and len(parts) > 2 else 1
    return '.'.join(parts[:depth])


def api_pages(root: Path = ROOT) -> Dict[str, str]:
    """Return the Markdown of the pages by their path in the site."""
    rooms: Dict[str, List[str]] = {}
    for module in modules(root):
        rooms.setdefault(room_of(module), []).append(module)
    return {f'{FOLDER}/{room}.md': '\n\n'.join(
        [f'# {room}', *(f'::: {module}' for module in members)]) + '\n'
        for room, members in sorted(rooms.items())}


def registered_parts(root: Path = ROOT) -> Iterator[Part]:
    """Yield the registered classes, found in the source without importing it."""
    for module in modules(root):
        path = (root / Path(*module.split('.'))).with_suffix('.py')
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            if not isinstance(node, ast.ClassDef):
                continue
            for decorator in node.decorator_list:
                if (isinstance(decorator, ast.Call)
                        and getattr(decorator.func, 'attr', '') == 'register_module'):
                    for name in _names_of(decorator) or [node.name]:
                        yield Part(decorator.func.value.id, name, f'{module}.{node.name}',
                                   _summary_of(node))


def _summary_of(node: ast.ClassDef) -> str:
    """Return the first paragraph of a docstring in one line, with roles as plain code."""
    paragraph = (ast.get_docstring(node) or '').partition('\n\n')[0]
    return re.sub(r':\w+:`~?(?:[\w.]+\.)?(\w+)`', r'`\1`', ' '.join(paragraph.split()))


def _names_of(decorator: ast.Call) -> List[str]:
    """Return the names that a decorator gives explicitly."""
    values = [*decorator.args, *(keyword.value for keyword in decorator.keywords
                                 if keyword.arg == 'name')]
    names = [ast.literal_eval(value) for value in values]
    return [name for item in names for name in (item if isinstance(item, list) else [item])]


def parts_tables() -> str:
    """Return a table of the parts per registry."""
    registries: Dict[str, List[Part]] = {}
    for part in registered_parts():
        registries.setdefault(part.registry, []).append(part)
    sections = []
    for registry, parts in sorted(registries.items()):
        lines = [f'## {registry}', '', '| type | meaning |', '|---|---|']
        lines += [f'| [`{part.name}`][{part.symbol}] | {part.summary} |'
                  for part in sorted(parts, key=lambda part: part.name.lower())]
        sections.append('\n'.join(lines))
    return '\n\n'.join(sections)
