"""Broken frames stop a run with the name of the file, or are left out and listed."""
import logging
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from reliability.broken_set import BROKEN, FRAMES, write_broken_kitti
from tiny_kitti import write_kitti
from torch.utils.data import ConcatDataset, Subset

from mmdet3d_plugin.datasets import (
    CheckedDataset,
    KittiMonoDataset,
    MixImageDataset,
    checked_dataset,
)
from mmdet3d_plugin.engine.hooks import SkippedFramesHook
from mmdet3d_plugin.engine.hooks.skipped_frames_hook import skipped_frames
from mmdet3d_plugin.errors import InputError

CLASSES = ['Pedestrian', 'Car', 'Cyclist']
LOAD = [dict(type='LoadImageMono3D'), dict(type='LoadAnnotationsMono3D')]


def settings(root, **options):
    return {**dict(type='KittiMonoDataset', data_root=str(root), ann_file='ImageSets/train.txt',
                   metainfo=dict(classes=CLASSES), pipeline=LOAD, filter_empty_gt=False),
            **options}


def frames_of(dataset):
    return [dataset.get_data_info(index)['frame'] for index in range(len(dataset))]


@pytest.fixture(scope='module')
def broken_root(tmp_path_factory):
    return write_broken_kitti(tmp_path_factory.mktemp('set') / 'kitti')


def test_only_broken_frames_are_left_out(broken_root, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = DATASETS.build(settings(broken_root, on_error='skip'))
    assert list(dataset.skipped) == list(BROKEN) and len(FRAMES) == 40 and len(BROKEN) == 2
    for name, reason in dataset.skipped.items():
        assert f'image_2/{name}.png' in reason and '\n' not in reason
    assert frames_of(dataset) == [name for name in FRAMES if name not in BROKEN]
    for index in range(len(dataset)):
        assert dataset[index]['img'].ndim == 3
    # One car per frame.
    assert dataset.num_ins_per_cat == [0, 38, 0]


def test_the_warning_is_one_line_with_the_share(broken_root, monkeypatch):
    said = []
    monkeypatch.setattr(checked_dataset, 'print_log',
                        lambda text, *args, **kwargs: said.append(text))
    DATASETS.build(settings(broken_root, on_error='skip'))
    line, = [text for text in said if 'broken' in text]
    assert line.endswith('ImageSets/train.txt: 2 of 40 frames (5.0 %) are broken and left out')


def test_mixed_datasets_pass_on_error_on(broken_root):
    dataset = MixImageDataset(settings(broken_root), pipeline=[], on_error='skip')
    assert len(dataset) == 38 and list(skipped_frames(dataset)) == list(BROKEN)


@pytest.mark.parametrize('spoil, message', [
    (lambda root: (root / 'training/image_2/000007.png').unlink(), 'image_2/000007.png'),
    (lambda root: (root / 'training/label_2/000007.txt').write_text('Car 1 2\n'),
     'label_2/000007.txt:1: 3 fields'),
    (lambda root: (root / 'training/label_2/000007.txt').write_text(
        'Car 0 0 0 1 1 9 9 -1.5 1.6 4 0 1.6 10 0\n'), 'label_2/000007.txt: a Car whose size'),
    (lambda root: (root / 'training/calib/000007.txt').write_text(''), 'calib/000007.txt'),
    (lambda root: (root / 'training/depth_2/000007.png').write_bytes(b''), 'depth_2/000007.png'),
    (lambda root: cv2.imwrite(str(root / 'training/depth_2/000007.png'),
                              np.ones((3, 4), np.uint16)), 'depth_2/000007.png: its size'),
])
def test_every_file_of_a_frame_is_checked(kitti_root, spoil, message):
    (kitti_root / 'training/depth_2').mkdir()
    for image in (kitti_root / 'training/image_2').iterdir():
        shape = cv2.imread(str(image)).shape[:2]
        cv2.imwrite(str(kitti_root / 'training/depth_2' / image.name), np.ones(shape, np.uint16))
    prefix = dict(img='training/image_2', label='training/label_2', calib='training/calib',
                  depth='training/depth_2')
    options = settings(kitti_root, on_error='skip', data_prefix=prefix)
    assert not DATASETS.build(options).skipped
    spoil(kitti_root)
    dataset = DATASETS.build(options)
    assert list(dataset.skipped) == ['000007'] and message in dataset.skipped['000007']
    assert frames_of(dataset) == ['000000', '000012', '000031']


def test_a_set_without_a_whole_frame_is_refused(kitti_root):
    for image in (kitti_root / 'training/image_2').iterdir():
        image.write_bytes(image.read_bytes()[:-100])
    with pytest.raises(InputError, match='train.txt: all 4 frames are broken, the first one: '
                                         '.*000000.png: not a readable image, it is cut off'):
        DATASETS.build(settings(kitti_root, on_error='skip'))


def test_a_missing_split_is_not_skipped(kitti_root):
    (kitti_root / 'ImageSets/train.txt').unlink()
    with pytest.raises(InputError, match='train.txt: no such split file'):
        DATASETS.build(settings(kitti_root, on_error='skip'))


def test_other_values_of_on_error_are_refused(kitti_root):
    with pytest.raises(InputError, match="on_error is 'ignore', expected 'stop' or 'skip'"):
        KittiMonoDataset(str(kitti_root), 'ImageSets/train.txt', on_error='ignore')


def test_by_default_loading_a_broken_image_stops(broken_root):
    """Building the dataset reads only headers, which are whole."""
    dataset = DATASETS.build(settings(broken_root))
    assert len(dataset) == 40 and not dataset.skipped
    for index, name in enumerate(FRAMES):
        if name in BROKEN:
            with pytest.raises(InputError, match=f'image_2/{name}.png: not a readable image'):
                dataset[index]
        else:
            assert dataset[index]['img'].ndim == 3


def test_ranks_share_the_check_and_its_result(broken_root, monkeypatch):
    """Each of two ranks decodes half of the frames. Both leave out the broken frames of both."""
    first, second = BROKEN
    decoded = []
    check = KittiMonoDataset.decode_files
    monkeypatch.setattr(KittiMonoDataset, 'decode_files',
                        lambda self, info: decoded.append(info['frame']) or check(self, info))
    monkeypatch.setattr(checked_dataset, 'get_dist_info', lambda: (1, 2))
    told = []

    def gather(own):
        told.append(own)
        return [{first: 'a.png: cut', FRAMES[10]: 'b.png: only there'}, own]

    monkeypatch.setattr(checked_dataset, 'all_gather_object', gather)
    dataset = DATASETS.build(settings(broken_root, on_error='skip'))
    assert sorted(decoded) == FRAMES[1::2]
    assert list(told[0]) == [name for name in BROKEN if name in FRAMES[1::2]] == [second]
    assert list(dataset.skipped) == [first, FRAMES[10], second]
    assert len(dataset) == 37


class Frames(CheckedDataset):
    """Dataset of one frame that left out others."""

    def __init__(self, skipped):
        self.skipped = skipped

    def __len__(self):
        return 1


def test_the_hook_lists_training_validation_and_test(monkeypatch):
    from mmdet3d_plugin.engine.hooks import skipped_frames_hook
    said = []
    monkeypatch.setattr(skipped_frames_hook, 'print_log',
                        lambda text, *args, **kwargs: said.append(text))

    def loader(dataset):
        return SimpleNamespace(dataset=dataset)

    inner = Frames({'000001': 'a.png: cut', '000002': 'b.png: cut'})
    runner = SimpleNamespace(
        train_dataloader=loader(Subset(ConcatDataset([inner]), [0])),
        val_dataloader=loader([0, 1]),
        test_dataloader=loader(Frames({'000003': 'c.txt: odd'})))
    hook = SkippedFramesHook()
    hook.before_train(runner)
    hook.before_val(runner)
    hook.before_test(runner)
    hook.after_run(runner)
    assert said == ['training left out 2 broken frames:\n  000001: a.png: cut\n'
                    '  000002: b.png: cut', 'test left out 1 broken frames:\n  000003: c.txt: odd']


def test_images_of_the_tiny_set_are_whole(tmp_path):
    """The other tests start from readable images."""
    root = write_kitti(tmp_path / 'kitti')
    assert not DATASETS.build(settings(root, on_error='skip')).skipped
