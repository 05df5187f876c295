"""Sources of images: files, arrays, folders, patterns, URLs, videos."""
import http.server
import struct
import threading
import zlib
from functools import partial

import cv2
import numpy as np
import pytest
from PIL import Image
from tiny_predictor import write_cut_video

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.prediction import open_images
from mmdet3d_plugin.prediction.image_sources import shortfall_of
from mmdet3d_plugin.utils.images import MAX_PIXELS

BGR = np.zeros((20, 30, 3), np.uint8)
BGR[:10] = 10, 120, 250  # orange, so that a wrong order or rotation of pixels is seen
GREY = BGR[..., 1]


@pytest.fixture
def folder(tmp_path):
    for name in ('b', 'a', 'c'):
        cv2.imwrite(str(tmp_path / f'{name}.png'), BGR)
    (tmp_path / 'notes.txt').write_text('no image')
    return tmp_path


def loaded(source):
    return [image.load() for image in open_images(source)]


@pytest.mark.parametrize('source', [
    BGR, np.dstack([BGR, GREY]), BGR.astype(np.uint16) * 257, Image.fromarray(BGR[..., ::-1]),
    Image.fromarray(BGR[..., ::-1]).convert('RGBA')])
def test_colour_images(source):
    image, = loaded(source)
    np.testing.assert_array_equal(image, BGR)


@pytest.mark.parametrize('source', [
    GREY, GREY[..., None], GREY.astype(np.uint16) * 257, Image.fromarray(GREY),
    Image.fromarray(GREY.astype(np.uint16) * 257)])
def test_grey_images(source):
    image, = loaded(source)
    np.testing.assert_array_equal(image, np.repeat(GREY[..., None], 3, axis=2))


@pytest.mark.parametrize('pixels', [
    BGR, np.dstack([BGR, GREY]), BGR.astype(np.uint16) * 257], ids=['BGR', 'alpha', '16 bits'])
def test_files(tmp_path, pixels):
    cv2.imwrite(str(tmp_path / 'a.png'), pixels)
    image, = loaded(tmp_path / 'a.png')
    np.testing.assert_array_equal(image, BGR)


@pytest.mark.parametrize('kept', ['file', 'Pillow'])
def test_rotation_in_the_header(tmp_path, kept):
    exif = Image.Exif()
    exif[0x112] = 6  # the pixels have to be turned clockwise
    turned = Image.fromarray(np.rot90(BGR[..., ::-1]).copy())
    turned.save(tmp_path / 'a.jpg', exif=exif, quality=100, subsampling=0)
    source = tmp_path / 'a.jpg' if kept == 'file' else Image.open(tmp_path / 'a.jpg')
    image, = loaded(source)
    assert image.shape == BGR.shape and np.abs(image.astype(int) - BGR).max() < 12


def test_folder_in_order_of_names(folder):
    source = open_images(folder)
    assert (source.count, source.frame_rate) == (3, None)
    assert [image.name for image in source] == ['a', 'b', 'c']


def test_patterns_and_lists_have_unique_names(folder):
    (folder / 'inner').mkdir()
    cv2.imwrite(str(folder / 'inner/a.JPG'), BGR)
    names = [image.name for image in open_images(f'{folder}/**/a.*')]
    assert names == ['a', 'a_2']
    names = [image.name for image in open_images([folder / 'b.png', BGR, folder / 'b.png'])]
    assert names == ['b', '000001', 'b_2']


def test_iterators_are_read_one_at_a_time():
    made = []

    def camera():
        for index in range(3):
            made.append(index)
            yield BGR

    images = iter(open_images(camera()))
    next(images)
    assert made == [0] and next(images).name == '000001'


@pytest.mark.parametrize('source, message', [
    ('{folder}/aa.png', 'aa.png: no such image, folder or video; did you mean .*/a.png?'),
    ('{folder}/nowhere/a.png', 'nowhere/a.png: no such .*; .*/nowhere is no folder'),
    ('{folder}/*.jpg', 'the pattern matches no image'),
    ('{folder}/empty', r'empty: holds no images \(.png'),
    ('http://[bad', r'http://\[bad: is no valid URL'), (['http://[bad'], 'is no valid URL'),
    ('x' * 5000, r'^x{60}\.\.\.: cannot be read \(File name too long\)'),
    ('~nobodyuser/x', '~nobodyuser/x: cannot be read .*home'), ('a\0b', 'no such image'),
    ('\u00b2', 'no such image'), ('9' * 200, 'no such image'),
    ([], 'an empty list'), (3.5, 'float is no source of images'), ([[1]], 'image 0: list is no')])
def test_missing_sources(folder, source, message):
    (folder / 'empty').mkdir()
    source = source.format(folder=folder) if isinstance(source, str) else source
    with pytest.raises(InputError, match=message):
        open_images(source)


def test_a_folder_that_cannot_be_read(folder, monkeypatch):
    def refuse(self):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('pathlib.Path.iterdir', refuse)  # root may read every folder
    with pytest.raises(InputError, match=r'^/.*: cannot be read \(Permission denied\)$'):
        open_images(folder)


@pytest.mark.parametrize('source, message', [
    ('http://127.0.0.1:1/my picture.png', r'my picture.png: cannot download .*control charac'),
    ('y' * 5000, r'^y{60}\.\.\.: cannot read the image \(File name too long'),
    ('~nobodyuser/x.png', 'cannot read the image'), ('a\0.png', 'cannot read the image')])
def test_images_of_a_list_that_cannot_be_read(source, message):
    with pytest.raises(InputError, match=message):
        loaded([source])


def test_origins(folder, monkeypatch):
    monkeypatch.chdir(folder)
    address = 'http://127.0.0.1:1/a.png?b'
    origins = [image.origin for image in open_images(['a.png', address, BGR, 'a.png'])]
    assert origins == [str(folder / 'a.png'), address, None, str(folder / 'a.png')]


def test_a_folder_of_folders_names_one(folder):
    (folder / 'x/a').mkdir(parents=True)
    (folder / 'x/y/z').mkdir(parents=True)
    (folder / 'x/y/z/1.png').touch()
    with pytest.raises(InputError, match='x: holds no images .*; name one of its folders, such '
                       'as .*x/y/z$'):
        open_images(folder / 'x')
    (folder / 'x/y/z/1.png').unlink()
    with pytest.raises(InputError, match=r'x: holds no images [^;]*$'):
        open_images(folder / 'x')


def bomb():
    """Return a PNG of few bytes that declares more pixels than allowed."""
    header = struct.pack('>IIBBBBB', MAX_PIXELS, 2, 8, 2, 0, 0, 0)
    chunk = b'IHDR' + header
    return (b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + chunk
            + struct.pack('>I', zlib.crc32(chunk)))


def test_broken_files_are_errors_when_they_are_read(folder):
    whole = (folder / 'a.png').read_bytes()
    (folder / 'a.png').write_bytes(whole[:60])
    (folder / 'b.png').write_text('text')
    (folder / 'c.png').write_bytes(bomb())
    for image, message in zip(open_images(folder), ['a.png: .*cut off', 'b.png: not a readable '
                                                    'image', 'c.png: ']):
        with pytest.raises(InputError, match=message):
            image.load()


@pytest.mark.parametrize('array', [
    np.zeros((4, 6, 2), np.uint8), np.zeros((4, 6, 3)), np.zeros((0, 6, 3), np.uint8)])
def test_arrays_that_are_no_images(array):
    with pytest.raises(InputError, match=r'image 0: an array \(.*is no image'):
        loaded(array)


def test_urls(folder):
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *arguments: None
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f'http://127.0.0.1:{server.server_port}'
        image, = open_images(f'{address}/a.png?size=full')
        assert image.name == 'a'
        np.testing.assert_array_equal(image.load(), BGR)
        for name, message in [('d.png', 'cannot download the image'), ('notes.txt', 'not a read')]:
            with pytest.raises(InputError, match=f'{name}: {message}'):
                loaded(f'{address}/{name}')
        server.shutdown()
    # Nothing but http is downloaded.
    with pytest.raises(InputError, match='no such image'):
        open_images((folder / 'a.png').as_uri())


def test_videos(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / 'a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 12.5,
                             (32, 24))
    for index in range(4):
        writer.write(np.full((24, 32, 3), 60 * index, np.uint8))
    writer.release()
    source = open_images(str(tmp_path / 'a.avi'))
    assert (source.count, source.frame_rate) == (4, 12.5)
    frames = [(image.name, image.load().mean()) for image in source]
    assert [name for name, _ in frames] == ['000000', '000001', '000002', '000003']
    np.testing.assert_allclose([mean for _, mean in frames], [0, 60, 120, 180], atol=3)


def test_a_video_that_breaks_off(tmp_path):
    write_cut_video(tmp_path / 'a.mp4')
    cut = open_images(tmp_path / 'a.mp4')
    read = len(list(cut))
    assert 3 < read < 12
    assert shortfall_of(cut, read) == (f'{tmp_path}/a.mp4: broke off after {read} of 24 frames; '
                                       'the file is cut off or damaged')
    assert shortfall_of(cut, 21) is None and shortfall_of(cut, 20) is not None
    assert shortfall_of(open_images(BGR), 0) is None


def test_a_video_without_frames(tmp_path, capfd):
    (tmp_path / 'a.mp4').write_bytes(b'')
    with pytest.raises(InputError, match='a.mp4: a video without frames'):
        open_images(tmp_path / 'a.mp4')
    assert capfd.readouterr().err == ''
