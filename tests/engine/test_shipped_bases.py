"""Shipped configs as base configs of a config in any folder."""
import pytest
from mmengine.config import Config

from mmdet3d_plugin.engine.config_files import read_config
from mmdet3d_plugin.utils import config_names

BASE = 'mmdet3d_plugin::_base_/schedules/synthetic_15e.py'


def test_a_shipped_config_is_a_base_from_any_folder(tmp_path):
    config = tmp_path / 'own.py'
    config.write_text("_base_ = ['mmdet3d_plugin::_base_/default_runtime.py', "
                      f"'{BASE}']\ntrain_cfg = dict(max_epochs=_base_.max_epochs + 2)\n")
    cfg = read_config(str(config))
    assert cfg.train_cfg.max_epochs == 17
    assert cfg.default_scope == 'mmdet3d' and '_scope_' not in cfg.pretty_text


def test_other_bases_are_found_as_before(tmp_path):
    (tmp_path / 'base.py').write_text('a = 3\n')
    (tmp_path / 'own.py').write_text("_base_ = './base.py'\n")
    assert Config.fromfile(tmp_path / 'own.py').a == 3
    (tmp_path / 'own.py').write_text("_base_ = 'mmdet3d::_base_/schedules/cosine.py'\n")
    assert 'optim_wrapper' in Config.fromfile(tmp_path / 'own.py')


def test_the_configs_of_an_installed_package_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr(config_names, 'PACKAGE', tmp_path / 'package')
    folder = tmp_path / 'package/.mim/configs/_base_/schedules'
    folder.mkdir(parents=True)
    (folder / 'synthetic_15e.py').write_text('max_epochs = 4\n')
    (tmp_path / 'own.py').write_text(f"_base_ = '{BASE}'\n")
    assert Config.fromfile(tmp_path / 'own.py').max_epochs == 4


def test_a_missing_one_is_named(tmp_path):
    (tmp_path / 'own.py').write_text("_base_ = 'mmdet3d_plugin::gupnet/absent.py'\n")
    with pytest.raises(FileNotFoundError, match='configs/gupnet/absent.py'):
        Config.fromfile(tmp_path / 'own.py')
