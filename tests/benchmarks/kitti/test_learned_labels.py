"""Statement of a folder check about training."""
import numpy as np
from mmengine.config import Config

from mmdet3d_plugin.benchmarks.kitti.folder_check import check_folder
from mmdet3d_plugin.benchmarks.kitti.learned_labels import classes_entry, count_labels
from mmdet3d_plugin.structures.object_table import ObjectTable

CAMERA = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])


def labels(*rows):
    """Objects of (name, height of the 2D box, truncation, occlusion, x, z)."""
    return ObjectTable.from_table([row[0] for row in rows], np.array([
        [truncation, occlusion, 0., 0, 0, 9, height, 1.5, 1.6, 3.9, x, 1.5, z, 0.]
        for _, height, truncation, occlusion, x, z in rows]).reshape(-1, 14))


def test_objects_are_counted_by_class_and_reason():
    frame = labels(('Bus', 40, 0, 0, 0, 20), ('bus', 23, 0, 0, 0, 20), ('Bus', 40, 0, 3, 0, 20),
                   ('DontCare', 40, 0, 0, 0, 20), ('Van', 40, .6, 0, 0, 20),
                   ('Van', 40, 0, 0, 0, 1.9),
                   ('Bus', 40, 0, 0, 18.4, 20))  # u = 600 + 700 * 18.4 / 20 = 1244
    counts = count_labels([(frame, CAMERA, (1242, 375)), (labels(), None, None)])
    assert counts.classes == ('Bus', 'Van') and counts.frames == 2
    assert counts.learned.tolist() == [1, 0]
    assert counts.dropped.tolist() == [[1, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 0]]
    assert count_labels([(frame, None, None)]).learned.tolist() == [2, 0]


def test_the_entry_is_a_config(tmp_path):
    statistics = {'fork-lift': dict(count=2, size_mean=[2.1, 1.2, 2.9]), 'DontCare': dict(count=9),
                  'Car': dict(count=1, size_mean=[1., 2., 3.]),
                  'CAR': dict(count=3, size_mean=[2., 2., 5.])}
    for names, expected in [
            (('Car', 'CAR'), dict(CAR=(1.75, 2., 4.5))),
            (tuple(statistics), {'CAR': (1.75, 2., 4.5), 'fork-lift': (2.1, 1.2, 2.9)})]:
        text = classes_entry({name: statistics[name] for name in names})
        assert Config.fromstring(text, '.py').classes == expected
        assert list(Config.fromstring(text, '.py').classes) == list(expected)
    assert classes_entry({}) == ''


def test_frame_names_with_a_suffix(kitti_root, tmp_path):
    (tmp_path / 'train.txt').write_text('000000.png\n000001\n')
    problems = check_folder(kitti_root, [tmp_path / 'train.txt']).problems
    assert problems[0].endswith('; leave the suffix out')
    assert problems[1].endswith('; add its files or remove the line')


def test_the_check_prints_both(kitti_root):
    text = check_folder(kitti_root).text()
    assert 'objects to learn from, with the limits of the configs on KITTI' in text
    # means of tests/tiny_kitti.py
    assert 'classes = dict(\n    Car=(1.5, 1.6, 3.9),  # 5 objects\n' in text
