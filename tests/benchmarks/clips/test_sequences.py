"""Lists of clips."""
import pytest

from mmdet3d_plugin.benchmarks.clips.sequences import read_sequences, write_sequences
from mmdet3d_plugin.errors import InputError


def test_clips_and_frames_keep_their_order(tmp_path):
    clips = {'b': ['3', '1', '2'], 'a': ['9']}
    write_sequences(tmp_path / 'sequences.txt', clips)
    assert (tmp_path / 'sequences.txt').read_text() == 'b 3 1 2\na 9\n'
    assert read_sequences(tmp_path / 'sequences.txt') == clips


@pytest.mark.parametrize('text, message', [
    ('0000\n', ':1: no frame'), ('a 1\nb 1\n', ':2: a clip or frame is listed twice'),
    ('a 1\na 2\n', ':2: a clip or frame is listed twice'), ('a 1 1\n', ':1: .*listed twice'),
    ('a ../1\n', ":1: '../1' is no name"), ('/a 1\n', ":1: '/a' is no name"),
    ('\n', ': names no clip')])
def test_a_malformed_list_is_refused(tmp_path, text, message):
    (tmp_path / 'sequences.txt').write_text(text)
    with pytest.raises(InputError, match=f'sequences.txt{message}'):
        read_sequences(tmp_path / 'sequences.txt')


def test_a_set_of_single_frames_names_the_fix(tmp_path):
    with pytest.raises(InputError, match='sequences.txt: .*single frames; render clips with '
                                         'tools/create_data.py synthetic --sequence-length'):
        read_sequences(tmp_path / 'sequences.txt')
