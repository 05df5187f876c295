"""Image files: lookup by frame, and rotations in headers."""
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils.images import ImageFolder, image_size


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.jpeg', '.PNG', '.JPG', '.JpEg'])
def test_images_of_any_suffix_are_found(tmp_path, suffix):
    (tmp_path / 'seq1').mkdir()
    for name in (f'000001{suffix}', f'seq1/000001{suffix}', '000001.txt', '.000001.png'):
        (tmp_path / name).touch()
    images = ImageFolder(tmp_path)
    assert images.find('000001') == tmp_path / f'000001{suffix}'
    assert images.find('seq1/000001') == tmp_path / f'seq1/000001{suffix}'


@pytest.mark.parametrize('name, message', [
    ('000002', '000002.png: no such image, and no .jpg or .jpeg'),
    ('seq1/000001', 'seq1/000001.png: no such image'),
    ('000001.png', 'leave the suffix out of the frame name 000001.png'),
    ('000003', r'000003.JPG: one of 2 images of this frame \(000003.JPG, 000003.png\)')])
def test_a_frame_needs_exactly_one_image(tmp_path, name, message):
    for file in ('000001.png', '000003.png', '000003.JPG'):
        (tmp_path / file).touch()
    (tmp_path / '000002.png').mkdir()
    with pytest.raises(InputError, match=message):
        ImageFolder(tmp_path).find(name)


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    listed = []
    monkeypatch.setattr(ImageFolder, '_list', staticmethod(
        lambda folder: listed.append(folder) or {f'{i}': [f'{i}.png'] for i in range(100)}))
    images = ImageFolder(tmp_path)
    assert [images.find(f'{i}').name for i in range(100)] == [f'{i}.png' for i in range(100)]
    assert listed == [tmp_path]


def encoded(form, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(buffer, form, exif=exif)
    return buffer.getvalue()


def with_exif_at_the_end(png):
    """Move the eXIf chunk of a PNG behind its pixels, where decoders find it too."""
    start, chunks = 8, []
    while start < len(png):
        length, kind = struct.unpack('>I4s', png[start:start + 8])
        chunks.append((kind, png[start + 8:start + 8 + length]))
        start += length + 12
    chunks.sort(key=lambda chunk: (chunk[0] == b'eXIf') + 2 * (chunk[0] == b'IEND'))
    return png[:8] + b''.join(
        struct.pack('>I', len(content)) + kind + content
        + struct.pack('>I', zlib.crc32(kind + content)) for kind, content in chunks)


@pytest.mark.parametrize('content', [
    lambda orientation: encoded('JPEG', orientation),
    lambda orientation: encoded('PNG', orientation),
    lambda orientation: with_exif_at_the_end(encoded('PNG', orientation))])
@pytest.mark.parametrize('orientation', [2, 3, 6])  # mirrored; turned with the same and other size
def test_turned_images_are_refused(tmp_path, content, orientation):
    path = tmp_path / 'a.img'
    path.write_bytes(content(orientation))
    with pytest.raises(InputError, match=rf'a.img: .*\(EXIF orientation {orientation}\); turn'):
        image_size(path)
    path.write_bytes(content(1))
    assert image_size(path) == (6, 4)
