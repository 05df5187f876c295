"""Reading and writing of KITTI calibration files."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.calibration import (
    KittiCalibration,
    read_calibration,
    write_calibration,
)
from mmdet3d_plugin.benchmarks.kitti.layout import camera_folders
from mmdet3d_plugin.errors import InputError

P2 = np.array([[721.5377, 0, 609.5593, 44.85728], [0, 721.5377, 172.854, .2163791],
               [0, 0, 1, .002745884]])


def line(name='P2', **entries):
    """Line of a calibration file; entries replace numbers of P2, e.g. ``fx=0``."""
    matrix = P2.copy()
    for key, value in entries.items():
        matrix[dict(fx=(0, 0), fy=(1, 1), tx=(0, 3))[key]] = value
    return f'{name}: ' + ' '.join(map(str, matrix.ravel()))


def write(folder, text):
    path = folder / '000000.txt'
    path.write_text(text)
    return path


def test_p2_is_read_among_other_cameras(tmp_path):
    lines = [line('P0', fx=1.), line(), line('P3', fx=2.), '']
    calibration = read_calibration(write(tmp_path, '\n'.join(lines)))
    np.testing.assert_array_equal(calibration.P2, P2)
    np.testing.assert_array_equal(calibration.cam2img, [*P2, [0, 0, 0, 1]])


def test_line_is_chosen_by_name(tmp_path):
    path = write(tmp_path, '\n'.join([line('P_rect_02'), line('P_rect_03', fx=2.)]))
    assert read_calibration(path, 'P_rect_03').P2[0, 0] == 2


@pytest.mark.parametrize('text', [
    '\ufeff' + line(), line().replace('P2:', 'P2 :'), '  ' + line().replace(' ', '\t'),
    line() + '\r\n'])
def test_spellings_of_a_line(tmp_path, text):
    (tmp_path / 'a.txt').write_bytes(text.encode())
    np.testing.assert_array_equal(read_calibration(tmp_path / 'a.txt').P2, P2)


def test_missing_camera_names_the_others(tmp_path):
    path = write(tmp_path, line('P0') + '\n' + line('P3'))
    with pytest.raises(InputError, match=r"no 'P2:' line.*camera that it has \(P0, P3\)"):
        read_calibration(path)


@pytest.mark.parametrize('camera, images', [('P0', 'image_0'), ('P2', 'image_2'),
                                            ('P3', 'image_3')])
def test_folders_of_a_camera(tmp_path, camera, images):
    folders = camera_folders(tmp_path, camera)
    assert folders == dict(img=tmp_path / images, label=tmp_path / 'label_2',
                           calib=tmp_path / 'calib')
    labels = tmp_path / images.replace('image', 'label')
    labels.mkdir()
    assert camera_folders(tmp_path, camera)['label'] == labels


def test_unknown_camera_is_refused(tmp_path):
    with pytest.raises(InputError, match="camera is 'P4', expected one of P0, P1, P2, P3"):
        camera_folders(tmp_path, 'P4')


def test_round_trip(tmp_path):
    write_calibration(tmp_path / 'a.txt', KittiCalibration(P2))
    np.testing.assert_allclose(read_calibration(tmp_path / 'a.txt').P2, P2, rtol=1e-12)


def test_all_lines_of_the_object_benchmark_are_written(tmp_path):
    write_calibration(tmp_path / 'a.txt', KittiCalibration(P2))
    lines = dict(item.split(':') for item in (tmp_path / 'a.txt').read_text().splitlines())
    assert {name: len(values.split()) for name, values in lines.items()} == {
        'P0': 12, 'P1': 12, 'P2': 12, 'P3': 12, 'R0_rect': 9, 'Tr_velo_to_cam': 12,
        'Tr_imu_to_velo': 12}


@pytest.mark.parametrize('text, reason', [
    (line('P3'), "no 'P2:' line"), ('', "no 'P2:' line"),
    (line() + ' 1', 'got 13 fields'), ('P2: 1 2 3', 'got 3 fields'),
    (line().replace('44.85728', 'x'), "'P2:' needs 12 numbers"),
    (line(tx=np.nan), 'not a camera matrix'), (line(tx=1.1e6), 'not a camera matrix'),
    (line(fx=-721.), 'not a camera matrix'), (line(fy=-721.), 'not a camera matrix'),
    (line(fx=0.), 'not a camera matrix'), (line(fy=0.), 'not a camera matrix'),
    (line().replace(' 1.0 ', ' 2.0 '), 'its last row starts with 0 0 2, not 0 0 1')])
def test_error_names_the_file_of_an_invalid_matrix(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_calibration(path)
    assert str(path) in str(error.value) and reason in str(error.value)


def test_largest_values_are_accepted(tmp_path):
    assert read_calibration(write(tmp_path, line(fx=1e-3, fy=1e6, tx=-1e6))).P2[0, 3] == -1e6


def test_error_names_a_binary_file(tmp_path):
    (tmp_path / '000000.txt').write_bytes(b'\x89PNG\xff\xfe')
    with pytest.raises(InputError, match='000000.txt: not a readable text file'):
        read_calibration(tmp_path / '000000.txt')


def test_error_names_a_missing_file(tmp_path):
    with pytest.raises(InputError, match='000001.txt: no such file'):
        read_calibration(tmp_path / '000001.txt')
