"""The command ``tools/create_data.py``."""
import hashlib
import json

import cv2
import numpy as np
import pytest
from tiny_depth import DRIVE, EIGEN_LINES, write_kitti_eigen, write_labelled_nyu, write_nyu

from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map
from mmdet3d_plugin.benchmarks.kitti import split_lists
from mmdet3d_plugin.benchmarks.kitti.splits import write_split

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


@pytest.fixture
def small_published_splits(monkeypatch, tmp_path):
    """Published splits of four training frames, three of them for training."""
    write_split(tmp_path / 'list.txt', ['000000', '000002', '000003'])
    checksum = hashlib.sha256(b'000000\n000002\n000003').hexdigest()
    for name, value in (('TRAINING_FRAMES', 4), ('TESTING_FRAMES', 2),
                        ('TRAIN_CHECKSUM', checksum)):
        monkeypatch.setattr(split_lists, name, value)
    return tmp_path / 'list.txt'


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
    for split in ('train', 'val'):
        write_split(tmp_path / f'ImageSets/{split}.txt', ['000007'])
    (training / 'label_2/000007.txt').write_text(
        'Car 0 0 0 39 25 61 35 1.4 1.6 4.0 0 1.6 10 0\n'
        'Car 0 2 0 40 20 60 50 1.6 1.6 3.0 0 1.6 30 0\n'
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


def test_check_names_the_meaning_of_wrong_labels(run, kitti_root):
    code, printed = run('kitti', '--root', kitti_root)
    assert code == 0, printed.out
    for path in (kitti_root / 'training/label_2').iterdir():
        rows = [line.split() for line in path.read_text().splitlines()]
        path.write_text(''.join(' '.join([*row[:12], f'{float(row[12]) - float(row[8]) / 2}',
                                          *row[13:]]) + '\n' for row in rows))
    code, printed = run('kitti', '--root', kitti_root)
    line, = problems_of(printed)
    assert code == 2 and 'label_2/000000.txt:1: ' in line
    assert 'it looks like box centres in place of bottom centres; add half the height' in line


def test_check_compares_calibrations_with_image_sizes(run, kitti_root):
    for path in (kitti_root / 'training/image_2').iterdir():
        image = cv2.imread(str(path))
        cv2.imwrite(str(path), cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2)))
    code, printed = run('kitti', '--root', kitti_root)
    assert code == 2
    camera, = [line for line in problems_of(printed) if 'calib/' in line]
    assert ('calib/000000.txt: principal point (609.6, 172.9) far from the middle of the image of '
            '621x187 (4 of 4 frames): it looks like the calibration of an image of about 1219x346'
            ) in camera


def test_check_reads_files_as_people_have_them(run, kitti_root):
    training = kitti_root / 'training'
    for folder, suffix, new in (('image_2', '.png', '.jpeg'), ('label_2', '.txt', '.txt'),
                                ('calib', '.txt', '.txt')):
        (training / folder / 'seq1').mkdir()
        path = training / folder / f'000007{suffix}'
        path.rename(path.parent / 'seq1' / f'000001{new}')
    label = training / 'label_2/seq1/000001.txt'
    label.write_text('\ufeff' + ''.join(line.replace(' ', '\t') + '\t0.0\r\n'
                                        for line in label.read_text().splitlines()))
    for split in ('train', 'val'):
        write_split(kitti_root / f'ImageSets/{split}.txt', ['000000', 'seq1/000001'])
    (kitti_root / 'ImageSets/trainval.txt').unlink()
    code, printed = run('kitti', '--root', kitti_root)
    assert code == 0, printed.out
    assert f'note: {label}: label lines end with a 16th field, a score, in 1 of 2' in printed.out
    (training / 'image_2/seq1/000001.png').touch()
    code, printed = run('kitti', '--root', kitti_root)
    line, = problems_of(printed)
    assert 'one of 2 images of this frame (000001.jpeg, 000001.png)' in line


def test_check_of_another_camera(run, kitti_root):
    (kitti_root / 'training/image_2').rename(kitti_root / 'training/image_0')
    assert run('kitti', '--root', kitti_root)[0] == 2
    code, printed = run('kitti', '--root', kitti_root, '--camera', 'P0')
    assert code == 0, printed.out


def test_check_demands_split_files(run, kitti_root):
    (kitti_root / 'ImageSets/val.txt').unlink()
    code, printed = run('kitti', '--root', kitti_root)
    line, = problems_of(printed)
    assert code == 2 and f'{kitti_root}/ImageSets: no val.txt; write one' in line
    assert line.endswith(f'--root {kitti_root} --write-splits')
    for path in (kitti_root / 'ImageSets').iterdir():
        path.unlink()
    code, printed = run('kitti', '--root', kitti_root)
    assert 'no train.txt and no val.txt, so all frames are checked;' in problems_of(printed)[0]
    assert 'image size 1242x375: 3 frames' in printed.out


def test_frames_of_a_missing_test_set_are_not_checked(run, kitti_root):
    write_split(kitti_root / 'ImageSets/test.txt', ['000000', '000001'])
    code, printed = run('kitti', '--root', kitti_root)
    assert code == 0
    assert f'testing: no such folder, so the 2 frames of {kitti_root}/Im' in printed.out


def test_published_splits_are_written_before_the_check(run, kitti_root, small_published_splits):
    for path in (kitti_root / 'ImageSets').iterdir():
        path.unlink()
    code, printed = run('kitti', '--root', kitti_root, '--write-splits', small_published_splits)
    assert code == 2 and "image_2: 3 of KITTI's 4 images are missing, such as 000001.png" \
        in printed.err
    assert not list((kitti_root / 'ImageSets').iterdir())
    for folder, suffix in (('image_2', 'png'), ('label_2', 'txt'), ('calib', 'txt')):
        for old, new in (('000007', '000001'), ('000012', '000002'), ('000031', '000003')):
            path = kitti_root / f'training/{folder}/{old}.{suffix}'
            path.rename(path.with_stem(new))
    code, printed = run('kitti', '--root', kitti_root, '--write-splits', small_published_splits)
    assert code == 0, printed.out + printed.err
    assert 'split val: 1 frames' in printed.out


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
    _, printed = run('nyu', '--root', root)
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
