"""Renaming of the authors' checkpoints, and what is said of those that don't fit."""
import json
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from official_monolss import official_name

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.official_weights import (import_monolss, rename_monolss_key,
                                                    tensor_entries)

# Names of the released code; never used by its forward pass: None.
NAMES = {
    'backbone.base_layer.0.weight': 'backbone.base_layer.0.weight',
    'backbone.level2.tree1.bn1.running_var': 'backbone.level2.tree1.norm1.running_var',
    'backbone.level3.tree2.root.bn.bias': 'backbone.level3.tree2.root.norm.bias',
    'backbone.level5.project.1.weight': 'backbone.level5.project.1.weight',
    'backbone.fc.weight': None,
    'feat_up.ida_2.node_3.bn.weight': 'neck.ida_2.node_3.bn.weight',
    'feat_up.ida_0.up_1.weight': 'neck.ida_0.up_1.weight',
    'heatmap.2.bias': 'dense_head.heatmap.2.bias',
    'size_2d.0.weight': 'dense_head.size_2d.0.weight',
    'heading.1.running_mean': 'object_head.heading.1.running_mean',
    'vis_depth.2.weight': 'object_head.depth_head.depth.2.weight',
    'vis_depth_uncer.0.bias': 'object_head.depth_head.uncertainty.0.bias',
    'attention.2.weight': 'object_head.depth_head.logit.2.weight',
    'att_depth.0.weight': None,
    'att_depth_uncer.2.bias': None,
    'mean_size': None,
}


@pytest.mark.parametrize('key', NAMES)
def test_names(key):
    assert rename_monolss_key(key) == NAMES[key]


@pytest.fixture(scope='module')
def model():
    cfg = Config.fromfile('configs/monolss/monolss_dla34_kitti_reference.py')
    cfg.model.backbone.init_cfg = None
    return MODELS.build(cfg.model)


@pytest.fixture
def official(model):
    """Random weights under the authors' names, with what theirs has beside."""
    torch.manual_seed(0)
    source = {official_name(key): torch.randn(value.shape)
              for key, value in model.state_dict().items()}
    source['backbone.fc.weight'] = torch.randn(1000, 512, 1, 1)
    source['att_depth.0.weight'] = torch.randn(256, 69, 3, 3)
    return source


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_every_entry_finds_its_place(model, official, prefix):
    content = {prefix + key: value for key, value in official.items()}
    imported = import_monolss(tensor_entries({**content, 'epoch': 600}), model)
    assert imported.unused == ['backbone.fc.weight', 'att_depth.0.weight']
    assert imported.missing == []
    assert list(imported.state_dict) == list(model.state_dict())
    for key, value in imported.state_dict.items():
        assert value is official[official_name(key)], key


def test_the_published_checkpoint_fits(model):
    """Names and shapes of the released file: 363 of 374 entries are used."""
    path = Path(__file__).with_name('monolss_official_state_dict.json')
    published = {key: torch.zeros(shape) for key, shape in json.loads(path.read_text()).items()}
    assert len(published) == 374
    imported = import_monolss(published, model)
    assert len(imported.state_dict) == 363 and imported.missing == []
    assert sorted(imported.unused) == sorted(
        ['mean_size', 'backbone.fc.weight', 'backbone.fc.bias']
        + [f'att_depth{kind}.{layer}.{value}' for kind in ('', '_uncer') for layer in (0, 2)
           for value in ('weight', 'bias')])


def test_counters_may_be_missing(model, official):
    key = 'feat_up.ida_0.proj_1.bn.num_batches_tracked'
    del official[key]
    imported = import_monolss(official, model)
    assert imported.missing == ['neck.ida_0.proj_1.bn.num_batches_tracked']


def drop(key):
    return lambda source: source.pop(key)


def reshape(key, *shape):
    return lambda source: source.update({key: torch.zeros(shape)})


@pytest.mark.parametrize('change, message', [
    (reshape('heatmap.2.weight', 1, 256, 1, 1), 'tell 1 classes apart, the config 3'),
    (drop('heatmap.2.weight'), 'not the weights of MonoLSS'),
    (drop('attention.0.weight'),
     '1 of 363 entries are missing, first object_head.depth_head.logit.0.weight'),
    (reshape('heading.4.weight', 12, 256, 1, 1),
     r'heading.4.weight has shape \(12, 256, 1, 1\), but object_head.heading.4.weight'),
])
def test_other_weights_are_named(model, official, change, message):
    change(official)
    with pytest.raises(InputError, match=message):
        import_monolss(official, model)
