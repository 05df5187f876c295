"""The command line of tools/create_data.py."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TINY = ['--num-train', '4', '--num-val', '2', '--size', '160x48', '--workers', '1']


def run(*arguments):
    return subprocess.run([sys.executable, ROOT / 'tools/create_data.py', *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)


@pytest.fixture
def folder(tmp_path):
    result = run('synthetic', '--out', tmp_path / 'set', *TINY)
    assert result.returncode == 0, result.stderr
    return tmp_path / 'set'


def test_synthetic_sets_pass_the_check(folder, tmp_path):
    result = run('kitti', '--root', folder, '--json', tmp_path / 'report.json')
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.rstrip().endswith('no problems')
    assert 'split train: 4 frames' in result.stdout
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['splits'] == {'train': 4, 'trainval': 6, 'val': 2}
    assert report['image_sizes'] == {'160x48': 6}
    labels = ''.join(path.read_text() for path in (folder / 'training/label_2').iterdir())
    assert report['classes']['Car']['count'] == labels.count('Car ')


def test_check_names_every_problem(folder):
    training = folder / 'training'
    (training / 'image_2/000000.png').unlink()
    (training / 'image_2/000001.png').write_bytes(b'not a picture')
    (training / 'calib/000002.txt').write_text('P0: 1 2 3\n')
    (training / 'label_2/000003.txt').write_text('Car 0 0 0 1 2 3 4 1.5 1.6 3.9 0 1.6 20\n')
    (training / 'label_2/000004.txt').write_text('Car 0 0 0 1 2 3 4 1.5 1.6 nan 0 1.6 20 0\n')
    (training / 'label_2/000005.txt').unlink()
    with (folder / 'ImageSets/val.txt').open('a') as file:
        file.write('000099\n')
    result = run('kitti', '--root', folder)
    assert result.returncode == 2
    problems = [line for line in result.stdout.splitlines() if line.startswith('problem: ')]
    expected = [('000000.png', 'no such image'), ('000001.png', 'not a readable image'),
                ('000002.txt', "no 'P2:' line"), ('000003.txt:1', '14 fields'),
                ('000004.txt:1', "'nan'"), ('000005.txt', 'no such file'),
                ('val.txt', '000099')]
    assert len(problems) == len(expected)
    for file, what in expected:
        assert any(file in line and what in line for line in problems), (file, problems)
    assert result.stdout.rstrip().endswith('7 problems')


def test_check_statistics_of_given_labels(tmp_path):
    """Worked out by hand from two cars and a region."""
    from PIL import Image
    training = tmp_path / 'training'
    for name in ('image_2', 'label_2', 'calib'):
        (training / name).mkdir(parents=True)
    Image.new('RGB', (100, 50)).save(training / 'image_2/000007.png')
    (training / 'calib/000007.txt').write_text('P2: 50 0 50 0 0 50 25 0 0 0 1 0\n')
    (training / 'label_2/000007.txt').write_text(
        'Car 0 0 0 10 10 30 20 1.4 1.6 4.0 0 1.6 10 0\n'
        'Car 0 2 0 10 10 30 40 1.6 1.6 3.0 0 1.6 30 0\n'
        'DontCare -1 -1 -10 0 0 5 5 -1 -1 -1 -1000 -1000 -1000 -10\n')
    report = tmp_path / 'report.json'
    result = run('kitti', '--root', tmp_path, '--json', report)
    assert result.returncode == 0, result.stdout
    classes = json.loads(report.read_text())['classes']
    assert classes['Car'] == {
        'count': 2, 'size_mean': [1.5, 1.6, 3.5], 'size_std': [.1, 0., .5],
        'depth': [10., 20., 30.], 'height_2d': [10., 20., 30.],
        'occlusion': {'0': 1, '2': 1}}
    assert classes['DontCare'] == {'count': 1, 'height_2d': [5., 5., 5.]}


def test_check_only_the_given_split(folder, tmp_path):
    split = tmp_path / 'few.txt'
    split.write_text('000001\n')
    (folder / 'training/label_2/000005.txt').unlink()
    result = run('kitti', '--root', folder, '--split', split)
    assert result.returncode == 0 and 'split few: 1 frames' in result.stdout


@pytest.mark.parametrize('arguments, message', [
    (['kiti'], 'invalid choice'),
    (['synthetic', '--out', 'x', '--num-train', '-1', '--num-val', '0'], '-1 is negative'),
    (['synthetic', '--out', 'x', '--num-train', '1', '--num-val', '0', '--workers', '0'],
     '0 is not 1 or more'),
    (['synthetic', '--out', 'x', '--num-train', '1', '--num-val', '0', '--size', '1242*375'],
     'WIDTHxHEIGHT'),
    (['synthetic', '--out', 'x', '--num-train', '5', '--num-val', '0', '--sequence-length',
      '2'], '--num-train 5 is not a multiple'),
    (['synthetic', '--out', 'x', '--num-train', '0', '--num-val', '0'], 'at least one frame'),
    (['kitti', '--root', '/does/not/exist'], 'no such folder')])
def test_bad_arguments_end_with_one_clear_line(arguments, message):
    result = run(*arguments)
    assert result.returncode == 2
    assert message in result.stderr.splitlines()[-1]
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize('command', ['synthetic', 'kitti'])
def test_help_gives_an_example(command):
    result = run(command, '--help')
    assert result.returncode == 0
    assert f'example: python tools/create_data.py {command}' in ' '.join(result.stdout.split())
