"""A training that is stopped and resumed ends with the same bits as one without a stop."""
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from free_port import free_port
from tiny_training import (
    EPOCHS,
    ROOT,
    STOP_HOOKS,
    assert_same,
    resume_training,
    train_in_own_group,
    train_until_killed,
    training_state,
    write_config,
)
from torch.utils.data import DataLoader

from mmdet3d_plugin.commands.ablation_run import AblationRun
from mmdet3d_plugin.commands.demo import step
from mmdet3d_plugin.engine.checkpoints import newest_checkpoint
from mmdet3d_plugin.engine.hooks import InterruptionHook


def write_signal_config(folder, kitti, name, workers=0, **where):
    """Write the config of a training that gets a signal; see SignalHook."""
    hook = str(dict(type='SignalHook', number=int(getattr(signal, name)), **where))
    return write_config(folder, kitti, hook, workers=workers, imports=[STOP_HOOKS])


@pytest.mark.parametrize('name, iteration', [
    ('SIGUSR1', 3), pytest.param('SIGINT', 4, marks=pytest.mark.slow),
    pytest.param('SIGTERM', 9, marks=pytest.mark.slow)])
def test_resume_after_a_signal(run_tool, kitti, straight, tmp_path, name, iteration):
    """Iterations in the middle of an epoch and at its end, before and after selection starts."""
    number = getattr(signal, name)
    handler = signal.getsignal(number)
    config = write_signal_config(tmp_path / 'stopped', kitti, name, iteration=iteration)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 128 + number, printed.err
    assert 'Traceback' not in printed.err
    assert (f'{name}: stopped after iteration {iteration}, saved {tmp_path}/run/interrupted.pth'
            in printed.out + printed.err)
    assert training_state(tmp_path / 'run/interrupted.pth')['iter'] == iteration
    assert signal.getsignal(number) is handler

    resume_training(run_tool, tmp_path, kitti)
    assert_same(training_state(tmp_path / f'run/epoch_{EPOCHS}.pth'), straight)
    assert not (tmp_path / 'run/interrupted.pth').exists()


@pytest.mark.parametrize('name', [
    'SIGTERM', pytest.param('SIGINT', marks=pytest.mark.slow),
    pytest.param('SIGUSR1', marks=pytest.mark.slow)])
def test_resume_after_a_signal_to_all_processes(run_tool, kitti, straight, tmp_path, name):
    """Data workers ignore the signal, which Ctrl-C, torchrun and SLURM may send to them."""
    config = write_signal_config(tmp_path / 'stopped', kitti, name, workers=2, iteration=3,
                                 target='group')
    code, printed = train_in_own_group(config, tmp_path / 'run')
    assert code == 128 + getattr(signal, name), printed
    assert 'signalled 2 data workers' in printed and 'Traceback' not in printed
    assert f'{name}: stopped after iteration 3' in printed
    resume_training(run_tool, tmp_path, kitti)
    assert_same(training_state(tmp_path / f'run/epoch_{EPOCHS}.pth'), straight)


def test_data_workers_obey_only_their_parent():
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
    worker.join(60)
    assert worker.exitcode == 0


def test_resume_repeats_an_interrupted_validation(run_tool, kitti, straight, tmp_path):
    config = write_signal_config(tmp_path / 'stopped', kitti, 'SIGTERM', validation=2)
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 143, printed.err
    assert 'Epoch(val) [2]' in resume_training(run_tool, tmp_path, kitti)
    assert_same(training_state(tmp_path / f'run/epoch_{EPOCHS}.pth'), straight)


@pytest.mark.parametrize('where', [pytest.param('step', marks=pytest.mark.slow), 'checkpoint'])
def test_resume_after_kill_9(run_tool, kitti, straight, tmp_path, where):
    """No data worker outlives the process, and the checkpoint before is whole."""
    printed = train_until_killed(tmp_path, kitti, dict(where=where, iteration=3), workers=2)
    assert 'killed with 2 data workers' in printed
    work_dir = tmp_path / 'run'
    assert newest_checkpoint(work_dir) == work_dir / 'epoch_1.pth'
    resume_training(run_tool, tmp_path, kitti)
    assert_same(training_state(work_dir / f'epoch_{EPOCHS}.pth'), straight)
    # The half-written file is removed.
    assert sorted(path.name for path in work_dir.glob('*.pth')) == ['epoch_4.pth', 'epoch_5.pth']
    assert not list(work_dir.glob('.*.pth'))


def train_two_ranks(config, work_dir):
    """Train, or resume, by ``tools/dist_train.sh``; return the exit code and the output."""
    done = subprocess.run(
        [ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', work_dir, '--resume', 'auto',
         '--cfg-options', 'train_dataloader.batch_size=1'],
        cwd=ROOT, text=True, timeout=600, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, 'CUDA_VISIBLE_DEVICES': '', 'PORT': free_port(),
             'PYTHONPATH': str(ROOT / 'tests')})
    return done.returncode, done.stdout


@pytest.mark.slow
def test_resume_of_two_ranks(kitti, tmp_path):
    """Rank 1 gets the signal, and rank 0 saves a checkpoint with the sums over both ranks."""
    config = write_signal_config(tmp_path / 'stopped', kitti, 'SIGUSR1', iteration=3, rank=1)
    code, printed = train_two_ranks(config, tmp_path / 'run')
    assert code and 'SIGUSR1: stopped after iteration 3' in printed, printed
    state = torch.load(tmp_path / 'run/interrupted.pth', weights_only=True)
    assert state['meta']['iter'] == 3 and state['hierarchical_task']['epoch_count'] == 1
    config = write_config(tmp_path / 'resumed', kitti)
    for work_dir in ('run', 'whole'):
        code, printed = train_two_ranks(config, tmp_path / work_dir)
        assert code == 0, printed
    assert_same(*(training_state(tmp_path / folder / f'epoch_{EPOCHS}.pth')
                  for folder in ('run', 'whole')))


@pytest.mark.slow
def test_resume_after_a_signal_to_the_launcher(kitti, tmp_path):
    """torchrun sends SIGTERM to the process group of each rank, data workers included."""
    config = write_signal_config(tmp_path / 'stopped', kitti, 'SIGTERM', workers=1, iteration=3,
                                 target='parent')
    code, printed = train_two_ranks(config, tmp_path / 'run')
    assert code and 'SIGTERM: stopped after iteration 3' in printed, printed
    assert 'data worker' not in printed.lower()
    config = write_config(tmp_path / 'resumed', kitti, workers=1)
    code, printed = train_two_ranks(config, tmp_path / 'run')
    assert code == 0 and 'iter: 3' in printed, printed
    assert (tmp_path / f'run/epoch_{EPOCHS}.pth').exists()


# Prints when it is ready. To save takes longer than the 0.25 s that subprocess.run waits.
CHILD = """
import signal, sys, time
def save(number, frame):
    signal.signal(number, signal.SIG_IGN)
    time.sleep(.5)
    print('saved', flush=True)
    sys.exit(128 + number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
    signal.signal(number, save)
print('ready', flush=True)
time.sleep(300)
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
def test_a_parent_that_is_stopped_waits_for_its_child(name, send, thread):
    """A terminal sends Ctrl-C to both; other signals may reach only the parent."""
    parent = subprocess.Popen([sys.executable, '-c', PARENT, CHILD, thread], cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              start_new_session=True)
    assert parent.stdout.readline() == 'ready\n'
    send(parent.pid, getattr(signal, name))
    printed, error = parent.communicate(timeout=120)
    assert printed == 'saved\n' and 'Traceback' not in error, error
    assert parent.returncode == 128 + getattr(signal, name)


def test_a_demo_that_is_stopped_says_how_to_resume(capsys):
    kill_itself = 'import os, signal; os.kill(os.getpid(), signal.SIGTERM)'
    with pytest.raises(SystemExit) as stopped:
        step('1/4', ['-c', kill_itself], dict(os.environ))
    assert stopped.value.code == 143
    assert 'make demo' in capsys.readouterr().err


def test_an_ablation_reads_only_the_log_of_the_test(tmp_path, monkeypatch):
    """Hooks write JSON files into other folders of the test, with names sorted after the log."""
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
