"""Checkpoint that ``--resume auto`` selects in a folder with odd and hostile files."""
import zipfile
from pathlib import Path

import pytest
import torch

from mmdet3d_plugin.engine import checkpoints
from mmdet3d_plugin.engine.checkpoints import is_whole, newest_checkpoint


def save(path, time, iteration, **changes):
    content = dict(meta=dict(time=time, iter=iteration, epoch=0), optimizer={},
                   message_hub=dict(log_scalars={}, runtime_info={}, resumed_keys={}),
                   state_dict=dict(w=torch.arange(4096.)))
    content.update(changes)
    torch.save({key: value for key, value in content.items() if value is not None}, path)


@pytest.fixture
def lines(monkeypatch):
    printed = []
    monkeypatch.setattr(checkpoints, 'print_log', lambda line, logger: printed.append(line))
    return printed


def test_sorted_by_time_then_iterations(tmp_path):
    save(tmp_path / 'epoch_1.pth', '20261120_100000', 10)
    save(tmp_path / 'a.pth', '20261120_100001', 9)
    save(tmp_path / 'b.pth', '20261120_100001', 8)
    assert newest_checkpoint(tmp_path) == tmp_path / 'a.pth'


@pytest.mark.parametrize('changes, reason', [
    (dict(message_hub=None), 'it holds no training state'),
    (dict(optimizer=None), 'it holds no training state'),
    (dict(meta=dict(time=20261121, iter=9)), 'meta.time and meta.iter are no text and no number'),
    (dict(meta=dict(time='2027', iter='9')), 'meta.time and meta.iter are no text and no number'),
    (dict(meta=['time', 'iter']), 'meta.time and meta.iter are no text and no number')])
def test_checkpoints_without_a_training_state_are_named(tmp_path, lines, changes, reason):
    save(tmp_path / 'epoch_1.pth', '20261120_100000', 10)
    save(tmp_path / 'odd.pth', '20270101_000000', 99, **changes)
    assert newest_checkpoint(tmp_path) == tmp_path / 'epoch_1.pth'
    assert lines == [f'{tmp_path}/odd.pth: not resumed from ({reason})']


@pytest.mark.parametrize('changes, reason', [
    (dict(state_dict=dict(w=torch.tensor([float('nan')]))), 'state_dict.w holds NaN or infinity'),
    (dict(meta=dict(time='20270101_000000', iter=9, epoch='1')), 'meta.epoch is not a whole num'),
    (dict(optimizer=[]), 'optimizer is not a dict')])
def test_newer_checkpoints_with_odd_content_are_named(tmp_path, lines, changes, reason):
    save(tmp_path / 'epoch_1.pth', '20261120_100000', 10)
    save(tmp_path / 'odd.pth', '20270101_000000', 99, **changes)
    assert newest_checkpoint(tmp_path) == tmp_path / 'epoch_1.pth'
    line, = lines
    assert line.startswith(f'{tmp_path}/odd.pth: ') and reason in line
    assert line.endswith('; taking the checkpoint before')


def test_a_planted_program_is_reported_in_one_line(tmp_path, lines):
    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / 'executed', )

    save(tmp_path / 'planted.pth', '20270101_000000', 99, state_dict=Attack())
    assert newest_checkpoint(tmp_path) is None and not (tmp_path / 'executed').exists()
    line, = lines
    assert line.isprintable() and len(line) < 250 + len(str(tmp_path))
    assert 'Unsupported global' in line and 'trust' not in line


def test_an_error_without_a_message(tmp_path, lines, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError

    save(tmp_path / 'epoch_1.pth', '20261120_100000', 10)
    monkeypatch.setattr(torch, 'load', fail)
    assert newest_checkpoint(tmp_path) is None
    assert lines == [f'{tmp_path}/epoch_1.pth: not resumed from (AssertionError)']


def test_an_archive_with_unknown_compression_is_not_whole(tmp_path):
    save(tmp_path / 'epoch_1.pth', '20261120_100000', 10)
    assert is_whole(tmp_path / 'epoch_1.pth')
    content = bytearray((tmp_path / 'epoch_1.pth').read_bytes())
    entry = content.index(b'PK\x01\x02')  # first entry of the archive's table
    content[entry + 10] = 99  # unknown compression
    (tmp_path / 'epoch_1.pth').write_bytes(content)
    with pytest.raises(NotImplementedError), zipfile.ZipFile(tmp_path / 'epoch_1.pth') as archive:
        archive.testzip()
    assert not is_whole(tmp_path / 'epoch_1.pth')
