"""Files of synthetic sets, and that equal arguments give equal bytes."""
import shutil

import cv2
import numpy as np
import pytest
from synthetic.folder_reader import file_bytes
from synthetic.small_sets import SMALL, SMALL_CLIPS

from mmdet3d_plugin.benchmarks.kitti.splits import read_split
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.synthetic import SyntheticSet, write_synthetic_set
from mmdet3d_plugin.synthetic.writer import encode_depth


def test_folder_has_kittis_layout(small):
    names = [f'{index:06d}' for index in range(6)]
    for folder, suffix in (('image_2', 'png'), ('depth_2', 'png'), ('instance_2', 'png'),
                           ('label_2', 'txt'), ('calib', 'txt')):
        found = sorted(path.name for path in (small / 'training' / folder).iterdir())
        assert found == [f'{name}.{suffix}' for name in names]
    assert read_split(small / 'ImageSets/train.txt') == names[:4]
    assert read_split(small / 'ImageSets/val.txt') == names[4:]
    assert read_split(small / 'ImageSets/trainval.txt') == names


@pytest.mark.parametrize('folder, content', [('small', SMALL), ('small_clips', SMALL_CLIPS)])
def test_files_do_not_depend_on_the_number_of_workers(folder, content, request, tmp_path):
    by_one_worker = request.getfixturevalue(folder)
    write_synthetic_set(tmp_path / 'two', content, workers=2)
    assert file_bytes(by_one_worker) == file_bytes(tmp_path / 'two')


def test_split_without_frames_has_no_file(tmp_path):
    write_synthetic_set(tmp_path / 'set', SyntheticSet(1, 0, width=160, height=48))
    assert sorted(path.name for path in (tmp_path / 'set/ImageSets').iterdir()) \
        == ['train.txt', 'trainval.txt']


def test_images_of_other_frames_and_seeds_differ(small, tmp_path):
    write_synthetic_set(tmp_path / 'other', SyntheticSet(1, 0, seed=2, width=320, height=96))
    images = [(small / f'training/image_2/{index:06d}.png').read_bytes() for index in range(6)]
    images.append((tmp_path / 'other/training/image_2/000000.png').read_bytes())
    assert len(set(images)) == 7


def test_validation_frames_do_not_depend_on_the_training_frames(small, tmp_path):
    write_synthetic_set(tmp_path / 'val', SyntheticSet(0, 1, seed=1, width=320, height=96))
    assert (tmp_path / 'val/training/image_2/000000.png').read_bytes() \
        == (small / 'training/image_2/000004.png').read_bytes()


def test_resumed_run_writes_only_missing_frames(small, tmp_path):
    complete = file_bytes(small)
    shutil.copytree(small, tmp_path / 'set')
    kept = tmp_path / 'set/training/image_2/000001.png'
    before = kept.stat().st_mtime_ns
    (tmp_path / 'set/training/label_2/000002.txt').unlink()
    (tmp_path / 'set/ImageSets/train.txt').unlink()
    (tmp_path / 'set/training/image_2/.000002.killed.png').write_bytes(b'half a fi')
    write_synthetic_set(tmp_path / 'set', SMALL)
    assert file_bytes(tmp_path / 'set') == complete
    assert kept.stat().st_mtime_ns == before


def test_set_with_other_arguments_is_replaced_only_with_overwrite(small_clips, tmp_path):
    shutil.copytree(small_clips, tmp_path / 'set')
    single = SyntheticSet(2, 0, seed=1, width=160, height=48)
    with pytest.raises(InputError, match='synthetic.json.*--overwrite'):
        write_synthetic_set(tmp_path / 'set', single)
    write_synthetic_set(tmp_path / 'set', single, overwrite=True)
    write_synthetic_set(tmp_path / 'fresh', single)
    assert file_bytes(tmp_path / 'set') == file_bytes(tmp_path / 'fresh')


@pytest.mark.parametrize('overwrite', [False, True])
def test_folder_with_other_files_is_not_changed(tmp_path, overwrite):
    image = tmp_path / 'training' / 'image_2' / '000000.png'
    image.parent.mkdir(parents=True)
    image.write_bytes(b'content')
    with pytest.raises(InputError, match='not a synthetic set'):
        write_synthetic_set(tmp_path, SMALL, overwrite=overwrite)
    assert file_bytes(tmp_path) == {'training/image_2/000000.png': b'content'}


@pytest.mark.parametrize('train, val, option', [(3, 2, '--num-train'), (4, 3, '--num-val')])
def test_number_of_frames_must_be_a_multiple_of_the_clip_length(train, val, option):
    with pytest.raises(InputError, match=f'{option} 3 is not a multiple'):
        SyntheticSet(train, val, sequence_length=2)


def test_depths_beyond_16_bits_are_stored_as_unknown():
    depth = np.array([[0., 1., 2.002, 255.99, 255.998, 255.9981, 256., 1000.]], np.float32)
    stored = cv2.imdecode(np.frombuffer(encode_depth(depth), np.uint8), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16
    # 65535 / 256 m = 255.99609 m is the largest depth; 255.99805 m and more are rounded beyond it.
    assert stored.tolist() == [[0, 256, 513, 65533, 65535, 0, 0, 0]]
