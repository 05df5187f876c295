import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.calibration import (KittiCalibration, read_calibration,
                                                         write_calibration)
from mmdet3d_plugin.errors import InputError

P2 = np.array([[721.5377, 0, 609.5593, 44.85728], [0, 721.5377, 172.854, .2163791],
               [0, 0, 1, .002745884]])
LINE = 'P2: ' + ' '.join(map(str, P2.ravel()))


def write(folder, text):
    path = folder / '000000.txt'
    path.write_text(text)
    return path


def test_reads_p2_among_other_cameras(tmp_path):
    others = LINE.replace('P2:', 'P0:').replace('721', '1'), LINE.replace('P2:', 'P3:')
    calibration = read_calibration(write(tmp_path, '\n'.join([others[0], LINE, others[1], ''])))
    np.testing.assert_array_equal(calibration.P2, P2)
    np.testing.assert_array_equal(calibration.cam2img, [*P2, [0, 0, 0, 1]])


def test_round_trip(tmp_path):
    write_calibration(tmp_path / 'a.txt', KittiCalibration(P2))
    np.testing.assert_allclose(read_calibration(tmp_path / 'a.txt').P2, P2, rtol=1e-12)


def test_all_lines_of_the_form_are_written(tmp_path):
    write_calibration(tmp_path / 'a.txt', KittiCalibration(P2))
    lines = dict(line.split(':') for line in (tmp_path / 'a.txt').read_text().splitlines())
    assert {name: len(values.split()) for name, values in lines.items()} == {
        'P0': 12, 'P1': 12, 'P2': 12, 'P3': 12, 'R0_rect': 9, 'Tr_velo_to_cam': 12,
        'Tr_imu_to_velo': 12}


@pytest.mark.parametrize('text, reason', [
    (LINE.replace('P2', 'P3'), "no 'P2:' line"), ('', "no 'P2:' line"),
    (LINE + ' 1', 'got 13 fields'), ('P2: 1 2 3', 'got 3 fields'),
    (LINE.replace('44.85728', 'x'), "'P2:' needs 12 numbers"),
    (LINE.replace('44.85728', 'nan'), 'not a camera matrix'),
    (LINE.replace('721.5377', '-721'), 'not a camera matrix')])
def test_a_bad_matrix_is_named_with_its_file(tmp_path, text, reason):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read_calibration(path)
    assert str(path) in str(error.value) and reason in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match='000001.txt: no such file'):
        read_calibration(tmp_path / '000001.txt')
