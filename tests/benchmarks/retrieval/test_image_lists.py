"""Lists of labelled images: splits by class, both layouts of Cars-196, and bad input."""
import shutil
from collections import Counter

import cv2
import pytest
from tiny_retrieval import (
    LAYOUTS,
    car_names,
    write_annotations,
    write_cars,
    write_cars_devkit,
    write_class_folders,
    write_cub,
    write_mat,
    write_products,
)

from mmdet3d_plugin.benchmarks.retrieval.cars import read_cars
from mmdet3d_plugin.benchmarks.retrieval.class_folders import read_class_folders
from mmdet3d_plugin.benchmarks.retrieval.cub import read_cub
from mmdet3d_plugin.benchmarks.retrieval.labelled_images import LabelledImage
from mmdet3d_plugin.benchmarks.retrieval.products import read_products
from mmdet3d_plugin.errors import InputError

READERS = dict(cub=read_cub, cars=read_cars, cars_devkit=read_cars, products=read_products)


def classes_of(images):
    return list(dict.fromkeys(image.class_name for image in images))


def check_error(match, function, *arguments):
    """Check that a function raises a message of one line."""
    with pytest.raises(InputError, match=match) as error:
        function(*arguments)
    assert '\n' not in str(error.value)


def test_cub_has_100_training_and_100_test_classes(tmp_path):
    write_cub(tmp_path / 'set', num_classes=200, count=1, images=False)
    train, test = (classes_of(read_cub(tmp_path / 'set', split)) for split in ('train', 'test'))
    assert train == [f'{number:03d}.Bird_{number}' for number in range(1, 101)]
    assert test == [f'{number:03d}.Bird_{number}' for number in range(101, 201)]


def test_cars_have_98_training_and_98_test_classes(tmp_path):
    write_cars(tmp_path / 'set', num_classes=196, count=1, images=False)
    train, test = (classes_of(read_cars(tmp_path / 'set', split)) for split in ('train', 'test'))
    assert train == [f'Make {number} Sedan' for number in range(1, 99)]
    assert test == [f'Make {number} Sedan' for number in range(99, 197)]


def test_cub_paths_and_classes(tmp_path):
    root = write_cub(tmp_path / 'set', num_classes=3, count=2)
    assert read_cub(root, 'train') == [
        LabelledImage('images/001.Bird_1/Bird_0.jpg', '001.Bird_1'),
        LabelledImage('images/001.Bird_1/Bird_1.jpg', '001.Bird_1')]
    assert classes_of(read_cub(root, 'test')) == ['002.Bird_2', '003.Bird_3']


def test_products_follow_their_lists(tmp_path):
    root = write_products(tmp_path / 'set')
    assert read_products(root, 'train')[3:5] == [
        LabelledImage('sofa_final/11002_0.JPG', '2'), LabelledImage('sofa_final/11002_1.JPG', '2')]
    assert Counter(image.class_name for image in read_products(root, 'test')) == {'3': 3, '4': 3}


def cars_by_class(root, split):
    """Return the colours of the images per class."""
    found = {}
    for image in read_cars(root, split):
        colour = tuple(cv2.imread(str(root / image.path))[0, 0].tolist())
        found.setdefault(image.class_name, []).append(colour)
    return {name: sorted(colours) for name, colours in found.items()}


@pytest.mark.parametrize('split', ['train', 'test'])
def test_both_layouts_of_cars_give_the_same_images(tmp_path, split):
    one = cars_by_class(write_cars(tmp_path / 'one'), split)
    two = cars_by_class(write_cars_devkit(tmp_path / 'two'), split)
    assert one == two and all(len(set(colours)) == 3 for colours in one.values())
    assert list(one) == list(two) == [f'Make {number} Sedan' for number in
                                      ((1, 2) if split == 'train' else (3, 4))]


def test_test_labels_of_cars_may_stand_beside_the_devkit(tmp_path):
    root = write_cars_devkit(tmp_path / 'set')
    images = read_cars(root, 'train')
    (root / 'devkit/cars_test_annos_withlabels.mat').rename(
        root / 'cars_test_annos_withlabels.mat')
    assert read_cars(root, 'train') == images and len(images) == 6


def test_a_cars_folder_with_one_annotation(tmp_path):
    write_mat(tmp_path / 'set/devkit/cars_meta.mat', class_names=car_names(1))
    for name in ('cars_train_annos', 'cars_test_annos_withlabels'):
        write_annotations(tmp_path / f'set/devkit/{name}.mat', 'fname', [('00001.jpg', 1)])
    (tmp_path / 'set/cars_train').mkdir()
    assert read_cars(tmp_path / 'set', 'test') == [
        LabelledImage('cars_test/00001.jpg', 'Make 1 Sedan'),
        LabelledImage('cars_train/00001.jpg', 'Make 1 Sedan')]


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_folder_too_high_or_too_low_is_named(tmp_path, layout):
    inner = LAYOUTS[layout](tmp_path / 'data/SET/SET')
    read = READERS[layout]
    for root in (tmp_path / 'data', tmp_path / 'data/SET'):
        check_error(f'{root}: has no .*, but {inner} has; set data_root to that folder', read,
                    root, 'train')
    below = next(path for path in sorted(inner.iterdir()) if path.is_dir() and path.name in (
        'images', 'car_ims', 'cars_train', 'sofa_final'))
    check_error(f'{below}: has no .*, but {inner} has', read, below, 'train')


@pytest.mark.parametrize('layout, folder', [('cub', 'CUB_200_2011'),
                                            ('products', 'Stanford_Online_Products')])
def test_archives_with_a_folder_are_unpacked_in_the_parent(tmp_path, layout, folder):
    archive = dict(cub='CUB_200_2011.tgz', products='Stanford_Online_Products.zip')[layout]
    read, made = READERS[layout], tmp_path / folder
    unpack = f'unpack {archive} in {tmp_path}, which makes {made}, '
    check_error(f'{made}: no such folder; {unpack}or correct data_root$', read, made, 'train')
    check_error(f'birds: no such folder; {unpack}and set data_root to that folder$', read,
                tmp_path / 'birds', 'train')
    check_error(f'{tmp_path}: has no .*; {unpack}and set data_root to that folder$', read,
                tmp_path, 'train')
    made.mkdir()
    check_error(f'{made}: has no .*; {unpack}or correct data_root$', read, made, 'train')


def test_archives_without_a_folder_are_unpacked_in_the_set(tmp_path):
    unpack = 'unpack car_ims.tgz and cars_annos.mat .* in this folder or correct data_root$'
    check_error(f'none: no such folder; {unpack}', read_cars, tmp_path / 'none', 'train')
    check_error(f'{tmp_path}: has no .*; {unpack}', read_cars, tmp_path, 'train')


@pytest.mark.parametrize('layout, folder', [
    ('cub', 'images'), ('cub', 'images/001.Bird_1'), ('cars', 'car_ims'),
    ('cars_devkit', 'cars_train'), ('cars_devkit', 'cars_test'), ('products', 'sofa_final')])
def test_images_a_folder_too_deep_are_named(tmp_path, layout, folder):
    root = LAYOUTS[layout](tmp_path / 'set')
    assert READERS[layout](root, 'train')
    outer = root / folder
    shutil.move(outer, root / 'moved')
    outer.mkdir()
    shutil.move(root / 'moved', outer / outer.name)
    check_error(f'{outer}: contains another folder {outer.name}; move the content of '
                f'{outer / outer.name} up by one folder$', READERS[layout], root, 'train')


@pytest.mark.parametrize('layout', LAYOUTS)
def test_other_splits_are_refused(tmp_path, layout):
    root = LAYOUTS[layout](tmp_path / 'set')
    check_error("split is 'val', expected 'train' or 'test'", READERS[layout], root, 'val')


def rewrite(name, old, new):
    """Return a function that replaces text of a file."""
    def spoil(root):
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))
    return spoil


def spoil_annotations(rows, field='relative_im_path'):
    """Return a function that writes other annotations of Cars-196."""
    return lambda root: write_annotations(root / 'cars_annos.mat', field, rows,
                                          class_names=car_names(4))


@pytest.mark.parametrize('layout, spoil, message', [
    ('cub', lambda root: (root / 'classes.txt').unlink(), 'classes.txt: no such file; unpack'),
    ('cub', lambda root: (root / 'image_class_labels.txt').unlink(),
     'image_class_labels.txt: no such file'),
    ('cub', rewrite('images.txt', '2 004.Bird_4/Bird_1.jpg', '2'),
     'images.txt:2: 1 of 2 fields; restore the file'),
    ('cub', rewrite('images.txt', '2 004', 'two 004'), "images.txt:2: 'two' is no id, expected"),
    ('cub', rewrite('images.txt', '2 004', '1 004'), 'images.txt:2: id 1 is used twice'),
    ('cub', rewrite('image_class_labels.txt', '3 4\n', '3 9\n'),
     'image_class_labels.txt:3: classes.txt has no such id'),
    ('cub', rewrite('image_class_labels.txt', '3 4\n', '99 4\n'),
     'image_class_labels.txt:3: images.txt has no such id'),
    ('cub', rewrite('image_class_labels.txt', '3 4\n', ''),
     'image_class_labels.txt: has no class for image 3'),
    ('cub', rewrite('image_class_labels.txt', '3 4\n', '3 0\n'), ":3: '0' is no id"),
    ('cub', rewrite('images.txt', '001.Bird_1/Bird_0.jpg', '../../Bird_0.jpg'),
     "images.txt: 'images/../../Bird_0.jpg' is no name of a file inside the set"),
    ('cub', rewrite('images.txt', 'Bird_1/Bird_1.jpg', 'Bird_1/Bird_0.jpg'),
     'images.txt: .*001.Bird_1/Bird_0.jpg has the same name as images/001.Bird_1/Bird_0.jpg'),
    ('cub', lambda root: [(root / name).write_text('') for name in
                          ('images.txt', 'image_class_labels.txt')], 'holds no image of this'),
    ('products', lambda root: (root / 'Ebay_train.txt').unlink(), 'Ebay_train.txt: no such file'),
    ('products', rewrite('Ebay_train.txt', 'image_id class_id', 'class_id image_id'),
     'Ebay_train.txt:1: expected the header image_id class_id super_class_id path'),
    ('products', rewrite('Ebay_train.txt', '2 1 1 sofa_final/11001_1.JPG', '2 1 1'),
     'Ebay_train.txt:3: 3 of 4 fields'),
    ('products', rewrite('Ebay_train.txt', '2 1 1 sofa', '2 one 1 sofa'),
     "Ebay_train.txt:3: 'one' is no id"),
    ('products', rewrite('Ebay_train.txt', 'sofa_final/11001_1', '/etc/11001_1'),
     "'/etc/11001_1.JPG' is no name of a file inside"),
    ('products', lambda root: (root / 'Ebay_train.txt').write_text(''), 'expected the header'),
    ('products', lambda root: (root / 'Ebay_train.txt').write_text(
        'image_id class_id super_class_id path\n'), 'Ebay_train.txt: holds no image of this'),
    ('cars', lambda root: (root / 'cars_annos.mat').unlink(), 'cars_annos.mat: no such file'),
    ('cars', lambda root: (root / 'cars_annos.mat').write_text('text'),
     'cars_annos.mat: not a readable MATLAB file'),
    ('cars', lambda root: write_mat(root / 'cars_annos.mat', annotations=1),
     'cars_annos.mat: has no entry class_names'),
    ('cars', lambda root: write_mat(root / 'cars_annos.mat', annotations=1,
                                    class_names=car_names(4)),
     'cars_annos.mat: its annotations have no field relative_im_path'),
    ('cars', spoil_annotations([('car_ims/1.jpg', 4)], 'fname'), 'no field relative_im_path'),
    ('cars', spoil_annotations([('car_ims/1.jpg', 1), ('car_ims/2.jpg', 5)]),
     "annotation 2 has the image 'car_ims/2.jpg' and the class 5, expected a name and an id of"),
    ('cars', spoil_annotations([('car_ims/1.jpg', 0)]), 'annotation 1 has .* the class 0, '),
    ('cars', spoil_annotations([(7, 1), (8, 2)]), 'annotation 1 has the image 7 and'),
    ('cars', spoil_annotations([('../1.jpg', 1)]), "'../1.jpg' is no name of a file inside"),
    ('cars', lambda root: write_annotations(
        root / 'cars_annos.mat', 'relative_im_path', [('car_ims/1.jpg', 1)],
        class_names=car_names(1).repeat(2)), 'two classes have the same name'),
    ('cars_devkit', lambda root: (root / 'devkit/cars_meta.mat').unlink(),
     'cars_meta.mat: no such file; unpack'),
    ('cars_devkit', lambda root: (root / 'devkit/cars_test_annos_withlabels.mat').unlink(),
     'cars_test_annos_withlabels.mat: no such file; download it, because cars_test_annos.mat'),
])
def test_bad_lists(tmp_path, layout, spoil, message):
    root = LAYOUTS[layout](tmp_path / 'set')
    assert READERS[layout](root, 'train')
    spoil(root)
    check_error(message, READERS[layout], root, 'train')


def test_class_folders_with_and_without_splits(tmp_path):
    root = write_class_folders(tmp_path / 'set', suffix='.JPEG')
    expected = [('car', 0), ('car', 1), ('car', 2), ('van', 0), ('van', 1), ('van', 2)]
    assert read_class_folders(root, 'val') == [
        LabelledImage(f'val/{name}/{index}.JPEG', name) for name, index in expected]
    assert read_class_folders(root / 'val') == [
        LabelledImage(f'{name}/{index}.JPEG', name) for name, index in expected]


def test_hidden_files_and_files_that_are_no_images_are_ignored(tmp_path):
    root = write_class_folders(tmp_path / 'set', [None])
    images = read_class_folders(root)
    (root / '.cache').mkdir()
    (root / 'car/boxes').mkdir()
    for name in ('car/.0.png', '.DS_Store', 'models.csv', 'car/notes.txt', 'car/boxes/0.txt',
                 '.0.png'):
        (root / name).touch()
    assert read_class_folders(root) == images


@pytest.mark.parametrize('split, spoil, message', [
    ('train', shutil.rmtree, 'set: no such folder; put class folders there, or render vehicles '
     'with python tools/create_data.py vehicles --models 80 --views 40 --size 96 --out .*/set$'),
    ('test', lambda root: None, 'set/test: no such folder; .*set has the splits train, val'),
    ('train', lambda root: shutil.rmtree(root / 'val') or shutil.rmtree(root / 'train'),
     'set/train: no such folder; put class folders there, or render vehicles'),
    ('../set', lambda root: None, "'../set' is no name of a file inside this folder"),
    (None, lambda root: None, "set/train: holds folders instead of images; .* set split='train'"),
    ('train', lambda root: shutil.rmtree(root / 'train') or (root / 'train').mkdir(),
     'set/train: holds no class folder'),
    ('train', lambda root: (root / 'train/empty').mkdir(),
     'train/empty: this class has no PNG or JPEG file'),
    ('train', lambda root: (root / 'train/car/9.webp').touch(),
     'car/9.webp: only PNG and JPEG files are read'),
    ('train', lambda root: (root / 'train/car/1.jpg').touch(),
     'train/car/1.png has the same name as train/car/1.jpg'),
    ('train', lambda root: shutil.copy(root / 'train/car/0.png', root / 'train/9.png'),
     'train/9.png: an image outside of the class folders; move it to one of them or remove it$'),
    ('train', lambda root: (root / 'train/9.webp').touch(), 'train/9.webp: an image outside of'),
    ('train/van', lambda root: None, 'van/0.png: an image outside of the class folders; move the '
     'images of .*train/van to one folder per class, or set data_root to the folder that'),
    ('train', lambda root: shutil.copytree(root / 'val/car', root / 'train/car/more'),
     'train/car/more: a folder of images inside the class car; move its images up to .*/car,'),
    ('train', lambda root: shutil.copytree(root / 'val', root / 'train/car/more/a'),
     'train/car/more: a folder of images inside the class car'),
    ('train', lambda root: (root / 'vehicles.json').touch(), 'set: the vehicles are not complete'),
])
def test_bad_class_folders(tmp_path, split, spoil, message):
    root = write_class_folders(tmp_path / 'set')
    spoil(root)
    check_error(message, read_class_folders, root, split)


def test_a_split_of_a_set_without_splits(tmp_path):
    root = write_class_folders(tmp_path / 'set', [None])
    check_error('train: no such folder; .* holds class folders without splits, so set split=None',
                read_class_folders, root, 'train')


def test_class_folders_on_another_level(tmp_path):
    root = write_class_folders(tmp_path / 'data/set')
    for outer in (tmp_path / 'data', tmp_path):
        check_error(f'{outer}/train: no such folder; set data_root to {root}$',
                    read_class_folders, outer, 'train')
    for inner in (root / 'train', root / 'train/car'):
        check_error(f'{inner} is in this split already, so set data_root to {root}$',
                    read_class_folders, inner, 'train')
    check_error(f'{root}: holds folders instead of images; .* set data_root to {root}$',
                read_class_folders, root.parent)
    assert read_class_folders(root, 'train')
    other = write_class_folders(tmp_path / 'train/set', ['val'])
    check_error(f'{other}/train: no such folder; {other} has the splits val$',
                read_class_folders, other, 'train')


def test_a_split_inside_a_folder_of_the_same_name(tmp_path):
    root = write_class_folders(tmp_path / 'set')
    shutil.move(root / 'train', root / 'moved')
    shutil.move(root / 'moved', (root / 'train').mkdir() or root / 'train/train')
    check_error(f'{root}/train/train: holds folders instead of images; move the folders of '
                f'{root}/train/train up by one folder, so that the split train holds',
                read_class_folders, root, 'train')
