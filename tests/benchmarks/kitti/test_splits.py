"""Reading and writing of KITTI split files."""
import pytest

from mmdet3d_plugin.benchmarks.kitti.splits import read_split, write_split
from mmdet3d_plugin.errors import InputError


def test_round_trip_keeps_the_order(tmp_path):
    names = ['000010', '000002', 'drive_01']
    write_split(tmp_path / 'val.txt', names)
    assert (tmp_path / 'val.txt').read_text() == '000010\n000002\ndrive_01\n'
    assert read_split(tmp_path / 'val.txt') == names


def test_blank_lines_and_windows_line_ends_are_ignored(tmp_path):
    (tmp_path / 'val.txt').write_text('000001\r\n\r\n000002\r\n')
    assert read_split(tmp_path / 'val.txt') == ['000001', '000002']


def test_names_may_contain_blanks(tmp_path):
    (tmp_path / 'val.txt').write_text('  hall 1/image 1\t\nhall 1/image 2\n')
    assert read_split(tmp_path / 'val.txt') == ['hall 1/image 1', 'hall 1/image 2']


@pytest.mark.parametrize('text, reason', [
    ('', 'names no frame'), ('\n\n', 'names no frame'),
    ('000003\n000001\n000003\n', 'frame 000003 is named twice'),
    ('../000001\n', "'../000001' is no frame name")])
def test_error_names_the_file_of_an_invalid_split(tmp_path, text, reason):
    path = tmp_path / 'val.txt'
    path.write_text(text)
    with pytest.raises(InputError) as error:
        read_split(path)
    assert str(path) in str(error.value) and reason in str(error.value)


def test_error_names_a_binary_split(tmp_path):
    (tmp_path / 'val.txt').write_bytes(b'\x89PNG\xff\xfe')
    with pytest.raises(InputError, match='val.txt: not a readable text file'):
        read_split(tmp_path / 'val.txt')


def test_error_names_a_missing_split(tmp_path):
    with pytest.raises(InputError, match='val.txt: no such split file'):
        read_split(tmp_path / 'val.txt')
