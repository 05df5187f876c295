"""nuScenes' keyframes of one camera, to test detectors trained on other sets."""
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from mmdet3d.registry import DATASETS

from ..errors import InputError
from ..structures.angles import observation_angle
from ..structures.cameras import projected_boxes
from ..structures.object_table import ObjectTable
from ..utils.files import check_regular, has_file, inside
from ..utils.images import image_size
from .mono_dataset import MonoDataset, MonoFrame

# KITTI's class of nuScenes' categories. A bicycle counts as Cyclist only with a rider.
CATEGORIES = {
    'vehicle.car': 'Car',
    'vehicle.bicycle': 'Cyclist',
    'human.pedestrian.adult': 'Pedestrian',
    'human.pedestrian.child': 'Pedestrian',
    'human.pedestrian.construction_worker': 'Pedestrian',
    'human.pedestrian.police_officer': 'Pedestrian',
}
WITH_RIDER = 'cycle.with_rider'


@DATASETS.register_module()
class NuScenesMonoDataset(MonoDataset):
    """Keyframes of one camera of nuScenes, read through nuscenes-devkit.

    Samples are those of :class:`~mmdet3d_plugin.datasets.MonoDataset`. An annotation is used if
    at least one of its corners is in the image and its centre is in front of the camera. Its 2D
    box surrounds the projected corners and is clipped to the image. ``eval_ann_info`` holds the
    annotations as ``object_table``.

    Args:
        data_root: folder with ``samples`` and the tables, e.g. ``v1.0-trainval``.
        version: name of the tables' folder.
        scenes: a split of nuscenes-devkit, such as ``'val'`` or ``'mini_val'``, or a list of
            scene names.
        camera: channel of the camera.
        min_points: smallest number of LiDAR and radar points of an annotation.
        kwargs: arguments of FrameDataset and of mmdet3d's Det3DDataset.

    Raises:
        InputError: tables, scenes or images are missing.
    """

    METAINFO = dict(classes=('Pedestrian', 'Car', 'Cyclist'))

    def __init__(self, data_root: str, version: str = 'v1.0-trainval', scenes: Any = 'val',
                 camera: str = 'CAM_FRONT', min_points: int = 1, **kwargs: Any) -> None:
        self.version = version
        self.scenes = scenes
        self.camera = camera
        self.min_points = min_points
        self._tables: Any = None  # of the devkit, while frames are listed
        super().__init__(data_root, ann_file='', **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every keyframe. The tables are read once."""
        self._tables = self._open_tables()
        infos = super().load_data_list()
        self._tables = None
        return infos

    def frame_names(self) -> List[str]:
        """Return the tokens of the camera's images of all keyframes."""
        names = self._scene_names()
        known = {scene['name']: scene for scene in self._tables.scene}
        wanted = [known[name] for name in names if name in known]
        if not wanted:
            raise InputError(f'{self.data_root}/{self.version}: has none of the scenes '
                             f'{self.scenes!r}; it has {", ".join(sorted(known)[:3])}...')
        tokens = []
        for scene in wanted:
            token = scene['first_sample_token']
            while token:
                sample = self._tables.get('sample', token)
                tokens.append(sample['data'][self.camera])
                token = sample['next']
        return tokens

    def read_frame(self, name: str) -> MonoFrame:
        """Read a keyframe by the token of its image."""
        from nuscenes.utils.geometry_utils import BoxVisibility

        # Tokens become file names of results and pictures.
        inside(Path(self.data_root, self.version), name)
        inside(self.data_root, self._tables.get('sample_data', name)['filename'])
        path, boxes, intrinsic = self._tables.get_sample_data(
            name, box_vis_level=BoxVisibility.ANY)
        path = Path(path)
        if not has_file(path):
            raise InputError(f'{path}: no such image, but the tables name it; download the blob '
                             'that holds it')
        size = image_size(path)
        cam2img = np.eye(4)
        cam2img[:3, :3] = intrinsic
        objects = self._objects([box for box in boxes if self._counts(box)], cam2img, size)
        return MonoFrame(path, size, cam2img, objects,
                         evaluation=dict(object_table=objects))

    def _counts(self, box) -> bool:
        """Return whether a devkit box is a label."""
        record = self._tables.get('sample_annotation', box.token)
        points = record['num_lidar_pts'] + record['num_radar_pts']
        return (self._class_of(record) is not None and points >= self.min_points
                and box.center[2] > 0)

    def _class_of(self, record: dict) -> Optional[str]:
        """Return KITTI's class of an annotation record, or None."""
        name = CATEGORIES.get(record['category_name'])
        if name == 'Cyclist':
            attributes = [self._tables.get('attribute', token)['name']
                          for token in record['attribute_tokens']]
            return name if WITH_RIDER in attributes else None
        return name

    def _objects(self, boxes: list, cam2img: np.ndarray, size) -> ObjectTable:
        """Convert devkit boxes in the camera frame to KITTI's convention."""
        names = [self._class_of(self._tables.get('sample_annotation', box.token))
                 for box in boxes]
        # nuScenes: width, length, height.
        sizes = np.array([box.wlh for box in boxes], dtype=np.float64).reshape(-1, 3)[:, [2, 0, 1]]
        centers = np.array([box.center for box in boxes], dtype=np.float64).reshape(-1, 3)
        # A box points forward along its x axis.
        front = np.array([box.orientation.rotation_matrix[:, 0] for box in boxes]).reshape(-1, 3)
        yaws = np.arctan2(-front[:, 2], front[:, 0])
        corners = np.array([box.corners().T for box in boxes]).reshape(-1, 8, 3)
        boxes_2d = projected_boxes(corners, cam2img).clip(0, [*size, *size])
        bottom = centers + np.array([0., .5, 0.]) * sizes[:, :1]
        return ObjectTable(
            names=np.array(names, dtype=str), truncations=np.zeros(len(boxes)),
            occlusions=np.zeros(len(boxes), dtype=np.int64),
            alphas=observation_angle(yaws, bottom), boxes_2d=boxes_2d,
            sizes_hwl=sizes, locations=bottom, rotations_y=yaws)

    def _open_tables(self):
        """Open the tables through nuscenes-devkit."""
        from nuscenes import NuScenes
        folder = Path(self.data_root, self.version)
        if not folder.is_dir():
            raise InputError(f'{folder}: no such folder; data_root is that of nuScenes, and '
                             'version names its tables')
        check_regular(folder)
        try:
            return NuScenes(self.version, str(self.data_root), verbose=False)
        except (FileNotFoundError, ValueError, RecursionError) as error:
            raise InputError(f'{folder}: tables are missing or malformed ({error}); download '
                             'the metadata again') from error

    def _scene_names(self) -> List[str]:
        """Return the names of the chosen scenes."""
        from nuscenes.utils.splits import create_splits_scenes
        if not isinstance(self.scenes, str):
            return list(self.scenes)
        splits: Dict[str, List[str]] = create_splits_scenes()
        if self.scenes not in splits:
            raise InputError(f'scenes is {self.scenes!r}; the splits are {", ".join(splits)}')
        return splits[self.scenes]
