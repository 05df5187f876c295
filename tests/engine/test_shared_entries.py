"""Entries of a config that stand once: classes, class_map, input_size, input_fit."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmdet3d_plugin.engine.config_files import check_classes, read_config
from mmdet3d_plugin.engine.shared_entries import crops_of, innermost_datasets
from mmdet3d_plugin.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
FORKLIFT = 'classes = dict(Forklift=(2.1, 1.2, 2.9), pallet=(0.2, 0.8, 1.2))'
NAMES = ['Forklift', 'pallet']
DATASETS = [f'{name}_dataloader' for name in ('train', 'val', 'test')]


@pytest.fixture
def read(tmp_path):
    """Function ``read(BASE, TEXT, OPTIONS)``: the config of a file that derives from a base."""
    def read_text(base, text, options=None):
        path = tmp_path / 'own.py'
        path.write_text(f"_base_ = '{CONFIGS / base}.py'\n{text}\n")
        return read_config(str(path), options)
    return read_text


def test_a_wrong_class_map_is_refused_with_the_config(read):
    with pytest.raises(InputError, match='own.py: class_map maps truck to Car, which is none of '
                                         'the classes Forklift, pallet'):
        read('monodle/monodle_dla34_synthetic', f"{FORKLIFT}\nclass_map = dict(truck='Car')")


def classes_of(cfg):
    """Return the classes of the datasets, by dataloader."""
    return {key.partition('.')[0]: list(settings.metainfo.classes)
            for key, settings in innermost_datasets(cfg)}


@pytest.mark.parametrize('base', [
    'monolss/monolss_dla34_kitti', 'gupnet/gupnet_dla34_synthetic', 'didm3d/didm3d_dla34_kitti',
    'monocon/monocon_dla34_kitti', 'monolss/monolss_dla34_kitti-mini'])
def test_classes_set_all_seven_places(read, base):
    cfg = read(base, FORKLIFT)
    assert classes_of(cfg) == dict.fromkeys(DATASETS, NAMES)
    model = cfg.model
    assert model.dense_head.num_classes == 2 and model.coder.class_names == NAMES
    assert model.object_head.extractor.get('num_classes', 2) == 2
    assert model.coder.mean_sizes == (None if 'monocon' in base else dict(
        Forklift=(2.1, 1.2, 2.9), pallet=(.2, .8, 1.2)))
    check_classes(cfg)


@pytest.mark.parametrize('base', ['smoke/smoke_dla34_kitti', 'pgd/pgd_r101_kitti',
                                  'fcos3d/fcos3d_r101_kitti', 'ddml/smoke_both_kitti'])
def test_classes_set_the_heads_of_mmdet3d(read, base):
    cfg = read(base, FORKLIFT)
    assert classes_of(cfg) == dict.fromkeys(DATASETS, NAMES)
    head = cfg.model.get('detector', cfg.model).bbox_head
    assert head.num_classes == 2
    # length, height, width
    assert head.bbox_coder.get('base_dims') == (
        None if 'fcos3d' in base else ((2.9, 2.1, 1.2), (1.2, .2, .8)))


def test_known_classes_keep_their_mean_sizes(read):
    cfg = read('monolss/monolss_dla34_kitti', "classes = ['CYCLIST', 'Car']")
    assert cfg.model.coder.mean_sizes == dict(
        CYCLIST=(1.73698127, .59706367, 1.76282397),
        Car=(1.52563191462, 1.62856739989, 3.88311640418))
    cfg = read('smoke/smoke_dla34_kitti', 'classes = dict(car=None, Bus=(3, 2.5, 11))')
    assert cfg.model.bbox_head.bbox_coder.base_dims == ((3.88, 1.63, 1.53), (11, 3, 2.5))


def test_absolute_sizes_need_no_means(read):
    cfg = read('monocon/monocon_dla34_kitti', "classes = ['Forklift']")
    assert cfg.model.coder.mean_sizes is None and cfg.model.coder.class_names == ['Forklift']


@pytest.mark.parametrize('text, message', [
    ("classes = ['Forklift']", 'classes gives no mean size of Forklift, which model.coder.mean'),
    ('classes = {}', 'classes is empty'), ('classes = 3', 'classes is 3, expected a list'),
    ('classes = dict(Car=(1, 2))', r'classes.Car is \(1, 2\), expected mean height'),
    ('classes = dict(Car=None, CAR=None)', "the classes 'Car' and 'CAR' are the same"),
    ("classes = ['DontCare']", 'DontCare marks regions without labels and cannot'),
    ('input_size = (640, 0)', r'input_size is \(640, 0\), expected width and height'),
    ('input_size = (640, )', r'input_size is \(640,\)')])
def test_bad_entries_are_refused_with_the_file(read, text, message):
    with pytest.raises(InputError, match=f'own.py: {message}') as error:
        read('monolss/monolss_dla34_kitti', text)
    assert '\n' not in str(error.value)


def test_depths_of_other_classes_are_refused(read):
    depths = ('model = dict(bbox_head=dict(bbox_coder=dict('
              'base_depths=((28, 16), (20, 9), (9, 3)))))')
    with pytest.raises(InputError, match='base_depths has depths of 3 classes, but classes nam'):
        read('pgd/pgd_r101_kitti', f'{FORKLIFT}\n{depths}')


@pytest.mark.parametrize('base', ['monolss/monolss_dla34_synthetic-demo', 'pgd/pgd_r101_kitti'])
def test_a_written_config_stays_the_same(read, tmp_path, base):
    cfg = read(base, f"{FORKLIFT}\nclass_map = dict(truck='Forklift')\ninput_size = (320, 160)")
    written = tmp_path / 'written.py'
    cfg.dump(written)
    assert read_config(str(written)).to_dict() == cfg.to_dict()
    plain = Config.fromfile(written)  # holds the resolved values
    assert classes_of(plain) == dict.fromkeys(DATASETS, NAMES)
    assert all(settings.class_map == dict(truck='Forklift')
               for _, settings in innermost_datasets(plain))


def test_entries_without_a_shared_one_stay(read):
    """The former way: every place on its own."""
    cfg = read('monolss/monolss_dla34_kitti', """
names = ['car', 'truck']
dataset = dict(metainfo=dict(classes=names))
train_dataloader = dict(dataset=dict(dataset=dataset))
val_dataloader = test_dataloader = dict(dataset=dataset)
model = dict(
    dense_head=dict(num_classes=2), object_head=dict(extractor=dict(num_classes=2)),
    coder=dict(class_names=names, mean_sizes=dict(_delete_=True, car=(1, 1, 1), truck=(2, 2, 2))))
""")
    assert classes_of(cfg) == {name: ['car', 'truck'] for name in DATASETS}
    assert cfg.model.coder.mean_sizes == dict(car=(1, 1, 1), truck=(2, 2, 2))
    check_classes(cfg)


def crops(cfg):
    """Return size and fit of the crops of training and validation."""
    return [(tuple(crop.input_size), crop.fit) for crop in crops_of(cfg)][:2]


@pytest.mark.parametrize('text, options, expected', [
    ('', None, [((640, 192), 'width')] * 2),
    ('input_size = (960, 544)', None, [((960, 544), 'contain')] * 2),
    ('', {'input_size': (960, 544)}, [((960, 544), 'contain')] * 2),
    ("input_size = [960, 544]\ninput_fit = 'cover'", None, [((960, 544), 'cover')] * 2),
    ("input_fit = 'contain'", None, [((640, 192), 'contain')] * 2),
    # A crop with another size than that of the base keeps it.
    ("test_pipeline = _base_.test_pipeline\ntest_pipeline[1]['input_size'] = (320, 96)\n"
     'val_dataloader = dict(dataset=dict(pipeline=test_pipeline))\ninput_size = (960, 544)', None,
     [((960, 544), 'contain'), ((320, 96), 'width')]),
    ("test_pipeline = _base_.test_pipeline\ntest_pipeline[1]['input_size'] = (1280, 384)\n"
     'val_dataloader = dict(dataset=dict(pipeline=test_pipeline))', None,
     [((640, 192), 'width'), ((1280, 384), 'width')]),
    ('input_size = (960, 544)', {'val_dataloader.dataset.pipeline.1.input_size': (320, 96)},
     [((960, 544), 'contain'), ((320, 96), 'width')])])
def test_the_input_size_stands_in_one_place(read, text, options, expected):
    assert crops(read('monolss/monolss_dla34_synthetic', text, options)) == expected


def test_the_input_size_of_the_last_file_counts(tmp_path):
    base = CONFIGS / 'monolss/monolss_dla34_synthetic.py'
    (tmp_path / 'first.py').write_text(f"_base_ = '{base}'\ninput_size = (960, 544)\n")
    (tmp_path / 'second.py').write_text("_base_ = './first.py'\ninput_size = (320, 96)\n")
    (tmp_path / 'third.py').write_text("_base_ = './second.py'\n")
    for name, size in dict(first=(960, 544), second=(320, 96), third=(320, 96)).items():
        assert crops(read_config(str(tmp_path / f'{name}.py'))) == [(size, 'contain')] * 2


@pytest.mark.parametrize('base, text, message', [
    ('monolss/monolss_dla34_kitti', "val_evaluator = dict(classes=['Bus'])",
     'KittiAPMetric: classes names Bus, which is not detected; the classes are Pedestrian'),
    ('monolss/monolss_dla34_kitti', 'val_evaluator = dict(min_overlaps=dict(Car=(70, 50)))',
     'KittiAPMetric: min_overlaps of Car'),
    ('monolss/monolss_dla34_waymo', 'classes = dict(Forklift=(1, 1, 1))',
     'WaymoAPMetric: cannot evaluate the class Forklift; choose from Vehicle'),
    ('monolss/monolss_dla34_kitti',
     "model = dict(coder=dict(class_names=['Pedestrian', 'Car', 'Bus']))",
     'model.coder.mean_sizes has no size of Bus'),
    ('smoke/smoke_dla34_kitti', 'val_evaluator = dict(min_heights=(40, 25))',
     r'KittiAPMetric: min_heights is \(40, 25\)')])
def test_classes_that_cannot_be_evaluated_are_refused_before_a_run(read, base, text, message):
    with pytest.raises(InputError, match=f'own.py: {message}'):
        check_classes(read(base, text))


def test_classes_are_compared_without_regard_to_case(read):
    text = 'val_dataloader = dict(dataset=dict(metainfo=dict(classes=[{}])))'
    check_classes(read('monolss/monolss_dla34_kitti',
                       text.format("'PEDESTRIAN', 'car', 'Cyclist'")))
    with pytest.raises(InputError, match='val_dataloader labels the classes'):
        check_classes(read('monolss/monolss_dla34_kitti', text.format("'Car', 'Cyclist'")))
