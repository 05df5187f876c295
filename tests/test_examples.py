"""Examples in docstrings run and print what they say."""
import doctest
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'mmdet3d_plugin'
MODULES = ['.'.join(path.relative_to(PACKAGE.parent).with_suffix('').parts)
           for path in sorted(PACKAGE.rglob('*.py')) if '>>>' in path.read_text(encoding='utf-8')]


@pytest.mark.parametrize('name', MODULES)
def test_examples(name, monkeypatch):
    monkeypatch.chdir(PACKAGE.parent)
    failed, tried = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS)
    assert tried > 0 and failed == 0


def test_there_are_examples():
    assert 'mmdet3d_plugin.engine.load_model' in MODULES
