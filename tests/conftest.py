"""Fixtures of all tests."""
from pathlib import Path

import pytest
from mmengine.registry import init_default_scope
from tiny_kitti import write_kitti


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
