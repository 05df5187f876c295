"""Datasets of labelled images: samples, broken images, and classes without a match."""
import logging
import time

import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from tiny_retrieval import LAYOUTS, write_class_folders, write_products

from mmdet3d_plugin.datasets import ClassFolderDataset, labelled_image_dataset
from mmdet3d_plugin.datasets.sample_randomness import SampleIndex
from mmdet3d_plugin.engine.hooks.skipped_frames_hook import skipped_frames
from mmdet3d_plugin.errors import InputError

TYPES = dict(cub='CUBDataset', cars='CarsDataset', cars_devkit='CarsDataset',
             products='ProductsDataset')
LOAD = [dict(type='LoadCrop')]


def build(layout, root, **options):
    return DATASETS.build(dict(type=TYPES[layout], data_root=str(root), pipeline=LOAD, **options))


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_samples(tmp_path, layout, split):
    root = LAYOUTS[layout](tmp_path / 'set')
    dataset = build(layout, root, split=split, test_mode=split == 'test')
    assert len(dataset) == 6 and dataset.labels().tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.labels().dtype == np.int64
    first = 1 if split == 'train' else 3
    assert dataset.metainfo['classes'] == {
        'CUBDataset': (f'00{first}.Bird_{first}', f'00{first + 1}.Bird_{first + 1}'),
        'CarsDataset': (f'Make {first} Sedan', f'Make {first + 1} Sedan'),
        'ProductsDataset': (f'{first}', f'{first + 1}')}[TYPES[layout]]
    names = set()
    for index in range(6):
        sample = dataset[index]
        assert sample['sample_idx'] == index and 'box' not in sample
        assert sample['img_path'].startswith(f'{root}/{sample["name"]}.')
        assert sample['img'].shape == (16, 24, 3) and sample['img'].dtype == np.uint8
        # The colour tells the class: 10 per class id in the blue channel, which is the first.
        assert abs(int(sample['img'][0, 0, 0]) - 10 * (first + sample['label'])) <= 2
        names.add(sample['name'])
    assert len(names) == 6


def test_class_folders(tmp_path):
    root = write_class_folders(tmp_path / 'set')
    dataset = ClassFolderDataset(str(root), 'val', pipeline=LOAD)
    assert dataset.metainfo['classes'] == ('car', 'van')
    sample = dataset[4]
    assert (sample['name'], sample['label'], sample['sample_idx']) == ('val/van/1', 1, 4)
    assert sample['img_path'] == f'{root}/val/van/1.png'
    assert sample['img'][0, 0].tolist() == [20, 10, 100]
    whole = ClassFolderDataset(str(root / 'val'), None)
    assert [whole.get_data_info(index)['name'] for index in (0, 5)] == ['car/0', 'van/2']


def test_equal_images_are_separate_samples(tmp_path):
    root = write_class_folders(tmp_path / 'set', ['train'], count=1)
    for name in ('car/copy', 'van/copy'):
        (root / f'train/{name}.png').write_bytes((root / 'train/car/0.png').read_bytes())
    dataset = ClassFolderDataset(str(root), pipeline=LOAD)
    assert len(dataset) == 4 and dataset.labels().tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(dataset[0]['img'], dataset[3]['img'])


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_missing_image_is_named(tmp_path, layout):
    root = LAYOUTS[layout](tmp_path / 'set')
    path = build(layout, root).get_data_info(2)['img_path']
    (tmp_path / 'set' / path).unlink()
    with pytest.raises(InputError, match=f'{path}: no such image, but the lists of {root} name'):
        build(layout, root)
    skipping = build(layout, root, on_error='skip')
    assert len(skipping) == 5 and list(skipping.skipped.values()) == [
        f'{path}: no such image, but the lists of {root} name it; restore it']


BROKEN = dict(empty=lambda content: b'', text=lambda content: b'no image',
              cut=lambda content: content[:-20])


@pytest.mark.parametrize('kind', BROKEN)
def test_broken_images_raise_when_loaded_or_are_left_out(tmp_path, kind):
    root = write_class_folders(tmp_path / 'set')
    path = root / 'train/van/0.png'
    path.write_bytes(BROKEN[kind](path.read_bytes()))
    dataset = ClassFolderDataset(str(root), pipeline=LOAD)
    assert len(dataset) == 6 and not dataset.skipped
    assert dataset[2]['img'].shape == (16, 24, 3)
    with pytest.raises(InputError, match='van/0.png: (not a readable|cannot read the) image'):
        dataset[3]
    skipping = ClassFolderDataset(str(root), pipeline=LOAD, on_error='skip')
    assert list(skipping.skipped) == ['train/van/0'] and skipped_frames(skipping)
    assert skipping.labels().tolist() == [0, 0, 0, 1, 1]
    assert [skipping[index]['sample_idx'] for index in range(5)] == list(range(5))
    assert skipping[3]['name'] == 'train/van/1'


def test_a_set_of_broken_images_is_refused(tmp_path):
    root = write_class_folders(tmp_path / 'set')
    for path in root.glob('train/*/*.png'):
        path.write_bytes(b'')
    with pytest.raises(InputError, match='set: all 6 images are broken, the first one: .*car/0'):
        ClassFolderDataset(str(root), on_error='skip')


@pytest.fixture
def warnings(monkeypatch):
    """List of the warnings that datasets log."""
    said = []
    monkeypatch.setattr(
        labelled_image_dataset, 'print_log',
        lambda text, logger, level: said.append(text) if level == logging.WARNING else None)
    return said


def test_classes_with_one_image_are_reported_once(tmp_path, warnings):
    root = write_class_folders(tmp_path / 'set', classes=('bus', 'car', 'van'))
    for name in ('car', 'van'):
        for index in (1, 2):
            (root / f'train/{name}/{index}.png').unlink()
    assert len(ClassFolderDataset(str(root), test_mode=True)) == 5
    assert warnings == [f'{root}: 2 of 3 classes have one image, which has no match in '
                        'retrieval; the first one is car']
    ClassFolderDataset(str(root), 'val')
    assert len(warnings) == 1


def test_a_test_set_without_any_match_is_refused(tmp_path, warnings):
    root = write_class_folders(tmp_path / 'set', count=1)
    with pytest.raises(InputError, match='set: no class has two images, so no query has a match'):
        ClassFolderDataset(str(root), 'val', test_mode=True)
    # Training without labels needs no matches.
    assert len(ClassFolderDataset(str(root), 'train')) == 2 and len(warnings) == 1


def test_augmentation_depends_on_the_seed_of_the_sample(tmp_path):
    root = write_class_folders(tmp_path / 'set')
    dataset = ClassFolderDataset(
        str(root), pipeline=[*LOAD, dict(type='PhotoMetricDistortion', _scope_='mmdet')])
    first, again, other = (dataset[SampleIndex(0, seed)]['img'] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_set_of_60000_images_builds_within_seconds(tmp_path, monkeypatch):
    """No image is opened. Here none exists either, and the check for that is left out."""
    root = write_products(tmp_path / 'set', count=1)
    lines = [f'{number} {number // 6 + 1} 1 sofa_final/{number}.JPG' for number in range(60_000)]
    (root / 'Ebay_train.txt').write_text(
        '\n'.join(['image_id class_id super_class_id path', *lines]))
    monkeypatch.setattr('os.path.isfile', lambda path: True)
    start = time.process_time()
    dataset = build('products', root)
    assert len(dataset) == 60_000 and len(dataset.metainfo['classes']) == 10_000
    assert time.process_time() - start < 20


@pytest.mark.parametrize('name', ['vehicles', 'cub', 'cars', 'sop', 'object_crops'])
def test_loaders_of_the_base_configs(name):
    cfg = Config.fromfile(f'configs/_base_/datasets/{name}.py', import_custom_modules=False)
    train, table, val, test = (cfg[f'{loader}_dataloader'] for loader in (
        'train', 'table', 'val', 'test'))
    assert 'batch_sampler' not in train and train.batch_size == 120 and train.sampler.shuffle
    views = [item.type for item in train.dataset.pipeline]
    assert views == ['LoadCrop', 'MakeViews', 'PackViews']
    # The table holds the training set, as test sets are shown.
    assert not table.sampler.shuffle and table.dataset.pipeline == val.dataset.pipeline
    for key in ('type', 'data_root', 'split', 'dataset'):
        assert table.dataset.get(key) == train.dataset.get(key)
    assert val.dataset.test_mode and test.dataset.test_mode and not val.sampler.shuffle
    assert 'test_mode' not in train.dataset and 'test_mode' not in table.dataset
    assert (val.dataset == test.dataset) == (name != 'vehicles')
    if name == 'vehicles':
        assert [loader.dataset.split for loader in (train, table, val, test)] == [
            'train', 'train', 'val', 'test']
    elif name != 'object_crops':
        assert [loader.dataset.split for loader in (train, val)] == ['train', 'test']
        assert train.dataset.pipeline[1].transforms[0].to_dict() == dict(
            type='RandomResizedCrop', size=227, scale=(.16, 1.))
        assert [item.to_dict() for item in val.dataset.pipeline[1].transforms] == [
            dict(type='Resize', size=256), dict(type='CenterCrop', size=227)]
    recall_at = (1, 10, 100) if name == 'sop' else (1, 2, 4, 8)
    assert cfg.val_evaluator == cfg.test_evaluator == dict(type='RetrievalMetric',
                                                           recall_at=recall_at)
    workers = 0 if name in ('vehicles', 'object_crops') else 8
    for loader in (train, table, val, test):
        assert (loader.num_workers, loader.persistent_workers) == (workers, workers > 0)
