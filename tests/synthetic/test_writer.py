"""Files: the same arguments, the same bytes, whatever happens in between."""
import numpy as np
import pytest
from synthetic.folder_reader import file_bytes

from mmdet3d_plugin.benchmarks.kitti.splits import read_split
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.synthetic import SyntheticSet, write_synthetic_set
from mmdet3d_plugin.synthetic.writer import encode_depth

SMALL = SyntheticSet(num_train=4, num_val=2, seed=1, width=320, height=96)
SMALL_CLIPS = SyntheticSet(num_train=4, num_val=2, seed=1, width=160, height=48,
                           sequence_length=2)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp('small') / 'set'
    write_synthetic_set(root, SMALL)
    return root


def test_layout(small):
    names = [f'{index:06d}' for index in range(6)]
    for folder, suffix in (('image_2', 'png'), ('depth_2', 'png'), ('instance_2', 'png'),
                           ('label_2', 'txt'), ('calib', 'txt')):
        found = sorted(path.name for path in (small / 'training' / folder).iterdir())
        assert found == [f'{name}.{suffix}' for name in names]
    assert read_split(small / 'ImageSets/train.txt') == names[:4]
    assert read_split(small / 'ImageSets/val.txt') == names[4:]
    assert read_split(small / 'ImageSets/trainval.txt') == names


@pytest.mark.parametrize('content', [SMALL, SMALL_CLIPS])
def test_same_bytes_with_any_number_of_workers(content, tmp_path):
    write_synthetic_set(tmp_path / 'one', content, workers=1)
    write_synthetic_set(tmp_path / 'two', content, workers=2)
    assert file_bytes(tmp_path / 'one') == file_bytes(tmp_path / 'two')


def test_a_split_without_frames_has_no_file(tmp_path):
    write_synthetic_set(tmp_path / 'set', SyntheticSet(1, 0, width=160, height=48))
    assert sorted(path.name for path in (tmp_path / 'set/ImageSets').iterdir()) \
        == ['train.txt', 'trainval.txt']


def test_other_seeds_and_frames_differ(small, tmp_path):
    write_synthetic_set(tmp_path / 'other', SyntheticSet(1, 0, seed=2, width=320, height=96))
    images = [(small / f'training/image_2/{index:06d}.png').read_bytes() for index in range(6)]
    images.append((tmp_path / 'other/training/image_2/000000.png').read_bytes())
    assert len(set(images)) == 7


def test_validation_frames_do_not_depend_on_the_training_frames(small, tmp_path):
    write_synthetic_set(tmp_path / 'val', SyntheticSet(0, 1, seed=1, width=320, height=96))
    assert (tmp_path / 'val/training/image_2/000000.png').read_bytes() \
        == (small / 'training/image_2/000004.png').read_bytes()


def test_resuming_makes_only_what_is_missing(tmp_path):
    write_synthetic_set(tmp_path / 'set', SMALL)
    complete = file_bytes(tmp_path / 'set')
    kept = tmp_path / 'set/training/image_2/000001.png'
    before = kept.stat().st_mtime_ns
    (tmp_path / 'set/training/label_2/000002.txt').unlink()
    (tmp_path / 'set/ImageSets/train.txt').unlink()
    (tmp_path / 'set/training/image_2/.000002.killed.png').write_bytes(b'half a fi')
    write_synthetic_set(tmp_path / 'set', SMALL)
    assert file_bytes(tmp_path / 'set') == complete
    assert kept.stat().st_mtime_ns == before


def test_other_arguments_need_another_folder_or_overwrite(tmp_path):
    write_synthetic_set(tmp_path / 'set', SMALL_CLIPS)
    single = SyntheticSet(2, 0, seed=1, width=160, height=48)
    with pytest.raises(InputError, match='synthetic.json.*--overwrite'):
        write_synthetic_set(tmp_path / 'set', single)
    write_synthetic_set(tmp_path / 'set', single, overwrite=True)
    write_synthetic_set(tmp_path / 'fresh', single)
    assert file_bytes(tmp_path / 'set') == file_bytes(tmp_path / 'fresh')


@pytest.mark.parametrize('overwrite', [False, True])
def test_foreign_folders_are_left_alone(tmp_path, overwrite):
    precious = tmp_path / 'training' / 'image_2' / '000000.png'
    precious.parent.mkdir(parents=True)
    precious.write_bytes(b'mine')
    with pytest.raises(InputError, match='not a synthetic set'):
        write_synthetic_set(tmp_path, SMALL, overwrite=overwrite)
    assert file_bytes(tmp_path) == {'training/image_2/000000.png': b'mine'}


@pytest.mark.parametrize('train, val, option', [(3, 2, '--num-train'), (4, 3, '--num-val')])
def test_frames_come_in_whole_clips(train, val, option):
    with pytest.raises(InputError, match=f'{option} 3 is not a multiple'):
        SyntheticSet(train, val, sequence_length=2)


def test_depth_encoding():
    depth = np.array([[0., 1., 2.002, 255.99, 256., 1000.]])
    # 65535 is the largest 16-bit value; farther points have no depth
    assert encode_depth(depth).tolist() == [[0, 256, 513, 65533, 0, 0]]
