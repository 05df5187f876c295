"""Tools run in this process, as a user would run them from the project's folder."""
import logging
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run_tool(monkeypatch, capfd):
    """``run_tool(NAME, *ARGUMENTS)``: the exit code, and what was printed."""
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
