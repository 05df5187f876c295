"""KITTI's published splits."""
import hashlib
import io

import pytest

from mmdet3d_plugin.benchmarks.kitti import split_lists
from mmdet3d_plugin.benchmarks.kitti.split_lists import published_splits, write_published_splits
from mmdet3d_plugin.benchmarks.kitti.splits import read_split, write_split
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def small_list(monkeypatch, tmp_path):
    """Published splits of five training frames, and a folder with their images."""
    checksum = hashlib.sha256(b'000001\n000004').hexdigest()
    for name, value in (('TRAINING_FRAMES', 5), ('TESTING_FRAMES', 3),
                        ('TRAIN_CHECKSUM', checksum)):
        monkeypatch.setattr(split_lists, name, value)
    write_split(tmp_path / 'list.txt', ['000001', '000004'])
    (tmp_path / 'set/training/image_2').mkdir(parents=True)
    for number in range(5):
        (tmp_path / f'set/training/image_2/{number:06d}.jpg').touch()
    return tmp_path / 'list.txt'


def test_all_other_training_frames_are_for_validation(small_list):
    assert published_splits(small_list) == dict(
        train=['000001', '000004'], val=['000000', '000002', '000003'],
        trainval=['000000', '000001', '000002', '000003', '000004'],
        test=['000000', '000001', '000002'])


def test_written_splits_are_read(small_list, tmp_path):
    paths = write_published_splits(tmp_path / 'set', small_list)
    assert [path.name for path in paths] == ['train.txt', 'val.txt', 'trainval.txt', 'test.txt']
    assert read_split(tmp_path / 'set/ImageSets/val.txt') == ['000000', '000002', '000003']
    assert write_published_splits(tmp_path / 'set', small_list) == paths  # again


@pytest.mark.parametrize('spoil, message', [
    (lambda root: write_split(root / 'set/ImageSets/test.txt', ['000001']),
     "test.txt: has other frames than KITTI's published split; move it away"),
    (lambda root: (root / 'set/training/image_2/000003.jpg').unlink(),
     "image_2: 1 of KITTI's 5 images are missing, such as 000003.png"),
    (lambda root: (root / 'list.txt').unlink(), 'list.txt: no such split file'),
    (lambda root: write_split(root / 'list.txt', ['000001']), 'is not the published training'),
    (lambda root: write_split(root / 'list.txt', ['000001', '000005']), 'is not the published')])
def test_nothing_is_written_when_a_file_is_wrong(small_list, tmp_path, spoil, message):
    spoil(tmp_path)
    with pytest.raises(InputError, match=message):
        write_published_splits(tmp_path / 'set', small_list)
    assert not (tmp_path / 'set/ImageSets/train.txt').exists()


def test_list_is_downloaded(small_list, monkeypatch):
    def answer(address, timeout):
        assert address == split_lists.TRAIN_URL and timeout > 0
        return io.BytesIO(b'000001\r\n000004\r\n')
    monkeypatch.setattr(split_lists, 'urlopen', answer)
    assert published_splits()['train'] == ['000001', '000004']


def test_a_failed_download_tells_what_to_do(monkeypatch):
    def fail(*_, **__):
        raise OSError('no route to host')
    monkeypatch.setattr(split_lists, 'urlopen', fail)
    with pytest.raises(InputError, match=r'no route to host.*--write-splits train.txt'):
        published_splits()
