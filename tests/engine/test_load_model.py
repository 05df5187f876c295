"""``load_model``: build, check and load in one call."""
import logging

import pytest
import tiny_embedding
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger

import mmdet3d_plugin
from mmdet3d_plugin import load_model
from mmdet3d_plugin.engine.load_model import drop_pretrained
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.object_heads import SelectedDepthHead

CONFIG = 'configs/monolss/monolss_dla34_synthetic.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """State dict of a model with random weights."""
    torch.manual_seed(3)
    return load_model(CONFIG, device='cpu').state_dict()


def write_checkpoint(tmp_path, weights, **entries):
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=weights, **entries), path)
    return str(path)


def test_weights_and_mode(tmp_path, trained):
    model = load_model(CONFIG, write_checkpoint(tmp_path, trained), device='cpu')
    assert not model.training
    assert model.cfg.filename.endswith('monolss_dla34_synthetic.py')
    for key, value in model.state_dict().items():
        assert torch.equal(value, trained[key]), key


def test_random_weights_are_not_logged():
    logger, handler, records = MMLogger.get_current_instance(), logging.Handler(), []
    handler.setLevel(logging.INFO)
    handler.emit = records.append
    level = logger.level
    logger.addHandler(handler)
    try:
        load_model(CONFIG, device='cpu')
    finally:
        logger.removeHandler(handler)
    assert not records and logger.level == level


def test_plain_state_dict(tmp_path, trained):
    path = tmp_path / 'plain.pth'
    torch.save(trained, path)
    model = load_model(CONFIG, str(path), device='cpu')
    key = 'backbone.base_layer.0.weight'
    assert torch.equal(model.state_dict()[key], trained[key])


def test_pretrained_weights_are_loaded_on_request(tmp_path):
    trained = tiny_embedding.build_embedder().encoder.backbone.state_dict()
    path = write_checkpoint(tmp_path, trained)
    settings = tiny_embedding.embedder_config()
    settings['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint=path)
    cfg = Config(dict(model=settings))

    def is_trained(**options):
        found = load_model(cfg, device='cpu', **options).encoder.backbone.state_dict()
        return all(torch.equal(value, found[key]) for key, value in trained.items())

    assert is_trained(pretrained=True) and not is_trained()
    # A checkpoint comes before the pre-trained weights.
    other = tmp_path / 'other.pth'
    torch.manual_seed(9)
    torch.save(load_model(cfg, device='cpu').state_dict(), other)
    assert not is_trained(checkpoint=str(other), pretrained=True)


@pytest.mark.parametrize('selecting', [True, False])
def test_selection_is_in_the_state_of_the_checkpoint(tmp_path, trained, selecting):
    """A checkpoint of the warm-up predicts as the training validated it."""
    state = dict(selecting=selecting, losses=[], epoch_losses=[])
    path = write_checkpoint(tmp_path, trained, sample_selection_warmup=state)
    model = load_model(CONFIG, path, device='cpu')
    head, = (part for part in model.modules() if isinstance(part, SelectedDepthHead))
    assert head.selecting is selecting


def test_config_is_left_alone_and_nothing_is_downloaded(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError('download')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', refuse)
    cfg = Config.fromfile('configs/metricdepth/lt_kitti.py')
    checkpoint = cfg.model.backbone.init_cfg.checkpoint
    load_model(cfg, device='cpu')
    assert cfg.model.backbone.init_cfg.checkpoint == checkpoint


def test_checkpoint_of_another_model_is_refused(tmp_path, trained):
    weights = {key: value for key, value in trained.items() if not key.startswith('neck.')}
    with pytest.raises(InputError, match='the checkpoint of another model'):
        load_model(CONFIG, write_checkpoint(tmp_path, weights), device='cpu')


def test_missing_config_is_named():
    with pytest.raises(InputError, match='configs/absent.py: no such config'):
        load_model('configs/absent.py')


def test_drop_pretrained():
    rule = dict(type='Kaiming', layer='Conv2d')
    model = dict(
        backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='x')),
        neck=dict(init_cfg=rule),
        heads=[dict(init_cfg=[rule, dict(type='Pretrained', checkpoint='y')]),
               dict(init_cfg=[dict(type='Pretrained', checkpoint='z')]), dict(init_cfg=None)])
    drop_pretrained(model)
    assert model == dict(backbone=dict(init_cfg=None), neck=dict(init_cfg=rule),
                         heads=[dict(init_cfg=[rule]), dict(init_cfg=None),
                                dict(init_cfg=None)])


def test_public_names():
    with pytest.raises(AttributeError, match='has no attribute'):
        mmdet3d_plugin.no_such_name
