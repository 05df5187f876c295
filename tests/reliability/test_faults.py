"""NaN losses, full disks, lost ranks and data workers that die."""
import json
import os
import resource
import signal
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from tiny_training import EPOCHS, ROOT, assert_same, resume_training, training_state, write_config

from mmdet3d_plugin.commands.command_line import LOST_RANK_MESSAGE, config_errors, fault_message
from mmdet3d_plugin.engine.checkpoints import newest_checkpoint
from mmdet3d_plugin.engine.hooks import FiniteLossHook
from mmdet3d_plugin.errors import InputError


class AtIteration(Hook):
    """Base class of hooks that act before a given iteration, from 1."""

    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter + 1 == self.iteration:
            self.act(runner, data_batch)


@HOOKS.register_module()
class PoisonWeight(AtIteration):
    frames = []

    def act(self, runner, data_batch):
        PoisonWeight.frames = [sample.frame for sample in data_batch['data_samples']]
        with torch.no_grad():
            runner.model.object_head.size_3d[-1].weight.fill_(float('nan'))


@HOOKS.register_module()
class LimitFileSize(AtIteration):

    def act(self, runner, data_batch):
        resource.setrlimit(resource.RLIMIT_FSIZE,
                           (1 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@HOOKS.register_module()
class KillWorker(AtIteration):

    def act(self, runner, data_batch):
        os.kill(runner.train_dataloader._iterator._workers[0].pid, signal.SIGKILL)


@pytest.fixture
def file_sizes():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_death_of_a_data_worker_is_no_config_error(monkeypatch):
    """It is raised in any code, such as the code that writes the config of a checkpoint."""
    def died(*args, **kwargs):
        raise RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed.')

    cfg = Config(dict(a=1))
    monkeypatch.setattr('mmengine.config.config.FormatCode', died)
    with pytest.raises(Exception) as raised, config_errors('config.py'):
        cfg.pretty_text
    assert fault_message(raised.value).startswith('a data worker died (DataLoader worker (pid 7)')


@pytest.mark.parametrize('error', [
    OSError(24, 'Too many open files', 'a.png'), RuntimeError('received 0 items of ancdata'),
    RuntimeError('unable to open shared memory object </torch_1> in read-write mode: '
                 'Too many open files (24)')])
def test_too_few_file_handles_are_told(error):
    line = fault_message(error)
    assert line.startswith('too many open files (') and 'ulimit -n' in line
    assert fault_message(OSError(13, 'Permission denied')) is None


@pytest.mark.parametrize('message', [
    'Timed out after 4 seconds waiting for clients. 1/2 clients joined.',
    '[/pytorch/gloo/tcp/unbound_buffer.cc:78] Timed out waiting 3000ms for recv operation to '
    'complete', 'wait timeout after 2000ms, keys: /default_pg/0//1//cpu//0/1',
    'The client socket has timed out after 3000ms while trying to connect to (127.0.0.1, 29612).',
    'Connection reset by peer'])
def test_a_rank_that_does_not_come_or_answer_is_told(message):
    assert fault_message(RuntimeError(message)) == LOST_RANK_MESSAGE
    assert fault_message(ValueError(message)) is None


def last_line(printed):
    assert 'Traceback' not in printed.err
    return printed.err.strip().splitlines()[-1]


def test_a_nan_loss_is_told_with_its_frames(run_tool, kitti_root, tmp_path):
    config = write_config(tmp_path, kitti_root, "dict(type='PoisonWeight', iteration=4)")
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 2
    line = last_line(printed)
    assert 'loss_size_3d is nan' in line and 'at iteration 4 in' in line
    assert 'loss_heading' not in line and 'loss_heatmap' not in line
    assert len(PoisonWeight.frames) == 2 and all(name in line for name in PoisonWeight.frames)
    assert [path.name for path in (tmp_path / 'run').glob('*.pth')] == ['epoch_1.pth']
    content = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    assert all(torch.isfinite(value).all() for value in content['state_dict'].values())


def test_infinite_weights_are_not_saved():
    """A finite loss may have a gradient that is not finite."""
    weights = dict(good=torch.ones(2), steps=torch.tensor(1), bad=torch.tensor([1., float('inf')]))
    runner = type('Runner', (), dict(iter=7))
    with pytest.raises(InputError, match=r'not finite after iteration 7 \(first: bad\)'):
        FiniteLossHook().before_save_checkpoint(runner, dict(state_dict=weights))


def test_the_last_checkpoint_survives_a_full_disk(run_tool, kitti_root, tmp_path, file_sizes):
    """With a limit of file sizes a write fails half-way, as on a full disk."""
    config = write_config(tmp_path / 'full', kitti_root, "dict(type='LimitFileSize', iteration=4)")
    work_dir = tmp_path / 'run'
    code, printed = run_tool('train', config, '--work-dir', work_dir)
    assert code == 2
    assert 'epoch_2.pth: cannot be written (File too large); make room' in last_line(printed)
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_1.pth']
    assert newest_checkpoint(work_dir) == work_dir / 'epoch_1.pth'


# Reads the texts of programs, and runs each one in a fork, so that torch is imported once.
PROGRAMS = """
import json, os, sys
import torch.distributed
import mmdet3d_plugin.commands.command_line
for line in sys.stdin:
    text, arguments, outputs = json.loads(line)
    if os.fork() == 0:
        for number, path in enumerate(outputs, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        sys.argv[1:] = arguments
        break
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
else:
    sys.exit()
exec(text)
"""


@pytest.fixture(scope='module')
def programs():
    """Process of :data:`PROGRAMS`."""
    process = subprocess.Popen([sys.executable, '-c', PROGRAMS], cwd=ROOT, text=True, bufsize=1,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        yield process
        # Data workers of other tests may hold its input open, so it would not see an end.
        process.kill()


@pytest.fixture
def run_program(programs, tmp_path):
    """Function ``run_program(TEXT, *ARGUMENTS)`` that runs a program in a process of its own."""
    def run(text, *arguments):
        outputs = [tmp_path / 'stdout', tmp_path / 'stderr']
        programs.stdin.write(json.dumps([text, [*map(str, arguments)], [*map(str, outputs)]])
                             + '\n')
        code = int(programs.stdout.readline())
        return subprocess.CompletedProcess(text, code, *(path.read_text() for path in outputs))

    return run


# A full disk raises in a thread that writes, in the main thread, and when files are closed.
FULL = """
import threading
from mmdet3d_plugin.commands.command_line import outputs_in, run_command
def main():
    with outputs_in('work_dirs/run'):
        files = [open('/dev/full', 'w') for _ in range(2)]
        for file in files:
            file.write('a line')
        thread = threading.Thread(target=files[0].flush)
        thread.start()
        thread.join()
        files[1].flush()
run_command(main)
"""


def test_a_full_disk_is_told_once_with_the_folder(run_program):
    done = run_program(FULL)
    assert done.returncode == 2
    assert done.stderr == ('-c: error: a file in work_dirs/run: cannot be written (No space left '
                           'on device); make room and run the command again, a training with '
                           '--resume\n')


# Two ranks, forked so that torch is imported once. Rank 1 ends while rank 0 waits for it.
LOST_RANK = """
import os, sys
import torch
import torch.distributed as dist
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.errors import InputError

def main():
    dist.init_process_group('gloo', init_method='file://' + sys.argv[1], rank=rank, world_size=2)
    dist.all_reduce(torch.zeros(1))
    if rank == 1:
        raise InputError('000001.png: cut off')
    dist.all_reduce(torch.zeros(1))

ranks = []
for rank in (0, 1):
    ranks.append(os.fork())
    if ranks[-1] == 0:
        run_command(main)
        sys.exit()
print([os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in ranks])
"""


def test_a_lost_rank_is_told_in_one_line(run_program, tmp_path):
    done = run_program(LOST_RANK, tmp_path / 'store')
    assert done.stdout == '[1, 2]\n', done.stderr
    assert sorted(done.stderr.splitlines()) == [
        '-c: error: 000001.png: cut off',
        f'-c: error: {LOST_RANK_MESSAGE}']


# Each fork is the only rank of its group. A thread of gloo waits for the lock of the interpreter
# when the command ends: it has to free the tensors, and the long switch interval keeps it waiting.
ENDINGS = """
import atexit, os, sys
import torch
import torch.distributed as dist
from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.errors import InputError

def fail(error):
    raise error

def main():
    dist.init_process_group('gloo', init_method=f'file://{sys.argv[1]}_{os.getpid()}', rank=0,
                            world_size=1)
    print('not flushed', end='')
    atexit.register(print, ', cleaned up')
    sys.setswitchinterval(10)
    for _ in range(1000):
        dist.all_reduce(torch.zeros(1), async_op=True)
    end()

codes = []
for end in 3 * [lambda: fail(InputError('a.png: cut off')), lambda: fail(KeyboardInterrupt()),
                lambda: fail(ZeroDivisionError('a bug')), lambda: sys.exit(143), lambda: None]:
    if os.fork() == 0:
        run_command(main)
        sys.exit()
    codes.append(os.waitstatus_to_exitcode(os.wait()[1]))
print(codes)
"""


def test_exit_codes_of_ranks_with_busy_threads(run_program, tmp_path):
    done = run_program(ENDINGS, tmp_path / 'store')
    *printed, codes = done.stdout.splitlines()
    assert codes == str(3 * [2, 130, 1, 143, 0]), done.stderr
    assert printed == 15 * ['not flushed, cleaned up']
    assert done.stderr.count('-c: error: a.png: cut off\n') == 3
    assert done.stderr.count('interrupted\n') == 3
    assert done.stderr.count('Traceback') == done.stderr.count('ZeroDivisionError: a bug') == 3


def test_death_of_a_data_worker(run_tool, kitti, straight, tmp_path):
    config = write_config(tmp_path / 'killed', kitti, "dict(type='KillWorker', iteration=4)",
                          workers=2)
    work_dir = tmp_path / 'run'
    code, printed = run_tool('train', config, '--work-dir', work_dir)
    assert code == 2
    assert 'a data worker died (DataLoader worker (pid' in last_line(printed)
    assert 'num_workers' in last_line(printed)
    resume_training(run_tool, tmp_path, kitti)
    assert_same(training_state(work_dir / f'epoch_{EPOCHS}.pth'), straight)


def save(path, iteration, hour):
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    torch.save(dict(meta=dict(epoch=0, iter=iteration, time=f'20261120_{hour:02d}0000'),
                    optimizer={}, message_hub=hub, state_dict=dict(w=torch.arange(4096.))), path)


def test_newest_whole_checkpoint(tmp_path):
    """Neither the times of files nor iterations decide, but the time inside the checkpoint."""
    assert newest_checkpoint(tmp_path) is None
    save(tmp_path / 'epoch_9.pth', 90, 1)
    for epoch in (1, 2, 3):
        save(tmp_path / f'epoch_{epoch}.pth', 10 * epoch, 10 + epoch)
    save(tmp_path / 'interrupted.pth', 25, 12)
    os.utime(tmp_path / 'epoch_3.pth', (0, 0))
    torch.save(dict(meta=dict(iter=99, time='20261121'), state_dict={}), tmp_path / 'weights.pth')
    (tmp_path / 'text.pth').write_text('no checkpoint')
    assert newest_checkpoint(tmp_path) == tmp_path / 'epoch_3.pth'
    content = (tmp_path / 'epoch_3.pth').read_bytes()
    (tmp_path / 'epoch_3.pth').write_bytes(content[:len(content) // 2])
    assert newest_checkpoint(tmp_path) == tmp_path / 'interrupted.pth'
    # A flipped bit in a tensor: the file still opens.
    content = bytearray((tmp_path / 'interrupted.pth').read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / 'interrupted.pth').write_bytes(content)
    assert newest_checkpoint(tmp_path) == tmp_path / 'epoch_2.pth'
