"""docs/architecture.md is true: its picture, its table of rooms and its table of ideas."""
import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'mmdet3d_plugin'


PAGE = (PACKAGE.parent / 'docs/architecture.md').read_text(encoding='utf-8')


def read_table():
    """Room -> rooms of ours that it may import, from the page's table."""
    rows = re.findall(r'^\| `(\w+)/?` \|.*\| (.*) \|$', PAGE, flags=re.M)
    return {room: set(re.findall(r'\w+', allowed)) for room, allowed in rows}


def read_picture():
    """Room -> line of the page's picture, and the line of its dashes."""
    picture = PAGE.split('```text\n')[1].split('```')[0].splitlines()
    lines = {room: number for number, line in enumerate(picture)
             for room in re.findall(r'\w+', line) if room in MAY_IMPORT}
    dashes, = (number for number, line in enumerate(picture) if line.startswith('- -'))
    return lines, dashes


MAY_IMPORT = read_table()
LINES, DASHES = read_picture()
# Rooms that start without torch and OpenMMLab: those below the dashes.
LIGHT = {room for room, line in LINES.items() if line > DASHES}
HEAVY_MODULES = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmdet3d'}


def imports_of(path):
    """(room or None, top-level module) of every import in a file."""
    package = path.relative_to(PACKAGE.parent).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names = [alias.name.split('.') for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[:len(package) - node.level + 1]) if node.level else []
            module = base + (node.module.split('.') if node.module else [])
            names = [module + [alias.name] for alias in node.names]
        else:
            continue
        for name in names:
            yield (name[1] if name[0] == PACKAGE.name and len(name) > 1 else None), name[0]


def modules():
    return [path for path in sorted(PACKAGE.rglob('*.py')) if path.parent != PACKAGE
            or path.stem == 'errors']


def room_of(path):
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return parts[0]


def test_every_room_is_described():
    assert {room_of(path) for path in modules()} == set(MAY_IMPORT)


@pytest.mark.parametrize('path', modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows(path):
    room = room_of(path)
    for imported, top_level in imports_of(path):
        assert imported in MAY_IMPORT[room] | {room, None}, f'{room} must not import {imported}'
        assert room not in LIGHT or top_level not in HEAVY_MODULES, f'{room} is to start fast'


def test_picture_shows_every_room_above_what_it_may_import():
    assert set(LINES) == set(MAY_IMPORT)
    for room, allowed in MAY_IMPORT.items():
        for imported in allowed - {'–'}:
            assert LINES[room] < LINES[imported], f'{imported} must be below {room}'


def test_light_rooms():
    assert {'cli', 'errors', 'utils', 'structures', 'benchmarks', 'synthetic',
            'visualization'} == LIGHT


def test_ideas_are_where_the_page_says():
    ideas = re.findall(r'^\| [-\w `/.]+ \| `([\w/]+\.py)` \|$', PAGE, flags=re.M)
    assert len(ideas) >= 7
    for path in ideas:
        assert (PACKAGE / path).is_file(), path


def test_the_check_sees_relative_imports():
    found = set(imports_of(PACKAGE / 'datasets/transforms/flip.py'))
    assert ('geometry', 'mmdet3d_plugin') in found
