"""Reader of the training log."""
import json
import math

import pytest

from mmdet3d_plugin.commands.training_log import read_scalars
from mmdet3d_plugin.errors import InputError


def test_incomplete_last_line_is_left_out(tmp_path):
    path = tmp_path / 'scalars.json'
    path.write_text(json.dumps({'loss': 2., 'step': 1}) + '\n\n' + '{"loss": 1.')
    assert read_scalars(path) == [{'loss': 2., 'step': 1}]


def test_errors_name_file_and_line(tmp_path):
    path = tmp_path / 'scalars.json'
    with pytest.raises(InputError, match='scalars.json: no such file'):
        read_scalars(path)
    path.write_text('{"loss": 1.\n{"loss": 1.0}\n')
    with pytest.raises(InputError, match='scalars.json:1: not a JSON object'):
        read_scalars(path)


def test_empty_log_has_no_rows(tmp_path):
    path = tmp_path / 'scalars.json'
    path.write_text('')
    assert read_scalars(path) == []


@pytest.mark.parametrize('line, row', [
    ('{"loss": 1e308, "gain": -1e31, "step": 2}', dict(loss=math.inf, gain=-math.inf, step=2)),
    ('{"loss": %s, "step": 2}' % ('9' * 6000), dict(loss=math.inf, step=2)),
    ('{"loss": "a", "names": [1], "step": 2}', dict(step=2)),
    ('{"loss": null, "gain": 1e30, "step": 0}', dict(loss=None, gain=1e30, step=0)),
    ('{"loss\\u001b\\ud800": 1}', {r'loss\x1b\ud800': 1}),
    ('{"%s": 1}' % ('a' * 81), {'a' * 80 + '...': 1}),
    ('[1]', None), ('[' * 100_000, None)])
def test_odd_values(tmp_path, line, row):
    """A line that is no object is left out at the end, where it may be incomplete."""
    path = tmp_path / 'scalars.json'
    path.write_text(line)
    assert read_scalars(path) == ([] if row is None else [row])
    path.write_text(line + '\n{"step": 3}')
    if row is None:
        with pytest.raises(InputError, match='scalars.json:1: not a JSON object'):
            read_scalars(path)
    else:
        assert read_scalars(path) == [row, dict(step=3)]


@pytest.mark.parametrize('name', ['step', 'iter', 'epoch'])
@pytest.mark.parametrize('value', ['"a"', 'null', 'true', '-1', '1e31', 'NaN', '[1]'])
def test_odd_counters(tmp_path, name, value):
    path = tmp_path / 'scalars.json'
    path.write_text(f'{{"step": 1}}\n{{"{name}": {value}}}\n{{"step": 3}}')
    with pytest.raises(InputError, match=f'scalars.json:2: {name} is .*, expected a number of at'):
        read_scalars(path)


def test_log_with_too_many_names(tmp_path):
    path = tmp_path / 'scalars.json'
    for count in (999, 1000):
        path.write_text(json.dumps({f'loss_{number}': 1 for number in range(count)})
                        + '\n{"step": 1}')
        if count == 999:
            assert len(read_scalars(path)) == 2
    with pytest.raises(InputError, match='scalars.json:2: the log has more than 1000 names'):
        read_scalars(path)
