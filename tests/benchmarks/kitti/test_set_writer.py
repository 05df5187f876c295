"""Writing of converted sets: complete or absent."""
import cv2
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.labels import read_objects
from mmdet3d_plugin.benchmarks.kitti.set_writer import ConvertedFrame, write_kitti_set
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable

CAMERA = np.array([[700., 0., 8., 0.], [0., 700., 6., 0.], [0., 0., 1., 0.]])
IMAGE = cv2.imencode('.png', np.zeros((12, 16, 3), np.uint8))[1].tobytes()


def frame_of(name, split='train', image=IMAGE):
    return ConvertedFrame(split, name, image, '.png', CAMERA, ObjectTable.empty())


def test_splits_and_files(tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    text = write_kitti_set(out, [frame_of('a/1'), frame_of('b', 'val'), frame_of('a/0')])
    assert text == f'{out}: 2 frames of train, 1 frames of val, 0 objects'
    assert (out / 'ImageSets/train.txt').read_text() == 'a/1\na/0\n'
    assert (out / 'training/image_2/a/0.png').read_bytes() == IMAGE
    assert len(read_objects(out / 'training/label_2/b.txt')) == 0


@pytest.mark.parametrize('split', ['train', 'val'])
def test_names_of_two_frames_are_refused(tmp_path, split):
    with pytest.raises(InputError, match=f'named 1, one of train and one of {split}; name each'):
        write_kitti_set(tmp_path / 'out', [frame_of('1'), frame_of('1', split)])
    assert not list(tmp_path.iterdir())


def test_images_that_are_cut_off_are_refused(tmp_path):
    image = tmp_path / 'image.png'
    image.write_bytes(IMAGE[:-14])
    with pytest.raises(InputError, match='image.png: not a readable image, it is cut off'):
        write_kitti_set(tmp_path / 'out', [frame_of('1', image=image)])
    assert list(tmp_path.iterdir()) == [image]


def test_the_current_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in (tmp_path, tmp_path.relative_to(tmp_path)):
        with pytest.raises(InputError, match='exists already; choose another --out'):
            write_kitti_set(out, [frame_of('1')])
    assert not list(tmp_path.iterdir())
