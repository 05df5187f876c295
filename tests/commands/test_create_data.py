"""The command ``tools/create_data.py``."""
import json

import numpy as np
import pytest
from tiny_depth import DRIVE, EIGEN_LINES, write_kitti_eigen, write_labelled_nyu, write_nyu

from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map

TINY = ['--num-train', '4', '--num-val', '2', '--size', '160x48', '--workers', '1']


@pytest.fixture
def run(run_tool):
    """Return ``run(*ARGUMENTS)`` for ``tools/create_data.py``: exit code and printed texts."""
    return lambda *arguments: run_tool('create_data', *arguments)


@pytest.fixture
def folder(run, tmp_path):
    """A synthetic set of six tiny frames."""
    code, printed = run('synthetic', '--out', tmp_path / 'set', *TINY)
    assert code == 0, printed.err
    return tmp_path / 'set'


def test_synthetic_sets_pass_the_check(run, folder, tmp_path):
    code, printed = run('kitti', '--root', folder, '--json', tmp_path / 'report.json')
    assert code == 0, printed.out + printed.err
    assert printed.out.rstrip().endswith('no problems')
    assert 'split train: 4 frames' in printed.out
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['splits'] == {'train': 4, 'trainval': 6, 'val': 2}
    assert report['image_sizes'] == {'160x48': 6}
    labels = ''.join(path.read_text() for path in (folder / 'training/label_2').iterdir())
    assert report['classes']['Car']['count'] == labels.count('Car ')


def test_check_names_every_problem(run, folder):
    training = folder / 'training'
    (training / 'image_2/000000.png').unlink()
    (training / 'image_2/000001.png').write_bytes(b'not a picture')
    (training / 'calib/000002.txt').write_text('P0: 1 2 3\n')
    (training / 'label_2/000003.txt').write_text('Car 0 0 0 1 2 3 4 1.5 1.6 3.9 0 1.6 20\n')
    (training / 'label_2/000004.txt').write_text('Car 0 0 0 1 2 3 4 1.5 1.6 nan 0 1.6 20 0\n')
    (training / 'label_2/000005.txt').unlink()
    with (folder / 'ImageSets/val.txt').open('a') as file:
        file.write('000099\n')
    code, printed = run('kitti', '--root', folder)
    assert code == 2
    problems = problems_of(printed)
    expected = [('000000.png', 'no such image'), ('000001.png', 'not a readable image'),
                ('000002.txt', "no 'P2:' line"), ('000003.txt:1', '14 fields'),
                ('000004.txt:1', "'nan'"), ('000005.txt', 'no such file'),
                ('val.txt', '000099')]
    assert len(problems) == len(expected)
    for file, problem in expected:
        assert any(file in line and problem in line for line in problems), (file, problems)
    assert printed.out.rstrip().endswith('7 problems')


def test_statistics_of_two_cars_and_a_region(run, tmp_path):
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
    code, printed = run('kitti', '--root', tmp_path, '--json', report)
    assert code == 0, printed.out
    classes = json.loads(report.read_text())['classes']
    assert classes['Car'] == {
        'count': 2, 'size_mean': [1.5, 1.6, 3.5], 'size_std': [.1, 0., .5],
        'depth': [10., 20., 30.], 'height_2d': [10., 20., 30.],
        'occlusion': {'0': 1, '2': 1}}
    assert classes['DontCare'] == {'count': 1, 'height_2d': [5., 5., 5.]}


def test_check_of_one_split(run, folder, tmp_path):
    split = tmp_path / 'few.txt'
    split.write_text('000001\n')
    (folder / 'training/label_2/000005.txt').unlink()
    code, printed = run('kitti', '--root', folder, '--split', split)
    assert code == 0 and 'split few: 1 frames' in printed.out


def problems_of(printed):
    return [line for line in printed.out.splitlines() if line.startswith('problem: ')]


def test_a_complete_kitti_depth_set_passes(run, tmp_path):
    root = write_kitti_eigen(tmp_path / 'set')
    code, printed = run('kitti-depth', '--root', root, '--json', tmp_path / 'report.json')
    assert code == 0, printed.out + printed.err
    assert 'eigen.txt: 1 of 3 frames have no depth' in printed.out
    assert 'class' not in printed.out
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['splits'] == {'eigen': 3} and report['image_sizes'] == {'1242x375': 3}


@pytest.mark.parametrize('spoil, expected', [
    (lambda root: (root / 'data_depth_annotated').rename(root / 'elsewhere'),
     ['data_depth_annotated: no such folder, but eigen.txt needs it']),
    # One line for both images of the drive.
    (lambda root: (root / f'raw/2011_09_26/{DRIVE}').rename(root / 'elsewhere'),
     [f'{DRIVE}: no such drive; download and unpack {DRIVE}.zip']),
    (lambda root: (root / 'raw/2011_09_26/calib_cam_to_cam.txt').unlink(),
     ['calib_cam_to_cam.txt: no such file']),
    (lambda root: [path.unlink() for path in root.glob('raw/**/*.png')],
     ['0000000005.png: no such image', '0000000000.png: no such image',
      '0000000007.png: no such image']),
    (lambda root: [path.write_bytes((root / f'raw/{EIGEN_LINES[0].split()[0]}').read_bytes())
                   for path in root.glob('data_depth_annotated/**/*5.png')],
     ['0000000005.png: not a readable 16-bit depth image, it is of 8 bits in colour']),
    (lambda root: [write_depth_map(path, np.ones((3, 4)))
                   for path in root.glob('data_depth_annotated/**/*5.png')],
     ['0000000005.png: its size differs from that of']),
    (lambda root: [path.unlink() for path in root.glob('data_depth_annotated/**/*7.png')],
     ['0000000007.png: no such depth map']),
    (lambda root: (root / 'splits/eigen.txt').write_text('a.png b.png\n'),
     ['a.png: is no image of the raw data']),
    (lambda root: (root / 'splits/eigen.txt').write_text('a.png\n'), ['eigen.txt:1: 1 field'])])
def test_problems_of_a_kitti_depth_set(run, tmp_path, spoil, expected):
    root = write_kitti_eigen(tmp_path / 'set')
    spoil(root)
    code, printed = run('kitti-depth', '--root', root)
    assert code == 2
    found = problems_of(printed)
    assert len(found) == len(expected), found
    assert all(text in line for text, line in zip(expected, found)), found


def test_nyu_from_folders(run, tmp_path):
    root = write_nyu(tmp_path / 'set')
    assert run('nyu', '--root', root)[0] == 0
    (root / 'splits/nyu_test.txt').write_text((root / 'splits/nyu.txt').read_text())
    code, printed = run('nyu', '--root', root)
    assert [line.partition('set/')[2] for line in problems_of(printed)] == [
        'official_splits/test: no such folder, but nyu_test.txt needs it; put or link it there']
    (root / 'splits/nyu_test.txt').unlink()
    (root / 'sync/kitchen_0028b').rename(root / 'sync/elsewhere')
    found, = problems_of(run('nyu', '--root', root)[1])
    assert 'kitchen_0028b: no such scene' in found


def test_nyu_from_the_labelled_file(run, tmp_path):
    from scipy.io import savemat
    root = write_labelled_nyu(tmp_path / 'set')
    savemat(root / 'splits.mat', dict(trainNdxs=[[2]], testNdxs=[[1], [3]]))
    code, printed = run('nyu', '--root', root, '--splits-mat', root / 'splits.mat')
    assert code == 0, printed.out + printed.err
    assert 'split labelled_test: 2 frames' in printed.out
    assert (root / 'splits/labelled_test.txt').read_text() == '1\n3\n'
    (root / 'splits/labelled_test.txt').write_text('4\n')
    found, = problems_of(run('nyu', '--root', root)[1])
    assert "labelled_test.txt: '4' is no frame" in found
    (root / 'nyu_depth_v2_labeled.mat').write_text('text')
    assert all('not a readable MATLAB 7.3 file' in line
               for line in problems_of(run('nyu', '--root', root)[1]))


@pytest.mark.parametrize('arguments, message', [
    (['nyu', '--root', '/does/not/exist'], 'exist: no such folder; put or link the data set'),
    (['kitti-depth', '--root', '/tmp'], 'splits: holds no split file; put the lists of BTS'),
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
def test_bad_arguments_end_with_one_error_line(run, arguments, message):
    code, printed = run(*arguments)
    assert code == 2
    assert message in printed.err.splitlines()[-1]
    assert 'Traceback' not in printed.err
