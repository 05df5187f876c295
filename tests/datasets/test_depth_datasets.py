"""Depth datasets: samples read from their folders, and errors that name broken files."""
import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from tiny_depth import (
    DRIVE,
    EIGEN_LINES,
    P_RECT_02,
    P_RECT_03,
    random_depth,
    write_kitti_eigen,
    write_labelled_nyu,
    write_nyu,
    write_synthetic,
)
from torch.utils.data import DataLoader

from mmdet3d_plugin.benchmarks.nyu.labelled_file import LabelledFrame
from mmdet3d_plugin.datasets import (
    KittiEigenDataset,
    NYUDepthDataset,
    NYULabelledDataset,
    SyntheticDepthDataset,
)
from mmdet3d_plugin.datasets.sample_randomness import SampleIndex
from mmdet3d_plugin.datasets.transforms import LoadImageMono3D
from mmdet3d_plugin.errors import InputError

LOAD = [dict(type='LoadImageMono3D'), dict(type='LoadDepthMap')]
SETS = dict(
    eigen=(write_kitti_eigen, KittiEigenDataset, 'splits/eigen.txt'),
    nyu=(write_nyu, NYUDepthDataset, 'splits/nyu.txt'),
    labelled=(write_labelled_nyu, NYULabelledDataset, 'test.txt'),
    synthetic=(write_synthetic, SyntheticDepthDataset, 'ImageSets/train.txt'))


def build(name, root, pipeline=LOAD, **options):
    write, kind, split = SETS[name]
    if not root.exists():
        pytest.importorskip('h5py') if name == 'labelled' else None
        write(root)
    return kind(str(root), split, pipeline=pipeline, **options)


@pytest.mark.parametrize('name', SETS)
@pytest.mark.parametrize('test_mode', [False, True])
def test_samples_hold_image_camera_and_depth(tmp_path, name, test_mode):
    dataset = build(name, tmp_path / 'set', test_mode=test_mode)
    assert len(dataset) == dict(eigen=2, nyu=2, labelled=2, synthetic=3)[name]
    for index in range(len(dataset)):
        info, sample = dataset.get_data_info(index), dataset[index]
        camera = info['images']['CAM2']
        assert info['img_path'] == camera['img_path'] and info['cam2img'].shape == (4, 4)
        assert sample['img'].shape == (camera['height'], camera['width'], 3)
        assert sample['gt_depth_map'].shape == sample['img'].shape[:2]
        assert sample['gt_depth_map'].dtype == np.float32
        assert info['depth_scale'] == (1000 if name == 'nyu' else 256)
        assert sample['frame'] == info['frame']
        assert ('frame_reader' in sample, 'depth_path' in sample) == (
            (True, False) if name == 'labelled' else (False, True))


def test_eigen_frames_without_depth_are_left_out(tmp_path):
    dataset = build('eigen', tmp_path / 'set')
    frames = [dataset.get_data_info(index)['frame'] for index in range(2)]
    assert frames == [f'2011_09_26/{DRIVE}/image_02/data/0000000005',
                      f'2011_09_26/{DRIVE}/image_03/data/0000000007']
    for index, P in enumerate([P_RECT_02, P_RECT_03]):
        np.testing.assert_allclose(dataset[index]['cam2img'][:3], P, rtol=1e-7)
        np.testing.assert_allclose(dataset[index]['cam2img'][3], [0, 0, 0, 1])
        np.testing.assert_array_equal(dataset[index]['gt_depth_map'],
                                      random_depth((1242, 375), 2 * index))


def test_eigen_depth_without_train_and_val_folders(tmp_path):
    root = write_kitti_eigen(tmp_path / 'set')
    folder = root / 'data_depth_annotated'
    for part in ('train', 'val'):
        for path in sorted(folder.glob(f'{part}/**/*.png')):
            target = folder / path.relative_to(folder / part)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    assert len(build('eigen', root)) == 2


def test_nyu_depth_is_in_millimetres_with_one_camera(tmp_path):
    sample = build('nyu', tmp_path / 'set')[1]
    assert sample['frame'] == 'kitchen_0028b/rgb_00046'
    np.testing.assert_allclose(sample['gt_depth_map'], random_depth((640, 480), 1) / 8, atol=6e-4)
    # A point on the optical axis projects to the principal point, in continuous pixels.
    u, v, w = sample['cam2img'][:3] @ [0, 0, 3, 1]
    assert (u / w, v / w) == pytest.approx((325.0824, 253.2362), abs=1e-3)


def test_labelled_frames_follow_the_list(tmp_path):
    dataset = build('labelled', tmp_path / 'set')
    assert [dataset.get_data_info(index)['frame'] for index in range(2)] == ['3', '1']
    for index, seed in enumerate([2, 0]):
        np.testing.assert_allclose(dataset[index]['gt_depth_map'],
                                   random_depth((640, 480), seed) / 8)
    filled = build('labelled', tmp_path / 'set', kind='depths')[0]
    assert filled['gt_depth_map'].min() == 1
    # Channels in BGR order, as OpenCV decodes files.
    small = np.random.default_rng(2).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(filled['img'], cv2.resize(small, (640, 480)))


def test_the_labelled_dataset_is_read_in_worker_processes(tmp_path):
    """The dataset shares no open file with its workers."""
    dataset = pickle.loads(pickle.dumps(build('labelled', tmp_path / 'set')))
    expected = [dataset[index]['gt_depth_map'] for index in range(2)]
    loader = DataLoader(dataset, num_workers=2, collate_fn=lambda samples: samples[0])
    for sample, depth in zip(loader, expected):
        np.testing.assert_array_equal(sample['gt_depth_map'], depth)


def test_a_packed_labelled_sample_can_load_its_image_again(tmp_path):
    dataset = build('labelled', tmp_path / 'set', [*LOAD, dict(type='PackMono3DInputs')])
    loader = LoadImageMono3D(keep_in_memory=True)
    for index in (0, 1):
        packed = dataset[index]
        sample = packed['data_samples']
        camera = dict(img_path=sample.img_path, cam2img=sample.cam2img)
        frame = dict(images=dict(CAM2=camera), frame_reader=sample.frame_reader)
        # Both frames have the same img_path.
        for _ in range(2):
            image = loader(dict(frame))['img']
            np.testing.assert_array_equal(image.transpose(2, 0, 1), packed['inputs']['img'])


def test_broken_labelled_frames_are_left_out(tmp_path, monkeypatch):
    build('labelled', tmp_path / 'set')
    read = LabelledFrame.read_depth_map

    def read_or_fail(frame):
        if frame.number == 1:
            raise InputError('frame 1 is broken')
        return read(frame)

    monkeypatch.setattr(LabelledFrame, 'read_depth_map', read_or_fail)
    dataset = build('labelled', tmp_path / 'set', on_error='skip')
    assert dataset.skipped == {'1': 'frame 1 is broken'} and len(dataset) == 1


def test_augmentation_depends_on_the_seed_of_the_sample(tmp_path):
    dataset = build('synthetic', tmp_path / 'set', [*LOAD, dict(
        type='CropScaleAffine', input_size=(64, 32), prob=1., stride=1)])
    first, again, other = (dataset[SampleIndex(0, seed)] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first['affine'], again['affine'])
    assert not np.allclose(first['affine'], other['affine'])


EIGEN_DEPTH = f'data_depth_annotated/train/{EIGEN_LINES[0].split()[1]}'
EIGEN_IMAGE = f'raw/{EIGEN_LINES[0].split()[0]}'


@pytest.mark.parametrize('name, spoil, message', [
    ('eigen', lambda root: (root / EIGEN_IMAGE).unlink(),
     '05.png: no such image, but .*eigen.txt'),
    ('eigen', lambda root: (root / EIGEN_DEPTH).unlink(),
     '05.png: no such depth map, but the split names it'),
    ('eigen', lambda root: (root / 'raw/2011_09_26/calib_cam_to_cam.txt').unlink(),
     'calib_cam_to_cam.txt: no such file'),
    ('eigen', lambda root: (root / 'raw/2011_09_26/calib_cam_to_cam.txt').write_text('P2: 1\n'),
     "no 'P_rect_02:' line"),
    ('eigen', lambda root: (root / 'splits/eigen.txt').write_text('a.png b.png 1\n'),
     'no such image'),
    ('eigen', lambda root: (root / 'splits/eigen.txt').write_text('a/b.png None 1\n'),
     'eigen.txt: none of its 1 frames has depth'),
    ('nyu', lambda root: cv2.imwrite(str(root / 'sync/kitchen_0028b/rgb_00045.jpg'),
                                     np.zeros((48, 64, 3))), "00045.jpg: has 64x48 pixels, NYU's"),
    ('labelled', lambda root: (root / 'test.txt').write_text('4\n'), "'4' is no frame of .*mat"),
    ('labelled', lambda root: (root / 'test.txt').write_text('one\n'), "'one' is no frame of"),
    ('labelled', lambda root: (root / 'nyu_depth_v2_labeled.mat').unlink(), 'mat: no such file'),
    ('synthetic', lambda root: (root / 'training/depth_2/000001.png').unlink(),
     'depth_2/000001.png: no such depth map'),
    ('synthetic', lambda root: (root / 'training/calib/000001.txt').unlink(), 'calib/000001.txt')])
def test_error_names_the_missing_file(tmp_path, name, spoil, message):
    build(name, tmp_path / 'set')
    spoil(tmp_path / 'set')
    with pytest.raises(InputError, match=message) as error:
        build(name, tmp_path / 'set')
    assert '\n' not in str(error.value)


def test_error_names_an_image_outside_the_drives(tmp_path):
    root = write_kitti_eigen(tmp_path / 'set')
    (root / 'raw/a.png').write_bytes((root / EIGEN_IMAGE).read_bytes())
    (root / 'splits/eigen.txt').write_text('a.png b.png 1\n')
    with pytest.raises(InputError, match='a: is no image of the raw data, expected DATE/DRIVE'):
        build('eigen', root)


@pytest.mark.parametrize('content, message', [
    (np.ones((186, 620), np.uint8), 'it is of 8 bits'),
    (np.ones((20, 30), np.uint16), "000001.png: its size .* differs from the image's"),
    (None, 'not a readable 16-bit depth image')])
def test_broken_depth_raises_or_is_left_out(tmp_path, content, message):
    root = write_synthetic(tmp_path / 'set')
    path = root / 'training/depth_2/000001.png'
    path.write_text('') if content is None else cv2.imwrite(str(path), content)
    with pytest.raises(InputError, match=message):
        build('synthetic', root)[1]
    dataset = build('synthetic', root, on_error='skip')
    assert len(dataset) == 2 and list(dataset.skipped) == ['000001']
    assert not build('synthetic', tmp_path / 'whole', on_error='skip').skipped


@pytest.mark.parametrize('scale', [0, -256., float('nan')])
def test_depth_scale_must_be_positive(tmp_path, scale):
    with pytest.raises(InputError, match=f'depth_scale is {scale}, expected the stored units per'):
        build('synthetic', tmp_path / 'set', depth_scale=scale)


def test_depth_scale_is_configurable(tmp_path):
    depth = build('synthetic', tmp_path / 'set')[0]['gt_depth_map']
    halved = build('synthetic', tmp_path / 'set', depth_scale=512)[0]['gt_depth_map']
    np.testing.assert_allclose(halved, depth / 2)


@pytest.mark.parametrize('entry', [(0, 0), (1, 1)])
@pytest.mark.parametrize('value, valid', [(1e-6, True), (0., False), (-700., False),
                                          (float('nan'), False), (float('inf'), False)])
def test_focal_lengths_must_be_positive_and_finite(tmp_path, entry, value, valid):
    root = write_synthetic(tmp_path / 'set', count=1)
    path = root / 'training/calib/000000.txt'
    P2 = P_RECT_02.copy()
    P2[entry] = value
    path.write_text('P2: ' + ' '.join(map(str, P2.ravel())) + '\n')
    if valid:
        assert build('synthetic', root)[0]['cam2img'][entry] == pytest.approx(value)
    else:
        with pytest.raises(InputError):
            build('synthetic', root)


@pytest.mark.parametrize('entry, value', [((0, 0), 0.), ((1, 1), 0.), ((0, 0), -700.),
                                          ((0, 0), np.nan), ((0, 2), np.nan), ((1, 3), np.inf)])
def test_error_of_a_broken_camera_names_the_image(tmp_path, entry, value):
    dataset = build('synthetic', tmp_path / 'set')
    frame = dataset.read_frame('000000')
    dataset.check_frame(frame)
    cam2img = frame.cam2img.copy()
    cam2img[entry] = value
    with pytest.raises(InputError, match='000000.png: its calibration is no camera matrix'):
        dataset.check_frame(replace(frame, cam2img=cam2img))


def test_datasets_are_registered():
    for _, kind, _ in SETS.values():
        assert DATASETS.get(kind.__name__) is kind
