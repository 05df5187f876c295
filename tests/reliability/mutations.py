"""Changes of valid files for the fuzzer. Each takes the bytes of a file and returns others."""
import io
import json
import random
import struct
import zipfile
import zlib
from typing import Any, Callable, List, Tuple

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

Change = Callable[[bytes, random.Random], bytes]
SIZE = (96, 32)  # of images, (width, height)
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
IMAGE = BYTES + [truncate, declare_format, change_checksum] + 2 * [
    declare_size, change_chunks, replace_by_other_format, replace_by_broken_jpeg]
CALIBRATION = TEXT + [swap_lines, transpose_matrices, zero_matrices]


# ---- changes of JSON

ODD_VALUES = [None, True, False, 0, -1, 1.5, 1e7, 1e300, -1e-320, 10 ** 30, float('nan'),
              float('inf'), '', 'abc', '1', 'A' * 5000, '\x1b[31mred', '\x00', '\u2028',
              '../../evil', [], {}, [None], [[[1]]], [1e300] * 3, ['a', 1], {'a': 1}, {'\x1b': []}]


def places_in(value: Any) -> List[Tuple[Any, Any]]:
    """Return (container, key) of all values in a dict or list, at any depth."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(
        value, list) else []
    return [place for key in keys for place in [(value, key), *places_in(value[key])]]


def change_places(content: Any, odd: List[Any], rng: random.Random) -> Any:
    """Replace, remove or copy some values of a dict or list."""
    for _ in range(rng.choice([1, 1, 1, 3])):
        places = places_in(content)
        if not places or rng.random() < .02:
            return json_copy(rng.choice(odd))
        container, key = rng.choice(places)
        change = rng.choice(['replace', 'replace', 'remove', 'copy', 'rename'])
        if change == 'replace':
            container[key] = json_copy(rng.choice(odd))
        elif change == 'remove':
            del container[key]
        elif change == 'copy':
            other, other_key = rng.choice(places)
            container[key] = json_copy(other[other_key])
        elif isinstance(container, dict):
            container[rng.choice(['abc', '', '\x1b[31m', 'A' * 5000])] = container.pop(key)
    return content


def json_copy(value: Any) -> Any:
    """Copy dicts and lists, so that no value holds itself."""
    if isinstance(value, dict):
        return {key: json_copy(item) for key, item in value.items()}
    return [json_copy(item) for item in value] if isinstance(value, list) else value


def change_json(data: bytes, rng: random.Random) -> bytes:
    return json.dumps(change_places(json.loads(data), ODD_VALUES, rng)).encode()


def change_json_line(data: bytes, rng: random.Random) -> bytes:
    lines = data.splitlines()
    index = rng.randrange(len(lines))
    lines[index] = change_json(lines[index], rng)
    return b'\n'.join(lines) + b'\n'


def nest_json(data: bytes, rng: random.Random) -> bytes:
    return rng.choice([b'[', b'{"a":']) * rng.choice([2000, 100_000]) + data


def write_long_number(data: bytes, rng: random.Random) -> bytes:
    return data.replace(b'1', b'1' * rng.choice([400, 5000]), rng.choice([1, 3]))


JSON = BYTES + [change_json] * 8 + [nest_json, write_long_number, change_encoding]
JSON_LINES = BYTES + [change_json_line] * 8 + [nest_json, write_long_number, change_encoding,
                                               repeat_lines]


# ---- changes of zip archives: .npz files and checkpoints

def entries_of(archive: bytes) -> List[List[Any]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return [[item.filename, file.read(item)] for item in file.infolist()]


def archive_of(entries: List[List[Any]], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as file:
        for name, content in entries:
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def change_entry(data: bytes, rng: random.Random) -> bytes:
    """Change the content of an entry. The checksum is that of the new content."""
    entries = entries_of(data)
    entry = rng.choice(entries)
    entry[1] = rng.choice(BYTES)(entry[1] or b'x', rng)
    return archive_of(entries)


def change_entries(data: bytes, rng: random.Random) -> bytes:
    entries = entries_of(data)
    index = rng.randrange(len(entries))
    change = rng.choice(['drop', 'rename', 'exchange', 'pack', 'fill'])
    if change == 'drop':
        del entries[index]
    elif change == 'rename':
        entries[index][0] = rng.choice(['../../evil', '/tmp/evil', 'a' * 300, '\x1b[31m', 'data'])
    elif change == 'exchange':
        other = rng.choice(entries)
        entries[index][1], other[1] = other[1], entries[index][1]
    elif change == 'fill':
        entries.append(['more', bytes(rng.choice([10, 1 << 22]))])
    return archive_of(entries, rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
                      if change != 'pack' else rng.choice([zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))


ARCHIVE = BYTES + [change_entry, change_entry, change_entries]
ODD_ARRAYS = [np.zeros(0), np.zeros((0, 7)), np.array('a'), np.array(['a', 'b']), np.ones((2, 3)),
              np.array([1e300, np.nan]), np.array([2 ** 63 - 1, -1]), np.array([True, False]),
              np.array([1j, 2]), np.zeros(2, 'M8[s]'), np.zeros(2, 'V0'), np.zeros(2, 'S0'),
              np.zeros(2, [('a', 'f4')]), np.zeros((2, 7), np.float16), np.zeros((1, ) * 32)]


def change_array(data: bytes, rng: random.Random) -> bytes:
    with np.load(io.BytesIO(data)) as archive:
        arrays = dict(archive)
    key = rng.choice(list(arrays))
    change = rng.choice(['replace', 'replace', 'remove', 'copy'])
    if change == 'remove':
        del arrays[key]
    else:
        arrays[key] = rng.choice(ODD_ARRAYS if change == 'replace' else list(arrays.values()))
    buffer = io.BytesIO()
    rng.choice([np.savez, np.savez_compressed])(buffer, **arrays)
    return buffer.getvalue()


ARRAYS = ARCHIVE + [change_array] * 6


# ---- changes of checkpoints

def odd_tensors() -> List[torch.Tensor]:
    return [torch.zeros(0), torch.zeros(3), torch.tensor(float('nan')), torch.zeros(1, 4, 1, 1),
            torch.full((1, 4, 1, 1), torch.inf), torch.zeros(1, 4, 1, 1, dtype=torch.complex64),
            torch.zeros(1, 4, 1, 1, dtype=torch.bool), torch.zeros(1, 4, 1, 1, dtype=torch.int8),
            torch.zeros(1, device='meta'), torch.zeros(1).expand(10 ** 9),
            torch.eye(2).to_sparse(), torch.zeros(1, 4, 1, 1, dtype=torch.float64),
            torch.nn.Parameter(torch.ones(1))]


def change_checkpoint(data: bytes, rng: random.Random) -> bytes:
    content = torch.load(io.BytesIO(data), weights_only=True)
    content = json_copy(content)
    changed = change_places(content, ODD_VALUES + odd_tensors(), rng)
    buffer = io.BytesIO()
    torch.save(changed, buffer)
    return buffer.getvalue()


def save_in_old_format(data: bytes, rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    torch.save(torch.load(io.BytesIO(data), weights_only=True), buffer,
               _use_new_zipfile_serialization=False)
    return rng.choice([lambda old, rng: old, *BYTES])(buffer.getvalue(), rng)


def change_header(data: bytes, rng: random.Random) -> bytes:
    """Change the header of a file in the format safetensors: its length, JSON, then tensors."""
    length, = struct.unpack('<Q', data[:8])
    header = change_json(data[8:8 + length], rng)
    declared = rng.choice([len(header)] * 8 + [0, 2 ** 63, len(header) + 1])
    return struct.pack('<Q', declared) + header + data[8 + length:]


CHECKPOINT = ARCHIVE + [change_checkpoint] * 8 + [save_in_old_format]
SAFETENSORS = BYTES + [change_header] * 8


# ---- changes of HDF5 files

def odd_dataset(file: h5py.File, name: str, rng: random.Random) -> None:
    """Write an odd entry in place of a dataset of two frames of NYU's file."""
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, 'u1')
    layout[:] = h5py.VirtualSource('other.h5', 'x', shape)
    rng.choice([
        lambda: file.create_group(name),
        lambda: file.create_dataset(name, shape[1:], 'u1'),
        lambda: file.create_dataset(name, (0, *shape[1:]), 'u1'),
        lambda: file.create_dataset(name, (10 ** 9, *shape[1:]), 'u1', chunks=(1, *shape[1:])),
        lambda: file.create_dataset(name, (2, *shape[1:-1], 10 ** 6), 'u1', chunks=True),
        lambda: file.create_dataset(name, shape, rng.choice(['c8', 'S4', 'b1', 'f2', 'i8', '>f8']),
                                    chunks=True),
        lambda: file.create_dataset(name, shape, 'f4', chunks=True, fillvalue=rng.choice(
            [np.nan, np.inf, -1., 1e30])),
        lambda: file.create_dataset(name, shape, h5py.string_dtype(), chunks=True),
        lambda: file.create_dataset(name, shape, h5py.ref_dtype, chunks=True),
        lambda: file.create_dataset(name, shape, [('a', 'u1')], chunks=True),
        lambda: file.create_dataset(name, shape, 'u1',
                                    external=[('/etc/passwd', 0, h5py.h5f.UNLIMITED)]),
        lambda: file.create_dataset(name, shape, 'u1', compression='gzip', shuffle=True,
                                    fletcher32=True, data=np.ones(shape, 'u1')),
        lambda: file.create_virtual_dataset(name, layout),
        lambda: file.__setitem__(name, h5py.ExternalLink('/etc/passwd', '/x')),
        lambda: file.__setitem__(name, h5py.SoftLink(f'/{name}')),
        lambda: file.__setitem__(name, h5py.Empty('f4'))])()


def change_dataset(data: bytes, rng: random.Random) -> bytes:
    buffer = io.BytesIO(data)
    with h5py.File(buffer, 'r+') as file:
        odd_dataset(file, rng.choice(list(file)), rng)
    return buffer.getvalue()


def flip_structure(data: bytes, rng: random.Random) -> bytes:
    """Change bytes that are not zero, which are those of the structure and of packed data."""
    changed = bytearray(data)
    for place in rng.choices([index for index, value in enumerate(data) if value],
                             k=rng.choice([1, 1, 3, 20])):
        changed[place] = rng.choice([0, 255, rng.randrange(256)])
    return bytes(changed)


HDF5 = BYTES + [change_dataset] * 4 + [flip_structure] * 8


# ---- changes of Parquet files

def odd_columns(rows: int) -> List[pa.Array]:
    """Return odd columns of a number of rows."""
    bad_utf8 = pa.Array.from_buffers(pa.string(), rows, [
        None, pa.py_buffer(np.arange(rows + 1, dtype=np.int32) * 2),
        pa.py_buffer(b'\xff\xfe' * rows)])
    values = [None, 0, -1, 1, 2 ** 31, 2 ** 62, 1.5, -1.5, 1e7, 1e300, float('nan'), float('inf'),
              '', '1', 'FRONT', 'BACK', 'A' * 5000, '\x1b[31m', '\x00', b'', b'abc', True, [1.],
              [None], [1.] * 16, [[1.]], {'a': 1}, {'\x1b': [1]}]
    columns = [pa.array([value] * rows) for value in values]
    columns += [pa.array([None] * rows, kind) for kind in (pa.int64(), pa.float64(), pa.string(),
                                                           pa.binary())]
    columns += [pa.array([1] * rows, kind) for kind in (
        pa.uint64(), pa.int8(), pa.float16(), pa.timestamp('us'), pa.decimal128(9, 2))]
    return [*columns, bad_utf8, *(column.dictionary_encode() for column in columns[1:18])]


def change_column(data: bytes, rng: random.Random) -> bytes:
    table = pq.read_table(io.BytesIO(data))
    index = rng.randrange(table.num_columns)
    name = table.column_names[index]
    change = rng.choice(['replace'] * 4 + ['first', 'first', 'drop', 'copy', 'rename', 'rows'])
    if change == 'replace':
        odd = rng.choice(odd_columns(1))
        table = table.set_column(index, name, odd.take(pa.array([0] * len(table), pa.int64())))
    elif change == 'first':  # one odd value of the right type
        odd = [column for column in odd_columns(1) if column.type == table[name].type] or [
            pa.nulls(1, table[name].type)]
        column = pa.chunked_array([rng.choice(odd), *table[name].slice(1).chunks],
                                  table[name].type)
        table = table.set_column(index, name, column) if len(table) else table
    elif change == 'drop':
        table = table.remove_column(index)
    elif change == 'copy':
        table = table.append_column(rng.choice(table.column_names), table[name])
    elif change == 'rename':
        table = table.rename_columns([rng.choice(['', '\x1b[31m', 'a.b']) if item == name else item
                                      for item in table.column_names])
    else:
        rows = rng.choice([0, 1, 1200])
        table = table.take(pa.array(rng.choices(range(len(table)), k=rows) if len(table) else [],
                                    pa.int64()))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression=rng.choice(['none', 'zstd', 'snappy', 'gzip']),
                   row_group_size=rng.choice([1, 3, 1000]), use_dictionary=rng.random() < .5,
                   store_schema=rng.random() < .8)
    return buffer.getvalue()


def flip_footer(data: bytes, rng: random.Random) -> bytes:
    """Change bytes of the metadata at the end of the file."""
    length, = struct.unpack('<I', data[-8:-4])
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 3, 20])):
        changed[rng.randrange(len(data) - 8 - length, len(data))] = rng.randrange(256)
    return bytes(changed)


PARQUET = BYTES + [change_column] * 10 + [flip_footer] * 4
