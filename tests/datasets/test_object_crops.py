"""Crops of labelled objects: boxes worked out by hand, and the transform that cuts them out."""
import cv2
import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from mmengine.config import Config

from mmdet3d_plugin.datasets import ObjectCropDataset
from mmdet3d_plugin.datasets.object_crop_dataset import enlarged_box
from mmdet3d_plugin.datasets.transforms import LoadCrop
from mmdet3d_plugin.errors import InputError

CLASSES = ['Pedestrian', 'Car', 'Cyclist']
# Frame 000000 has 1242x375 pixels, frame 000031 has 1224x370.
LABELS = {
    '000000': [('Car', 100, 100, 200, 150), ('DontCare', 0, 0, 300, 300),
               ('Pedestrian', 0, 40, 20, 140), ('Van', 400, 100, 500, 200)],
    '000007': [('Car', 300, 200, 315.9, 300), ('Car', 300, 200, 316, 300),
               ('Car', 300, 200, 400, 215)],
    '000012': [],
    '000031': [('Cyclist', 1180, 270, 1230, 380), ('Car', -50, 100, 10, 150)],
}


@pytest.fixture
def root(kitti_root):
    for frame, objects in LABELS.items():
        (kitti_root / f'training/label_2/{frame}.txt').write_text(''.join(
            f'{name} 0.0 0 0.0 {" ".join(map(str, box))} 1.5 1.6 3.9 0.0 1.6 20.0 0.0\n'
            for name, *box in objects))
    return kitti_root


def build(root, **options):
    dataset = dict(type='KittiMonoDataset', data_root=str(root), ann_file='ImageSets/train.txt',
                   metainfo=dict(classes=CLASSES))
    return ObjectCropDataset(dataset, **{'pipeline': [dict(type='LoadCrop')], **options})


def test_boxes_and_labels(root):
    dataset = build(root)
    found = {info['name']: (info['label'], info['box'].tolist()) for info in
             map(dataset.get_data_info, range(len(dataset)))}
    assert found == {
        '000000/0': (1, [90., 95., 210., 155.]),
        '000000/2': (0, [0., 30., 22., 150.]),
        '000007/1': (1, [pytest.approx(298.4), 190., pytest.approx(317.6), 310.]),
        # The part inside the image, 44 x 100 pixels, is enlarged.
        '000031/0': (2, [pytest.approx(1175.6), 260., 1224., 370.])}
    assert dataset.metainfo['classes'] == ('Pedestrian', 'Car', 'Cyclist')
    assert dataset.labels().tolist() == [1, 0, 1, 2]


def test_samples_are_the_pixels_of_the_boxes(root):
    dataset = build(root)
    for index, (top, bottom, left, right) in enumerate([
            (95, 155, 90, 210), (30, 150, 0, 22), (190, 310, 298, 318), (260, 370, 1175, 1224)]):
        sample = dataset[index]
        image = cv2.imread(sample['img_path'])
        np.testing.assert_array_equal(sample['img'], image[top:bottom, left:right])
        assert sample['box'].shape == (4,) and sample['box'].dtype == np.float32
        assert sample['sample_idx'] == index
        assert sample['ori_shape'] == image.shape[:2] == (sample['height'], sample['width'])


def test_margin_min_size_and_classes(root):
    dataset = build(root, margin=0., min_size=10, classes=['Van', 'Car'])
    found = {info['name']: (info['label'], info['box'].tolist()) for info in
             map(dataset.get_data_info, range(len(dataset)))}
    assert found == {
        '000000/0': (1, [100., 100., 200., 150.]), '000000/3': (0, [400., 100., 500., 200.]),
        '000007/0': (1, [300., 200., pytest.approx(315.9), 300.]),
        '000007/1': (1, [300., 200., 316., 300.]), '000007/2': (1, [300., 200., 400., 215.]),
        '000031/1': (1, [0., 100., 10., 150.])}
    assert dataset.metainfo['classes'] == ('Van', 'Car')


def test_boxes_outside_the_image_or_inside_out_are_left_out():
    for box in ([130., 10., 160., 40.], [50., 10., 20., 40.], [10., -40., 40., -5.]):
        assert enlarged_box(np.array(box), (100, 50), .1, 1) is None


def test_data_root_overrides_that_of_the_frames(root):
    other = root.parent / 'moved'
    root.rename(other)
    assert build(root, data_root=str(other)).get_data_info(0)['img_path'].startswith(str(other))


def test_the_base_config_reads_kitti_too(root):
    cfg = Config.fromfile('configs/_base_/datasets/object_crops.py', import_custom_modules=False)
    for loader in (cfg.train_dataloader, cfg.table_dataloader, cfg.val_dataloader):
        dataset = DATASETS.build({**loader.dataset, 'data_root': str(root)})
        views = dataset[0]['inputs']['views']
        assert len(dataset) == 4 and tuple(views.shape) == (1, 3, 64, 64)


def test_broken_frames_stop_or_are_left_out(root):
    path = root / 'training/image_2/000000.png'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match='000000.png: not a readable image, it is cut off'):
        build(root)[0]
    (root / 'training/label_2/000031.txt').write_text('Car 1 2\n')
    with pytest.raises(InputError, match='000031.txt:1: 3 fields'):
        build(root)
    dataset = build(root, on_error='skip')
    assert list(dataset.skipped) == ['000000', '000031'] and len(dataset) == 1
    assert '000000.png' in dataset.skipped['000000']
    assert dataset[0]['name'] == '000007/1'


@pytest.mark.parametrize('options, message', [
    (dict(margin=-.1), 'margin is -0.1, expected a share of the box'),
    (dict(margin=float('nan')), 'margin is nan'),
    (dict(min_size=0), 'min_size is 0, expected pixels'),
    (dict(classes=['Bus', 'Car']), r"classes is \['Bus', 'Car'\], expected some of Pedestrian,"),
    (dict(classes=[]), 'classes is'),
    (dict(min_size=1000), 'train.txt: no Pedestrian or Car or Cyclist of 1000 pixels or more'),
    (dict(on_error='ignore'), "on_error is 'ignore', expected"),
])
def test_bad_options(root, options, message):
    with pytest.raises(InputError, match=message):
        build(root, **options)


@pytest.mark.parametrize('kind', ['ClassFolderDataset', 'NoSuchDataset', None])
def test_only_frames_with_objects_have_crops(kind):
    with pytest.raises(InputError, match=f'dataset is a {kind}, expected a dataset of frames'):
        ObjectCropDataset(dict(type=kind) if kind else {})


@pytest.fixture
def image_path(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    return str(path)


@pytest.mark.parametrize('box, rows, columns', [
    ([3., 5., 9., 12.], (5, 12), (3, 9)),
    ([3.2, 5.9, 9.1, 11.5], (5, 12), (3, 10)),
    ([-5., -3., 70., 50.], (0, 40), (0, 60)),
    ([59.5, 39.5, 59.6, 39.6], (39, 40), (59, 60))])
@pytest.mark.parametrize('keep', [False, True])
def test_crops_hold_every_pixel_that_the_box_touches(image_path, box, rows, columns, keep):
    load = LoadCrop(keep_in_memory=keep)
    expected = cv2.imread(image_path)[slice(*rows), slice(*columns)]
    for _ in range(2):
        sample = load(dict(img_path=image_path, box=np.array(box)))
        np.testing.assert_array_equal(sample['img'], expected)
        assert (sample['ori_shape'], sample['img_shape']) == ((40, 60), expected.shape[:2])
        sample['img'][:] = 0  # must not change the image in memory


def test_kept_images_are_told_apart_by_path_and_box(image_path, tmp_path):
    load = LoadCrop(keep_in_memory=True)
    other = str(tmp_path / 'b.png')
    cv2.imwrite(other, np.zeros((8, 8, 3), np.uint8))
    shapes = [load(dict(img_path=path, **({} if box is None else dict(box=np.array(box)))))
              ['img'].shape[:2] for path, box in [
                  (image_path, None), (image_path, [0., 0., 5., 6.]), (other, [0., 0., 5., 6.]),
                  (image_path, [0., 0., 7., 6.]), (image_path, None), (other, None)]]
    assert shapes == [(40, 60), (6, 5), (6, 5), (6, 7), (40, 60), (8, 8)]


def test_grey_images_get_three_equal_channels(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((4, 5), 7, np.uint8))
    image = LoadCrop()(dict(img_path=str(tmp_path / 'a.png')))['img']
    assert image.shape == (4, 5, 3) and (image == 7).all()


@pytest.mark.parametrize('entries, message', [
    (dict(box=np.array([60., 0., 80., 9.])), r'a.png: the box \[60.0, 0.0, 80.0, 9.0\] shows no '),
    (dict(box=np.array([9., 9., 5., 20.])), 'shows no pixel of this 60x40 image'),
    (dict(box=np.array([0., np.nan, 5., 20.])), 'shows no pixel'),
    (dict(width=40, height=60), r'its \(40, 60\) rows and columns differ from the \(60, 40\)'),
    (dict(img_path='none/a.png'), r'none/a.png: no such image; restore')])
def test_bad_crops(image_path, entries, message):
    with pytest.raises(InputError, match=message) as error:
        LoadCrop()({'img_path': image_path, **entries})
    assert '\n' not in str(error.value)
