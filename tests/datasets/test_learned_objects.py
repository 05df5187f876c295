"""Objects that datasets give to a training: classes, class maps, counts, sparse sets."""
import logging

import cv2
import numpy as np
import pytest
from mmengine.dataset import RepeatDataset
from tiny_kitti import write_kitti

from mmdet3d_plugin.benchmarks.kitti.labels import read_objects, write_objects
from mmdet3d_plugin.datasets import KittiMonoDataset, MixImageDataset
from mmdet3d_plugin.datasets.learned_objects import count_objects, hidden_shares, learned_frames
from mmdet3d_plugin.datasets.sample_randomness import SampleIndex
from mmdet3d_plugin.engine import training_start
from mmdet3d_plugin.engine.training_start import report_training_set
from mmdet3d_plugin.errors import InputError

LOAD = [dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D')]
OBJECTS = dict(type='FilterObjects', min_height=25, max_truncation=.5, max_occlusion=2,
               depth_range=(2., 1000.))
CROP = dict(type='CropScaleAffine', input_size=(320, 96), fit='width')
PACK = dict(type='PackMono3DInputs')
KITTI_CLASSES = ('Pedestrian', 'Car', 'Cyclist')


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """KITTI folder with 5 cars, a pedestrian, a cyclist and a van. Tests must not change it."""
    return write_kitti(tmp_path_factory.mktemp('objects') / 'kitti')


def frames(root, classes=KITTI_CLASSES, pipeline=(), **options):
    return KittiMonoDataset(str(root), 'ImageSets/train.txt', pipeline=list(pipeline),
                            metainfo=dict(classes=list(classes)),
                            **{'filter_empty_gt': False, **options})


def mixed(root, pipeline=(OBJECTS, CROP, PACK), inner=LOAD, classes=KITTI_CLASSES, **options):
    dataset = dict(type='KittiMonoDataset', data_root=str(root), ann_file='ImageSets/train.txt',
                   metainfo=dict(classes=list(classes)), pipeline=inner, filter_empty_gt=False)
    return MixImageDataset(dataset, list(pipeline), **options)


def test_any_classes_in_any_case(root):
    dataset = frames(root, ['VAN', 'Forklift', 'car'])
    assert dataset.metainfo['classes'] == ['VAN', 'Forklift', 'car']
    labels = np.concatenate([dataset.get_ann_info(index)['gt_labels_3d'] for index in range(4)])
    assert labels.tolist() == [2, 2, 2, 0, 2, 2] and dataset.num_ins_per_cat == [1, 0, 5]
    # Another dataset of the class has its own classes.
    assert frames(root, ['Car']).metainfo['classes'] == ['Car']
    assert KittiMonoDataset.METAINFO['classes'][0] == 'Pedestrian'


def test_a_class_map_merges_names_in_training_and_evaluation(root):
    dataset = frames(root, ['Car'], class_map=dict(van='car', Tram='Car'))
    assert len(dataset.get_ann_info(1)['gt_labels_3d']) == 2
    tested = frames(root, ['Car'], class_map=dict(van='car'), test_mode=True)
    truth = tested.get_data_info(1)['eval_ann_info']['object_table']
    assert truth.names.tolist() == ['Car', 'Cyclist', 'Car']
    with pytest.raises(InputError, match='train.txt: class_map maps van to Bus, which is none of'):
        frames(root, ['Car'], class_map=dict(van='Bus'))
    with pytest.raises(InputError, match="train.txt: the classes 'Car' and 'car'"):
        frames(root, ['Car', 'car'])


def test_counts_of_a_training_equal_its_samples(root):
    dataset = mixed(root, classes=['Car', 'Cyclist'])
    counts = count_objects(dataset)
    repeated = RepeatDataset(frames(root, ['Car', 'Cyclist'], [*LOAD, OBJECTS, CROP, PACK]), 3)
    assert count_objects(repeated).table() == counts.table()  # repetitions count once
    seen = np.concatenate([dataset[index]['data_samples'].gt_instances_3d.labels_3d
                           for index in range(4)])
    assert counts.learned.tolist() == np.bincount(seen, minlength=2).tolist() == [5, 1]
    assert counts.unknown == {'Pedestrian': 1, 'Van': 1} and counts.frames == 4


def test_objects_beyond_each_limit_are_counted(root):
    limits = {**OBJECTS, 'min_height': 40, 'depth_range': (8.5, 1000.)}
    counts = count_objects(mixed(root, [limits, CROP, PACK], classes=['Car']))
    # 2D heights in pixels: 721.5 * 1.5 / z, and the depths 12, 25, 18, 8 and 35 m
    assert counts.dropped[0].tolist() == [1, 0, 0, 1, 0, 0] and counts.learned[0] == 3


@pytest.mark.parametrize('fit, learned, hidden', [('width', 0, .7), ('cover', 0, .7),
                                                  ('contain', 1, 0.)])
def test_objects_outside_the_input_are_counted(tmp_path, fit, learned, hidden):
    """A square image in an input of 1280x384, an object at its lower edge."""
    folder = write_kitti(tmp_path / 'kitti', {'000000': [('Car', 0., 9.5, 12., 0.)]})
    image = folder / 'training/image_2/000000.png'
    assert cv2.imwrite(str(image), np.zeros((960, 960, 3), np.uint8))
    crop = dict(type='CropScaleAffine', input_size=(640, 192), fit=fit)
    dataset = mixed(folder, [crop, PACK], classes=['Car'])
    counts = count_objects(dataset)
    assert counts.learned[0] == learned and counts.dropped[0, 4] == 1 - learned
    assert len(dataset[0]['data_samples'].gt_instances_3d) == learned
    (_, size, share), = hidden_shares(dataset)
    assert size == (960, 960) and share == pytest.approx(hidden)


def test_a_training_tells_its_objects(root, monkeypatch):
    lines = []
    monkeypatch.setattr(training_start, 'print_log',
                        lambda text, logger, level=logging.INFO: lines.append((level, text)))
    crop = {**CROP, 'input_size': (320, 48)}
    report_training_set(mixed(root, [crop, PACK], classes=['Car', 'Bus']))
    title = root / 'ImageSets/train.txt'
    table, = (text for level, text in lines if level == logging.INFO)
    assert table.startswith(f'{title}: objects to learn from in 4 frames\nclass  labelled  learn')
    warnings = [text for level, text in lines if level == logging.WARNING]
    # 320x48 shows 1224 / 320 * 48 = 183.6 of 370 rows, 1242 / 320 * 48 = 186.3 of 375
    assert warnings == [
        f"{title}: inputs of 320x48 do not show 50 % of the pixels of images of 1224x370, and "
        "objects there are left out, since CropScaleAffine has fit='width'; set "
        "input_fit='contain' or another input_size",
        f'{title}: Bus: no object in the labels to learn from']


@pytest.mark.parametrize('classes, pipeline, message', [
    (['Bus'], [PACK], 'no object to learn from: the labels name Car 5, '),
    (['Car'], [{**OBJECTS, 'min_height': 999}, PACK], 'no object of 5 is left to learn from: '
     '5 too small; lower min_height of FilterObjects')])
def test_a_training_without_objects_is_refused(root, classes, pipeline, message):
    with pytest.raises(InputError, match=f'^{root}/ImageSets/train.txt: {message}') as error:
        report_training_set(mixed(root, pipeline, classes=classes))
    assert '\n' not in str(error.value)


@pytest.fixture(scope='module')
def sparse(tmp_path_factory):
    """20 frames. One car, in frame 17."""
    rows = {f'{index:06d}': [] for index in range(20)}
    rows['000017'] = [('Car', 0., 1.6, 12., 0.)]
    return write_kitti(tmp_path_factory.mktemp('sparse') / 'kitti', rows)


def test_sparse_sets_give_samples_with_objects(sparse, monkeypatch):
    """As SMOKE trains (a wrapper), and as FCOS3D and PGD train (the dataset alone)."""
    trained = frames(sparse, ['Car'], [*LOAD, PACK], filter_empty_gt=True)
    for dataset in (mixed(sparse, filter_empty_gt=True), trained):
        assert dataset.get_data_info(17)['frame'] == '000017'
        for index in (0, 5, 17):
            sample = dataset[SampleIndex(index, seed=index)]
            assert len(sample['data_samples'].gt_instances_3d) == 1
    assert learned_frames(trained, []).tolist() == [17]
    # Unlucky crops, such as random ones that never show the object, end with one line.
    dataset = mixed(sparse, filter_empty_gt=True)
    monkeypatch.setattr(dataset, '_prepare', lambda index: None)
    with pytest.raises(InputError, match='train.txt: 15 random crops in a row show no object'):
        dataset[0]


def test_sets_without_objects_are_refused_at_once(sparse):
    with pytest.raises(InputError, match='train.txt: no object to learn from: the labels name Car '
                                         '1, but the classes are Bus; set classes'):
        mixed(sparse, classes=['Bus'], filter_empty_gt=True)
    with pytest.raises(InputError, match='train.txt: no frame has an object of the classes Bus'):
        frames(sparse, ['Bus'], [*LOAD, PACK], filter_empty_gt=True)[0]


def test_frames_without_objects_that_the_filter_keeps_are_not_drawn(tmp_path):
    folder = write_kitti(tmp_path / 'kitti', {
        name: [('Car', 0., 1.6, depth, 0.)] for name, depth in (('0', 12.), ('1', 60.))})
    labels = folder / 'training/label_2/1.txt'
    write_objects(labels, read_objects(labels))
    dataset = mixed(folder, classes=['Car'], filter_empty_gt=True)
    assert dataset.learned_frames.tolist() == [0]  # at 60 m the car is 18 pixels high
