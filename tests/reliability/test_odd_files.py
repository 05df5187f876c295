"""Every reader refuses FIFOs, devices and folders in place of files, without opening them."""
import os
import signal
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.cityscapes.depth import read_camera
from mmdet3d_plugin.benchmarks.clips.instance_maps import read_instance_map
from mmdet3d_plugin.benchmarks.clips.poses import read_poses
from mmdet3d_plugin.benchmarks.depth.map_files import read_depth_map
from mmdet3d_plugin.benchmarks.depth.pixel_errors import read_pixel_errors
from mmdet3d_plugin.benchmarks.depth.splits import locate_depth
from mmdet3d_plugin.benchmarks.kitti.calibration import read_calibration
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects
from mmdet3d_plugin.benchmarks.kitti.splits import read_split
from mmdet3d_plugin.benchmarks.kitti.velodyne_depth import read_scan
from mmdet3d_plugin.benchmarks.matlab_files import read_matlab
from mmdet3d_plugin.benchmarks.nyu.labelled_file import LabelledFrame
from mmdet3d_plugin.benchmarks.retrieval.embedding_files import read_embeddings
from mmdet3d_plugin.commands.evaluate_depth import depth_files
from mmdet3d_plugin.commands.evaluate_kitti import find_frames, find_results, read_frames
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.prediction.image_sources import open_images
from mmdet3d_plugin.utils.images import image_size, read_image
from mmdet3d_plugin.utils.json_files import read_json

READERS = {
    'label': ('a.txt', read_objects), 'calibration': ('a.txt', read_calibration),
    'split': ('a.txt', read_split), 'poses': ('a.txt', read_poses),
    'image size': ('a.png', image_size), 'image': ('a.png', read_image),
    'depth map': ('a.png', read_depth_map), 'instance map': ('a.png', read_instance_map),
    'place of a depth map': ('a.png', lambda path: locate_depth(path.parent, path.name)),
    'scan': ('a.bin', read_scan), 'camera': ('a.json', read_camera),
    'JSON': ('a.json', lambda path: read_json(path, 'no such file', 100)),
    'depth errors': ('a.json', read_pixel_errors),
    'embeddings': ('a.npz', read_embeddings),
    'MATLAB file': ('a.mat', lambda path: read_matlab(path, ['x'], 'no such file')),
    'NYU': ('a.mat', lambda path: LabelledFrame(path, 1).read_image()),
    'image to predict': ('a.png', lambda path: [image.load() for image in open_images(
        str(path.parent))])}
KINDS = {'FIFO': os.mkfifo, 'folder': os.mkdir,
         'device': lambda path: os.symlink('/dev/zero', path)}


@contextmanager
def seconds(limit):
    """Raise an error where a reader waits for a FIFO."""
    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('reader', READERS)
def test_readers_name_odd_files(tmp_path, reader, kind):
    name, read = READERS[reader]
    KINDS[kind](tmp_path / name)
    with seconds(20), pytest.raises(InputError, match=f'{name}: is a {kind}, expected a file'):
        read(tmp_path / name)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('odd', ['labels', 'results'])
def test_an_evaluation_leaves_no_odd_label_out(tmp_path, kind, odd):
    for folder in ('labels', 'results'):
        (tmp_path / folder).mkdir()
        for name in ('1.txt', '2.txt'):
            (tmp_path / folder / name).touch()
    (tmp_path / odd / '2.txt').unlink()
    KINDS[kind](tmp_path / odd / '2.txt')
    with seconds(20), pytest.raises(InputError, match=f'{odd}/2.txt: is a {kind}'):
        frames = find_frames(tmp_path / 'labels', None)
        assert frames == ['1', '2']
        read_frames(tmp_path / 'labels', frames, with_scores=False)
        read_frames(find_results(tmp_path / 'results', frames)[0], frames, with_scores=True)


@pytest.mark.parametrize('kind', KINDS)
def test_an_evaluation_leaves_no_odd_depth_map_out(tmp_path, kind):
    cv2.imwrite(str(tmp_path / 'a.png'), np.ones((2, 3), np.uint16))
    assert depth_files(tmp_path) == [tmp_path / 'a.png']
    KINDS[kind](tmp_path / 'b.png')
    with pytest.raises(InputError, match=f'b.png: is a {kind}'):
        depth_files(tmp_path)
