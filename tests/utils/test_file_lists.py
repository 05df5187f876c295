"""Text files and lists of files."""
import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils.files import inner_names, read_text


def test_a_byte_order_mark_is_left_out(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'\xef\xbb\xbfCar\r\n')
    assert read_text(tmp_path / 'a.txt', 'missing').split() == ['Car']


def test_other_encodings_are_refused_with_the_fix(tmp_path):
    (tmp_path / 'a.txt').write_bytes('000000\n'.encode('utf-16'))  # as PowerShell writes it
    with pytest.raises(InputError, match='a.txt: not a readable text file .*; save it as UTF-8'):
        read_text(tmp_path / 'a.txt', 'missing')


def test_names_of_files_in_subfolders_and_links(tmp_path):
    (tmp_path / 'set/seq1/.git').mkdir(parents=True)
    (tmp_path / 'elsewhere').mkdir()
    for name in ('set/b.txt', 'set/seq1/a.TXT', 'set/seq1/a.png', 'set/.c.txt',
                 'set/seq1/.git/d.txt', 'elsewhere/e.txt'):
        (tmp_path / name).touch()
    (tmp_path / 'set/link').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'set/seq1/circle').symlink_to(tmp_path / 'set')
    assert inner_names(tmp_path / 'set', ['.txt']) == ['b', 'link/e', 'seq1/a']
    assert inner_names(tmp_path / 'absent', ['.txt']) == []
