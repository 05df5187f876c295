"""Writer of a tiny segment in the format of Waymo's Parquet release.

Its objects have known positions in the camera frame.
"""
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SIZE = (192, 128)
INTRINSIC = dict(f_u=200., f_v=210., c_u=96., c_v=64.)
# Camera to vehicle: 1.5 m in front, 2.1 m high, turned 2 degrees down and 3 degrees to the left.
PITCH, YAW = np.radians(2.), np.radians(3.)
CAMERA_TO_VEHICLE = np.eye(4)
CAMERA_TO_VEHICLE[:3, :3] = (
    np.array([[np.cos(YAW), -np.sin(YAW), 0], [np.sin(YAW), np.cos(YAW), 0], [0, 0, 1]])
    @ np.array([[np.cos(PITCH), 0, np.sin(PITCH)], [0, 1, 0], [-np.sin(PITCH), 0, np.cos(PITCH)]]))
CAMERA_TO_VEHICLE[:3, 3] = [1.5, .1, 2.1]
# Key, type, bottom centre in the optical frame (x right, y down, z forward, metres), (length,
# height, width) in metres, heading in the vehicle frame in radians, LiDAR points, difficulty.
OBJECTS = [
    ('car', 1, (-2., 1.8, 12.), (4.2, 1.5, 1.8), .4, 120, None),
    ('walker', 2, (1.5, 1.7, 9.), (.8, 1.75, .7), -2., 4, 2),
    ('rider', 4, (3., 1.8, 25.), (1.8, 1.7, .6), 3., 60, 0),
    ('sign', 3, (5., 0., 15.), (.1, .8, .8), 0., 9, None),
    ('behind', 1, (1., 1.8, -14.), (4.4, 1.5, 1.8), 1., 80, 1),
]


def optical_to_vehicle(points):
    """Transform (N, 3) points from the optical camera frame to the vehicle frame."""
    x, y, z = np.asarray(points, dtype=float).T
    camera = np.stack([z, -x, -y], axis=1)
    return camera @ CAMERA_TO_VEHICLE[:3, :3].T + CAMERA_TO_VEHICLE[:3, 3]


def jpeg(value):
    """Return the JPEG bytes of an image of one grey value."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((SIZE[1], SIZE[0], 3), value, np.uint8)).save(buffer, 'JPEG')
    return buffer.getvalue()


def write_component(root, split, tag, name, columns, **options):
    """Write a Parquet file of a segment from columns and return its path."""
    path = root / split / tag / f'{name}.parquet'
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def write_segment(root, split, name, num_frames=4, empty=()):
    """Write a segment with the front camera and another camera.

    Args:
        root: folder of the release.
        split: 'training' or 'validation'.
        name: name of the segment.
        num_frames: number of frames.
        empty: indices of the frames without labels.

    Returns:
        JPEG bytes of the front camera's images in order of time.
    """
    times = [1_000_000 + 100_000 * index for index in range(num_frames)]
    rows = [(time, camera) for time in reversed(times) for camera in (1, 2)]
    images = {row: jpeg(20 * times.index(row[0]) + row[1]) for row in rows}
    write_component(root, split, 'camera_image', name, {
        'key.segment_context_name': [name] * len(rows),
        'key.frame_timestamp_micros': pa.array([row[0] for row in rows], pa.int64()),
        'key.camera_name': pa.array([row[1] for row in rows], pa.int8()),
        '[CameraImageComponent].image': pa.array([images[row] for row in rows], pa.binary()),
    }, row_group_size=3)
    write_component(root, split, 'camera_calibration', name, {
        'key.segment_context_name': [name] * 2,
        # Some releases store camera names as text.
        'key.camera_name': ['2', '1'],
        **{f'[CameraCalibrationComponent].intrinsic.{key}': [1., value]
           for key, value in INTRINSIC.items()},
        '[CameraCalibrationComponent].extrinsic.transform': pa.array(
            [np.eye(4).ravel().tolist(), CAMERA_TO_VEHICLE.ravel().tolist()],
            pa.list_(pa.float64(), 16)),
        '[CameraCalibrationComponent].width': pa.array([1, SIZE[0]], pa.int32()),
        '[CameraCalibrationComponent].height': pa.array([1, SIZE[1]], pa.int32()),
    })
    labelled = [time for index, time in enumerate(times) if index not in empty]
    boxes, projected = [], []
    for time in labelled:
        for key, kind, location, (length, height, width), heading, points, level in OBJECTS:
            center = optical_to_vehicle([location])[0] + [0, 0, height / 2]
            boxes.append((time, f'{key}-{name}', *center, length, width, height, heading, kind,
                          points, level))
            if location[2] > 0:
                u = INTRINSIC['f_u'] * location[0] / location[2] + INTRINSIC['c_u']
                projected.append((time, 1, f'{key}-{name}', u, 60., 20., 30.))
                projected.append((time, 2, f'{key}-{name}', 1., 2., 3., 4.))
    kinds = [pa.int64(), pa.string(), *[pa.float64()] * 7, pa.int8(), pa.int64(), pa.int8()]
    names = ['key.frame_timestamp_micros', 'key.laser_object_id', *(
        f'[LiDARBoxComponent].{key}' for key in (
            'box.center.x', 'box.center.y', 'box.center.z', 'box.size.x', 'box.size.y',
            'box.size.z', 'box.heading', 'type', 'num_lidar_points_in_box',
            'difficulty_level.detection'))]
    write_component(root, split, 'lidar_box', name, columns_of(boxes, names, kinds))
    names = ['key.frame_timestamp_micros', 'key.camera_name', 'key.laser_object_id', *(
        f'[ProjectedLiDARBoxComponent].box.{key}' for key in (
            'center.x', 'center.y', 'size.x', 'size.y'))]
    write_component(root, split, 'projected_lidar_box', name, columns_of(
        projected, names, [pa.int64(), pa.int8(), pa.string(), *[pa.float64()] * 4]))
    return [images[time, 1] for time in times]


def columns_of(rows, names, kinds):
    """Return Arrow columns by name from rows of values and the type of each column."""
    columns = list(zip(*rows)) or [()] * len(names)
    return {name: pa.array(column, kind) for name, column, kind in zip(names, columns, kinds)}
