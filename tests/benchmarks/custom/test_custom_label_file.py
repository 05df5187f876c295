"""The JSON file with own labels: its values, its refusals and its check."""
import json
import re

import numpy as np
import pytest
from PIL import Image

from mmdet3d_plugin.benchmarks.custom import label_file
from mmdet3d_plugin.benchmarks.custom.label_file import CustomLabelFile
from mmdet3d_plugin.errors import InputError

CAMERA = [[800, 0, 480], [0, 800, 270], [0, 0, 1]]
SIZE = dict(length=2, height=2, width=1)
FORKLIFT = {'class': 'Forklift', 'bottom_center': [0, 1, 9], 'size': SIZE, 'yaw': 0}


def write(folder, *frames, **entries):
    (folder / 'yard').mkdir(exist_ok=True)
    for frame in frames:
        if isinstance(frame.get('image'), str) and not frame['image'].startswith('..'):
            Image.new('RGB', (960, 540)).save(folder / frame['image'])
    path = folder / 'train.json'
    path.write_text(json.dumps(dict(camera=CAMERA, frames=list(frames), **entries)))
    return path


def frame_of(*objects, image='yard/a.jpg', **entries):
    return dict(image=image, objects=list(objects), **entries)


def test_values(tmp_path):
    """Worked out by hand: front edges at z = 8.5, corners at x = +-1 and y = -1, 1."""
    boxed = dict(FORKLIFT, box_2d=[400, 100, 1000, 300], truncation=.25, occlusion=2,
                 bottom_center=[4.5, 1, 4.5], yaw=-3.)
    centred = {**FORKLIFT, 'center': [0, 0, 9]}
    del centred['bottom_center']
    path = write(tmp_path, frame_of(FORKLIFT, boxed, centred),
                 frame_of(image='yard/b.JPG', camera=[[100, 0, 50, 20], [0, 100, 40, 0],
                                                      [0, 0, 1, 0]]))
    labels = CustomLabelFile(path)
    assert labels.names == ['yard/a', 'yard/b']
    frame = labels.frame('yard/a')
    table = frame.table((960, 540))
    reach = 800 / 8.5
    np.testing.assert_allclose(
        table.boxes_2d, [[480 - reach, 270 - reach, 480 + reach, 270 + reach],
                         [400, 100, 960, 300], [480 - reach, 270 - reach, 480 + reach,
                                                270 + reach]])
    np.testing.assert_allclose(table.sizes_hwl, [[2, 1, 2]] * 3)
    np.testing.assert_allclose(table.locations, [[0, 1, 9], [4.5, 1, 4.5], [0, 1, 9]])
    np.testing.assert_allclose(table.alphas, [0, 2 * np.pi - 3 - np.pi / 4, 0])
    assert table.occlusions.tolist() == [0, 2, 0]
    np.testing.assert_allclose(table.truncations, [0, .25, 0])
    assert frame.camera.tolist() == [[800, 0, 480, 0], [0, 800, 270, 0], [0, 0, 1, 0]]
    other = labels.frame('yard/b')
    assert other.camera[0].tolist() == [100, 0, 50, 20] and len(other.table((960, 540))) == 0


def test_truncation_is_the_hidden_share_of_the_projection(tmp_path):
    """The box spans 480 +- 94.1 pixels; the image ends in its middle."""
    path = write(tmp_path, frame_of(FORKLIFT))
    table = CustomLabelFile(path).frame('yard/a').table((480, 540))
    np.testing.assert_allclose(table.truncations, [.5])
    assert table.boxes_2d[0, 2] == 480


@pytest.mark.parametrize('change, message', [
    (dict(yaw=90), r'object 1: "yaw" is 90, which looks like degrees; write radians'),
    (dict(yaw='0'), '"yaw" is \'0\', expected radians'),
    (dict(yaw=True), '"yaw" is True'),
    (dict(size=[2, 1, 2]), r'"size" is \[2, 1, 2\]; write {"length"'),
    (dict(size=dict(SIZE, width=0)), '"size" is .*all positive'),
    (dict(bottom_center=[0, 1]), r'"bottom_center" is \[0, 1\]; write either'),
    (dict(center=[0, 0, 9]), 'write either "bottom_center" or "center"'),
    (dict(bottom_center=[0, 1, 1e9]), 'write either'),
    (dict(box_2d=[5, 5, 4, 9]), r'"box_2d" is \[5, 5, 4, 9\]; write \[left, top'),
    (dict(truncation=40), '"truncation" is 40; write the share'),
    (dict(occlusion=.5), '"occlusion" is 0.5; write a level'),
    ({'class': 'fork lift'}, '"class" is \'fork lift\', expected a name without blanks'),
    (dict(trunction=0), "has an unknown entry 'trunction', expected some of class,"),
    (dict(bottom_center=[0, 1, -9]), 'object 1: its projected box is outside the image of '
     '960x540; correct it'),
    (dict(box_2d=[970, 5, 990, 9]), 'its box_2d is outside the image')])
def test_wrong_objects_are_named(tmp_path, change, message):
    path = write(tmp_path, frame_of(image='yard/b.jpg'),
                 frame_of(FORKLIFT, {**FORKLIFT, **change}))
    labels = CustomLabelFile(path)
    with pytest.raises(InputError, match=r'train.json: frame 1 \(yard/a.jpg\): object 1: '
                       ) as error:
        labels.frame('yard/a').table((960, 540))
    assert '\n' not in str(error.value)
    with pytest.raises(InputError, match=message):
        labels.frame('yard/a').table((960, 540))


@pytest.mark.parametrize('change, message', [
    (dict(camera=[[1, 2], [3, 4]]), 'frame 0 .*"camera" is .*, expected 3 rows of 3 or 4'),
    (dict(camera=[[-1, 0, 0], [0, 1, 0], [0, 0, 1]]), 'no camera matrix'),
    (dict(camera=[[1, 0, 0], [0, 1, 0], [0, 0, 2]]), 'its last row must start with 0, 0, 1'),
    (dict(distortion=[.1, 0, 0, 0]), "has 'distortion', but lens distortion is not supported; "
     'undistort the images'),
    (dict(objects={}), '"objects" is {}, expected a list'),
    (dict(image='../a.jpg'), 'expected a path inside the folder'),
    (dict(image=7), '"image" is 7, expected a path')])
def test_wrong_frames_are_named(tmp_path, change, message):
    path = write(tmp_path, {**frame_of(FORKLIFT), **change})
    with pytest.raises(InputError, match=message):
        labels = CustomLabelFile(path)
        labels.frame(labels.names[0])


def test_folders_in_place_of_files(tmp_path):
    with pytest.raises(InputError, match='is a folder; give the JSON file with the labels'):
        CustomLabelFile(tmp_path)
    path = write(tmp_path, frame_of(FORKLIFT))
    (tmp_path / 'yard/a.jpg').unlink()
    (tmp_path / 'yard/a.jpg').mkdir()
    with pytest.raises(InputError, match=r'train.json: frame 0 \(yard/a.jpg\): .*is a folder'):
        CustomLabelFile(path).frame('yard/a').size()


@pytest.mark.parametrize('text, message', [
    ('{"frames": [NaN]}', 'train.json: is no JSON that can be read .*NaN is no number'),
    ('{"frames": [\n}', 'train.json:2: is no JSON at column 1'),
    ('[' * 100000, 'is no JSON'),
    ('9' * 5000, 'is no JSON that can be read'),
    ('[]', 'is no object with a list "frames"'),
    ('{"frames": []}', '"frames" is empty'),
    ('{"frames": [7]}', 'frame 0: is 7, expected an object'),
    ('{"frames": [{"image": "a.jpg"}, {"image": "a.png"}]}', 'frame 1: "image" is .a.png., and '
     "that of frame 0 is 'a.jpg'; frames have the name of their image without suffix; keep one"),
    ('{"frames": [{"image": "a.jpg"}, {"image": "b.jpg", "objects": []}]}',
     r'frame 0: has no "objects", but other frames have them; write \[\]'),
    ('{"frames": [], "D": [0.1]}', 'lens distortion is not supported')])
def test_malformed_files(tmp_path, text, message):
    (tmp_path / 'train.json').write_text(text)
    with pytest.raises(InputError, match=message):
        CustomLabelFile(tmp_path / 'train.json')


def test_huge_and_missing_files(tmp_path, monkeypatch):
    monkeypatch.setattr(label_file, 'MAX_BYTES', 1 << 20)
    (tmp_path / 'train.json').write_bytes(b' ' * (3 << 20))
    with pytest.raises(InputError, match='has 3 MB, expected at most 1 MB; split it'):
        CustomLabelFile(tmp_path / 'train.json')
    with pytest.raises(InputError, match='val.json: no such label file'):
        CustomLabelFile(tmp_path / 'val.json')


def test_infinite_numbers_are_refused(tmp_path):
    path = write(tmp_path, frame_of(dict(FORKLIFT, yaw=0)))
    path.write_text(path.read_text().replace('"yaw": 0', '"yaw": 1e999'))
    with pytest.raises(InputError, match='"yaw" is inf, expected radians'):
        CustomLabelFile(path).frame('yard/a')


def test_check(run_tool, tmp_path):
    def check():
        return run_tool('create_data', 'custom', '--root', tmp_path / 'train.json')

    reach = 800 / 8.5
    box = [480 - reach, 270 - reach, 480 + reach, 270 + reach]
    drawn = dict(FORKLIFT, box_2d=box)
    write(tmp_path, frame_of(drawn, FORKLIFT))
    code, printed = check()
    assert code == 0, printed.out
    assert 'split train: 1 frames' in printed.out and 'image size 960x540: 1' in printed.out
    assert 'Forklift=(2.0, 1.0, 2.0),  # 2 objects' in printed.out

    # y up in place of down: the box is above the camera, its 2D box below.
    low = dict(FORKLIFT, bottom_center=[0, 3, 9], box_2d=[
        480 - reach, 270 + 800 / 9.5, 480 + reach, 270 + 3 * reach])
    write(tmp_path, *(frame_of(dict(low, bottom_center=[0, -3, 9]), image=f'yard/{index}.jpg')
                      for index in range(12)))
    code, printed = check()
    assert code == 2
    assert 'train.json: frame 0 (yard/0.jpg): object 0: Forklift' in printed.out
    assert 'y up' in printed.out

    write(tmp_path, frame_of(drawn), frame_of(dict(drawn, yaw=90), image='yard/b.jpg'),
          frame_of(image='yard/c.jpg'))
    (tmp_path / 'yard/c.jpg').unlink()
    code, printed = check()
    assert code == 2 and printed.out.rstrip().endswith('2 problems')
    assert 'frame 1 (yard/b.jpg): object 0: "yaw" is 90' in printed.out
    assert re.search(r'frame 2 \(yard/c.jpg\): its image \S+c.jpg does not exist', printed.out)
