"""Names of Cityscapes' frames, runs of consecutive frames, and lists."""
import pytest
from tiny_cityscapes import write_cityscapes

from mmdet3d_plugin.benchmarks.cityscapes.files import (
    CAMERA,
    CityscapesFrame,
    clip_targets,
    consecutive_runs,
    list_frames,
    parse_frame,
    read_frame_list,
)
from mmdet3d_plugin.errors import InputError


def frames_of(*numbers, sequence=0):
    return [CityscapesFrame('train', 'bochum', sequence, number) for number in numbers]


def numbers_of(frames):
    return [(frame.city, frame.sequence, frame.number) for frame in frames]


def test_names_of_a_frame(tmp_path):
    frame = parse_frame('val/munster/munster_000012_000019')
    assert frame == ('val', 'munster', 12, 19)
    assert frame.path(tmp_path) == (
        tmp_path / 'val/munster/munster_000012_000019_leftImg8bit.png')
    assert frame.path('c', CAMERA).as_posix() == 'c/val/munster/munster_000012_000019_camera.json'


@pytest.mark.parametrize('name', [
    '', 'val/munster', 'munster/munster_000012_000019', 'val/bonn/munster_000012_000019',
    'val/munster/munster_12_19', '../munster/munster_000012_000019', 'val/../.._000012_000019',
    '/munster/munster_000012_000019', 'val/munster/munster_000012_000019.png',
    'val/munster/munster_000012_00001٩'])
def test_other_names_are_no_frames(name):
    assert parse_frame(name) is None


def test_frames_of_a_split_are_sorted(tmp_path):
    root = write_cityscapes(tmp_path / 'set')
    (root / 'leftImg8bit_sequence/train/aachen/notes.txt').touch()
    (root / 'leftImg8bit_sequence/train/aachen/bonn_000000_000000_leftImg8bit.png').touch()
    frames = list_frames(root / 'leftImg8bit_sequence', 'train')
    assert numbers_of(frames) == [('aachen', 0, number) for number in range(17, 22)] + [
        ('bochum', 0, number) for number in (3, 4, 5, 6, 60, 61, 62, 63)]
    assert numbers_of(list_frames(root / 'camera', 'test', CAMERA)) == [
        ('berlin', 0, 19), ('berlin', 1, 19)]
    with pytest.raises(InputError, match='set/camera/val: no readable folder'):
        list_frames(root / 'camera', 'val')


def test_clips_do_not_reach_over_gaps():
    frames = frames_of(3, 4, 5, 6, 9, 10, 11) + frames_of(12, 13, 14, sequence=1)
    assert [len(run) for run in consecutive_runs(frames)] == [4, 3, 3]
    assert [frame.number for frame in clip_targets(frames, (-1, 1))] == [4, 5, 10, 13]
    assert [frame.number for frame in clip_targets(frames, (-2, ))] == [5, 6, 11, 14]
    assert [frame.number for frame in clip_targets(frames, (1, 2))] == [3, 4, 9, 12]
    assert [frame.number for frame in clip_targets(frames, (-2, 2))] == []
    assert clip_targets(frames, ()) == frames
    # Frame 4 has frames at both offsets, but frame 3 is missing between them.
    assert clip_targets(frames_of(2, 4, 5), (-2, 1)) == []


def test_lists(tmp_path):
    path = tmp_path / 'train.txt'
    path.write_text('train/bochum/bochum_000000_000060\n\ntrain/bochum/bochum_000000_000003\n')
    assert read_frame_list(path) == frames_of(60, 3)


@pytest.mark.parametrize('content, message', [
    ('train/bochum/bochum_0_60\n', "train.txt:1: 'train/bochum/bochum_0_60' is no frame, exp"),
    ('train/bochum/bochum_000000_000003\n' * 2, 'train.txt:2: repeats the frame of line 1'),
    ('\n', 'train.txt: names no frame'), (None, 'train.txt: no such list')])
def test_broken_lists(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'train.txt').write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_frame_list(tmp_path / 'train.txt')
    assert '\n' not in str(error.value)
