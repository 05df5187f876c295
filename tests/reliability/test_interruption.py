"""A training that is stopped anywhere goes on as if it had not been."""
import os
import signal
import socket
import subprocess
import sys

import pytest
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from tiny_kitti import write_kitti
from tiny_training import EPOCHS, ROOT, assert_same, training_state, write_config

from mmdet3d_plugin.engine.checkpoints import newest_checkpoint


@HOOKS.register_module()
class SignalAt(Hook):
    """Sends the process of a rank a signal in a step of the training, or of a validation."""

    def __init__(self, number, iteration=None, validation=None, rank=0):
        self.number, self.iteration, self.validation = number, iteration, validation
        self.rank = rank

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration and get_rank() == self.rank:
            os.kill(os.getpid(), self.number)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.epoch == self.validation:
            os.kill(os.getpid(), self.number)


@pytest.fixture(scope='module')
def kitti(tmp_path_factory):
    return write_kitti(tmp_path_factory.mktemp('data') / 'kitti')


@pytest.fixture(scope='module')
def straight(kitti, tmp_path_factory):
    """The final state of a training in one go, whose samples two workers load."""
    folder = tmp_path_factory.mktemp('straight')
    subprocess.run([sys.executable, 'tools/train.py', write_config(folder, kitti, workers=2),
                    '--work-dir', folder], cwd=ROOT, check=True, capture_output=True)
    return training_state(folder / f'epoch_{EPOCHS}.pth')


@pytest.mark.parametrize('name, iteration', [
    ('SIGUSR1', 3), pytest.param('SIGINT', 4, marks=pytest.mark.slow),
    pytest.param('SIGTERM', 9, marks=pytest.mark.slow)])
def test_a_signal_saves_and_a_resumed_run_ends_the_same(run_tool, kitti, straight, tmp_path,
                                                        name, iteration):
    """In the middle of an epoch and at its end, before and after selection starts."""
    number = getattr(signal, name)
    hooks = f"dict(type='SignalAt', number={int(number)}, iteration={iteration})"
    config = write_config(tmp_path / 'stopped', kitti, hooks)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 128 + number, printed.err
    assert 'Traceback' not in printed.err
    assert (f'{name}: stopped after iteration {iteration}, saved {tmp_path}/run/interrupted.pth'
            in printed.out + printed.err)
    assert training_state(tmp_path / 'run/interrupted.pth')['iter'] == iteration
    assert signal.getsignal(number) is not None  # the handlers of before are back

    config = write_config(tmp_path / 'resumed', kitti)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run', '--resume')
    assert code == 0, printed.err
    assert_same(training_state(tmp_path / f'run/epoch_{EPOCHS}.pth'), straight)
    assert not (tmp_path / 'run/interrupted.pth').exists()


def test_a_signal_to_the_whole_group_spares_the_data_workers(run_tool, kitti, straight,
                                                             tmp_path):
    """As Ctrl-C and SLURM send it: at any moment, to every process of the job."""
    config, work_dir = write_config(tmp_path / 'config', kitti, workers=2), tmp_path / 'run'
    job = subprocess.Popen([sys.executable, 'tools/train.py', config, '--work-dir', work_dir],
                           cwd=ROOT, start_new_session=True, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed = []
    for line in job.stdout:
        printed.append(line)
        if 'Epoch(train)' in line:
            os.killpg(job.pid, signal.SIGINT)
            break
    printed = ''.join(printed) + job.communicate(timeout=120)[0]
    assert job.returncode == 130, printed
    assert 'Traceback' not in printed and 'SIGINT: stopped after iteration' in printed
    code, printed = run_tool('train', write_config(tmp_path / 'resumed', kitti), '--work-dir',
                             work_dir, '--resume')
    assert code == 0, printed.err
    assert_same(training_state(work_dir / f'epoch_{EPOCHS}.pth'), straight)


def test_a_validation_that_was_stopped_is_done_again(run_tool, kitti, straight, tmp_path):
    hooks = f"dict(type='SignalAt', number={int(signal.SIGTERM)}, validation=2)"
    config = write_config(tmp_path / 'stopped', kitti, hooks)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 143, printed.err
    config = write_config(tmp_path / 'resumed', kitti)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run', '--resume', 'auto')
    assert code == 0, printed.err
    assert printed.out.count('Epoch(val) [2]') + printed.err.count('Epoch(val) [2]') > 0
    assert_same(training_state(tmp_path / f'run/epoch_{EPOCHS}.pth'), straight)


KILLER = """
import os, signal
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class KillAt(Hook):
    def __init__(self, iteration, writing=False):
        self.iteration, self.writing = iteration, writing

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 < self.iteration:
            return
        if not self.writing:
            os.kill(os.getpid(), signal.SIGKILL)
        # Half of the next checkpoint is on disk when the process dies.
        from pathlib import Path
        def half(path, data):
            with path.open('wb') as file:
                file.write(data[:len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        Path.write_bytes = half
"""


@pytest.mark.parametrize('writing', [pytest.param(False, marks=pytest.mark.slow), True])
def test_kill_9_leaves_a_whole_checkpoint(run_tool, kitti, straight, tmp_path, writing):
    (tmp_path / 'killer.py').write_text(KILLER)
    config = write_config(tmp_path / 'stopped', kitti,
                          f"dict(type='KillAt', iteration=5, writing={writing})")
    config.write_text(config.read_text()
                      + "custom_imports = dict(imports=[*_base_.custom_imports.imports, 'killer'])")
    work_dir = tmp_path / 'run'
    done = subprocess.run(
        [sys.executable, 'tools/train.py', config, '--work-dir', work_dir], cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert newest_checkpoint(work_dir) == work_dir / 'epoch_2.pth'
    config = write_config(tmp_path / 'resumed', kitti)
    code, printed = run_tool('train', config, '--work-dir', work_dir, '--resume', 'auto')
    assert code == 0, printed.err
    assert_same(training_state(work_dir / f'epoch_{EPOCHS}.pth'), straight)
    # Nothing is left of the half file.
    assert sorted(path.name for path in work_dir.glob('*.pth')) == ['epoch_4.pth', 'epoch_5.pth']


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on(kitti, tmp_path):
    """In the middle of an epoch, when the signal reaches one of them alone. A checkpoint is
    saved by the other, whose state is to hold the sums of both."""
    def train(name, hooks, work_dir):
        config = write_config(tmp_path / name, kitti, hooks)
        config.write_text(config.read_text() + "\ncustom_imports = dict("
                          "imports=[*_base_.custom_imports['imports'], 'test_interruption'])\n")
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = str(probe.getsockname()[1])
        folders = ROOT / 'tests', ROOT / 'tests/reliability'
        return subprocess.run(
            [ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', tmp_path / work_dir,
             '--resume', 'auto', '--cfg-options', 'train_dataloader.batch_size=1'],
            cwd=ROOT, capture_output=True, text=True, timeout=300,
            env={**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'PORT': port,
                 'PYTHONPATH': os.pathsep.join(map(str, folders))})

    signal_one = f"dict(type='SignalAt', number={int(signal.SIGUSR1)}, iteration=3, rank=1)"
    stopped = train('stopped', signal_one, 'run')
    assert stopped.returncode and 'SIGUSR1: stopped after iteration 3' in (
        stopped.stdout + stopped.stderr)
    state = torch.load(tmp_path / 'run/interrupted.pth', weights_only=True)
    assert state['meta']['iter'] == 3 and state['hierarchical_task']['epoch_count'] == 1
    for name, work_dir in (('resumed', 'run'), ('straight', 'whole')):
        done = train(name, '', work_dir)
        assert done.returncode == 0, done.stderr[-3000:]
    assert_same(*(training_state(tmp_path / folder / f'epoch_{EPOCHS}.pth')
                  for folder in ('run', 'whole')))
