"""Conversion of official checkpoints, and errors for checkpoints that do not fit."""
import json
from functools import cache
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from official_names import PARTS, official_name

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.official_weights import (
    METHODS,
    import_official,
    rename_official_key,
    tensor_entries,
)

# Method, name in the released code -> name here; None if the released forward pass never uses it.
NAMES = {
    ('monolss', 'backbone.base_layer.0.weight'): 'backbone.base_layer.0.weight',
    ('monolss', 'backbone.level2.tree1.bn1.running_var'):
        'backbone.level2.tree1.norm1.running_var',
    ('monolss', 'backbone.level3.tree2.root.bn.bias'): 'backbone.level3.tree2.root.norm.bias',
    ('monolss', 'backbone.level5.project.1.weight'): 'backbone.level5.project.1.weight',
    ('monolss', 'backbone.fc.weight'): None,
    ('monolss', 'feat_up.ida_2.node_3.bn.weight'): 'neck.ida_2.node_3.bn.weight',
    ('monolss', 'feat_up.ida_0.up_1.weight'): 'neck.ida_0.up_1.weight',
    ('monolss', 'heatmap.2.bias'): 'dense_head.heatmap.2.bias',
    ('monolss', 'size_2d.0.weight'): 'dense_head.size_2d.0.weight',
    ('monolss', 'heading.1.running_mean'): 'object_head.heading.1.running_mean',
    ('monolss', 'vis_depth.2.weight'): 'object_head.depth_head.depth.2.weight',
    ('monolss', 'vis_depth_uncer.0.bias'): 'object_head.depth_head.uncertainty.0.bias',
    ('monolss', 'attention.2.weight'): 'object_head.depth_head.logit.2.weight',
    ('monolss', 'att_depth.0.weight'): None,
    ('monolss', 'att_depth_uncer.2.bias'): None,
    ('monolss', 'mean_size'): None,
    ('didm3d', 'vis_depth.2.weight'): 'object_head.depth_head.visual.2.weight',
    ('didm3d', 'vis_depth_uncer.0.bias'): 'object_head.depth_head.visual_uncertainty.0.bias',
    ('didm3d', 'att_depth.0.weight'): 'object_head.depth_head.attribute.0.weight',
    ('didm3d', 'att_depth_uncer.2.bias'): 'object_head.depth_head.attribute_uncertainty.2.bias',
    ('didm3d', 'attention.2.weight'): None,
    ('gupnet', 'depth.1.running_var'): 'object_head.depth_head.correction.1.running_var',
    ('gupnet', 'size_3d.4.weight'): 'object_head.size_3d.4.weight',
    ('gupnet', 'mean_size'): None,
    ('gupnet', 'neck.ida_0.up_1.weight'): None,
    ('monodle', 'depth.2.bias'): 'object_head.depth_head.depth.2.bias',
    ('monodle', 'neck.ida_0.up_1.weight'): 'neck.ida_0.up_1.weight',
    ('monodle', 'feat_up.ida_0.up_1.weight'): None,
}
# Method -> entries of the released state dict, entries that the forward pass uses, unused ones.
UNUSED_BRANCHES = [f'att_depth{kind}.{layer}.{value}' for kind in ('', '_uncer')
                   for layer in (0, 2) for value in ('weight', 'bias')]
CLASSIFIER = ['backbone.fc.weight', 'backbone.fc.bias']
COUNTS = dict(
    monodle=(342, 340, CLASSIFIER),
    gupnet=(363, 360, ['mean_size', *CLASSIFIER]),
    didm3d=(370, 367, ['mean_size', *CLASSIFIER]),
    monolss=(374, 363, ['mean_size', *CLASSIFIER, *UNUSED_BRANCHES]))


@pytest.mark.parametrize('method, key', NAMES)
def test_key_is_renamed(method, key):
    assert rename_official_key(key, method) == NAMES[method, key]


def test_every_method_is_tested():
    assert set(METHODS) == set(PARTS) == set(COUNTS)


@cache
def build(method):
    cfg = Config.fromfile(f'configs/{method}/{method}_dla34_kitti_reference.py')
    cfg.model.backbone.init_cfg = None
    return MODELS.build(cfg.model)


def random_weights(method):
    """Random weights of a method under the official names."""
    torch.manual_seed(0)
    return {official_name(key, method): torch.randn(value.shape)
            for key, value in build(method).state_dict().items()}


@pytest.fixture
def model():
    return build('monolss')


@pytest.fixture
def official():
    return random_weights('monolss')


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('method', COUNTS)
def test_every_entry_is_converted(method, prefix):
    """Random weights, renamed to the official names, come back equal."""
    source = {**random_weights(method), 'backbone.fc.weight': torch.randn(1000, 512, 1, 1)}
    content = {prefix + key: value for key, value in source.items()}
    imported = import_official(tensor_entries({**content, 'epoch': 600}), method, build(method))
    assert imported.unused == ['backbone.fc.weight'] and imported.missing == []
    assert list(imported.state_dict) == list(build(method).state_dict())
    for key, value in imported.state_dict.items():
        assert value is source[official_name(key, method)], key


@pytest.mark.parametrize('method', COUNTS)
def test_published_checkpoint_is_converted(method):
    """Names and shapes of the state dict of the authors' model class."""
    path = Path(__file__).with_name(f'{method}_official_state_dict.json')
    published = {key: torch.zeros(shape) for key, shape in json.loads(path.read_text()).items()}
    num_entries, num_used, unused = COUNTS[method]
    assert len(published) == num_entries
    imported = import_official(published, method, build(method))
    assert len(imported.state_dict) == num_used and imported.missing == []
    assert sorted(imported.unused) == sorted(unused)


def test_batch_counters_may_be_missing(model, official):
    key = 'feat_up.ida_0.proj_1.bn.num_batches_tracked'
    del official[key]
    imported = import_official(official, 'monolss', model)
    assert imported.missing == ['neck.ida_0.proj_1.bn.num_batches_tracked']


def drop(key):
    return lambda source: source.pop(key)


def reshape(key, *shape):
    return lambda source: source.update({key: torch.zeros(shape)})


@pytest.mark.parametrize('change, message', [
    (reshape('heatmap.2.weight', 1, 256, 1, 1), 'have 1 classes, the config 3'),
    (drop('heatmap.2.weight'), 'not the weights of MonoLSS'),
    (drop('attention.0.weight'),
     '1 of 363 entries are missing, first object_head.depth_head.logit.0.weight'),
    (reshape('heading.4.weight', 12, 256, 1, 1),
     r'heading.4.weight has shape \(12, 256, 1, 1\), but object_head.heading.4.weight'),
])
def test_weights_of_another_model_raise(model, official, change, message):
    change(official)
    with pytest.raises(InputError, match=message):
        import_official(official, 'monolss', model)


@pytest.mark.parametrize('method, other, message', [
    ('gupnet', 'monodle', r'depth.0.weight has shape \(256, 69, 3, 3\)'),
    ('monodle', 'monolss', r'size_3d.0.weight has shape \(256, 64, 3, 3\)'),
    ('monolss', 'didm3d', 'incomplete weights of DID-M3D'),
    ('didm3d', 'gupnet', r'size_3d.4.weight has shape \(3, 256, 1, 1\)'),
])
def test_weights_of_another_method_raise(method, other, message):
    with pytest.raises(InputError, match=message):
        import_official(random_weights(method), other, build(other))
