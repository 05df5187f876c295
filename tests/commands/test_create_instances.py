"""The command ``tools/create_data.py instances``."""
import urllib.request
from pathlib import Path
from urllib.error import URLError

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import get_model

from mmdet3d_plugin.commands import instance_segmentation
from mmdet3d_plugin.commands.instance_files import find_images
from mmdet3d_plugin.commands.instance_segmentation import (
    InstanceSegmenter,
    load_weights,
    merge_masks,
)
from mmdet3d_plugin.errors import InputError


class ThresholdSegmenter:
    """Stand-in that segments red pixels as one car, and records its calls."""

    calls = []

    def __init__(self, model, weights, score, device):
        self.calls.append((model, str(weights), score, device))

    def __call__(self, image):
        self.calls.append(image.shape)
        return np.where(image[..., 0] > 128, 26000, 0).astype(np.uint16)


@pytest.fixture
def run(run_tool, monkeypatch):
    """Return ``run(*ARGUMENTS)`` with a stand-in for the detector."""
    monkeypatch.setattr(ThresholdSegmenter, 'calls', [])
    monkeypatch.setattr(instance_segmentation, 'InstanceSegmenter', ThresholdSegmenter)
    return lambda *arguments: run_tool('create_data', 'instances', *arguments)


def write_image(path, red_columns=1):
    """Write an image of 4 x 6 pixels with red columns at the left."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, :red_columns, 2] = 255  # BGR
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def read_map(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_maps_repeat_the_paths_of_the_images(run, tmp_path):
    write_image(tmp_path / 'a/0.png', 2)
    write_image(tmp_path / 'a/b/1.png', 3)
    code, printed = run('--root', tmp_path, '--score', '.7', '--device', 'cpu')
    assert code == 0, printed.err
    assert f'{tmp_path}/instances: 2 new instance maps, 0 existing' in printed.out
    written = sorted(path.relative_to(tmp_path / 'instances').as_posix()
                     for path in (tmp_path / 'instances').rglob('*.png'))
    assert written == ['a/0.png', 'a/b/1.png']
    found = read_map(tmp_path / 'instances/a/b/1.png')
    assert found.dtype == np.uint16 and found.tolist() == [[26000] * 3 + [0] * 3] * 4
    (model, weights, score, device), *shapes = ThresholdSegmenter.calls
    assert (model, score, device) == ('maskrcnn_resnet50_fpn_v2', .7, 'cpu')
    assert weights.startswith('https://download.pytorch.org/models/maskrcnn_resnet50_fpn_v2')
    assert shapes == [(4, 6, 3)] * 2


def test_second_run_continues(run, tmp_path):
    for index in range(20):
        write_image(tmp_path / f'a/{index:02d}.png')
    assert run('--root', tmp_path)[0] == 0
    (tmp_path / 'instances/a/07.png').unlink()
    ThresholdSegmenter.calls.clear()
    code, printed = run('--root', tmp_path)
    assert code == 0 and '1 new instance maps, 19 existing' in printed.out
    assert len(ThresholdSegmenter.calls) == 2
    ThresholdSegmenter.calls.clear()
    assert run('--root', tmp_path)[0] == 0
    assert ThresholdSegmenter.calls == []  # the detector is not built


def test_other_settings_need_another_folder_or_overwrite(run, tmp_path):
    write_image(tmp_path / 'a/0.png')
    assert run('--root', tmp_path)[0] == 0
    code, printed = run('--root', tmp_path, '--score', '.9')
    assert code == 2 and len(printed.err.splitlines()) == 1
    assert 'instances.json: the folder holds instance maps made with other settings' in printed.err
    write_image(tmp_path / 'a/0.png', 4)
    code, printed = run('--root', tmp_path, '--score', '.9', '--overwrite')
    assert code == 0 and '1 new instance maps' in printed.out
    assert read_map(tmp_path / 'instances/a/0.png')[0].tolist() == [26000] * 4 + [0] * 2
    assert run('--root', tmp_path, '--score', '.9')[0] == 0


def test_unreadable_images_are_named_at_the_end(run, tmp_path):
    for name in ('0', '1', '2', '3'):
        write_image(tmp_path / f'a/{name}.png')
    (tmp_path / 'a/1.png').write_bytes(b'no image')
    content = (tmp_path / 'a/2.png').read_bytes()
    (tmp_path / 'a/2.png').write_bytes(content[:-20])
    code, printed = run('--root', tmp_path)
    assert code == 2 and 'Traceback' not in printed.err
    first, second, counts, last = printed.out.splitlines()
    assert first == f'problem: {tmp_path}/a/1.png: not a readable image; restore the file'
    assert second.startswith(f'problem: {tmp_path}/a/2.png: not a readable image, it is cut off')
    assert '2 new instance maps, 0 existing' in counts
    assert last == '2 unreadable images skipped; restore and run the command again'
    names = sorted(path.name for path in (tmp_path / 'instances').rglob('*.png'))
    assert names == ['0.png', '3.png']


def names_of(root, patterns=None, out='instances'):
    return [path.relative_to(root).as_posix()
            for path in find_images(root, patterns, root / out)]


@pytest.mark.parametrize('wanted, others', [
    (['2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005.jpg',
      '2011_09_26/2011_09_26_drive_0001_sync/image_03/data/0000000005.png'],
     ['2011_09_26/2011_09_26_drive_0001_sync/image_00/data/0000000005.png']),
    (['raw/2011_09_26/drive/image_02/data/0000000005.png'],
     ['data_depth_annotated/train/drive/proj_depth/groundtruth/image_02/0000000005.png']),
    (['testing/image_2/000000.png', 'training/image_2/000000.png'],
     ['training/depth_2/000000.png', 'training/instance_2/000000.png']),
    (['leftImg8bit_sequence/train/aachen/aachen_000000_000017_leftImg8bit.png'],
     ['gtFine/train/aachen/aachen_000000_000019_gtFine_instanceIds.png']),
    (['a.JPEG', 'b/c/d.png'], ['instances/a.png', 'b/.hidden.png', 'b/notes.txt'])])
def test_images_of_known_layouts(tmp_path, wanted, others):
    for name in wanted + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names_of(tmp_path) == wanted


def test_images_of_patterns_and_links(tmp_path):
    for name in ('set/a/0.png', 'set/a/1.jpg', 'set/b/0.png', 'elsewhere/0.png'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root = tmp_path / 'set'
    (root / 'linked').symlink_to(tmp_path / 'elsewhere')
    assert names_of(root) == ['a/0.png', 'a/1.jpg', 'b/0.png', 'linked/0.png']
    assert names_of(root, ['a', 'b/*.png', 'a/0.png']) == ['a/0.png', 'a/1.jpg', 'b/0.png']
    assert names_of(root, ['.'], out='a') == ['b/0.png', 'linked/0.png']


def test_images_with_the_same_map(tmp_path):
    for name in ('0.png', '0.jpg', '1.png'):
        (tmp_path / name).touch()
    found = find_images(tmp_path, None, tmp_path / 'out')
    assert {image.name: target.name for image, target in found.items()} == {
        '0.jpg': '0.png', '1.png': '1.png'}


@pytest.mark.parametrize('arguments, message', [
    (['--root', '/does/not/exist'], '/does/not/exist: no such folder'),
    (['--root', 'EMPTY'], 'holds no PNG or JPEG file'),
    (['--root', 'SET', '--images', 'b'], '--images b: matches no PNG or JPEG file'),
    (['--root', 'SET', '--images', '/tmp'], '--images /tmp: is no path inside of'),
    (['--root', 'SET', '--images', '../set'], '--images ../set: is no path inside of'),
    (['--root', 'SET', '--score', '2'], '2 is not in 0..1'),
    (['--root', 'SET', '--score', 'nan'], 'nan is not in 0..1'),
    (['--root', 'SET', '--workers', '0'], '0 is not 1 or more'),
    (['--root', 'SET', '--model', 'fasterrcnn_resnet50_fpn'],
     '--model fasterrcnn_resnet50_fpn: not a detector of torchvision with masks; choose '
     'maskrcnn_resnet50_fpn or maskrcnn_resnet50_fpn_v2')])
def test_messages(run, tmp_path, arguments, message):
    write_image(tmp_path / 'set/a/0.png')
    (tmp_path / 'empty').mkdir()
    folders = dict(EMPTY=tmp_path / 'empty', SET=tmp_path / 'set')
    code, printed = run(*(folders.get(item, item) for item in arguments))
    assert code == 2 and message in printed.err.splitlines()[-1]
    assert 'Traceback' not in printed.err
    assert not (tmp_path / 'set/instances').exists()


def test_no_gpu(run, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    write_image(tmp_path / 'a/0.png')
    code, printed = run('--root', tmp_path, '--device', 'cuda')
    assert code == 2 and '--device cuda: PyTorch sees no GPU' in printed.err


def test_no_network(run_tool, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise URLError('no route')

    monkeypatch.setattr(urllib.request, 'urlopen', fail)
    monkeypatch.setattr(torch.hub, 'urlopen', fail)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setattr(instance_segmentation, 'get_model', lambda *args, **options: None)
    write_image(tmp_path / 'set/a/0.png')
    code, printed = run_tool('create_data', 'instances', '--root', tmp_path / 'set')
    assert code == 2
    line, = printed.err.splitlines()
    assert 'maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth: cannot download the checkpoint' in line
    assert 'put it at' in line and line.endswith('or pass a file with --weights')
    assert not (tmp_path / 'set/instances').exists()  # other weights may follow


class Planted:
    """Object whose unpickling would run code."""

    def __reduce__(self):
        return Path.touch, (Path('planted'), )


@pytest.mark.parametrize('content, message', [
    (None, 'no such checkpoint'),
    (dict(model=Planted()), 'not a checkpoint that loads safely'),
    (dict(weight=torch.zeros(3, 2)), 'not the weights of this model'),
    (dict(model=5), 'holds no weights by name')])
def test_unsuitable_weights(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        torch.save(content, 'weights.pth')
    with pytest.raises(InputError, match=message) as error:
        load_weights(torch.nn.Linear(2, 2), 'weights.pth')
    assert '\n' not in str(error.value) and not Path('planted').exists()


@pytest.mark.parametrize('entry', [None, 'model', 'state_dict'])
def test_weights_of_a_file(tmp_path, entry):
    source, model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    content = source.state_dict()
    torch.save(content if entry is None else {entry: content}, tmp_path / 'weights.pth')
    load_weights(model, str(tmp_path / 'weights.pth'))
    assert torch.equal(model.weight, source.weight)


def test_merged_masks():
    """Scores .9 > .8 > .7 > .6: the bus covers the car of score .7 and part of the other."""
    masks = np.zeros((4, 1, 6), bool)
    for index, (left, right) in enumerate([(0, 4), (2, 5), (3, 5), (0, 6)]):
        masks[index, 0, left:right] = True
    merged = merge_masks(masks, np.array([26, 28, 26, 26]), np.array([.8, .9, .7, .6]))
    assert merged.dtype == np.uint16
    assert merged.tolist() == [[26000, 26000, 28000, 28000, 28000, 26001]]


def test_other_classes_cover_nothing():
    masks = np.ones((2, 1, 2), bool)
    assert merge_masks(masks, np.array([0, 33]), np.array([.9, .5])).tolist() == [[33000] * 2]
    assert merge_masks(masks[:0], np.zeros(0), np.zeros(0)).tolist() == [[0, 0]]


def test_mask_rcnn_with_random_weights(monkeypatch):
    """All of torchvision's model runs; COCO's class 3 is a car."""
    monkeypatch.setattr(instance_segmentation, 'load_weights', lambda model, weights: None)
    monkeypatch.setattr(instance_segmentation, 'get_model', lambda name, **options: get_model(
        name, min_size=64, max_size=64, box_detections_per_img=5, **options))
    torch.manual_seed(0)
    segment = InstanceSegmenter('maskrcnn_resnet50_fpn', '', score=0.)
    assert segment.model.roi_heads.score_thresh == 0.
    numbers = dict(enumerate(segment.class_numbers.tolist()))
    assert {index: number for index, number in numbers.items() if number} == {
        1: 24, 2: 33, 3: 26, 4: 32, 6: 28, 7: 31, 8: 27}
    segment.class_numbers[:] = 26
    found = segment(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    assert found.shape == (40, 60) and found.dtype == np.uint16
    assert set(np.unique(found)) <= {0, 26000, 26001, 26002, 26003, 26004}
