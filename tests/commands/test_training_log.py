"""Reader of the training log."""
import json

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
