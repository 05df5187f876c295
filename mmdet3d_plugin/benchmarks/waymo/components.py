"""Component files of the Parquet release: checks of schema and sizes, columns as arrays.

The checks use the sizes that a file declares, before anything is decompressed. A limit of memory
holds for files that take more than they declare.
"""
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, NoReturn, Optional

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import InputError
from ...utils.files import MAX_NAME, has_file, shortened
from ...utils.memory import memory_limit

BUFFER_SIZE = 1 << 20  # bytes per read
ROWS_PER_BATCH = 8  # images in memory
MAX_ROWS = 500_000  # the largest segments have about 50,000 boxes
MAX_BYTES = 1 << 26  # unpacked bytes that the row groups of any file may have
MAX_RATIO = 2  # unpacked bytes per byte of a larger file, since JPEG files do not pack
SLACK = 1 << 28  # bytes that a reader may take besides the declared content
NUMBER, TEXT, NUMBER_OR_TEXT, BYTES, NUMBERS = (
    'numbers', 'text', 'numbers or text', 'bytes', 'lists of numbers')


class ComponentFile:
    """A Parquet file with the columns of a component.

    Args:
        path: the file.
        kinds: kind of each column that may be read, by name: :data:`NUMBER`, :data:`TEXT`,
            :data:`NUMBER_OR_TEXT`, :data:`BYTES` or :data:`NUMBERS`.

    Raises:
        InputError: the file is missing or truncated, has an unknown schema, or declares more
            rows or bytes than a segment has. The methods raise it too if they cannot read the
            file.
    """

    def __init__(self, path: Path, kinds: Dict[str, str]) -> None:
        self.path = path
        if not has_file(path):
            raise InputError(f'{path}: no such component; download it ({path.parent.name} of the '
                             'Parquet release)')
        with _reading(path):
            metadata = pq.read_metadata(path)
            schema = metadata.schema.to_arrow_schema()
            _check_schema(path, schema, kinds)
            self._memory = 2 * _checked_size(path, metadata) + SLACK
            # As dictionaries, equal texts are stored once, and can be as long as the file.
            texts = [name for name in kinds if _is_text(schema.field(name).type)]
            # Buffered reads: with a memory map, the whole file would count as used memory.
            self._file = pq.ParquetFile(path, metadata=metadata, read_dictionary=texts,
                                        buffer_size=BUFFER_SIZE, pre_buffer=False)
        self._kinds = kinds

    def read(self, *names: str) -> 'Columns':
        """Read columns, by default all."""
        with _reading(self.path), memory_limit(self._memory):
            return self._checked(self._file.read(columns=list(names or self._kinds)))

    def batches(self) -> Iterator['Columns']:
        """Read all columns a few rows at a time, for columns with large values."""
        batches = self._file.iter_batches(ROWS_PER_BATCH, columns=list(self._kinds))
        while True:
            with _reading(self.path), memory_limit(self._memory):
                batch = next(batches, None)
                if batch is None:
                    return
                columns = self._checked(pa.Table.from_batches([batch]))
            yield columns

    def _checked(self, table: pa.Table) -> 'Columns':
        table.validate(full=True)  # encodings of text, offsets of lists, indices of dictionaries
        return Columns(self.path, table)


class Columns:
    """Columns of a component file as arrays.

    Args:
        path: the file, for messages.
        table: the columns.
    """

    def __init__(self, path: Path, table: pa.Table) -> None:
        self.path = path
        self._table = table

    def numbers(self, name: str) -> np.ndarray:
        """Return a column of numbers as (N,) float64; missing values are NaN."""
        return self._plain(name).to_numpy().astype(np.float64)

    def whole_numbers(self, name: str, low: int, high: int, empty: Optional[int] = None
                      ) -> np.ndarray:
        """Return a column of whole numbers as (N,) int64.

        Args:
            name: name of the column.
            low: smallest number.
            high: largest number, at most 2 ** 53.
            empty: number for missing values; None to refuse them.

        Raises:
            InputError: a value is missing, is no whole number or is not in this range.
        """
        values = self._plain(name).to_numpy()
        if empty is not None:
            values = np.where(np.isnan(values), empty, values)
        wrong = ~((values >= low) & (values <= high) & (values == np.floor(values)))
        if wrong.any():
            self._refuse(name, int(wrong.argmax()), f'a whole number from {low} to {high}')
        return values.astype(np.int64)

    def texts(self, name: str) -> List[str]:
        """Return a column of short texts.

        Raises:
            InputError: a text is missing, is too long or is not printable.
        """
        found: List[str] = []
        for chunk in self._table[name].chunks:
            dictionary = [item if item is not None and len(item) <= MAX_NAME
                          and item.isprintable() else None
                          for item in chunk.dictionary.to_pylist()]
            for index in chunk.indices.to_pylist():
                text = None if index is None else dictionary[index]
                if text is None:
                    self._refuse(name, len(found),
                                 f'a printable text of at most {MAX_NAME} characters')
                found.append(text)
        return found

    def bytes_of(self, name: str, row: int) -> bytes:
        """Return a value of a column of bytes; empty if it is missing."""
        return self._table[name][row].as_py() or b''

    def list_of(self, name: str, row: int, length: int) -> np.ndarray:
        """Return a value of a column of lists as (length,) float64.

        Missing numbers are NaN. A list of another length is all NaN.
        """
        values = self._table[name][row].as_py()
        if values is None or len(values) != length:
            return np.full(length, np.nan)
        return np.array(values, dtype=np.float64)

    def is_text(self, name: str) -> bool:
        """Return whether a column holds text."""
        return _is_text(self._table[name].type)

    def _plain(self, name: str) -> pa.ChunkedArray:
        values = self._table[name]
        return values.cast(values.type.value_type) if pa.types.is_dictionary(
            values.type) else values

    def _refuse(self, name: str, row: int, expected: str) -> NoReturn:
        found = shortened(self._table[name][row].as_py())
        raise InputError(f'{self.path}: column {name} holds {found}, expected {expected}; '
                         'download it again')


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn the errors of pyarrow into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # pyarrow raises many types for broken files
        raise InputError(f'{path}: truncated or no Parquet file ({shortened(str(error), 100)}); '
                         'download it again') from error


def _check_schema(path: Path, schema: pa.Schema, kinds: Dict[str, str]) -> None:
    for name, kind in kinds.items():
        problem = None
        if schema.names.count(name) != 1:
            problem = f'with {schema.names.count(name)} columns {name}'
        elif not _has_kind(schema.field(name).type, kind):
            problem = (f'column {name} holds {shortened(str(schema.field(name).type))}, not '
                       f'{kind}')
        if problem:
            raise InputError(f'{path}: unknown schema, {problem}; expected that of the Parquet '
                             'release v2.0')


def _checked_size(path: Path, metadata: pq.FileMetaData) -> int:
    """Check the declared sizes, and return the bytes of the largest row group.

    The sizes of single columns are not used, since pyarrow ends the process where they are
    malformed.
    """
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    rows = [group.num_rows for group in groups]
    sizes = [group.total_byte_size for group in groups]
    limit = max(MAX_BYTES, MAX_RATIO * path.stat().st_size)
    if min([0, *rows, *sizes]) < 0 or sum(rows) > MAX_ROWS or max([0, *sizes]) > limit:
        raise InputError(
            f'{path}: declares {sum(rows)} rows, and up to {max(sizes) >> 20} MB per row group, '
            f'expected at most {MAX_ROWS} rows and {limit >> 20} MB; download it again')
    return max([0, *sizes])


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _is_number(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _has_kind(kind: pa.DataType, expected: str) -> bool:
    if expected == BYTES:
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    if expected == NUMBERS:
        return (pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)) and _is_number(
            kind.value_type)
    return (expected != TEXT and _is_number(kind)) or (expected != NUMBER and _is_text(kind))
