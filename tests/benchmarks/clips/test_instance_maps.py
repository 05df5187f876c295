"""Instance maps as PNG files."""
import cv2
import numpy as np
import pytest
from PIL import Image

from mmdet3d_plugin.benchmarks.clips.instance_maps import read_instance_map
from mmdet3d_plugin.errors import InputError


@pytest.mark.parametrize('values, kind', [
    ([[0, 1, 255]], np.uint8), ([[0, 256, 26001]], np.uint16), ([[65535, 300, 0]], np.uint16)])
def test_numbers_are_read_unchanged(tmp_path, values, kind):
    cv2.imwrite(str(tmp_path / 'a.png'), np.array(values, kind))
    found = read_instance_map(tmp_path / 'a.png')
    assert found.dtype == np.int32 and found.tolist() == values


def cut(path):
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 9, (64, 64), dtype=np.uint16))
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize('write, message', [
    (lambda path: cv2.imwrite(str(path), np.zeros((4, 6, 3), np.uint8)), 'it is in colour'),
    (lambda path: Image.new('P', (6, 4)).save(path), 'it is in colour'),
    (lambda path: Image.new('1', (6, 4)).save(path), 'it is of 1 bits'),
    (lambda path: Image.new('L', (6, 4)).save(path, format='JPEG'), 'it is no PNG'),
    (lambda path: path.write_text('no image'), 'not a readable instance map'),
    (cut, 'cut off'), (lambda path: None, 'no such instance map')])
def test_other_files_are_refused(tmp_path, write, message):
    write(tmp_path / 'a.png')
    with pytest.raises(InputError, match=f'a.png: .*{message}'):
        read_instance_map(tmp_path / 'a.png')
