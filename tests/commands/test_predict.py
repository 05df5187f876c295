"""The command ``tools/predict.py``, and the commands of docs/predict.md."""
import json
import re
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_predictor import CAMERA, ROOT, picture, tiny_model, write_checkpoint, write_cut_video

from mmdet3d_plugin.benchmarks.kitti.labels import read_objects
from mmdet3d_plugin.commands.prediction_files import VideoFile
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.prediction import Predictor

OPTIONS = ('--focal', '350', '--device', 'cpu', '--score', '0')


@pytest.fixture(scope='module')
def model():
    return tiny_model()


@pytest.fixture
def work(tmp_path, model):
    """Folder with the work dir ``run``, the pictures ``in`` and the camera ``K.txt``."""
    (tmp_path / 'run').mkdir()
    write_checkpoint(tmp_path / 'run/epoch_3.pth', model)
    (tmp_path / 'run/last_checkpoint').write_text('run/epoch_3.pth')
    (tmp_path / 'in').mkdir()
    for index, name in enumerate('abc'):
        cv2.imwrite(str(tmp_path / f'in/{name}.png'), picture(index))
    (tmp_path / 'K.txt').write_text(' '.join(str(value) for row in CAMERA for value in row))
    return tmp_path


def read(folder):
    return json.loads((folder / 'predictions.json').read_text())


def test_a_folder_into_all_outputs(run_tool, work, model):
    code, printed = run_tool(
        'predict', work / 'run', work / 'in', '--camera', work / 'K.txt', '--device', 'cpu',
        '--score', '0', '--out', work / 'out', '--batch', '2', '--save', 'pictures', 'json',
        'kitti', 'video')
    assert code == 0, printed.err
    assert re.search(r'out: 3 images, \d+ objects in [\d.]+ s \([\d.]+ images/s\); pictures/, '
                     r'predictions.json, kitti/, video.mp4\n', printed.out)
    assert '3/3' in printed.err and 'image/s' in printed.err.replace('s/image', 'image/s')
    content = read(work / 'out')
    assert content['class_names'] == ['Pedestrian', 'Car', 'Cyclist'] and not content['skipped']
    assert content['format'] == 'mmdet3d_plugin predictions, version 1'
    predictor = Predictor(model, 'cpu', score_threshold=0.)
    for entry, expected in zip(content['images'], predictor(work / 'in', CAMERA)):
        plain = expected.to_dict()
        assert entry['image'] == plain['image'] and entry['camera'] == CAMERA
        assert len(entry['objects']) == len(plain['objects'])
        for found, wanted in zip(entry['objects'], plain['objects']):
            assert found['class'] == wanted['class']
            np.testing.assert_allclose(found['center'], wanted['center'], rtol=1e-3, atol=1e-3)
    table = read_objects(work / 'out/kitti/b.txt', with_scores=True)
    assert len(table) == len(content['images'][1]['objects'])
    assert cv2.imread(str(work / 'out/pictures/b.jpg')).shape[0] > 500
    video = cv2.VideoCapture(str(work / 'out/video.mp4'))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (3, 10)


def test_unreadable_images_are_skipped_and_a_second_run_resumes(run_tool, work):
    whole = (work / 'in/b.png').read_bytes()
    (work / 'in/b.png').write_bytes(whole[:500])
    command = ('predict', work / 'run', work / 'in', *OPTIONS, '--out', work / 'out')
    code, printed = run_tool(*command)
    assert code == 1
    assert '2 images' in printed.out and '1 image skipped; restore and run' in printed.out
    assert re.search('skipped: .*b.png: not a readable image, it is cut off', printed.out)
    assert [item['image'] for item in read(work / 'out')['skipped']] == ['b']
    before = (work / 'out/pictures/a.jpg').stat().st_mtime_ns

    (work / 'in/b.png').write_bytes(whole)
    code, printed = run_tool(*command)
    assert code == 0 and ': 1 images' in printed.out and '2 finished before' in printed.out
    assert [item['image'] for item in read(work / 'out')['images']] == ['a', 'b', 'c']
    assert (work / 'out/pictures/a.jpg').stat().st_mtime_ns == before

    code, printed = run_tool(*command[:3], '--fov', '80', '--out', work / 'out')
    assert code == 2
    assert 'out: holds predictions of other settings (focal, fov, score); choose' in printed.err
    code, printed = run_tool(*command[:3], '--fov', '80', '--out', work / 'out', '--overwrite')
    assert code == 0 and ': 3 images' in printed.out


def test_changed_files_are_noticed(run_tool, work, model):
    command = ('predict', work / 'run', work / 'in', '--camera', work / 'K.txt', '--device', 'cpu',
               '--score', '0', '--out', work / 'out', '--save', 'json')
    for name in 'bc':
        (work / f'in/{name}.png').unlink()
    assert run_tool(*command)[0] == 0
    first, = read(work / 'out')['images']

    cv2.imwrite(str(work / 'in/a.jpg'), picture(2))  # another picture, sorted before a.png
    code, printed = run_tool(*command)
    assert code == 0 and ': 1 images' in printed.out and '1 finished before' in printed.out
    images = {item['image']: item for item in read(work / 'out')['images']}
    assert sorted(images) == ['a', 'a_2'] and images['a'] == first != images['a_2']

    cv2.imwrite(str(work / 'in/a.png'), picture(1, (640, 190)))
    code, printed = run_tool(*command)
    assert code == 0 and ': 1 images' in printed.out and '1 finished before' in printed.out
    assert [(item['image'], item['width']) for item in read(work / 'out')['images']] == [
        ('a', 640), ('a_2', 620)]

    (work / 'in/a.png').write_bytes(b'')
    assert run_tool(*command)[0] == 1
    assert [item['image'] for item in read(work / 'out')['images']] == ['a_2']

    matrix = (work / 'K.txt').read_text()
    (work / 'K.txt').write_text(matrix.replace('350.0', '360.0'))
    code, printed = run_tool(*command)
    assert code == 2 and 'of other settings (camera); choose' in printed.err
    (work / 'K.txt').write_text(matrix)
    write_checkpoint(work / 'run/epoch_4.pth', model)
    (work / 'run/last_checkpoint').write_text('run/epoch_4.pth')
    code, printed = run_tool(*command)
    assert code == 2 and 'of other settings (checkpoint); choose' in printed.err


def test_a_new_start_removes_old_outputs_only(run_tool, work):
    command = ('predict', work / 'run', work / 'in', *OPTIONS, '--out', work / 'out', '--save')
    assert run_tool(*command, 'pictures', 'kitti', 'json')[0] == 0
    mine = [work / 'out/pictures/mine.jpg', work / 'out/kitti/mine.txt', work / 'out/video.mp4',
            work / 'a.jpg']
    for path in mine:
        path.write_text('mine')
    with open(work / 'out/.predictions.jsonl', 'a') as state:
        state.write('["a", null, {"image": "../../a"}]\n')  # a name outside of the folder
    for name in 'ab':
        (work / f'in/{name}.png').unlink()
    assert run_tool(*command, 'kitti', '--overwrite')[0] == 0
    files = {str(path.relative_to(work / 'out')) for path in (work / 'out').rglob('*.*')}
    assert files == {'pictures/mine.jpg', 'kitti/mine.txt', 'kitti/c.txt', 'video.mp4',
                     '.predictions.jsonl'}
    assert all(path.read_text() == 'mine' for path in mine)


def test_a_video_that_breaks_off(run_tool, work):
    write_cut_video(work / 'a.mp4')
    command = ('predict', work / 'run', work / 'a.mp4', *OPTIONS, '--out', work / 'out',
               '--save', 'json')
    code, printed = run_tool(*command)
    count = len(read(work / 'out')['images'])
    assert code == 1 and f'a.mp4: broke off after {count} of 24 frames' in printed.out
    assert run_tool(*command, '--limit', '2')[0] == 0


def test_an_incomplete_video_is_no_output(tmp_path):
    image = np.zeros((32, 64, 3), np.uint8)
    for name, kept in (('a.mp4', slice(None)), ('b.mp4', slice(400))):
        video = VideoFile(tmp_path / name, 29.97, image)
        for _ in range(7):
            video.write(image)
        close = video._writer.close

        def fail(close=close, video=video, kept=kept):
            close()
            video._part.write_bytes(video._part.read_bytes()[kept])

        video._writer = type('Writer', (), dict(close=staticmethod(fail)))
        if name == 'a.mp4':
            video.close(keep=True)
        else:
            with pytest.raises(InputError, match='b.mp4: ffmpeg has written 0 of 7 frames'):
                video.close(keep=True)
    assert [path.name for path in tmp_path.iterdir()] == ['a.mp4']


def test_an_interrupted_run_resumes(run_tool, work, monkeypatch):
    command = ('predict', work / 'run', work / 'in', *OPTIONS, '--out', work / 'out')
    predict = Predictor.predict

    def interrupted(self, pictures):
        if pictures[0].name == 'c':
            raise KeyboardInterrupt
        return predict(self, pictures)

    monkeypatch.setattr(Predictor, 'predict', interrupted)
    assert run_tool(*command)[0] == 130
    with open(work / 'out/.predictions.jsonl', 'a') as state:
        state.write('{"image": "c", "obj')  # killed while it wrote
    monkeypatch.setattr(Predictor, 'predict', predict)
    code, printed = run_tool(*command)
    assert code == 0 and '2 finished before' in printed.out
    assert [item['image'] for item in read(work / 'out')['images']] == ['a', 'b', 'c']


def test_videos_keep_their_frame_rate(run_tool, work):
    writer = cv2.VideoWriter(str(work / 'a.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 12.5,
                             (620, 186))
    for index in range(3):
        writer.write(picture(index))
    writer.release()
    code, printed = run_tool('predict', work / 'run', work / 'a.avi', *OPTIONS, '--out',
                             work / 'out', '--limit', '2')
    assert code == 0, printed.err
    video = cv2.VideoCapture(str(work / 'out/video.mp4'))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (2, 12.5)
    assert [(item['image'], item['time']) for item in read(work / 'out')['images']] == [
        ('000000', 0.), ('000001', .08)]
    assert not list((work / 'out').glob('*.part*')) and not (work / 'out/pictures').exists()


@pytest.mark.parametrize('arguments, message', [
    (['run', 'in'], 'no camera: depth depends on the focal length; give --camera FILE, --focal '
     'PIXELS or --fov DEGREES'),
    (['run', 'inn', '--fov', '80'], 'inn: no such image, folder or video; did you mean .*in?'),
    (['runn', 'in', '--fov', '80'], 'runn: no such checkpoint'),
    (['in', 'run', '--fov', '80'], 'run: holds no images'),
    (['run', 'in', '--fov', '200'], 'fov=200.0: expected degrees'),
    (['run', 'in', '--fov', '80', '--device', 'gpu'], "device 'gpu': cannot be used"),
    (['run', 'in', '--camera', 'L.txt'], 'L.txt: no such file'),
    (['run', 'in', '--focal', 'far'], "argument --focal: invalid number value: 'far'"),
    (['run', 'in', '--focal', '7', '--fov', '80'], 'not allowed with argument')])
def test_wrong_arguments(run_tool, work, monkeypatch, arguments, message):
    resolved = [str(work / item) if index < 2 or item.endswith('.txt') else item
                for index, item in enumerate(arguments)]
    code, printed = run_tool('predict', *resolved, '--out', work / 'out')
    assert code == 2 and re.search(message, printed.err), printed.err
    assert 'Traceback' not in printed.err


PAGE = (ROOT / 'docs/predict.md').read_text(encoding='utf-8')


def page_commands():
    """Return the arguments of every command of docs/predict.md."""
    text = re.sub('^```.*?^```', '', PAGE, flags=re.MULTILINE | re.DOTALL)
    blocks = re.findall(r'(?:^    .*\n)+', text, flags=re.MULTILINE)
    lines = '\n'.join(blocks).replace('\\\n', ' ').splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.strip()]


def test_the_page_starts_with_the_demo():
    assert page_commands()[0] == ['make', 'demo']
    assert re.search('^demo:', (ROOT / 'Makefile').read_text(), re.MULTILINE)


def test_every_command_of_the_page(run_tool, work, monkeypatch):
    """All commands and the example in Python, with the tiny detector in place of the demo's."""
    for folder in ('data/demo/training', 'work_dirs/demo/clip/frames/training'):
        shutil.copytree(work / 'in', work / folder / 'image_2')
        (work / folder / 'calib').mkdir()
        shutil.copy(work / 'K.txt', work / folder / 'calib/000000.txt')
    shutil.copytree(work / 'in', work / 'my_pictures')
    cv2.imwrite(str(work / 'my_pictures/d.jpg'), picture())
    for name in ('epoch_3.pth', 'last_checkpoint'):
        shutil.copy(work / 'run' / name, work / 'work_dirs/demo')
    writer = cv2.VideoWriter(str(work / 'my_video.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10,
                             (620, 186))
    writer.write(picture())
    writer.release()

    def placed(argument):
        inside = re.match('data/|work_dirs/|my_', argument)
        return str(work / argument) if inside else argument

    # A detector without training finds no object with every camera (test_other_cameras.py).
    commands = [command for command in page_commands()[1:]
                if command[1] != 'tools/analysis/other_cameras.py']
    assert len(commands) >= 8
    for python, script, *arguments in commands:
        assert python == 'python' and (ROOT / script).is_file()
        tool = str(Path(script).relative_to('tools').with_suffix(''))
        code, printed = run_tool(tool, *map(placed, arguments))
        assert code == 0, (script, arguments, printed.err)
    for name in ('boxes', 'mine', 'from_folder'):
        assert len(read(work / f'work_dirs/{name}')['images']) >= 3
    assert (work / 'work_dirs/demo/model/README.md').is_file()
    for name in ('video', 'clip'):
        assert (work / f'work_dirs/{name}/video.mp4').is_file()

    monkeypatch.chdir(work)
    program, = re.findall(r'^```python\n(.*?)^```', PAGE, flags=re.MULTILINE | re.DOTALL)
    exec(compile(program, 'docs/predict.md', 'exec'), {})
    assert len(list((work / 'work_dirs/python').glob('*.png'))) == 4
