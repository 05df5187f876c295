"""Conversion of MonoCon's official checkpoints."""
import json
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.official_monocon import import_monocon, rename_monocon_key

# Name in the released code -> name here.
NAMES = {
    'backbone.base_layer.0.weight': 'backbone.base_layer.0.weight',
    'backbone.level2.tree1.bn1.running_var': 'backbone.level2.tree1.norm1.running_var',
    'backbone.level3.tree2.root.bn.bias': 'backbone.level3.tree2.root.norm.bias',
    'neck.ida_2.node_3.bn1.weight': 'neck.ida_2.node_3.bn.weight',
    'neck.ida_0.up_1.weight': 'neck.ida_0.up_1.weight',
    'bbox_head.heatmap_head.3.bias': 'dense_head.heatmap.3.bias',
    'bbox_head.wh_head.0.weight': 'dense_head.size_2d.0.weight',
    'bbox_head.offset_head.1.running_mean': 'dense_head.offset_2d.1.normalise.running_mean',
    'bbox_head.center2kpt_offset_head.3.weight': 'object_head.offset_3d.3.weight',
    'bbox_head.kpt_heatmap_head.1.weight_': 'auxiliary.0.heatmap.1.scales',
    'bbox_head.kpt_heatmap_offset_head.1.bias_': 'auxiliary.0.offset.1.shifts',
    'bbox_head.dim_head.1.attn_weights.attention.1.running_var':
        'object_head.size_3d.1.attention.1.running_var',
    'bbox_head.depth_head.1.attn_weights.attention.0.weight':
        'object_head.depth_head.depth.1.attention.0.weight',
    'bbox_head.dir_feat.1.num_batches_tracked':
        'object_head.heading.1.normalise.num_batches_tracked',
    'bbox_head.dir_cls.0.weight': 'object_head.heading.3.weight',
    'bbox_head.dir_reg.0.bias': 'object_head.heading.3.bias',
    'bbox_head.unknown.0.weight': None,
}


@pytest.mark.parametrize('key', NAMES)
def test_key_is_renamed(key):
    assert rename_monocon_key(key) == NAMES[key]


@pytest.fixture(scope='module')
def model():
    cfg = Config.fromfile('configs/monocon/monocon_dla34_kitti_reference.py')
    cfg.model.backbone.init_cfg = None
    return MODELS.build(cfg.model)


@pytest.fixture
def official():
    """Random weights with the names and shapes of the released model."""
    path = Path(__file__).with_name('monocon_official_state_dict.json')
    generator = torch.Generator().manual_seed(0)
    return {key: torch.randn(shape, generator=generator)
            for key, shape in json.loads(path.read_text()).items()}


def test_every_entry_of_the_released_model_is_converted(model, official):
    """The released model has 449 entries. Its two heading outputs are one output here."""
    assert len(official) == 449
    imported = import_monocon(official, model)
    assert imported.missing == imported.unused == []
    assert list(imported.state_dict) == list(model.state_dict()) and len(model.state_dict()) == 447
    reordered = ('dense_head.heatmap.3', 'object_head.size_3d.3', 'object_head.heading.3')
    for key, value in official.items():
        name = rename_monocon_key(key)
        if not name.startswith(reordered):
            assert imported.state_dict[name] is value, key


def test_classes_sizes_and_headings_are_reordered(model, official):
    state_dict = import_monocon(official, model).state_dict
    for kind in ('weight', 'bias'):
        pedestrian, cyclist, car = official[f'bbox_head.heatmap_head.3.{kind}']
        expected = dict(zip(['Pedestrian', 'Car', 'Cyclist'], [pedestrian, car, cyclist]))
        assert model.coder.class_names == list(expected)
        for found, value in zip(state_dict[f'dense_head.heatmap.3.{kind}'], expected.values()):
            assert torch.equal(found, value)
        length, height, width = official[f'bbox_head.dim_head.3.{kind}']
        for found, value in zip(state_dict[f'object_head.size_3d.3.{kind}'],
                                (height, width, length)):
            assert torch.equal(found, value)
        bins, residuals = state_dict[f'object_head.heading.3.{kind}'].split(12)
        assert torch.equal(bins, official[f'bbox_head.dir_cls.0.{kind}'])
        assert torch.equal(residuals, official[f'bbox_head.dir_reg.0.{kind}'])


def test_official_weights_survive_the_round_trip(model, official):
    """Undo the conversion after loading it into the model."""
    imported = import_monocon(official, model)
    model.load_state_dict(imported.state_dict)
    own = model.state_dict()
    for key, value in official.items():
        found = own[rename_monocon_key(key)]
        if key.startswith('bbox_head.heatmap_head.3'):
            found = found[[0, 2, 1]]
        elif key.startswith('bbox_head.dim_head.3'):
            found = found[[2, 0, 1]]
        elif key.startswith('bbox_head.dir_cls'):
            found = found[:12]
        elif key.startswith('bbox_head.dir_reg'):
            found = found[12:]
        torch.testing.assert_close(found, value.to(found.dtype), rtol=0, atol=0)


def test_batch_counters_may_be_missing_and_other_entries_are_unused(model, official):
    del official['neck.ida_0.proj_1.bn1.num_batches_tracked']
    official['bbox_head.unknown.weight'] = torch.zeros(1)
    imported = import_monocon(official, model)
    assert imported.missing == ['neck.ida_0.proj_1.bn.num_batches_tracked']
    assert imported.unused == ['bbox_head.unknown.weight']


@pytest.mark.parametrize('change, message', [
    (dict(key='bbox_head.heatmap_head.3.weight'), 'not the weights of MonoCon'),
    (dict(key='bbox_head.heatmap_head.3.weight', shape=(1, 64, 1, 1)),
     r"have 1 classes, the config has \['Pedestrian', 'Car', 'Cyclist'\]"),
    (dict(key='bbox_head.kpt_heatmap_head.0.weight'),
     '1 of 447 entries are missing, first auxiliary.0.heatmap.0.weight'),
    (dict(key='bbox_head.dim_head.3.bias', shape=(4,)),
     r'bbox_head.dim_head.3.bias has shape \(4,\), but object_head.size_3d.3.bias'),
    (dict(key='bbox_head.dir_reg.0.bias'),
     r'bbox_head.dir_cls.0.bias has shape \(12,\), but object_head.heading.3.bias'),
])
def test_weights_of_another_model_raise(model, official, change, message):
    if 'shape' in change:
        official[change['key']] = torch.zeros(change['shape'])
    else:
        del official[change['key']]
    with pytest.raises(InputError, match=message):
        import_monocon(official, model)
