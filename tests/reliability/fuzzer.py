"""Fuzzer of the KITTI readers.

Each case changes one file of a valid frame. The readers have to return valid values, or to raise
an InputError with one line that names the file.

Long run: PYTHONPATH=tests python -m reliability.fuzzer --cases 20000 --seed 1
"""
import argparse
import faulthandler
import io
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List

import numpy as np
from mmengine.registry import init_default_scope
from PIL import Image
from tiny_kitti import P2, make_objects

from mmdet3d_plugin.benchmarks.kitti.calibration import KittiCalibration, write_calibration
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects, write_objects
from mmdet3d_plugin.benchmarks.kitti.splits import read_split, write_split
from mmdet3d_plugin.datasets import KittiMonoDataset
from mmdet3d_plugin.errors import InputError

FRAME = '000007'
SIZE = (96, 32)
CLASSES = ['Pedestrian', 'Car', 'Cyclist']
SECONDS = 5  # limit per case
MEMORY = 400  # limit per case in MB; the largest allowed image takes 200
MAX_MESSAGE = 600  # limit of a message in characters
PIPELINE = [dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D'),
            dict(type='CropScaleAffine', input_size=(64, 32)), dict(type='PackMono3DInputs')]
FILES = {'image': 'training/image_2/{}.png', 'label': 'training/label_2/{}.txt',
         'calibration': 'training/calib/{}.txt', 'split': 'ImageSets/train.txt',
         'result': 'results/{}.txt'}
ODD_TOKENS = ['nan', '-inf', 'inf', '1e999', '-1e300', '1e7', '1e-320', '0x10', '1,5', 'abc',
              '--1', '1_0', '\u0661', '9' * 400, '', '-0', '0', '-1', '1e6', 'None', '../../evil',
              '\x00', '\x1b[31m', 'Car\x00', 'A' * 5000, '%s', '{0}', '\u2028']


# ---- changes of text files

def fields_of(text: bytes) -> List[List[bytes]]:
    return [line.split() for line in text.splitlines()]


def join_fields(rows: List[List[bytes]]) -> bytes:
    return b''.join(b' '.join(row) + b'\n' for row in rows)


def replace_fields(text: bytes, rng: random.Random) -> bytes:
    rows = fields_of(text)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(ODD_TOKENS).encode()
    return join_fields(rows)


def change_numbers(text: bytes, rng: random.Random) -> bytes:
    rows = fields_of(text)
    for _ in range(rng.choice([1, 3, 10])):
        row = rng.choice(rows)
        value = rng.choice([rng.uniform(-1, 1) * 10 ** rng.uniform(-12, 12), 0., -1., 1e5])
        row[rng.randrange(1, len(row)) if len(row) > 1 else 0] = repr(value).encode()
    return join_fields(rows)


def drop_fields(text: bytes, rng: random.Random) -> bytes:
    rows = fields_of(text)
    row = rng.choice(rows)
    del row[rng.randrange(len(row)):rng.randrange(1, len(row) + 1)]
    return join_fields(rows)


def add_fields(text: bytes, rng: random.Random) -> bytes:
    rows = fields_of(text)
    row = rng.choice(rows)
    row[rng.randrange(len(row)):0] = [rng.choice(row)] * rng.choice([1, 2, 15])
    return join_fields(rows)


def swap_lines(text: bytes, rng: random.Random) -> bytes:
    """Exchange the first fields of the lines: in a calibration, the names of the matrices."""
    rows = fields_of(text)
    names = [row[:1] for row in rows]
    rng.shuffle(names)
    return join_fields([name + row[1:] for name, row in zip(names, rows)])


def swap_fields(text: bytes, rng: random.Random) -> bytes:
    rows = fields_of(text)
    row = rng.choice(rows)
    rng.shuffle(row)
    return join_fields(rows)


def transpose_matrices(text: bytes, rng: random.Random) -> bytes:
    return join_fields([
        row[:1] + [row[1 + 4 * (i % 3) + i // 3] for i in range(12)] if len(row) == 13 else row
        for row in fields_of(text)])


def zero_matrices(text: bytes, rng: random.Random) -> bytes:
    column = rng.randrange(1, 13)
    return join_fields([row[:1] + [b'0' if rng.random() < .5 or i == column else value
                              for i, value in enumerate(row[1:], 1)] for row in fields_of(text)])


def repeat_lines(text: bytes, rng: random.Random) -> bytes:
    return text * rng.choice([2, 50])


def write_one_long_line(text: bytes, rng: random.Random) -> bytes:
    return rng.choice([text.replace(b'\n', b' ') * 500, b'9' * 300_000, b'Car ' * 50_000,
                       text.rstrip() + b' ' * 200_000 + b'x'])


def change_encoding(text: bytes, rng: random.Random) -> bytes:
    decoded = text.decode(errors='replace')
    return rng.choice([decoded.encode('utf-16'), b'\xef\xbb\xbf' + text,
                       text.replace(b' ', b'\xa0'), text.replace(b'\n', b'\r\n'),
                       text.replace(b'\n', b'\r'), text.replace(b' ', b'\t'),
                       text.replace(b'\n', b'\x00')])


# ---- changes of bytes

def truncate(data: bytes, rng: random.Random) -> bytes:
    return data[:rng.randrange(len(data))]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 3, 40])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def zero_block(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    length = rng.randrange(1, len(data) - start + 1)
    return data[:start] + bytes(length) + data[start + length:]


def insert_noise(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + rng.randbytes(rng.choice([1, 8, 300])) + data[start:]


def cut_block(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, len(data) - start + 1):]


def append_noise(data: bytes, rng: random.Random) -> bytes:
    return data + rng.choice([bytes(100), rng.randbytes(50), data])


def replace_by_noise(data: bytes, rng: random.Random) -> bytes:
    return rng.choice([b'', b'\n', b' \n\t\n', bytes(200), rng.randbytes(1), rng.randbytes(500)])


# ---- changes of images

def encode(image: Image.Image, form: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def make_image(size=SIZE) -> Image.Image:
    """Return an image of noise; size is (width, height)."""
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise)


def chunks_of(png: bytes) -> List[List[bytes]]:
    """Return [type, content] of every chunk."""
    chunks, start = [], 8
    while start < len(png):
        length, = struct.unpack('>I', png[start:start + 4])
        chunks.append([png[start + 4:start + 8], png[start + 8:start + 8 + length]])
        start += length + 12
    return chunks


def png_of(chunks: List[List[bytes]]) -> bytes:
    return b'\x89PNG\r\n\x1a\n' + b''.join(
        struct.pack('>I', len(content)) + kind + content
        + struct.pack('>I', zlib.crc32(kind + content)) for kind, content in chunks)


def declare_size(png: bytes, rng: random.Random) -> bytes:
    """Declare another size with a valid checksum: huge, zero, or close to the real size."""
    chunks = chunks_of(png)
    width, height = rng.choice([(100_000, 100_000), (20_000, 20_000), (2 ** 31 - 1, 1), (0, 0),
                                (0, 32), (96, 0), (2 ** 32 - 1, 2 ** 32 - 1), (96, 33), (95, 32),
                                (32, 96), (1, 2 ** 26)])
    chunks[0][1] = struct.pack('>II', width, height) + chunks[0][1][8:]
    return png_of(chunks)


def declare_format(png: bytes, rng: random.Random) -> bytes:
    """Change bit depth, colour type, compression, filter or interlacing in the header."""
    chunks = chunks_of(png)
    header = bytearray(chunks[0][1])
    header[rng.randrange(8, 13)] = rng.choice([0, 1, 2, 3, 4, 6, 8, 16, 255])
    chunks[0][1] = bytes(header)
    return png_of(chunks)


def change_chunks(png: bytes, rng: random.Random) -> bytes:
    chunks = chunks_of(png)
    change = rng.choice(['drop', 'repeat', 'shuffle', 'rename', 'content'])
    index = rng.randrange(len(chunks))
    if change == 'drop':
        del chunks[index]
    elif change == 'repeat':
        chunks.insert(rng.randrange(len(chunks)), chunks[index])
    elif change == 'shuffle':
        rng.shuffle(chunks)
    elif change == 'rename':
        chunks[index][0] = rng.choice([b'IDAT', b'PLTE', b'acTL', b'fcTL', b'eXIf', b'zTXt',
                                       b'iCCP', b'abcd', b'IEND'])
    else:
        chunks[index][1] = flip_bits(chunks[index][1] or b'x', rng)
    return png_of(chunks)


def change_checksum(png: bytes, rng: random.Random) -> bytes:
    start, ends = 8, []
    while start < len(png):
        start += struct.unpack('>I', png[start:start + 4])[0] + 12
        ends.append(start)
    end = rng.choice(ends)
    return png[:end - 4] + rng.randbytes(4) + png[end:]


def replace_by_other_format(png: bytes, rng: random.Random) -> bytes:
    image = make_image()
    exif = Image.Exif()
    exif[0x112] = rng.choice([3, 6, 8])  # orientation
    return rng.choice([
        lambda: encode(image.convert('L'), 'PNG'), lambda: encode(image.convert('RGBA'), 'PNG'),
        lambda: encode(image.convert('P'), 'PNG'), lambda: encode(image.convert('1'), 'PNG'),
        lambda: encode(image.convert('LA'), 'PNG'), lambda: encode(image, 'PNG', exif=exif),
        lambda: encode(Image.fromarray(np.full(SIZE[::-1], 40_000, np.uint16)), 'PNG'),
        lambda: encode(image, 'JPEG'), lambda: encode(image.convert('L'), 'JPEG'),
        lambda: encode(image.convert('CMYK'), 'JPEG'), lambda: encode(image, 'JPEG', exif=exif),
        lambda: encode(image, 'JPEG', progressive=True), lambda: encode(image, 'GIF'),
        lambda: encode(image, 'BMP'), lambda: encode(image, 'TIFF'),
        lambda: encode(image, 'WEBP'), lambda: encode(image, 'PPM'),
        lambda: encode(image, 'PNG', save_all=True, append_images=[image.rotate(9)]),
        lambda: encode(make_image((1, 1)), 'PNG'), lambda: encode(make_image((3000, 1)), 'PNG')])()


def replace_by_broken_jpeg(png: bytes, rng: random.Random) -> bytes:
    jpeg = encode(make_image(), 'JPEG', progressive=rng.random() < .5)
    if rng.random() < .3:  # change the size in the header
        at = jpeg.find(b'\xff\xc0') if b'\xff\xc0' in jpeg else jpeg.find(b'\xff\xc2')
        size = rng.choice([(65_535, 65_535), (0, 96), (32, 0), (33, 96)])
        return jpeg[:at + 5] + struct.pack('>HH', *size) + jpeg[at + 9:]
    return rng.choice(BYTES)(jpeg, rng)


BYTES = [truncate, flip_bits, zero_block, insert_noise, cut_block, append_noise, replace_by_noise]
TEXT = BYTES + [replace_fields, replace_fields, change_numbers, change_numbers, drop_fields,
                add_fields, swap_lines, swap_fields, repeat_lines, write_one_long_line,
                change_encoding]
MUTATIONS: Dict[str, List[Callable[[bytes, random.Random], bytes]]] = {
    'label': TEXT, 'result': TEXT, 'split': TEXT,
    'calibration': TEXT + [swap_lines, transpose_matrices, zero_matrices],
    'image': BYTES + [truncate, declare_size, declare_size, declare_format, change_chunks,
                      change_chunks, change_checksum, replace_by_other_format,
                      replace_by_other_format, replace_by_broken_jpeg, replace_by_broken_jpeg]}
WEIGHTS = {'label': 6, 'calibration': 4, 'image': 6, 'result': 2, 'split': 1}


# ---- checks of the results

def check_objects(objects, with_scores: bool) -> None:
    count = len(objects)
    for name, shape in [('truncations', ()), ('occlusions', ()), ('alphas', ()),
                        ('boxes_2d', (4, )), ('sizes_hwl', (3, )), ('locations', (3, )),
                        ('rotations_y', ())]:
        values = getattr(objects, name)
        assert values.shape == (count, *shape), (name, values.shape)
        assert np.isfinite(values).all() and (np.abs(values) <= 1e6).all(), name
    assert (objects.scores is not None) == with_scores
    assert not with_scores or np.isfinite(objects.scores).all()
    assert all(name and name.isprintable() for name in objects.names.tolist())


def check_sample(sample: dict) -> None:
    image, frame = sample['inputs']['img'], sample['data_samples']
    assert tuple(image.shape) == (3, 32, 64) and image.isfinite().all()
    cam2img = np.asarray(frame.metainfo['cam2img'])
    assert cam2img.shape == (4, 4) and np.isfinite(cam2img).all()
    assert cam2img[0, 0] > 0 and cam2img[1, 1] > 0
    assert np.allclose(cam2img[2, :3], [0, 0, 1], rtol=0, atol=1e-6)
    objects = frame.gt_instances_3d
    boxes = objects.bboxes_3d.tensor
    assert boxes.shape == (len(objects), 7) and boxes.isfinite().all()
    assert (boxes[:, 3:6] > 0).all()
    assert ((objects.labels_3d >= 0) & (objects.labels_3d < len(CLASSES))).all()
    ahead = objects.depths + cam2img[2, 3] > .1  # metres; recipes train from 2 m on
    assert objects.depths.isfinite().all() and objects.centers_2d[ahead].isfinite().all()
    assert frame.gt_instances.bboxes.shape == (len(objects), 4)
    assert frame.gt_instances.bboxes.isfinite().all()


def consume(kind: str, root: Path, file: Path) -> None:
    """Read the changed file as the project does, and check the result."""
    if kind == 'result':
        check_objects(read_objects(file, with_scores=True), with_scores=True)
    elif kind == 'split':
        for name in read_split(file):
            resolved = (root / 'training' / f'{name}.txt').resolve()
            assert resolved.is_relative_to((root / 'training').resolve()), name
    else:
        dataset = KittiMonoDataset(str(root), 'ImageSets/train.txt', filter_empty_gt=False,
                                   metainfo=dict(classes=CLASSES), pipeline=PIPELINE,
                                   serialize_data=False)  # serialising is slow
        check_objects(read_objects(root / FILES['label'].format(FRAME)), with_scores=False)
        check_sample(dataset[0])


# ---- cases

@dataclass
class FuzzReport:
    """Results of the cases.

    Attributes:
        refused: number of refused files, by kind of file.
        valid: number of accepted files, by kind of file.
        failures: one line per failed case, with the seed of the case.
        slowest: seconds of the slowest case.
        memory: largest growth of the peak memory in one case, in MB.
        messages: one example per kind of error message.
    """
    refused: Counter = field(default_factory=Counter)
    valid: Counter = field(default_factory=Counter)
    failures: List[str] = field(default_factory=list)
    slowest: float = 0.
    memory: float = 0.
    messages: Dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        lines = [f'{kind}: {self.refused[kind]} refused, {self.valid[kind]} valid'
                 for kind in WEIGHTS]
        return '\n'.join([*lines, f'{len(self.failures)} failures, slowest case '
                          f'{self.slowest:.2f} s, memory +{self.memory:.0f} MB', *self.failures])


def write_frame(root: Path) -> Dict[str, bytes]:
    """Write a valid frame, and return the contents of its files by kind."""
    scale = np.diag([SIZE[0] / 1242, SIZE[1] / 375, 1.])
    objects = make_objects([('Car', -3., 1.6, 12., -1.5), ('Pedestrian', 2., 1.6, 9., .3),
                            ('Van', 6., 1.6, 30., 1.5)], scale @ P2, SIZE)
    files = {kind: root / name.format(FRAME) for kind, name in FILES.items()}
    write_objects(files['label'], objects)
    files['label'].write_bytes(files['label'].read_bytes() + b'DontCare -1 -1 -10 5.00 6.00 9.00 '
                               b'8.00 -1 -1 -1 -1000 -1000 -1000 -10\n')
    objects.scores = np.array([.9, .5, .25])
    write_objects(files['result'], objects)
    write_calibration(files['calibration'], KittiCalibration(scale @ P2))
    write_split(files['split'], [FRAME])
    files['image'].parent.mkdir(parents=True)
    files['image'].write_bytes(encode(make_image(), 'PNG'))
    return {kind: path.read_bytes() for kind, path in files.items()}


def run_cases(count: int, seed: int, root: Path) -> FuzzReport:
    """Run ``count`` cases. Each case has a seed of its own and changes one file."""
    valid = write_frame(root)
    report = FuzzReport()
    for kind in WEIGHTS:  # without changes, everything is valid
        consume(kind, root, root / FILES[kind].format(FRAME))
    for index in range(count):
        run_case(f'{seed}-{index}', root, valid, report)
    return report


def run_case(seed: str, root: Path, valid: Dict[str, bytes], report: FuzzReport) -> None:
    rng = random.Random(seed)
    kind = rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
    file = root / FILES[kind].format(FRAME)
    how = change_file(kind, file, valid[kind], rng)
    began, memory = time.perf_counter(), peak_memory()
    try:
        with time_limit():
            consume(kind, root, file)
        report.valid[kind] += 1
    except InputError as error:
        message = str(error)
        report.refused[kind] += 1
        report.messages.setdefault(f'{kind}: ' + ''.join(
            letter for letter in message.replace(str(root), '')[:80] if letter.isalpha()), message)
        if not (str(file) in message and message.isprintable() and len(message) < MAX_MESSAGE):
            report.failures.append(f'case {seed}, {kind}, {how}: message {message[:300]!r}')
    except Exception as error:  # the user would see a traceback
        report.failures.append(f'case {seed}, {kind}, {how}: {type(error).__name__} {error}'[:300])
    finally:
        report.slowest = max(report.slowest, time.perf_counter() - began)
        grown = peak_memory() - memory
        report.memory = max(report.memory, grown)
        if grown > MEMORY:
            report.failures.append(f'case {seed}, {kind}, {how}: took {grown:.0f} MB')
        if file.is_dir():
            file.rmdir()
        file.write_bytes(valid[kind])


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def change_file(kind: str, file: Path, data: bytes, rng: random.Random) -> str:
    """Change a file, and return the names of the changes."""
    if rng.random() < .01:
        file.unlink()
        if rng.random() < .5:
            file.mkdir()
            return 'folder'
        return 'missing'
    names = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        change = rng.choice(MUTATIONS[kind] if not names else BYTES)
        names.append(change.__name__)
        data = change(data or b' ', rng)
    file.write_bytes(data)
    return ' then '.join(names)


@contextmanager
def time_limit():
    """Raise a TimeoutError after SECONDS. If code ignores it, end the process."""
    def stop(number, stack):
        raise TimeoutError(f'took more than {SECONDS} s')

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--cases', type=int, default=20_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--messages', action='store_true', help='also print the error messages')
    args = parser.parse_args()
    init_default_scope('mmdet3d')
    folder = Path(tempfile.mkdtemp())
    try:
        began = time.perf_counter()
        report = run_cases(args.cases, args.seed, folder)
        print(f'{args.cases} cases of seed {args.seed} in {time.perf_counter() - began:.0f} s')
        print(report.text())
        if args.messages:
            print(*report.messages.values(), sep='\n')
    finally:
        shutil.rmtree(folder)
    sys.exit(bool(report.failures))


if __name__ == '__main__':
    main()
