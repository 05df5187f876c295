"""Fixtures of all tests."""
import logging
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from tiny_kitti import write_kitti

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope='session')
def plugin_registered():
    """Registers the project's parts, as the configs' custom_imports do."""
    import mmdet3d_plugin.datasets  # noqa: F401
    import mmdet3d_plugin.engine
    import mmdet3d_plugin.evaluation
    import mmdet3d_plugin.models  # noqa: F401
    init_default_scope('mmdet3d')


@pytest.fixture
def kitti_root(tmp_path) -> Path:
    return write_kitti(tmp_path / 'kitti')


@pytest.fixture
def run_tool(monkeypatch, capfd):
    """Tools run in this process, as a user would run them from the project's folder:
    ``run_tool(NAME, *ARGUMENTS)``: the exit code, and what was printed."""
    monkeypatch.chdir(ROOT)
    # Loggers of earlier runs in this process hold streams that are closed by now.
    monkeypatch.setattr(logging, 'raiseExceptions', False)

    def run(tool, *arguments):
        monkeypatch.setattr(sys, 'argv', [f'tools/{tool}.py', *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            runpy.run_path(f'tools/{tool}.py', run_name='__main__')
        except SystemExit as stop:
            code = stop.code or 0
        return code, capfd.readouterr()

    return run
