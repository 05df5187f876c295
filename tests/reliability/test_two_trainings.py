"""A work dir holds one training, one demo and one ablation at a time."""
import pytest
from reliability.toy_runner import toy_config

from mmdet3d_plugin.commands.train import resume_from
from mmdet3d_plugin.engine.checkpoints import AtomicBackend
from mmdet3d_plugin.utils.folder_lock import folder_lock


@pytest.mark.parametrize('purpose, command, flag', [
    ('training', ['train', 'configs/monolss/monolss_dla34_synthetic-demo.py', '--resume'],
     '--work-dir'),
    ('demo', ['demo', '--device', 'cpu'], '--work-dir'),
    ('ablation', ['ablate', 'configs/monolss/ablations/1_none.py', '--seeds', '0'], '--out')])
def test_the_second_command_is_refused(run_tool, tmp_path, purpose, command, flag):
    with folder_lock(tmp_path, purpose, flag):
        (tmp_path / '.epoch_1.x.pth').touch()  # being written
        code, printed = run_tool(*command, flag, tmp_path)
    assert code == 2
    assert f'{tmp_path}: another {purpose} is running here (process' in printed.err
    assert f'choose another folder with {flag}\n' in printed.err
    assert 'Traceback' not in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ['.epoch_1.x.pth']


def test_a_second_training_does_not_remove_a_file_that_is_written(tmp_path, monkeypatch):
    cfg = toy_config(tmp_path)

    def flush(path):
        resume_from(cfg, 'auto')

    monkeypatch.setattr('mmdet3d_plugin.engine.checkpoints._flush_to_disk', flush)
    AtomicBackend().put(b'weights', tmp_path / 'epoch_1.pth')
    assert (tmp_path / 'epoch_1.pth').read_bytes() == b'weights'
