"""Files of Waymo labels and detections.

- ``.npz`` (arrays) or ``.json`` (lists): the fields of :class:`WaymoObjects` by name.
  ``segments``, ``timestamps``, ``types`` and ``boxes`` are required, and ``scores`` for
  detections or ``num_points`` for labels.
- ``.bin``: a serialised ``Objects`` proto of Waymo's tools. Reading it needs the protobuf
  package.
"""
import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Dict

import numpy as np

from ...errors import InputError
from ...utils.archives import read_arrays
from ...utils.files import atomic_write, has_file, read_bytes, shortened
from ...utils.json_files import read_json
from ..kitti.labels import LIMIT
from .objects import WaymoObjects

MAX_BYTES = 1 << 29  # of a file; a million objects take 200 MB as JSON

DTYPES = dict(segments=str, timestamps=np.int64, types=np.int64, boxes=np.float64,
              camera_boxes=np.float64, scores=np.float32, num_points=np.int64,
              difficulties=np.int64, in_front=bool, in_no_label_zone=bool)
# Ranges of the numbers that the evaluation relies on.
RANGES = dict(timestamps=(0, 1 << 53), types=(0, (1 << 31) - 1), boxes=(-LIMIT, LIMIT),
              camera_boxes=(-LIMIT, LIMIT), num_points=(0, (1 << 31) - 1), difficulties=(0, 2),
              in_front=(0, 1), in_no_label_zone=(0, 1))
NEEDED = ('segments', 'timestamps', 'types', 'boxes')
BOX_FIELDS = ('center_x', 'center_y', 'center_z', 'length', 'width', 'height', 'heading')


def read_objects(path: Path, detections: bool) -> WaymoObjects:
    """Read labels or detections.

    Args:
        path: ``.npz``, ``.json`` or ``.bin`` file.
        detections: whether the file holds detections (with scores) or labels (with numbers
            of LiDAR points).

    Raises:
        InputError: the file is missing, has another suffix, is not readable or lacks a
            required field, or the fields differ in length.

    Example:
        >>> import tempfile
        >>> labels = WaymoObjects(np.array(['a']), np.array([0]), np.array([1]),
        ...                       np.ones((1, 7)), num_points=np.array([9]))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_objects(Path(folder, 'labels.npz'), labels)
        ...     read_objects(Path(folder, 'labels.npz'), detections=False).num_points
        array([9])
    """
    path = Path(path)
    readers = {'.npz': read_arrays, '.json': _read_json, '.bin': _read_proto}
    if path.suffix not in readers:
        raise InputError(f'{path}: expected a file that ends with .npz, .json or .bin')
    if not has_file(path):
        raise InputError(f'{path}: no such file')
    return _checked(path, readers[path.suffix](path), detections)


def write_objects(path: Path, objects: WaymoObjects) -> None:
    """Write labels or detections.

    Args:
        path: file to write; JSON if it ends with ``.json``, otherwise NumPy's ``.npz``.
        objects: the objects. Fields that are None are left out.

    Raises:
        InputError: the folder cannot be written.
    """
    entries = {field.name: np.asarray(getattr(objects, field.name))
               for field in fields(objects) if getattr(objects, field.name) is not None}
    if Path(path).suffix == '.json':
        content = json.dumps({key: value.tolist() for key, value in entries.items()})
        atomic_write(path, content + '\n')
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **entries)
    atomic_write(path, buffer.getvalue())


def _read_json(path: Path) -> Dict[str, list]:
    content = read_json(path, 'no such file', MAX_BYTES, 'split it')
    if not isinstance(content, dict):
        raise InputError(f'{path}: expected an object of lists, by name')
    return content


def _checked(path: Path, entries: dict, detections: bool) -> WaymoObjects:
    """Convert the entries of a file to arrays and check their shapes and values."""
    needed = (*NEEDED, 'scores' if detections else 'num_points')
    missing = [key for key in needed if key not in entries]
    if missing:
        raise InputError(f'{path}: has no entry {missing[0]}; '
                         f'{"detections" if detections else "labels"} need {", ".join(needed)}')
    arrays = {}
    for key, dtype in DTYPES.items():
        if key not in entries:
            continue
        try:
            values = np.asarray(entries[key])
            if values.size and values.dtype.kind not in ('U' if dtype is str else 'biuf'):
                raise TypeError(values.dtype)
            with np.errstate(invalid='ignore', over='ignore'):
                arrays[key] = values.astype(dtype)
        except (TypeError, ValueError, OverflowError) as error:
            kind = 'texts' if dtype is str else 'numbers of one size'
            raise InputError(f'{path}: {key} is no list of {kind}') from error
        if any(item.dtype.kind == 'f' and not np.isfinite(item).all()
               for item in (values, arrays[key])):
            raise InputError(f'{path}: {key} holds values that are not finite')
        shape = (np.asarray(entries['types']).size, *((7,) if key.endswith('boxes') else ()))
        if values.size == 0:
            arrays[key] = arrays[key].reshape(0, *shape[1:])
        if arrays[key].shape != shape:
            raise InputError(f'{path}: {key} has shape {arrays[key].shape}, expected {shape}')
        if key in RANGES:
            _check_range(path, key, values)
    return WaymoObjects(**arrays)


def _check_range(path: Path, key: str, values: np.ndarray) -> None:
    low, high = RANGES[key]
    whole = DTYPES[key] is not np.float64
    wrong = ~((values >= low) & (values <= high))
    if whole:
        wrong |= values != np.floor(values)
    if wrong.any():
        raise InputError(f'{path}: {key} holds {shortened(values[wrong][0].item())}, expected '
                         f'{"whole " if whole else ""}numbers from {low:g} to {high:g}')


def _read_proto(path: Path) -> Dict[str, list]:
    try:
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InputError(f'{path}: reading .bin files needs the protobuf package; '
                         'pip install protobuf, or pass .npz or .json') from None
    message = objects_proto()()
    try:
        message.ParseFromString(read_bytes(path, 'no such file', MAX_BYTES))
    except DecodeError as error:
        raise InputError(f'{path}: not a serialised Objects proto') from error
    items = message.objects
    return dict(
        # As in the released C++, predictions for single cameras are separate frames.
        segments=[f'{item.context_name}_{item.camera_name}' for item in items],
        timestamps=[item.frame_timestamp_micros for item in items],
        types=[item.object.type for item in items],
        boxes=[[getattr(item.object.box, name) for name in BOX_FIELDS] for item in items],
        scores=[item.score for item in items],
        num_points=[item.object.num_lidar_points_in_box for item in items],
        difficulties=[item.object.detection_difficulty_level for item in items],
        in_no_label_zone=[item.overlap_with_nlz for item in items])


def objects_proto() -> type:
    """Return the message class ``waymo.open_dataset.Objects``.

    It has only the fields that the metric reads, with the numbers and types of
    ``metrics.proto`` and ``label.proto`` in Waymo's tools.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name='mmdet3d_plugin/waymo_objects.proto', package='mmdet3d_plugin.waymo')

    def add(message, name: str, number: int, kind: int, type_name: str = '',
            repeated: bool = False, default: str = '') -> None:
        message.field.add(
            name=name, number=number, type=kind, type_name=type_name or None,
            label=field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL,
            default_value=default or None)

    box = file.message_type.add(name='Box')
    for name, number in zip(BOX_FIELDS, (1, 2, 3, 5, 4, 6, 7)):
        add(box, name, number, field.TYPE_DOUBLE)
    label = file.message_type.add(name='Label')
    add(label, 'box', 1, field.TYPE_MESSAGE, '.mmdet3d_plugin.waymo.Box')
    add(label, 'type', 3, field.TYPE_INT32)
    add(label, 'detection_difficulty_level', 5, field.TYPE_INT32)
    add(label, 'num_lidar_points_in_box', 7, field.TYPE_INT32)
    item = file.message_type.add(name='Object')
    add(item, 'object', 1, field.TYPE_MESSAGE, '.mmdet3d_plugin.waymo.Label')
    add(item, 'score', 2, field.TYPE_FLOAT, default='1.0')
    add(item, 'overlap_with_nlz', 3, field.TYPE_BOOL)
    add(item, 'context_name', 4, field.TYPE_STRING)
    add(item, 'frame_timestamp_micros', 5, field.TYPE_INT64)
    add(item, 'camera_name', 6, field.TYPE_INT32)
    items = file.message_type.add(name='Objects')
    add(items, 'objects', 1, field.TYPE_MESSAGE, '.mmdet3d_plugin.waymo.Object', repeated=True)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName('mmdet3d_plugin.waymo.Objects'))
