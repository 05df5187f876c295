"""Checks of a config before a run starts."""
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from reliability.toy_runner import toy_config
from yapf.yapflib import yapf_api

from mmdet3d_plugin.engine.config_files import (
    check_centers,
    check_classes,
    check_momentum_encoder,
    check_reference,
)
from mmdet3d_plugin.errors import InputError

TRAIN_DATASET = 'train_dataloader.dataset.dataset.reference'
TRAIN_CROP = 'train_dataloader.dataset.pipeline.1.reference'
TEST_CROPS = ['val_dataloader.dataset.pipeline.0.reference',
              'test_dataloader.dataset.pipeline.0.reference']
ALL_TRUE = dict.fromkeys([
    'model.reference', TRAIN_DATASET, TRAIN_CROP, *TEST_CROPS,
    'val_dataloader.dataset.reference', 'test_dataloader.dataset.reference'], True)


def make_config(entries=(), dataset_type='KittiMonoDataset'):
    """Config with a mixed training dataset and plain validation and test datasets."""
    def dataset():
        return dict(type=dataset_type, metainfo=dict(classes=['Car']),
                    pipeline=[dict(type='CropScaleAffine')])

    cfg = Config(dict(
        model=dict(type='CenterMono3D', coder=dict(type='CenterCoder', class_names=['Car'])),
        train_dataloader=dict(dataset=dict(
            type='MixImageDataset', dataset={**dataset(), 'pipeline': [dict(type='Load')]},
            pipeline=[dict(type='MixUp3D'), dict(type='CropScaleAffine')])),
        val_dataloader=dict(dataset=dataset()), test_dataloader=dict(dataset=dataset())))
    cfg.merge_from_dict(dict(entries))
    return cfg


@pytest.mark.parametrize('entries', [
    {}, ALL_TRUE, {'model.reference': False, TRAIN_DATASET: False},
    # The outer entry overrides the one of the wrapped dataset.
    {**ALL_TRUE, TRAIN_DATASET: False, 'train_dataloader.dataset.reference': True}])
def test_equal_reference_switches_are_accepted(entries):
    check_reference(make_config(entries))


@pytest.mark.parametrize('missing', [name for name in ALL_TRUE if name != 'model.reference'])
def test_a_missing_reference_switch_is_named(missing):
    cfg = make_config({name: value for name, value in ALL_TRUE.items() if name != missing})
    with pytest.raises(InputError) as raised:
        check_reference(cfg)
    assert str(raised.value) == (f'None: {missing} is False, but model.reference is True; '
                                 f'set {missing}=True')
    cfg.merge_from_dict({missing: True})  # the fix that the message names
    check_reference(cfg)


@pytest.mark.parametrize('extra', [
    TRAIN_DATASET, TRAIN_CROP, *TEST_CROPS, 'train_dataloader.dataset.reference',
    'val_dataloader.dataset.reference', 'test_dataloader.dataset.reference'])
def test_a_reference_switch_that_the_model_lacks_is_named(extra):
    with pytest.raises(InputError, match=f'{extra} is True, but model.reference is False; '
                                         f'set {extra}=False'):
        check_reference(make_config({extra: True}))


def test_datasets_without_a_reference_switch_are_not_checked():
    entries = dict.fromkeys(['model.reference', TRAIN_CROP, *TEST_CROPS], True)
    check_reference(make_config(entries, dataset_type='WaymoMonoDataset'))
    with pytest.raises(InputError, match=TRAIN_DATASET):
        check_reference(make_config(entries))


@pytest.mark.parametrize('check', [check_reference, check_classes, check_centers])
def test_missing_dataloaders_are_accepted(check):
    cfg = make_config(ALL_TRUE)
    cfg.train_dataloader = cfg.val_dataloader = None
    cfg.pop('test_dataloader')
    check(cfg)


@pytest.mark.parametrize('key', [
    'train_dataloader.dataset.dataset', 'val_dataloader.dataset', 'test_dataloader.dataset'])
def test_other_classes_are_named(key):
    check_classes(make_config())
    with pytest.raises(InputError, match=f'{key.split(".")[0]} labels the classes'):
        check_classes(make_config({f'{key}.metainfo.classes': ['Van']}))


def test_another_kept_center_is_named():
    check_centers(make_config())
    with pytest.raises(InputError, match="needs kept_center='box_2d'"):
        check_centers(make_config({'model.coder.cell_center': 'box_2d'}))


@pytest.mark.parametrize('momentum, hooks, refused', [
    (.9, [], True), (0., [], True), (None, [], False),
    (.9, [dict(type='MomentumEncoderHook')], False)])
def test_a_momentum_encoder_needs_its_hook(momentum, hooks, refused):
    cfg = Config(dict(model=dict(type='Embedder', momentum=momentum), custom_hooks=hooks))
    if refused:
        with pytest.raises(InputError, match='nothing updates the momentum encoder; add a Mom'):
            check_momentum_encoder(cfg)
    else:
        check_momentum_encoder(cfg)


def test_checkpoints_hold_the_formatted_config(tmp_path, monkeypatch):
    """Other tests leave the format out; see the fixture unformatted_configs."""
    monkeypatch.setattr('mmengine.config.config.FormatCode', yapf_api.FormatCode)
    cfg = toy_config(tmp_path)
    Runner.from_cfg(cfg).train()
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)['meta']['cfg']
    assert saved == cfg.pretty_text
    assert Config.fromstring(saved, '.py').to_dict() == cfg.to_dict()
