"""Image files: lookup by frame, and rotations in headers."""
import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils import images
from mmdet3d_plugin.utils.images import ImageFolder, check_complete, image_size, read_image


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.jpeg', '.PNG', '.JPG', '.JpEg'])
def test_images_of_any_suffix_are_found(tmp_path, suffix):
    (tmp_path / 'seq1').mkdir()
    for name in (f'000001{suffix}', f'seq1/000001{suffix}', '000001.txt', '.000001.png'):
        (tmp_path / name).touch()
    folder = ImageFolder(tmp_path)
    assert folder.find('000001') == tmp_path / f'000001{suffix}'
    assert folder.find('seq1/000001') == tmp_path / f'seq1/000001{suffix}'


@pytest.mark.parametrize('name, message', [
    ('000002', '000002.png: no such image, and no .jpg or .jpeg'),
    ('000004', '000004.png: is a folder, expected a file; remove it'),
    ('seq1/000001', 'seq1/000001.png: no such image'),
    ('000001.png', 'leave the suffix out of the frame name 000001.png'),
    ('000003', r'000003.JPG: one of 2 images of this frame \(000003.JPG, 000003.png\)')])
def test_a_frame_needs_exactly_one_image(tmp_path, name, message):
    for file in ('000001.png', '000003.png', '000003.JPG'):
        (tmp_path / file).touch()
    (tmp_path / '000004.png').mkdir()
    with pytest.raises(InputError, match=message):
        image_size(ImageFolder(tmp_path).find(name))


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    listed = []
    monkeypatch.setattr(ImageFolder, '_list', staticmethod(
        lambda folder: listed.append(folder) or {f'{i}': [f'{i}.png'] for i in range(100)}))
    folder = ImageFolder(tmp_path)
    assert [folder.find(f'{i}').name for i in range(100)] == [f'{i}.png' for i in range(100)]
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


# ---- files that take a decoder long, or much memory


def jpeg(size=(64, 32), **options):
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, 'JPEG', **options)
    return buffer.getvalue()


def with_scans(content, count):
    """Repeat the last scan of a JPEG so that it has ``count`` scans."""
    start = content.rfind(b'\xff\xda')
    scans = content.count(b'\xff\xda')
    return content[:-2] + content[start:-2] * (count - scans) + b'\xff\xd9'


@pytest.mark.parametrize('name, options', [
    ('WebP', dict(format='WEBP')), ('GIF', dict(format='GIF')), ('BMP', dict(format='BMP')),
    ('TIFF', dict(format='TIFF')), ('HEIC or AVIF', None)])
def test_other_formats_are_named(tmp_path, name, options):
    path = tmp_path / 'a.jpg'
    if options:
        Image.new('RGB', (6, 4)).save(path, **options)
    else:
        path.write_bytes(b'\0\0\0\x18ftypheic')
    with pytest.raises(InputError, match=f'a.jpg: is a {name} file; convert it to PNG or JPEG'):
        image_size(path)


def test_scans_of_a_jpeg_are_counted(tmp_path):
    path = tmp_path / 'a.jpg'
    progressive = jpeg(progressive=True)
    for count in (progressive.count(b'\xff\xda'), 32):
        path.write_bytes(with_scans(progressive, count))
        assert read_image(path).shape == (32, 64, 3)
    path.write_bytes(with_scans(progressive, 33))
    with pytest.raises(InputError, match='a.jpg: is a JPEG of more than 32 scans; save it anew'):
        read_image(path)


@pytest.mark.parametrize('place', ['before', 'after'])
def test_bytes_of_other_data_are_no_scans(tmp_path, place):
    """Cameras put data of their own into segments and behind the end of the image."""
    path, other = tmp_path / 'a.jpg', b'\xff\xda' * 100
    content, segment = jpeg(), b'\xff\xe3' + struct.pack('>H', 2 + len(other)) + other
    if place == 'before':
        path.write_bytes(content[:2] + segment + content[2:])
    else:
        path.write_bytes(content + other + b'\xff\xd9')
    assert read_image(path).shape == (32, 64, 3)


@pytest.mark.parametrize('options, is_kept', [(dict(), False), (dict(progressive=True), True)])
def test_a_jpeg_of_several_scans_has_half_as_many_pixels(monkeypatch, options, is_kept):
    monkeypatch.setattr(images, 'MAX_SCANNED_PIXELS', 64 * 32)
    check_complete('a.jpg', jpeg((64, 32), **options))
    thumbnail = b'\xff\xe1' + struct.pack('>H', 4) + b'\xff\xda'  # of a photo, in a segment
    larger = jpeg((64, 33), **options)
    larger = larger[:2] + thumbnail + larger[2:]
    if not is_kept:
        check_complete('a.jpg', larger)
        return
    with pytest.raises(InputError, match='a.jpg: declares 2112 pixels in a JPEG of several scans'):
        check_complete('a.jpg', larger)


def chunk(kind, content):
    return (struct.pack('>I', len(content)) + kind + content
            + struct.pack('>I', zlib.crc32(kind + content)))


def png(*chunks):
    """Return a PNG with further chunks before its pixels."""
    buffer = io.BytesIO()
    Image.new('RGB', (6, 4)).save(buffer, 'PNG')
    content = buffer.getvalue()
    return content[:33] + b''.join(chunks) + content[33:]


PACKED = chunk(b'zTXt', b'key\0\0' + zlib.compress(bytes(1000)))


@pytest.mark.parametrize('extra, message', [
    ([PACKED] * 64, ''), ([PACKED] * 65, 'has more than 64 chunks of packed text'),
    ([chunk(b'abcd', bytes(1 << 23))], ''),
    ([chunk(b'abcd', bytes((1 << 23) + 1))], 'has a chunk of 8 MB without pixels, expected at m'),
    ([chunk(b'abcd', b'')] * 70_000, 'it consists of more than 65536 parts')])
def test_parts_of_a_png_are_bounded(tmp_path, extra, message):
    path = tmp_path / 'a.png'
    path.write_bytes(png(*extra))
    if not message:
        assert read_image(path).shape == (4, 6, 3)
        return
    with pytest.raises(InputError, match=f'a.png: .*{message}'):
        read_image(path)
    with pytest.raises(InputError, match=f'a.png: .*{message}'):
        check_complete(path, path.read_bytes())


@pytest.mark.parametrize('filling', [b'\xff\xe3\x00\x02' * 70_000, b'\xff' * 70_000])
def test_segments_of_a_jpeg_are_bounded(tmp_path, filling):
    path, content = tmp_path / 'a.jpg', jpeg()
    path.write_bytes(content[:2] + filling[:40] + content[2:])
    assert image_size(path) == (64, 32)
    path.write_bytes(content[:2] + filling + content[2:])
    with pytest.raises(InputError, match='a.jpg: .*it consists of more than 65536 parts'):
        image_size(path)


def test_large_files_are_refused_before_reading(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(png())
    os.truncate(path, (1 << 27) + 1)
    with pytest.raises(InputError, match='a.png: has 128 MB, expected at most 128 MB; restore'):
        read_image(path)
