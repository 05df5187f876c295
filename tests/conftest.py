"""Fixtures of all tests.

Fixtures import torch and OpenMMLab themselves: the process that distributes the tests to workers
reads this file too, and needs neither.
"""
import gc
import logging
import runpy
import shutil
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True, scope='session')
def plugin_registered():
    """Register the project's parts, as the custom_imports of the configs do."""
    from mmengine.registry import init_default_scope

    import mmdet3d_plugin.datasets  # noqa: F401
    import mmdet3d_plugin.models  # noqa: F401
    init_default_scope('mmdet3d')
    gc.freeze()  # Garbage collections leave the imported modules out.


@pytest.fixture(autouse=True, scope='session')
def unformatted_configs():
    """Write configs without yapf, which takes a second per log and checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **options: (text, True))
        yield


@pytest.fixture(autouse=True, scope='session')
def uncollected_datasets():
    """Build data sets without a garbage collection, which takes up to half a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.dataset.base_dataset.gc', SimpleNamespace(collect=lambda: 0))
        yield


@pytest.fixture(autouse=True, scope='session')
def metafiles_read_once():
    """Read the metafiles of mmdet3d once, not for every config with a base of mmdet3d."""
    from mmengine.fileio import load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.utils.load', cache(load))
        yield


@pytest.fixture(autouse=True)
def separate_visualizers():
    """Forget the visualizers of a test.

    Runs of one config in one second share their name, and a visualizer is found by its name. The
    next test would write into the folder of this one.
    """
    yield
    from mmengine.visualization import Visualizer
    classes = [Visualizer]
    while classes:
        visualizer = classes.pop()
        visualizer._instance_dict.clear()
        classes += visualizer.__subclasses__()


@pytest.fixture
def kitti_root(tmp_path) -> Path:
    from tiny_kitti import write_kitti
    return write_kitti(tmp_path / 'kitti')


@pytest.fixture(scope='session')
def tiny_clips(tmp_path_factory) -> Path:
    """Set of rendered clips. Tests must not change its files."""
    from tiny_clips import write_clips
    return write_clips(tmp_path_factory.mktemp('clips') / 'set')


@pytest.fixture
def run_tool(monkeypatch, capfd):
    """Function ``run_tool(NAME, *ARGUMENTS)`` that runs a tool in this process.

    It returns the exit code and the output.
    """
    from mmengine.logging import MMLogger
    monkeypatch.chdir(ROOT)
    # Loggers of earlier runs in this process hold streams that are closed by now.
    monkeypatch.setattr(logging, 'raiseExceptions', False)
    # Some commands hide the messages of the current logger until their process ends.
    logger = MMLogger.get_current_instance()
    level = logger.level

    def run(tool, *arguments):
        monkeypatch.setattr(sys, 'argv', [f'tools/{tool}.py', *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            runpy.run_path(f'tools/{tool}.py', run_name='__main__')
        except SystemExit as stop:
            code = stop.code or 0
        return code, capfd.readouterr()

    yield run
    logger.setLevel(level)


@pytest.fixture(scope='module')
def browser():
    """Headless Chromium of playwright. Tests that use it are skipped where one is missing."""
    playwright = pytest.importorskip('playwright.sync_api', reason='playwright is not installed; '
                                     'pip install playwright')
    names = 'chromium', 'chromium-browser', 'google-chrome'
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip('no Chromium on the path; apt-get install chromium')
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=[
            '--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader',
            '--enable-unsafe-swiftshader'])
        yield browser
        browser.close()
