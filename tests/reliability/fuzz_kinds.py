"""Kinds of files that the fuzzer breaks: valid files, changes, and readers with checks."""
import copy
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List

import h5py
import numpy as np
import torch
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from reliability import mutations
from reliability.mutations import SIZE, Change, encode, make_image
from reliability.toy_runner import toy_config
from safetensors.torch import save_file
from tiny_kitti import P2, make_objects
from waymo_release import write_segment

from mmdet3d_plugin.benchmarks.custom.label_file import CustomLabelFile
from mmdet3d_plugin.benchmarks.depth.map_files import read_depth_map, write_depth_map
from mmdet3d_plugin.benchmarks.kitti.calibration import KittiCalibration, write_calibration
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects, write_objects
from mmdet3d_plugin.benchmarks.kitti.splits import read_split, write_split
from mmdet3d_plugin.benchmarks.nyu.labelled_file import LabelledFrame, read_labelled_list
from mmdet3d_plugin.benchmarks.waymo import files as waymo_files
from mmdet3d_plugin.benchmarks.waymo.annotations import frame_labels, read_annotations
from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_segment
from mmdet3d_plugin.benchmarks.waymo.objects import WaymoObjects
from mmdet3d_plugin.commands.training_log import read_training_log
from mmdet3d_plugin.datasets import KittiMonoDataset
from mmdet3d_plugin.engine.checkpoints import check_weights
from mmdet3d_plugin.engine.safe_loading import load_plain_checkpoint

FRAME, SEGMENT = '000007', 'segment_7'
CLASSES = ['Pedestrian', 'Car', 'Cyclist']
PIPELINE = [dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D'),
            dict(type='CropScaleAffine', input_size=(64, 32)), dict(type='PackMono3DInputs')]
KITTI_FILES = {'image': 'training/image_2/{}.png', 'label': 'training/label_2/{}.txt',
               'calibration': 'training/calib/{}.txt', 'split': 'ImageSets/train.txt',
               'result': 'results/{}.txt'}


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        write: ``write(root)`` writes valid files to a folder, and returns those to break.
        read: ``read(root, file)`` reads the broken file as the project does, and checks the
            result.
        changes: changes of a file.
        weight: share in a run of all kinds.
        name: text that an error message has to hold; None for the path of the file.
    """
    write: Callable[[Path], List[Path]]
    read: Callable[[Path, Path], None]
    changes: List[Change] = field(repr=False)
    weight: int = 1
    name: str = None


# ---- a frame of KITTI

def write_frame(root: Path) -> Dict[str, Path]:
    """Write a valid frame, and return its files by kind."""
    scale = np.diag([SIZE[0] / 1242, SIZE[1] / 375, 1.])
    objects = make_objects([('Car', -3., 1.6, 12., -1.5), ('Pedestrian', 2., 1.6, 9., .3),
                            ('Van', 6., 1.6, 30., 1.5)], scale @ P2, SIZE)
    files = {kind: root / name.format(FRAME) for kind, name in KITTI_FILES.items()}
    write_objects(files['label'], objects)
    files['label'].write_bytes(files['label'].read_bytes() + b'DontCare -1 -1 -10 5.00 6.00 9.00 '
                               b'8.00 -1 -1 -1 -1000 -1000 -1000 -10\n')
    objects.scores = np.array([.9, .5, .25])
    write_objects(files['result'], objects)
    write_calibration(files['calibration'], KittiCalibration(scale @ P2))
    write_split(files['split'], [FRAME])
    files['image'].parent.mkdir(parents=True)
    files['image'].write_bytes(encode(make_image(), 'PNG'))
    return files


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


def read_sample(root: Path, file: Path) -> None:
    dataset = KittiMonoDataset(str(root), 'ImageSets/train.txt', filter_empty_gt=False,
                               metainfo=dict(classes=CLASSES), pipeline=PIPELINE,
                               serialize_data=False)  # serialising is slow
    check_objects(read_objects(root / KITTI_FILES['label'].format(FRAME)), with_scores=False)
    check_sample(dataset[0])


def read_result(root: Path, file: Path) -> None:
    check_objects(read_objects(file, with_scores=True), with_scores=True)


def read_names(root: Path, file: Path) -> None:
    for name in read_split(file):
        resolved = (root / 'training' / f'{name}.txt').resolve()
        assert resolved.is_relative_to((root / 'training').resolve()), name


def kitti(name: str, read: Callable, changes: List[Change], weight: int) -> Kind:
    return Kind(lambda root: [write_frame(root)[name]], read, changes, weight)


# ---- depth maps, arrays and JSON

def write_depth(root: Path) -> List[Path]:
    depth = np.random.default_rng(0).uniform(0, 80, SIZE[::-1])
    write_depth_map(root / 'depth.png', depth)
    return [root / 'depth.png']


def read_depth(root: Path, file: Path) -> None:
    depth = read_depth_map(file)
    assert depth.ndim == 2 and depth.dtype == np.float32
    assert np.isfinite(depth).all() and (depth >= 0).all()


def write_arrays(root: Path) -> List[Path]:
    boxes = np.array([[9., 1., 1., 4., 2., 1.5, .1], [20., 0., 1., .8, .7, 1.7, 3.]])
    waymo_files.write_objects(root / 'found.npz', WaymoObjects(
        np.array(['a', 'a']), np.array([1, 1]), np.array([1, 2]), boxes, camera_boxes=boxes,
        scores=np.array([.5, .25], np.float32)))
    return [root / 'found.npz']


def read_arrays(root: Path, file: Path) -> None:
    check_waymo(waymo_files.read_objects(file, detections=True))


def check_waymo(objects: WaymoObjects) -> None:
    for name, value in vars(objects).items():
        assert value is None or len(value) == len(objects), name
        if value is not None and value.dtype.kind == 'f':
            assert np.isfinite(value).all(), name
            assert name == 'scores' or (np.abs(value) <= 1e6).all(), name
    assert (objects.types >= 0).all() and (objects.timestamps >= 0).all()


def write_custom(root: Path) -> List[Path]:
    root.mkdir()
    (root / 'a.png').write_bytes(encode(make_image(), 'PNG'))
    frame = dict(image='a.png', camera=[[80, 0, 48], [0, 80, 16], [0, 0, 1]], objects=[
        {'class': 'Car', 'bottom_center': [-3, 1.6, 12], 'yaw': .2,
         'size': dict(length=4, height=1.5, width=1.8), 'box_2d': [10, 5, 60, 30]},
        {'class': 'Van', 'center': [2, 1, 20], 'yaw': -1, 'truncation': .1, 'occlusion': 1,
         'size': dict(length=5, height=2, width=2)}])
    (root / 'train.json').write_text(json.dumps(dict(frames=[frame], info='made')))
    return [root / 'train.json']


def read_custom(root: Path, file: Path) -> None:
    labels = CustomLabelFile(file)
    for name in labels.names:
        frame = labels.frame(name)
        assert np.isfinite(frame.camera).all() and frame.camera.shape == (3, 4)
        table = frame.table(frame.size())
        if table is not None:
            check_objects(table, with_scores=False)
            assert (table.sizes_hwl > 0).all()


# ---- Waymo

def write_release(root: Path) -> List[Path]:
    write_segment(root, 'training', SEGMENT, num_frames=2)
    return sorted((root / 'training').rglob('*.parquet'))


def read_release(root: Path, file: Path) -> None:
    out = root / 'set'
    shutil.rmtree(out, ignore_errors=True)
    convert_segment(root, out, 'training', SEGMENT, 0, ConversionSettings())
    read_segment_annotations(root, out / f'annotations/training/{SEGMENT}.json')


def write_annotations(root: Path) -> List[Path]:
    write_release(root)
    read_release(root, root)
    return [root / f'set/annotations/training/{SEGMENT}.json']


def read_segment_annotations(root: Path, file: Path) -> None:
    content = read_annotations(file)
    for frame in content['frames']:
        labels = frame_labels(content, frame)
        check_waymo(labels)
        assert (labels.boxes[:, 3:6] > 0).all() and (labels.camera_boxes[:, 3:6] > 0).all()
        assert np.isin(labels.difficulties, [0, 1, 2]).all() and (labels.num_points >= 0).all()


# ---- NYU

def write_labelled_file(root: Path) -> List[Path]:
    root.mkdir()
    with h5py.File(root / 'labelled.mat', 'w') as file:
        for name, kind in (('images', 'u1'), ('rawDepths', 'f4')):
            shape = (2, 3, 640, 480) if name == 'images' else (2, 640, 480)
            file.create_dataset(name, shape, kind, chunks=(1, *shape[1:]), compression='gzip')
            file[name][1] = 1
    write_split(root / 'train.txt', ['1', '2'])
    return [root / 'labelled.mat']


def read_labelled_file(root: Path, file: Path) -> None:
    read_labelled_list(root / 'train.txt', file, 'rawDepths')
    frame = LabelledFrame(file, number=2)
    image, depth = frame.read_image(), frame.read_depth_map()
    assert image.shape == (480, 640, 3) and image.dtype == np.uint8
    assert depth.shape == (480, 640) and depth.dtype == np.float32
    assert np.isfinite(depth).all() and (depth >= 0).all()


# ---- checkpoints and logs

def toy_runner(work_dir: Path) -> Runner:
    return Runner.from_cfg(toy_config(
        work_dir, custom_hooks=[dict(type='CheckpointCheckHook'),
                                dict(type='PlainCheckpointHook')]))


RUNNERS: Dict[Path, Runner] = {}  # not started yet, by folder


def write_checkpoint(root: Path) -> List[Path]:
    toy_runner(root / 'run').train()
    RUNNERS[root] = toy_runner(root / 'resumed')
    return [next((root / 'run').glob('*.pth'))]


def read_checkpoint(root: Path, file: Path) -> None:
    """Resume the training from the file."""
    # A new runner per case would take ten times as long.
    runner = copy.copy(RUNNERS[root])
    runner.model = copy.deepcopy(runner.model)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.message_hub = MessageHub('case')
    runner._load_from, runner._resume = str(file), True
    runner.load_or_resume()
    check_parameters(runner.model)
    assert runner.iter >= 0 and runner.epoch >= 0


def check_parameters(model: torch.nn.Module) -> None:
    for name, value in model.state_dict().items():
        assert value.isfinite().all() and not value.is_complex() and not value.is_meta, name


def write_weights(root: Path) -> List[Path]:
    root.mkdir()
    save_file(torch.nn.Conv2d(4, 1, 1).state_dict(), root / 'model.safetensors',
              dict(model_states='{"Hook": {"a": 1}}'))
    return [root / 'model.safetensors']


def read_weights(root: Path, file: Path) -> None:
    model = torch.nn.Conv2d(4, 1, 1)
    weights = load_plain_checkpoint(file)['state_dict']
    check_weights(str(file), weights, model)
    model.load_state_dict(weights)
    check_parameters(model)


def write_log(root: Path) -> List[Path]:
    path = root / 'run/20260101_000000/vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    rows = [dict(lr=.1, loss=2. / step, loss_depth=.5, epoch=1, iter=step, step=step)
            for step in range(1, 5)] + [{'kitti/Car_3D': 11.5, 'step': 4}]
    path.write_text('\n'.join(map(json.dumps, rows)) + '\n')
    return [path]


def read_log(root: Path, file: Path) -> None:
    for row in read_training_log(root / 'run'):
        assert isinstance(row, dict)
        assert all(isinstance(value, (int, float, type(None))) for value in row.values()), row
        assert 0 <= row['step'] < np.inf


KINDS = {
    'label': kitti('label', read_sample, mutations.TEXT, 6),
    'calibration': kitti('calibration', read_sample, mutations.CALIBRATION, 4),
    'image': kitti('image', read_sample, mutations.IMAGE, 6),
    'result': kitti('result', read_result, mutations.TEXT, 2),
    'split': kitti('split', read_names, mutations.TEXT, 1),
    'depth': Kind(write_depth, read_depth, mutations.IMAGE),
    'npz': Kind(write_arrays, read_arrays, mutations.ARRAYS),
    'custom': Kind(write_custom, read_custom, mutations.JSON),
    'annotations': Kind(write_annotations, read_segment_annotations, mutations.JSON),
    'parquet': Kind(write_release, read_release, mutations.PARQUET, name=SEGMENT),
    'hdf5': Kind(write_labelled_file, read_labelled_file, mutations.HDF5),
    'checkpoint': Kind(write_checkpoint, read_checkpoint, mutations.CHECKPOINT),
    'safetensors': Kind(write_weights, read_weights, mutations.SAFETENSORS),
    'log': Kind(write_log, read_log, mutations.JSON_LINES),
}
