"""Lists of Eigen and Zhou's split, and the images of raw drives."""
import pytest

from mmdet3d_plugin.benchmarks.kitti.raw_clips import RawFrame, RawImages, read_raw_split
from mmdet3d_plugin.errors import InputError

DRIVE = '2011_09_26/2011_09_26_drive_0022_sync'


def test_names_of_a_frame(tmp_path):
    (tmp_path / 'train.txt').write_text(f'{DRIVE} 473 r\n\n{DRIVE} 0000000007 l\n')
    right, left = read_raw_split(tmp_path / 'train.txt')
    assert right == RawFrame(DRIVE, 473, 'image_03')
    assert right.name == f'{DRIVE}/image_03/data/0000000473'
    assert right.scan == f'{DRIVE}/velodyne_points/data/0000000473.bin'
    assert right.annotated_depth == (
        '2011_09_26_drive_0022_sync/proj_depth/groundtruth/image_03/0000000473.png')
    assert left == (DRIVE, 7, 'image_02') and left.date == '2011_09_26'
    assert left.neighbour(-1).name == f'{DRIVE}/image_02/data/0000000006'
    assert RawFrame.of_name(right.name) == right


@pytest.mark.parametrize('line, message', [
    (f'{DRIVE} 473', '2 fields, expected DATE/DRIVE INDEX l'),
    (f'{DRIVE} 473 l 721.5', '4 fields'),
    (f'{DRIVE} -1 l', "'-1' is no index of an image"),
    (f'{DRIVE} ٣ l', 'is no index of an image'),
    (f'{DRIVE} 12345678901 l', 'is no index of an image'),
    (f'{DRIVE} 1 x', "'x' is no side, expected l .image_02. or r .image_03."),
    ('2011_09_26_drive_0022_sync 1 l', 'is no DATE/DRIVE'),
    (f'../{DRIVE} 1 l', 'is no DATE/DRIVE'),
    ('../drive 1 l', 'is no DATE/DRIVE'),
    ('/drive 1 l', 'is no DATE/DRIVE'),
    (f'{DRIVE} 05 l', 'repeats the frame of line 1')])
def test_error_names_the_line(tmp_path, line, message):
    path = tmp_path / 'train.txt'
    path.write_text(f'{DRIVE} 5 l\n{line}\n')
    with pytest.raises(InputError, match=f'train.txt:2: .*{message}') as error:
        read_raw_split(path)
    assert '\n' not in str(error.value)


def test_missing_and_empty_lists(tmp_path):
    with pytest.raises(InputError, match='absent.txt: no such split file; put lines of the form'):
        read_raw_split(tmp_path / 'absent.txt')
    (tmp_path / 'empty.txt').write_text('\n')
    with pytest.raises(InputError, match='empty.txt: names no frame'):
        read_raw_split(tmp_path / 'empty.txt')


def test_images_with_both_suffixes(tmp_path):
    folder = tmp_path / DRIVE / 'image_02/data'
    folder.mkdir(parents=True)
    for name in ('0000000000.png', '0000000001.jpg', '0000000002.gif'):
        (folder / name).touch()
    images = RawImages(tmp_path)
    frame = RawFrame(DRIVE, 0, 'image_02')
    assert images.find(frame) == folder / '0000000000.png'
    assert images.find(frame.neighbour(1)) == folder / '0000000001.jpg'
    assert [images.find(frame.neighbour(offset)) for offset in (-1, 2, 3)] == [None] * 3
    assert images.find(RawFrame(DRIVE, 0, 'image_03')) is None
