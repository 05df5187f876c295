"""Writer of a tiny nuScenes folder: one scene, two keyframes, objects at known positions."""
import json

import cv2
import numpy as np
from pyquaternion import Quaternion

SIZE = (160, 90)
INTRINSIC = [[127., 0., 80.], [0., 127., 45.], [0., 0., 1.]]
# The vehicle is 100 m east of the map's origin, rotated by 90 degrees. The camera is 1.7 m in
# front of the vehicle's origin, 1.5 m above it, and points forward.
EGO = dict(translation=[100., 50., 0.], rotation=list(Quaternion(axis=[0, 0, 1], degrees=90)))
CAMERA = dict(translation=[1.7, 0., 1.5], rotation=list(Quaternion(
    matrix=np.array([[0., 0., 1.], [-1., 0., 0.], [0., -1., 0.]]))))
# Category, attribute, centre (x, y, z) in the camera frame, (width, length, height), rotation_y in
# the camera frame, number of LiDAR points.
OBJECTS = [
    ('vehicle.car', None, (-2., .9, 15.), (1.8, 4.2, 1.5), .4, 50),
    ('human.pedestrian.adult', None, (3., .8, 24.), (.7, .6, 1.7), -2., 9),
    ('vehicle.bicycle', 'cycle.with_rider', (1., .8, 45.), (.6, 1.8, 1.6), 1.2, 3),
    ('vehicle.bicycle', 'cycle.without_rider', (4., 1., 20.), (.6, 1.8, 1.), 1., 9),
    ('vehicle.truck', None, (0., 0., 50.), (2.5, 8., 3.), 0., 90),
    ('vehicle.car', None, (0., .9, -15.), (1.8, 4.2, 1.5), 0., 50),
    ('vehicle.car', None, (2., .9, 18.), (1.8, 4.2, 1.5), 0., 0),
]


def to_global(center, rotation_y):
    """Return centre and orientation of an object in the map frame."""
    camera, ego = (Quaternion(item['rotation']) for item in (CAMERA, EGO))
    # A box's x axis points to its front and its z axis up.
    front = np.array([np.cos(rotation_y), 0., -np.sin(rotation_y)])
    up = np.array([0., -1., 0.])
    own = Quaternion(matrix=np.stack([front, np.cross(up, front), up], axis=1))
    place = ego.rotate(camera.rotate(np.array(center)) + CAMERA['translation'])
    return (place + EGO['translation']).tolist(), list(ego * camera * own)


def write_nuscenes(root, scene='scene-0003', num_frames=2):
    """Write the tables of ``v1.0-tiny`` and the images below ``root``."""
    for folder in ('v1.0-tiny', 'samples/CAM_FRONT', 'maps'):
        (root / folder).mkdir(parents=True)
    cv2.imwrite(str(root / 'maps/map.png'), np.zeros((4, 4), np.uint8))
    categories = sorted({item[0] for item in OBJECTS})
    attributes = ['cycle.with_rider', 'cycle.without_rider']
    samples = [dict(token=f'sample{k}', timestamp=k, scene_token='scene',
                    prev=f'sample{k - 1}' if k else '',
                    next=f'sample{k + 1}' if k + 1 < num_frames else '')
               for k in range(num_frames)]
    data, annotations, instances = [], [], []
    for k in range(num_frames):
        name = f'samples/CAM_FRONT/{k}.jpg'
        cv2.imwrite(str(root / name), np.full((SIZE[1], SIZE[0], 3), 60 * k, np.uint8))
        data.append(dict(token=f'data{k}', sample_token=f'sample{k}', ego_pose_token='ego',
                         calibrated_sensor_token='calibrated', timestamp=k, fileformat='jpg',
                         is_key_frame=True, height=SIZE[1], width=SIZE[0], filename=name,
                         prev='', next=''))
        for index, (category, attribute, center, wlh, yaw, points) in enumerate(OBJECTS):
            translation, rotation = to_global(center, yaw)
            token = f'annotation{k}-{index}'
            instances.append(dict(
                token=f'instance{k}-{index}', category_token=category, nbr_annotations=1,
                first_annotation_token=token, last_annotation_token=token))
            annotations.append(dict(
                token=token, sample_token=f'sample{k}', instance_token=f'instance{k}-{index}',
                visibility_token='4', attribute_tokens=[attribute] if attribute else [],
                translation=translation, size=list(wlh), rotation=rotation, prev='', next='',
                num_lidar_pts=points, num_radar_pts=0))
    tables = dict(
        category=[dict(token=name, name=name, description='') for name in categories],
        attribute=[dict(token=name, name=name, description='') for name in attributes],
        visibility=[dict(token='4', level='v80-100', description='')],
        sensor=[dict(token='sensor', channel='CAM_FRONT', modality='camera')],
        calibrated_sensor=[dict(token='calibrated', sensor_token='sensor',
                                camera_intrinsic=INTRINSIC, **CAMERA)],
        ego_pose=[dict(token='ego', timestamp=0, **EGO)],
        log=[dict(token='log', logfile='', vehicle='', date_captured='', location='')],
        map=[dict(token='map', log_tokens=['log'], category='semantic_prior',
                  filename='maps/map.png')],
        scene=[dict(token='scene', name=scene, log_token='log', nbr_samples=num_frames,
                    first_sample_token='sample0', last_sample_token=f'sample{num_frames - 1}',
                    description='')],
        sample=samples, sample_data=data, sample_annotation=annotations, instance=instances)
    for name, rows in tables.items():
        (root / 'v1.0-tiny' / f'{name}.json').write_text(json.dumps(rows))
    return root
