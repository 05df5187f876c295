"""Checks of a config before a run starts."""
import pytest
from mmengine.config import Config

from mmdet3d_plugin.engine.config_files import check_centers, check_classes, check_reference
from mmdet3d_plugin.errors import InputError

TRAIN_DATASET = 'train_dataloader.dataset.dataset.reference'
TRAIN_CROP = 'train_dataloader.dataset.pipeline.1.reference'
ALL_TRUE = {
    'model.reference': True, TRAIN_DATASET: True, TRAIN_CROP: True,
    'val_dataloader.dataset.reference': True, 'test_dataloader.dataset.reference': True}


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
    TRAIN_DATASET, TRAIN_CROP, 'train_dataloader.dataset.reference',
    'val_dataloader.dataset.reference', 'test_dataloader.dataset.reference'])
def test_a_reference_switch_that_the_model_lacks_is_named(extra):
    with pytest.raises(InputError, match=f'{extra} is True, but model.reference is False; '
                                         f'set {extra}=False'):
        check_reference(make_config({extra: True}))


def test_datasets_without_a_reference_switch_are_not_checked():
    entries = {'model.reference': True, TRAIN_CROP: True}
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
