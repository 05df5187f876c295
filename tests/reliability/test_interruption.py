"""A training that is stopped anywhere goes on as if it had not been."""
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from free_port import free_port
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from tiny_kitti import write_kitti
from tiny_training import EPOCHS, ROOT, assert_same, training_state, write_config
from torch.utils.data import DataLoader

from mmdet3d_plugin.commands.ablation_run import AblationRun
from mmdet3d_plugin.commands.demo import step
from mmdet3d_plugin.engine.checkpoints import newest_checkpoint
from mmdet3d_plugin.engine.hooks import InterruptionHook


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
    handler = signal.getsignal(number)
    hooks = f"dict(type='SignalAt', number={int(number)}, iteration={iteration})"
    config = write_config(tmp_path / 'stopped', kitti, hooks)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 128 + number, printed.err
    assert 'Traceback' not in printed.err
    assert (f'{name}: stopped after iteration {iteration}, saved {tmp_path}/run/interrupted.pth'
            in printed.out + printed.err)
    assert training_state(tmp_path / 'run/interrupted.pth')['iter'] == iteration
    assert signal.getsignal(number) is handler

    config = write_config(tmp_path / 'resumed', kitti)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run', '--resume')
    assert code == 0, printed.err
    assert_same(training_state(tmp_path / f'run/epoch_{EPOCHS}.pth'), straight)
    assert not (tmp_path / 'run/interrupted.pth').exists()


def wait_for(job, sign):
    """What a job has printed when the sign appears."""
    printed = []
    for line in job.stdout:
        printed.append(line)
        if sign in line:
            break
    return ''.join(printed)


def workers_of(process):
    return [int(child) for task in Path(f'/proc/{process}/task').iterdir()
            for child in (task / 'children').read_text().split()]


def start_training(config, work_dir):
    return subprocess.Popen([sys.executable, 'tools/train.py', config, '--work-dir', work_dir],
                            cwd=ROOT, start_new_session=True, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.parametrize('name', [
    'SIGTERM', pytest.param('SIGINT', marks=pytest.mark.slow),
    pytest.param('SIGUSR1', marks=pytest.mark.slow)])
def test_a_signal_to_the_whole_group_spares_the_data_workers(run_tool, kitti, straight,
                                                             tmp_path, name):
    """As Ctrl-C and torchrun send it, and as SLURM may, to one process after the other."""
    config, work_dir = write_config(tmp_path / 'config', kitti, workers=2), tmp_path / 'run'
    number = getattr(signal, name)
    job = start_training(config, work_dir)
    printed = wait_for(job, 'Epoch(train)')
    workers = workers_of(job.pid)
    for worker in workers:
        os.kill(worker, number)
    os.killpg(job.pid, number)
    printed += job.communicate(timeout=120)[0]  # to the end of the last worker
    assert job.returncode == 128 + number and len(workers) >= 2, printed
    assert 'Traceback' not in printed and f'{name}: stopped after iteration' in printed
    code, printed = run_tool('train', write_config(tmp_path / 'resumed', kitti), '--work-dir',
                             work_dir, '--resume')
    assert code == 0, printed.err
    assert_same(training_state(work_dir / f'epoch_{EPOCHS}.pth'), straight)


@pytest.mark.slow
def test_no_data_worker_outlives_kill_9(kitti, tmp_path):
    job = start_training(write_config(tmp_path / 'config', kitti, workers=2), tmp_path / 'run')
    wait_for(job, 'Epoch(train)')
    assert len(workers_of(job.pid)) >= 2
    job.kill()
    job.communicate(timeout=60)  # ends when the last process that holds the pipe does


def test_data_workers_obey_their_parent_alone():
    loader = DataLoader(range(40), num_workers=1, batch_size=None)
    InterruptionHook(['SIGTERM'])._shield_workers(loader)
    batches = iter(loader)
    next(batches)
    worker = batches._workers[0]
    subprocess.run(['kill', '-TERM', str(worker.pid)], check=True)
    assert list(batches) == list(range(1, 40))
    batches = iter(loader)
    next(batches)
    worker = batches._workers[0]
    worker.terminate()
    worker.join(10)
    assert worker.exitcode == 0


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
        folders = ROOT / 'tests', ROOT / 'tests/reliability'
        return subprocess.run(
            [ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', tmp_path / work_dir,
             '--resume', 'auto', '--cfg-options', 'train_dataloader.batch_size=1'],
            cwd=ROOT, capture_output=True, text=True, timeout=300,
            env={**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'PORT': free_port(),
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


@pytest.mark.slow
def test_dist_train_that_is_told_to_stop_saves_and_goes_on(kitti, tmp_path):
    """torchrun passes SIGTERM on to each process's group, data workers included."""
    command = [ROOT / 'tools/dist_train.sh', write_config(tmp_path / 'config', kitti, workers=1),
               '2', '--work-dir', tmp_path / 'run', '--resume', 'auto', '--cfg-options',
               'train_dataloader.batch_size=1']

    def start():
        return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT,
                                env={**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'PORT': free_port(),
                                     'PYTHONPATH': str(ROOT / 'tests')})

    job = start()
    printed = wait_for(job, 'Epoch(train)')
    job.terminate()
    printed += job.communicate(timeout=120)[0]
    assert job.returncode and 'SIGTERM: stopped after iteration' in printed, printed
    assert 'data worker' not in printed.lower()
    state = torch.load(tmp_path / 'run/interrupted.pth', weights_only=True)
    job = start()
    printed = job.communicate(timeout=300)[0]
    assert job.returncode == 0 and f"iter: {state['meta']['iter']}" in printed, printed
    assert (tmp_path / f'run/epoch_{EPOCHS}.pth').exists()


# Says that it is ready; told to stop, it takes longer than subprocess.run waits.
CHILD = """
import signal, sys, time
def save(number, frame):
    signal.signal(number, signal.SIG_IGN)
    time.sleep(1)
    print('saved', flush=True)
    sys.exit(128 + number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, save)
print('ready', flush=True)
time.sleep(60)
"""
PARENT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.utils.processes import run_child, signals_passed_on
def main():
    command = [sys.executable, '-c', sys.argv[1]]
    if sys.argv[2] == 'thread':
        with ThreadPoolExecutor(1) as pool:
            pool.submit(run_child, command).result()
    else:
        run_child(command)
    print('not stopped')
with signals_passed_on():
    run_command(main)
"""


@pytest.mark.parametrize('thread', ['main', 'thread'])
@pytest.mark.parametrize('name, send', [
    ('SIGINT', os.killpg), ('SIGTERM', os.kill), ('SIGUSR1', os.kill)])
def test_a_parent_that_is_told_to_stop_lets_its_child_save(name, send, thread):
    """A terminal sends Ctrl-C to both; other signals may reach the parent alone."""
    parent = subprocess.Popen([sys.executable, '-c', PARENT, CHILD, thread], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              start_new_session=True)
    wait_for(parent, 'ready')
    send(parent.pid, getattr(signal, name))
    printed, error = parent.communicate(timeout=30)
    assert printed == 'saved\n' and 'Traceback' not in error, error
    assert parent.returncode == 128 + getattr(signal, name)


def test_a_demo_that_is_stopped_says_how_to_go_on(capsys):
    kill_itself = 'import os, signal; os.kill(os.getpid(), signal.SIGTERM)'
    with pytest.raises(SystemExit) as stopped:
        step('1/4', ['-c', kill_itself], dict(os.environ))
    assert stopped.value.code == 143
    assert 'make demo' in capsys.readouterr().err


def test_an_ablation_reads_the_figures_of_the_run_alone(tmp_path, monkeypatch):
    """Hooks write JSON into other folders of the test, whose names come later."""
    def run_tool(self, tool, *_):
        (tmp_path / 'last_checkpoint').write_text('epoch_1.pth')
        if tool == 'test':
            for path, content in (('20260101_120000/20260101_120000.json', {'kitti/AP': 7.5}),
                                  ('frames/distance_errors.json', {'kitti/AP': 1.})):
                (tmp_path / 'test' / path).parent.mkdir(parents=True)
                (tmp_path / 'test' / path).write_text(json.dumps(content))

    monkeypatch.setattr(AblationRun, '__post_init__', lambda self: None)
    monkeypatch.setattr(AblationRun, '_run', run_tool)
    run = AblationRun(tmp_path / 'row.py', 0, tmp_path, [], {})
    run.settings = {}
    assert run.run(num_threads=1) == {'AP': 7.5}
