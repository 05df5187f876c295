"""Checkpoints that take much more memory or time than their size."""
import io
import os
import struct
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from mmdet3d_plugin.engine import bounded_loading, safe_loading
from mmdet3d_plugin.engine.checkpoints import is_whole, newest_checkpoint
from mmdet3d_plugin.engine.safe_loading import load_plain_checkpoint
from mmdet3d_plugin.errors import InputError

CONTENT = dict(state_dict=dict(weight=torch.arange(6.).view(2, 3)), meta=dict(epoch=1))


def saved(content, **options):
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def repacked(content, method=zipfile.ZIP_STORED, pickled=None):
    """Write the entries of an archive again, compressed or with another pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, 'w', method) as new:
        for name in old.namelist():
            new.writestr(name, pickled if pickled and name.endswith('.pkl') else old.read(name))
    return buffer.getvalue()


def reduced(name, argument):
    """Return the pickle of ``name(argument)``, a call that torch allows."""
    module, _, function = name.rpartition('.')
    return f'\x80\x02c{module}\n{function}\nJ'.encode('latin-1') + struct.pack(
        '<i', argument) + b'\x85R.'


@pytest.mark.parametrize('options', [{}, dict(_use_new_zipfile_serialization=False)])
def test_checkpoints_of_both_formats(tmp_path, options):
    path = tmp_path / 'a.pth'
    path.write_bytes(saved(CONTENT, **options))
    loaded = load_plain_checkpoint(path)
    assert torch.equal(loaded['state_dict']['weight'], CONTENT['state_dict']['weight'])
    assert loaded['meta'] == CONTENT['meta']
    path.write_bytes(repacked(path.read_bytes())) if not options else None
    assert torch.equal(load_plain_checkpoint(path)['state_dict']['weight'],
                       CONTENT['state_dict']['weight'])


@pytest.mark.parametrize('content, message', [
    (lambda: repacked(saved(dict(CONTENT, zeros=torch.zeros(1 << 22))), zipfile.ZIP_DEFLATED),
     'a.pth: its entry archive/data.pkl is compressed'),
    (lambda: saved(CONTENT) + repacked(saved(CONTENT), zipfile.ZIP_DEFLATED),
     'a.pth: not a readable archive, its end is missing or damaged'),
    (lambda: repacked(saved(CONTENT), pickled=b'\x80\x02' + b']' * (1 << 21) + b'.'),
     'a.pth: describes its content in 2 MB, expected at most 2 MB'),
    (lambda: repacked(saved(CONTENT), pickled=reduced('builtins.bytearray', 1 << 30)),
     r'a.pth: not a checkpoint that loads safely as plain weights \(MemoryError\)'),
    (lambda: repacked(saved(CONTENT), pickled=reduced('torch.FloatTensor', 1 << 30)),
     "a.pth: not a checkpoint that loads safely as plain weights .*can't allocate memory")])
def test_bombs_are_refused(tmp_path, content, message):
    path = tmp_path / 'a.pth'
    path.write_bytes(content())
    with pytest.raises(InputError, match=message):
        load_plain_checkpoint(path)
    assert newest_checkpoint(tmp_path) is None
    assert len(path.read_bytes()) < 3 << 20


@pytest.mark.parametrize('content, reason', [
    (b'/work_dirs/run/epoch_12.pth', 'Unsupported operand 47'), (b'', 'EOFError')])
def test_the_reason_of_other_files_is_named(tmp_path, content, reason):
    """47 is the code of the slash at the start of the file ``last_checkpoint``."""
    path = tmp_path / 'last_checkpoint'
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf'last_checkpoint: .* as plain weights \({reason}\)'):
        load_plain_checkpoint(path)


def test_a_folder_is_refused_with_the_hint_to_a_file_in_it(tmp_path):
    with pytest.raises(InputError, match='is a folder; give a checkpoint in it, such as epoch_12'):
        load_plain_checkpoint(tmp_path)


def test_steps_of_the_older_format_are_counted(tmp_path, monkeypatch):
    path = tmp_path / 'a.pth'
    path.write_bytes(saved(CONTENT, _use_new_zipfile_serialization=False))
    monkeypatch.setattr(bounded_loading, 'MAX_STEPS', 100)
    with pytest.raises(InputError, match='a.pth: describes its content in more than 100 steps'):
        load_plain_checkpoint(path)


def test_compressed_checkpoints_are_not_unpacked_to_check_them(tmp_path):
    (tmp_path / 'a.pth').write_bytes(saved(CONTENT))
    (tmp_path / 'b.pth').write_bytes(repacked(saved(CONTENT), zipfile.ZIP_DEFLATED))
    assert is_whole(tmp_path / 'a.pth') and not is_whole(tmp_path / 'b.pth')


def test_headers_of_safetensors_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / 'a.safetensors'
    save_file(CONTENT['state_dict'], path)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], 'little')
    monkeypatch.setattr(safe_loading, 'MAX_HEADER', length)
    assert load_plain_checkpoint(path)['state_dict'].keys() == {'weight'}
    for declared in (length + 1, 8 << 30, (1 << 64) - 1):
        path.write_bytes(declared.to_bytes(8, 'little') + content[8:])
        with pytest.raises(InputError, match='a.safetensors: declares a header of'):
            load_plain_checkpoint(path)


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_fifos_and_devices_are_not_opened(tmp_path, suffix):
    os.mkfifo(tmp_path / f'a{suffix}')
    (tmp_path / f'b{suffix}').symlink_to('/dev/zero')
    with pytest.raises(InputError, match=f'a{suffix}: is a FIFO'):
        load_plain_checkpoint(tmp_path / f'a{suffix}')
    with pytest.raises(InputError, match=f'b{suffix}: is a device'):
        load_plain_checkpoint(tmp_path / f'b{suffix}')
    assert newest_checkpoint(tmp_path) is None
