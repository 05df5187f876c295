"""Readers return valid values, or refuse a malformed file with one line that names it."""
import dataclasses
import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image
from reliability import fuzzer
from reliability.fuzz_kinds import KINDS, check_objects
from reliability.fuzzer import run_cases, write_valid
from reliability.mutations import chunks_of, encode, make_image, png_of

from mmdet3d_plugin.benchmarks.waymo.files import read_objects as read_waymo
from mmdet3d_plugin.datasets.transforms import LoadImageMono3D
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils.images import check_complete, image_size

KITTI = ('label', 'calibration', 'image', 'result', 'split')


@pytest.mark.parametrize('count, fewest', [
    (200, 2), pytest.param(2000, 30, marks=pytest.mark.slow)])
def test_malformed_inputs(tmp_path, count, fewest):
    report = run_cases(count, 0, tmp_path, KITTI)
    assert report.failures == []
    assert report.slowest < fuzzer.SECONDS
    assert sum(report.refused.values()) + sum(report.valid.values()) == count
    # For every kind of file, some cases are refused and some are accepted.
    for kind in KITTI:
        assert report.refused[kind] >= fewest and report.valid[kind] >= fewest, report.text()


@pytest.mark.parametrize('kind', [kind for kind in KINDS if kind not in KITTI])
def test_malformed_files_of_other_kinds(tmp_path, kind):
    report = run_cases(60, 0, tmp_path, [kind])
    assert report.failures == []
    assert report.refused[kind] >= 15 and report.valid[kind] >= 1, report.text()


def broken_reader(monkeypatch, read):
    """Replace the reader of labels."""
    monkeypatch.setitem(KINDS, 'label', dataclasses.replace(KINDS['label'], read=read))


@pytest.mark.parametrize('read', [
    lambda root, file: 1 / 0,
    lambda root, file: check_objects(1, False),
    lambda root, file: (_ for _ in ()).throw(InputError('no file is named')),
    lambda root, file: (_ for _ in ()).throw(InputError(f'{file}: ' + 700 * 'x'))])
def test_the_fuzzer_finds_failed_checks_and_bad_messages(tmp_path, monkeypatch, read):
    valid = write_valid(tmp_path, ['label'])
    broken_reader(monkeypatch, read)
    report = fuzzer.FuzzReport()
    for index in range(5):
        fuzzer.run_case(f'1-{index}', tmp_path, valid, report)
    assert len(report.failures) == 5


def test_the_fuzzer_finds_hangs_and_large_memory(tmp_path, monkeypatch):
    valid = write_valid(tmp_path, ['label'])
    monkeypatch.setattr(fuzzer, 'SECONDS', .2)

    def hang(root, file):
        while True:
            pass

    report = fuzzer.FuzzReport()
    broken_reader(monkeypatch, hang)
    fuzzer.run_case('1-0', tmp_path, valid, report)
    assert 'TimeoutError' in report.failures[0]
    peaks = iter([100, 100 + fuzzer.MEMORY + 1])
    monkeypatch.setattr(fuzzer, 'peak_memory', lambda: next(peaks))
    broken_reader(monkeypatch, lambda root, file: None)
    fuzzer.run_case('1-1', tmp_path, valid, report)
    assert f'took {fuzzer.MEMORY + 1} MB' in report.failures[1]


def load(path):
    return LoadImageMono3D()(dict(images=dict(CAM2=dict(img_path=str(path), cam2img=np.eye(4)))))


@pytest.mark.parametrize('kind', ['PNG of OpenCV', 'PNG of Pillow', 'JPEG', 'progressive JPEG'])
def test_every_cut_of_an_image_is_refused(tmp_path, kind):
    """Decoders do not fill in missing bytes, even if only the last byte is missing."""
    image = make_image((310, 94))
    content = {
        'PNG of OpenCV': lambda: cv2.imencode('.png', np.asarray(image))[1].tobytes(),
        'PNG of Pillow': lambda: encode(image, 'PNG'),
        'JPEG': lambda: encode(image, 'JPEG'),
        'progressive JPEG': lambda: encode(image, 'JPEG', progressive=True)}[kind]()
    path = tmp_path / 'image.png'
    path.write_bytes(content)
    assert load(path)['img'].shape == (94, 310, 3)
    cuts = sorted({*range(0, len(content), len(content) // 60),
                   *range(len(content) - 20, len(content))})
    for cut in cuts:
        path.write_bytes(content[:cut])
        with pytest.raises(InputError, match=r'image.png: (not a readable|cannot read)'):
            load(path)
    for cut in (len(content) // 3, len(content) - 2):  # as after a crash of the system
        path.write_bytes(content[:cut] + bytes(len(content) - cut))
        with pytest.raises(InputError, match=r'image.png: (not a readable|cannot read)'):
            load(path)


def test_huge_images_are_refused_by_their_header(tmp_path):
    bomb = tmp_path / 'bomb.png'
    chunks = chunks_of(encode(make_image(), 'PNG'))
    for size in [(100_000, 100_000), (9000, 9000), (20_000, 20_000)]:
        header = b''.join(value.to_bytes(4, 'big') for value in size)
        chunks[0][1] = header + chunks[0][1][8:]
        bomb.write_bytes(png_of(chunks))
        with pytest.raises(InputError, match='bomb.png: '):
            image_size(bomb)
    Image.new('1', (8000, 8000)).save(bomb)
    assert image_size(bomb) == (8000, 8000)


def test_a_chunk_longer_than_the_file_takes_no_memory(tmp_path):
    png = encode(make_image(), 'PNG')
    check_complete('a.png', png)
    check_complete('a.png', png + b'something after the end')
    with pytest.raises(InputError, match='a.png: not a readable image, it is cut off'):
        check_complete('a.png', png[:33] + b'\x7f\xff\xff\xff' + png[37:])
    header, end = png[:33], b'\x00\x00\x00\x00IEND\xaeB`\x82'
    with pytest.raises(InputError, match='cut off'):
        check_complete('a.png', header + end + b'\x7f\xff\xff\xffabcd')


def test_images_with_a_rotation_in_their_header_are_refused(tmp_path):
    exif = Image.Exif()
    exif[0x112] = 6
    path = tmp_path / 'turned.jpg'
    path.write_bytes(encode(make_image(), 'JPEG', exif=exif))
    with pytest.raises(InputError, match=r'turned.jpg: .*\(EXIF orientation 6\); turn the pixels'):
        image_size(path)
    width, height = make_image().size
    camera = dict(img_path=str(path), cam2img=np.eye(4), width=width, height=height)
    with pytest.raises(InputError, match=r'turned.jpg: .*\(EXIF orientation 6\)'):
        LoadImageMono3D()(dict(images=dict(CAM2=camera)))


def test_other_formats_are_not_decoded(tmp_path):
    for form in ('TIFF', 'GIF', 'BMP', 'WEBP'):
        buffer = io.BytesIO()
        make_image().save(buffer, form)
        (tmp_path / 'a.png').write_bytes(buffer.getvalue())
        with pytest.raises(InputError, match='a.png: is a .* file; convert it to PNG or JPEG'):
            image_size(tmp_path / 'a.png')


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('change, message', [
    (dict(types=[float('nan')]), '.*NaN is no number of JSON'),
    (dict(boxes=[[float('inf')] * 7]), '.*Infinity is no number of JSON'),
    (dict(types=[10 ** 30]), 'types is no list of numbers'),
    (dict(boxes=[[1, 2], [3]]), 'boxes is no list of numbers'),
    (dict(boxes=[[1] * 6]), 'boxes has shape'), (dict(scores=['a']), 'scores is no list'),
    (dict(scores=[1e60]), 'scores holds values that are not finite'),
    (dict(types=['1']), 'types is no list of numbers'),
    (dict(segments=[3]), 'segments is no list of texts'),
    (dict(types=[1.5]), 'types holds 1.5, expected whole numbers from 0 to'),
    (dict(types=[-1]), 'types holds -1, expected whole'),
    (dict(timestamps=[2 ** 54]), 'timestamps holds 18014398509481984, expected whole'),
    (dict(boxes=[[2e6] * 7]), 'boxes holds 2000000.0, expected numbers from -1e.06 to 1e.06'),
    (dict(difficulties=[3]), 'difficulties holds 3, expected whole numbers from 0 to 2'),
    (dict(in_front=[2]), 'in_front holds 2, expected whole numbers from 0 to 1'),
    ('[' * 100_000, 'is no JSON'), ('[]', 'expected an object of lists'),
    ('\x00', '.*is no JSON'), ('', '.*is no JSON')])
def test_malformed_waymo_json(tmp_path, change, message):
    whole = dict(segments=['a'], timestamps=[1], types=[1], boxes=[[1.] * 7], scores=[.5])
    path = tmp_path / 'found.json'
    path.write_text(json.dumps(whole))
    assert len(read_waymo(path, detections=True)) == 1
    path.write_text(change if isinstance(change, str) else json.dumps({**whole, **change}))
    with pytest.raises(InputError, match=f'found.json:.*{message}') as raised:
        read_waymo(path, detections=True)
    assert str(raised.value).isprintable()
