"""Readers and writers refuse names in data that lead out of their folder."""
import json
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet3d.registry import METRICS
from reliability.empty_results import empty_sample
from tiny_config import write_config
from tiny_nuscenes import write_nuscenes
from waymo_release import write_segment

from mmdet3d_plugin.benchmarks.kitti.splits import read_split
from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_waymo
from mmdet3d_plugin.datasets import NuScenesMonoDataset, WaymoMonoDataset
from mmdet3d_plugin.engine.hooks.picture_hook import PictureHook
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils.files import inside

BAD_NAMES = ['../evil', '../../evil', '/tmp/evil', 'a/../../evil', '..', '.', 'a//b', 'a/', './a',
        '..\\evil', 'a\\b', 'a\x00b', '\x1b[2J', 'x' * 300]


def files_in(folder):
    return {path.relative_to(folder) for path in folder.rglob('*')}


@pytest.mark.parametrize('name', BAD_NAMES, ids=repr)
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    with pytest.raises(InputError, match='is no name of a file inside') as raised:
        inside(tmp_path, name)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 400
    split = tmp_path / 'train.txt'
    split.write_text(f'000000\n{name}\n')
    with pytest.raises(InputError, match='train.txt: .* is no frame name') as raised:
        read_split(split)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize('name', [
    '000000', 'training/1005081002024129653_5313_150_5333_150/000003', 'a-b_c.d', 'été', '...'])
def test_plain_names_are_accepted(tmp_path, name):
    assert inside(tmp_path, name).resolve().is_relative_to(tmp_path.resolve())
    (tmp_path / 'train.txt').write_text(f'{name}\n')
    assert read_split(tmp_path / 'train.txt') == [name]


def test_names_that_are_no_text_are_refused(tmp_path):
    for value in (None, 3, ['a'], ''):
        with pytest.raises(InputError, match='is no name of a file inside'):
            inside(tmp_path, value)


@pytest.mark.parametrize('name', ['../../../evil', '/tmp/evil'])
def test_tools_refuse_bad_frame_names_with_one_line(run_tool, tmp_path, kitti_root, name):
    split = kitti_root / 'ImageSets/train.txt'
    split.write_text(f'000000\n{name}\n')
    (kitti_root / 'ImageSets/val.txt').write_text(f'{name}\n')
    (tmp_path / 'results').mkdir()
    (tmp_path / 'results/a.txt').touch()
    (tmp_path / 'run').mkdir()
    before = files_in(tmp_path)
    for tool, arguments in [
            ('train', [write_config(tmp_path, kitti_root), '--work-dir', tmp_path / 'run']),
            ('evaluate', ['kitti', '--gt', kitti_root / 'training/label_2', '--pred',
                          tmp_path / 'results', '--split', split]),
            ('report', [tmp_path / 'run', '--data-root', kitti_root, '--pred',
                        tmp_path / 'results'])]:
        code, printed = run_tool(tool, *arguments)
        line = printed.err.strip().splitlines()[-1]
        assert code == 2 and line.startswith(f'{tool}.py: error: '), printed.err
        assert '.txt: ' in line and repr(name) in line and 'is no frame name' in line
    code, printed = run_tool('create_data', 'kitti', '--root', kitti_root)
    assert code == 2 and f'train.txt: {name!r} is no frame name' in printed.out
    written = {path for path in files_in(tmp_path) - before if path.parts[0] != 'run'}
    assert {path.name for path in written} <= {'tiny.py'}


@pytest.mark.parametrize('name', ['../../evil', '/tmp/evil', 'a/../../../evil'])
def test_result_files_stay_in_their_folder(tmp_path, name):
    metric = METRICS.build(dict(type='KittiAPMetric', format_only=True,
                                result_dir=str(tmp_path / 'deep/results')))
    metric.dataset_meta = dict(classes=['Car'])
    metric.process({}, [empty_sample(frame=name)])
    with pytest.raises(InputError, match='is no name of a file inside this folder'):
        metric.evaluate(1)
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]


class GreyPictures(PictureHook):
    DEFAULT_FOLDER = 'frames'

    def draw(self, sample, classes):
        return np.zeros((4, 4, 3), np.uint8)


def test_pictures_stay_in_their_folder(tmp_path):
    dataset = SimpleNamespace(metainfo=dict(classes=['Car']))
    runner = SimpleNamespace(work_dir=str(tmp_path / 'deep/run'),
                             test_dataloader=SimpleNamespace(dataset=dataset))
    for name in ('../../evil', '/tmp/evil', '..'):
        with pytest.raises(InputError, match='is no name of a file inside this folder'):
            GreyPictures().after_test_iter(runner, 0, None, [SimpleNamespace(frame=name + '/x')])
    assert not files_in(tmp_path)
    GreyPictures().after_test_iter(runner, 0, None, [SimpleNamespace(frame='training/a/000001')])
    assert (tmp_path / 'deep/run/frames/training/a/000001.jpg').is_file()


def test_a_segment_named_with_two_dots_is_refused(tmp_path):
    """With this name, the converter would clear the parent of its folder."""
    release, out = tmp_path / 'release', tmp_path / 'set'
    write_segment(release, 'training', 'a', num_frames=2)
    convert_waymo(release, out, 'training', ConversionSettings(), workers=1)
    before = {path: path.read_bytes() for path in out.rglob('*') if path.is_file()}
    assert before
    for component in (release / 'training').iterdir():
        (component / 'a.parquet').rename(component / '...parquet')
    with pytest.raises(InputError, match=r"'\.\.' is no name of a file inside this folder"):
        convert_waymo(release, out, 'training', ConversionSettings(), workers=1)
    assert {path: path.read_bytes() for path in out.rglob('*') if path.is_file()} == before


def test_bad_frame_names_of_waymo(tmp_path):
    release, out = tmp_path / 'release', tmp_path / 'set'
    write_segment(release, 'training', 'a', num_frames=2)
    convert_waymo(release, out, 'training', ConversionSettings(), workers=1)
    file = out / 'annotations/training/a.json'
    content = json.loads(file.read_text())
    content['frames'][1]['frame'] = '../../../evil'
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match='evil.jpg. is no name of a file inside this folder'):
        convert_waymo(release, out, 'training', ConversionSettings(), workers=1)
    (out / 'ImageSets/train.txt').write_text('training/../../../evil\n')
    with pytest.raises(InputError, match='is no frame name'):
        WaymoMonoDataset(str(out), 'ImageSets/train.txt', pipeline=[])
    (out / 'ImageSets/train.txt').write_text('training/a\n')
    with pytest.raises(InputError, match='is no SPLIT/SEGMENT/FRAME'):
        WaymoMonoDataset(str(out), 'ImageSets/train.txt', pipeline=[])


@pytest.mark.parametrize('old, new', [
    ('"data0"', '"../../evil"'), ('"data0"', '"/tmp/evil"'),
    ('samples/CAM_FRONT/0.jpg', '../../evil.jpg'), ('samples/CAM_FRONT/0.jpg', '/etc/passwd')])
def test_bad_tokens_and_file_names_of_nuscenes(tmp_path, old, new):
    root = write_nuscenes(tmp_path / 'nuscenes')
    for table in (root / 'v1.0-tiny').iterdir():
        table.write_text(table.read_text().replace(old, new))
    with pytest.raises(InputError, match='is no name of a file inside this folder') as raised:
        NuScenesMonoDataset(str(root), 'v1.0-tiny', ['scene-0003'], pipeline=[])
    assert new.strip('"') in str(raised.value)
