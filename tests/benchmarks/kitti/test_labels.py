"""Reading and writing of KITTI label and result files."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.labels import read_object_file, read_objects, write_objects
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable

LABEL = 'Car 0.12 1 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59'


def write(folder, text):
    path = folder / '000000.txt'
    path.write_text(text)
    return path


def test_columns_of_a_label(tmp_path):
    labels = read_objects(write(tmp_path, LABEL + '\n'))
    assert labels.names.tolist() == ['Car'] and labels.scores is None
    assert labels.truncations == .12 and labels.occlusions == 1 and labels.alphas == -1.58
    assert labels.boxes_2d.tolist() == [[587.01, 173.33, 614.12, 200.12]]
    assert labels.sizes_hwl.tolist() == [[1.65, 1.67, 3.64]]
    assert labels.locations.tolist() == [[-.65, 1.71, 46.7]]
    assert labels.rotations_y == -1.59


def test_regions_without_labels_in_any_case(tmp_path):
    text = LABEL.replace('Car', 'dontcare') + '\n' + LABEL.replace('Car', 'van')
    assert read_objects(write(tmp_path, text)).names.tolist() == ['DontCare', 'van']


def test_result_lines_end_with_a_score(tmp_path):
    results = read_objects(write(tmp_path, f'{LABEL} 0.5\n{LABEL} -1e-3'), with_scores=True)
    assert results.scores.tolist() == [.5, -.001]


@pytest.mark.parametrize('with_scores', [False, True])
@pytest.mark.parametrize('text', ['', '\n', '  \n\n'])
def test_empty_file_holds_no_objects(tmp_path, text, with_scores):
    objects = read_objects(write(tmp_path, text), with_scores)
    assert len(objects) == 0 and objects.boxes_2d.shape == (0, 4)
    assert (objects.scores is not None) == with_scores


def test_blank_lines_and_windows_line_ends_are_ignored(tmp_path):
    assert len(read_objects(write(tmp_path, f'{LABEL}\r\n\r\n{LABEL}\r\n'))) == 2


@pytest.mark.parametrize('text', [
    '\ufeff' + LABEL, LABEL.replace(' ', '\t'), '  ' + LABEL.replace(' ', '  ') + '\r\n'])
def test_files_of_windows_and_spreadsheets_are_read(tmp_path, text):
    (tmp_path / 'a.txt').write_bytes(text.encode())
    labels = read_objects(tmp_path / 'a.txt')
    assert labels.names.tolist() == ['Car'] and labels.rotations_y == -1.59


@pytest.mark.parametrize('score', ['0.0000', 'nan', '-inf', '1e999'])
def test_score_of_a_label_line_is_ignored_and_reported(tmp_path, score):
    """nuScenes' exporter writes nan, those of Supervisely and CVAT write a number."""
    plain = read_object_file(write(tmp_path, f'\n{LABEL}'))
    assert not plain.ignored_scores and plain.lines.tolist() == [2]
    labels = read_object_file(write(tmp_path, f'\n{LABEL}\n\n{LABEL} {score}'))
    assert labels.ignored_scores and labels.lines.tolist() == [2, 4]
    assert labels.objects.scores is None
    assert labels.objects.rotations_y.tolist() == [-1.59, -1.59]


def test_results_with_a_score_report_no_ignored_field(tmp_path):
    assert not read_object_file(write(tmp_path, LABEL + ' 0.5'), with_scores=True).ignored_scores


def test_class_name_of_two_words_is_no_label_with_score(tmp_path):
    with pytest.raises(InputError, match=":1: field 2 is 'sitting'"):
        read_objects(write(tmp_path, LABEL.replace('Car', 'Person sitting')))
    with pytest.raises(InputError, match=":1: field 16 is 'x'"):
        read_objects(write(tmp_path, LABEL + ' x'))


def test_occlusion_as_a_ratio_is_refused_with_its_meaning(tmp_path):
    ratio = LABEL.replace(' 1 ', ' 0.35 ', 1)
    with pytest.raises(InputError, match=r":2: field 3, the occlusion, is '0.35', expected a "
                       r'level: 0 fully visible, 1 partly, 2 largely occluded, 3 unknown; con'):
        read_objects(write(tmp_path, f'{LABEL}\n{ratio}'))
    assert read_objects(write(tmp_path, LABEL.replace(' 1 ', ' 2.0 ', 1))).occlusions == 2
    assert len(read_objects(write(tmp_path, ratio + ' 0.5'), with_scores=True)) == 1


@pytest.mark.parametrize('line, with_scores, found', [
    (LABEL.rsplit(' ', 1)[0], False, '14 fields'), (LABEL + ' 0.5 1', False, '17 fields'),
    (LABEL, True, '15 fields'), (LABEL + ' 0.5 1', True, '17 fields')])
def test_error_names_the_line_with_a_wrong_number_of_fields(tmp_path, line, with_scores, found):
    path = write(tmp_path, '\n' + line)
    with pytest.raises(InputError) as error:
        read_objects(path, with_scores)
    assert f'{path}:2: {found}' in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize('value', ['nan', 'inf', '-inf', 'x', '1,5', '1.1e6', '-1.1e6'])
def test_error_names_line_and_field_of_an_invalid_number(tmp_path, value):
    path = write(tmp_path, f'{LABEL}\n{LABEL.replace("46.70", value)}')
    with pytest.raises(InputError, match=f':2: field 14 is {value!r}'):
        read_objects(path)


def test_error_names_a_missing_or_binary_file(tmp_path):
    with pytest.raises(InputError, match='absent.txt: no such file'):
        read_objects(tmp_path / 'absent.txt')
    (tmp_path / 'image.txt').write_bytes(b'\x89PNG\xff\xfe')
    with pytest.raises(InputError, match='image.txt: not a readable text file'):
        read_objects(tmp_path / 'image.txt')
    with pytest.raises(InputError, match='is a folder, expected a file'):
        read_objects(tmp_path)


@pytest.mark.parametrize('decimals, scores', [(2, False), (2, True), (6, True)])
def test_round_trip(tmp_path, decimals, scores):
    rng = np.random.default_rng(0)
    table = rng.uniform(-100, 100, (20, 15 if scores else 14))
    table[:, 1] = rng.integers(0, 4, 20)
    written = ObjectTable.from_table(rng.choice(['Car', 'DontCare'], 20), table)
    write_objects(tmp_path / 'a.txt', written, decimals)
    read = read_objects(tmp_path / 'a.txt', scores)
    assert read.names.tolist() == written.names.tolist()
    assert read.occlusions.tolist() == written.occlusions.tolist()
    for name in ('truncations', 'alphas', 'boxes_2d', 'sizes_hwl', 'locations', 'rotations_y'):
        np.testing.assert_allclose(getattr(read, name), getattr(written, name),
                                   atol=.5001 * 10**-decimals)
    if scores:
        np.testing.assert_allclose(read.scores, written.scores, atol=.5001e-4)


def test_round_trip_without_objects(tmp_path):
    write_objects(tmp_path / 'a.txt', ObjectTable.empty(with_scores=True))
    assert (tmp_path / 'a.txt').read_text() == ''
    assert len(read_objects(tmp_path / 'a.txt', with_scores=True)) == 0
