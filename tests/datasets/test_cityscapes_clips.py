"""Clips of Cityscapes' sequences: target frames, cameras and depth."""
import json
import pickle

import cv2
import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from tiny_cityscapes import BASELINE, FX, write_cityscapes

from mmdet3d_plugin.datasets import CityscapesClipDataset
from mmdet3d_plugin.errors import InputError

LOAD = [dict(type='LoadClip')]
TEST = [*LOAD, dict(type='LoadDepthMap')]
WITH_DEPTH = dict(img='leftImg8bit_sequence', camera='camera', depth='disparity')
IMAGES = 'leftImg8bit_sequence/train'


@pytest.fixture
def root(tmp_path):
    return write_cityscapes(tmp_path / 'set')


def build(root, pipeline=LOAD, **options):
    return CityscapesClipDataset(str(root), pipeline=pipeline, **options)


def build_test(root, **options):
    return build(root, TEST, **{**dict(split='test', offsets=(-2, ), test_mode=True,
                                       data_prefix=WITH_DEPTH), **options})


def frames_of(dataset):
    return [dataset.get_data_info(index)['frame'] for index in range(len(dataset))]


def numbers_of(info):
    return [int(path.split('_')[-2]) for path in info['clip_paths']]


def test_training_clips_do_not_reach_over_gaps(root):
    dataset = build(root)
    assert frames_of(dataset) == [
        *(f'train/aachen/aachen_000000_{number:06d}' for number in (18, 19, 20)),
        *(f'train/bochum/bochum_000000_{number:06d}' for number in (4, 5, 61, 62))]
    infos = [dataset.get_data_info(index) for index in range(7)]
    assert [numbers_of(info) for info in infos[:4]] == [
        [18, 17, 19], [19, 18, 20], [20, 19, 21], [4, 3, 5]]
    assert all(info['clip_offsets'] == (0, -1, 1) and info['clip_present'].all()
               and 'depth_reader' not in info for info in infos)
    sample = dataset[0]
    assert [image.shape for image in sample['img']] == [(128, 256, 3)] * 3


def test_frames_of_a_snippet_share_its_camera(root):
    dataset = build(root)
    # Snippets 0 to 2 have focal lengths of FX, FX + 1 and FX + 2 at eight times the size.
    assert [dataset.get_data_info(index)['cam2img'][0, 0] * 8 for index in range(7)] == \
        pytest.approx([FX, FX, FX, FX + 1, FX + 1, FX + 2, FX + 2])
    assert dataset[0]['cam2img'][:2, 2] == pytest.approx([1096.98 / 8, 513.137 / 8])


def test_lists_choose_target_frames(root):
    (root / 'few.txt').write_text('train/bochum/bochum_000000_000062\n'
                                  'train/aachen/aachen_000000_000018\n')
    dataset = build(root, ann_file='few.txt', offsets=(1, -1))
    assert [numbers_of(dataset.get_data_info(index)) for index in range(2)] == [
        [62, 63, 61], [18, 19, 17]]


def test_test_frames_are_those_with_a_disparity_map(root):
    dataset = pickle.loads(pickle.dumps(build_test(root)))
    assert frames_of(dataset) == ['test/berlin/berlin_000000_000019',
                                  'test/berlin/berlin_000001_000019']
    assert numbers_of(dataset.get_data_info(0)) == [19, 17]
    for index, snippet in enumerate((3, 4)):
        depth = dataset[index]['gt_depth_map']
        stored = cv2.imread(str(root / f'disparity/test/berlin/berlin_00000{index}_000019_'
                                'disparity.png'), cv2.IMREAD_UNCHANGED).astype(np.float64)
        known = stored > 0
        assert depth.shape == (128, 256) and .7 < known.mean() < .9
        expected = BASELINE * (FX + snippet) / 8 * 256 / (stored[known] - 1)
        np.testing.assert_allclose(depth[known], expected, rtol=1e-6)
        assert not depth[~known].any()


def test_a_test_frame_without_an_earlier_frame_is_a_single_image(root):
    path = root / 'leftImg8bit_sequence/test/berlin/berlin_000000_000017_leftImg8bit.png'
    path.unlink()
    info = build_test(root).get_data_info(0)
    assert numbers_of(info) == [19, 19] and info['clip_present'].tolist() == [True, False]
    assert frames_of(build_test(root, missing='stop')) == ['test/berlin/berlin_000001_000019']


def test_instance_maps(tmp_path):
    root = write_cityscapes(tmp_path / 'set', instances=True)
    prefix = dict(img='leftImg8bit_sequence', camera='camera', instances='instances')
    dataset = build(root, [*LOAD, dict(type='LoadClipInstances')], data_prefix=prefix)
    assert [np.unique(instances).tolist() for instances in dataset[0]['instance_maps']] == [
        [0, 26001]] * 3
    (root / 'instances/test/berlin/berlin_000000_000017_leftImg8bit.png').unlink()
    info = build_test(root, data_prefix=dict(WITH_DEPTH, instances='instances')).get_data_info(0)
    assert [path is None for path in info['instance_paths']] == [False, True]


def camera_without_baseline(root):
    path = root / 'camera/train/aachen/aachen_000000_000019_camera.json'
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(content, extrinsic={})))


def list_of(*frames):
    return lambda root: (root / 'list.txt').write_text('\n'.join(frames) + '\n')


@pytest.mark.parametrize('spoil, options, message', [
    (camera_without_baseline, {}, '000019_camera.json: extrinsic.baseline is missing'),
    (lambda root: (root / 'camera/train/aachen/aachen_000000_000019_camera.json').unlink(), {},
     'camera/train/aachen: no camera of the snippet with frame train/aachen/aachen_000000_000018'),
    (lambda root: (root / 'camera').rename(root / 'elsewhere'), {},
     'camera/train: no readable folder'),
    (lambda root: (root / f'{IMAGES}/aachen/aachen_000000_000019_leftImg8bit.png').write_text(''),
     {}, '000019_leftImg8bit.png: not a readable image'),
    (lambda root: None, dict(split='val'), 'leftImg8bit_sequence/val: no readable folder'),
    (lambda root: None, dict(offsets=(-9, 9)),
     'leftImg8bit_sequence/train: holds no clip with frames at offsets .-9, 9.'),
    (list_of('train/aachen/aachen_000000_000050'), dict(ann_file='list.txt'),
     '000050_leftImg8bit.png: no such image, but .*list.txt'),
    (list_of('train/aachen/aachen_000000_000017'), dict(ann_file='list.txt'),
     '000016_leftImg8bit.png: no such image, but it is the neighbour of frame'),
    (list_of('aachen_000000_000017'), dict(ann_file='list.txt'), 'list.txt:1: .* is no frame'),
    (list_of('test/berlin/berlin_000000_000018'),
     dict(ann_file='list.txt', data_prefix=WITH_DEPTH),
     '000018_disparity.png: no such disparity map, but .*list.txt'),
    (lambda root: None, dict(data_prefix=WITH_DEPTH), 'disparity/train: no readable folder')])
def test_error_names_the_missing_file(root, spoil, options, message):
    spoil(root)
    with pytest.raises(InputError, match=message) as error:
        build(root, **options)
    assert '\n' not in str(error.value)


def test_no_target_frame_with_a_disparity_map(root):
    for path in root.glob('disparity/test/berlin/*'):
        path.unlink()
    with pytest.raises(InputError, match='sequence/test: none of its frames .* has a disparity'):
        build_test(root)


def test_the_dataset_is_registered():
    assert DATASETS.get('CityscapesClipDataset') is CityscapesClipDataset
