"""docs/architecture.md is true: packages import only what it lets them import."""
import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'mmdet3d_plugin'


def read_table():
    """Room -> rooms of ours that it may import, from the page's table."""
    page = (PACKAGE.parent / 'docs/architecture.md').read_text(encoding='utf-8')
    rows = re.findall(r'^\| `(\w+)/?` \|.*\| (.*) \|$', page, flags=re.M)
    return {room: set(re.findall(r'\w+', allowed)) for room, allowed in rows}


MAY_IMPORT = read_table()
# Rooms that start without torch and OpenMMLab.
LIGHT = {'errors', 'utils', 'structures', 'benchmarks', 'synthetic', 'visualization'}
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


def test_the_check_sees_relative_imports():
    found = set(imports_of(PACKAGE / 'datasets/transforms/flip.py'))
    assert ('geometry', 'mmdet3d_plugin') in found
