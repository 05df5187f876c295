"""Chaos test: disturbed trainings end with the bits of undisturbed ones, or the test fails.

Usage: ``PYTHONPATH=tests python -m reliability.chaos --minutes 10`` (Linux)

Trainings of one or two ranks with two data workers each are disturbed at random moments, again
and again, and resumed by ``--resume auto``. After each disturbance the test checks that

- all processes end in time, with an exit code that docs/reliability.md allows,
- nothing prints a traceback,
- the newest checkpoint is whole and not older than before.
"""
import argparse
import os
import random
import resource
import runpy
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

os.environ['CUDA_VISIBLE_DEVICES'] = ''  # trainings are forked, which spares the imports

import logging
import multiprocessing

import mmengine.config
import torch
from free_port import free_port
from mmengine.logging import MMLogger
from tiny_kitti import write_kitti
from tiny_training import ROOT, assert_same, training_state, write_config

from mmdet3d_plugin.engine.checkpoints import newest_checkpoint

EPOCHS = 10  # of two batches each
END_LIMIT = 120  # seconds for a training to end after a disturbance
RANK_LIMIT = 20  # seconds that ranks wait for each other
SIGNALS = ('SIGTERM', 'SIGUSR1', 'SIGINT')
CONTEXT = multiprocessing.get_context('fork')


class BrokenPromise(Exception):
    """A training did not do what docs/reliability.md says."""


class Training:
    """Training of some ranks, each the leader of a process group of its own.

    Args:
        config: config file.
        work_dir: work dir.
        ranks: number of ranks.
        slow_disk: whether a checkpoint takes a second to write.
        output: file of the output of all ranks.
    """

    def __init__(self, config, work_dir, ranks, slow_disk, output):
        port = free_port()
        self.config, self.work_dir, self.output = config, work_dir, output
        self.ranks = [CONTEXT.Process(target=run_rank, args=(
            config, work_dir, rank, ranks, port, slow_disk, output)) for rank in range(ranks)]
        for process in self.ranks:
            process.start()

    def running(self):
        return [process for process in self.ranks if process.is_alive()]

    def wait(self, seconds):
        """Wait for all ranks to end, at most some seconds; return whether they have."""
        end = time.monotonic() + seconds
        for process in self.ranks:
            process.join(max(end - time.monotonic(), 0))
        return not self.running()

    def workers(self):
        return [worker for process in self.running() for worker in children_of(process.pid)]

    def kill(self):
        for process in self.running():
            for worker in children_of(process.pid):
                send(worker, signal.SIGKILL)
            process.kill()
            process.join()

    def codes(self):
        return [process.exitcode for process in self.ranks]


def run_rank(config, work_dir, rank, ranks, port, slow_disk, output):
    """Train as one rank; this is a process."""
    os.setsid()
    with open(output, 'a') as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = sys.stderr = os.fdopen(1, 'w', buffering=1, closefd=False)
    logging.raiseExceptions = False
    # yapf would take a second for each log and checkpoint.
    mmengine.config.config.FormatCode = lambda text, **options: (text, True)
    torch.set_num_threads(1)
    os.chdir(ROOT)
    os.environ['CHAOS_DISK_SECONDS'] = str(int(slow_disk))
    sys.argv = ['tools/train.py', str(config), '--work-dir', str(work_dir), '--resume', 'auto']
    if ranks > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(ranks),
                          MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        sys.argv += ['--launcher', 'pytorch', '--cfg-options', 'train_dataloader.batch_size=1',
                     f'env_cfg.dist_cfg.timeout={RANK_LIMIT}']
    runpy.run_path('tools/train.py', run_name='__main__')


def children_of(process):
    try:
        return [int(child) for child in
                Path(f'/proc/{process}/task/{process}/children').read_text().split()]
    except OSError:  # it has ended
        return []


def send(process, number, group=False):
    """Send a signal to a process, or to its group, that may have ended."""
    with suppress(ProcessLookupError):
        (os.killpg if group else os.kill)(process, number)


def limit(process, kind, value):
    with suppress(ProcessLookupError, PermissionError):
        resource.prlimit(process, kind, (value, resource.getrlimit(kind)[1]))


# Disturbances. Each returns the exit codes that are allowed besides 0, 1 of a rank that has lost
# another one, and 2 of a rank that has lost a data worker.

def signal_to_one(training, rng):
    """A signal to one process."""
    number = getattr(signal, rng.choice(SIGNALS))
    send(rng.choice(training.running()).pid, number)
    return {128 + number, -number}  # before the training starts, the signal kills


def signal_to_all(training, rng):
    """A signal to all processes, data workers included."""
    number = getattr(signal, rng.choice(SIGNALS))
    for process in training.running():
        send(process.pid, number, group=True)
    return {128 + number, -number}


def kill_rank(training, rng):
    """``kill -9`` of a rank."""
    send(rng.choice(training.running()).pid, signal.SIGKILL)
    return {-signal.SIGKILL}


def kill_worker(training, rng):
    """``kill -9`` of a data worker."""
    if training.workers():
        send(rng.choice(training.workers()), signal.SIGKILL)
    return set()


def pause(training, rng):
    """A process that is stopped for seconds."""
    process = rng.choice([item.pid for item in training.running()] + training.workers())
    send(process, signal.SIGSTOP)
    time.sleep(rng.uniform(.5, 3))
    send(process, signal.SIGCONT)
    return set()


def stuck_worker(training, rng):
    """A data worker that is stopped for ever, then SIGTERM to all ranks."""
    workers = training.workers()
    if workers:
        send(rng.choice(workers), signal.SIGSTOP)
        time.sleep(2)
    for process in training.running():
        send(process.pid, signal.SIGTERM)
    return {128 + signal.SIGTERM, -signal.SIGTERM}


def hanging_rank(training, rng):
    """A rank that is stopped for ever; the others end after their time limit."""
    stopped = rng.choice(training.running())
    send(stopped.pid, signal.SIGSTOP)
    others = [process for process in training.running() if process is not stopped]
    for process in others:
        process.join(END_LIMIT)
    if any(process.is_alive() for process in others):
        raise BrokenPromise('a rank waits for ever for a rank that hangs')
    for worker in children_of(stopped.pid):
        send(worker, signal.SIGKILL)
    stopped.kill()
    return {-signal.SIGKILL}


def full_disk(training, rng):
    """A limit of the size of files, at which a write fails half-way."""
    for process in training.running():
        limit(process.pid, resource.RLIMIT_FSIZE, 1 << 20)
    return set()


def second_training(training, rng):
    """A second training in the same work dir."""
    locked = Path(training.work_dir, '.training.lock').exists()
    second = Training(training.config, training.work_dir, 1, False,
                      training.output.with_suffix('.second'))
    ended = second.wait(END_LIMIT)
    second.kill()
    printed = second.output.read_text()
    refused = second.codes() == [2] and 'another training is running here' in printed
    if not ended or (locked and training.ranks[0].is_alive() and not refused):
        raise BrokenPromise(f'a second training ends with {second.codes()}: {printed[-500:]}')
    return set()


DISTURBANCES = (signal_to_one, signal_to_all, kill_rank, kill_worker, pause, stuck_worker,
                hanging_rank, full_disk, second_training)


def check(training, allowed, work_dir, progress):
    """Check a training that has been disturbed; return the iterations that are saved."""
    if not training.wait(END_LIMIT):
        training.kill()
        raise BrokenPromise('hangs')
    printed = training.output.read_text()
    if 'Traceback' in printed:
        raise BrokenPromise('prints a traceback')
    strange = set(training.codes()) - {0, 1, 2} - allowed
    if strange or (len(training.ranks) == 1 and 1 in training.codes()):
        raise BrokenPromise(f'exit codes {training.codes()}, allowed: {sorted(allowed)}')
    newest = newest_checkpoint(work_dir)
    done = 0 if newest is None else torch.load(newest, weights_only=True)['meta']['iter']
    if done < progress:
        raise BrokenPromise(f'iteration {progress} was saved, but the newest whole checkpoint has '
                            f'iteration {done}')
    return done


def train_with_chaos(config, folder, ranks, seconds, end, rng, counts):
    """Train to the end with disturbances, and return the final state.

    Args:
        config: config file.
        folder: folder of the work dir and the outputs.
        ranks: number of ranks.
        seconds: duration of a training without disturbance.
        end: time after which nothing is disturbed.
        rng: random numbers.
        counts: counter of disturbances; changed in place.
    """
    work_dir = folder / 'run'
    progress = 0
    for attempt in range(1000):
        slow_disk = rng.random() < .3
        training = Training(config, work_dir, ranks, slow_disk, folder / f'{attempt}.log')
        disturb = rng.choice(DISTURBANCES)
        if (ranks == 1 and disturb is hanging_rank) or time.monotonic() > end:
            disturb = None
        title = 'undisturbed' if disturb is None else disturb.__name__
        try:
            allowed = set()
            if disturb is None:
                training.wait(10 * seconds + END_LIMIT)
            elif not training.wait(rng.uniform(0, seconds * (1 - .6 * progress / (2 * EPOCHS)))):
                allowed = disturb(training, rng)
                counts[title] += 1
                counts['with a slow disk'] += slow_disk
            progress = check(training, allowed, work_dir, progress)
        except BrokenPromise as error:
            raise BrokenPromise(f'{title}, {ranks} ranks, {training.output}: {error}') from None
        finally:
            training.kill()
        if not any(training.codes()):
            return training_state(work_dir / f'epoch_{EPOCHS}.pth')
        if disturb is None:
            raise BrokenPromise(f'undisturbed, {training.output}: {training.codes()}')
    raise BrokenPromise(f'{folder}: no end')


def reference(config, folder, ranks):
    """Train without disturbance; return the final state and the duration in seconds."""
    start = time.monotonic()
    training = Training(config, folder / 'run', ranks, False, folder / 'log')
    if not training.wait(10 * END_LIMIT) or any(training.codes()):
        raise BrokenPromise(f'undisturbed: {(folder / "log").read_text()[-2000:]}')
    return training_state(folder / f'run/epoch_{EPOCHS}.pth'), time.monotonic() - start


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--minutes', type=float, default=5, help='duration (default: 5)')
    parser.add_argument('--seed', type=int, help='seed of the disturbances (default: the time)')
    args = parser.parse_args()
    seed = int(time.time()) if args.seed is None else args.seed
    rng, counts = random.Random(seed), Counter()
    torch.set_num_threads(1)
    MMLogger.get_current_instance().setLevel('ERROR')
    end = time.monotonic() + 60 * args.minutes
    folder = Path(tempfile.mkdtemp(prefix='chaos_'))
    print(f'seed {seed}, outputs in {folder}', flush=True)
    config = write_config(folder / 'config', write_kitti(folder / 'kitti'), workers=2,
                          epochs=EPOCHS, imports=['reliability.chaos_hooks'])
    references = {}
    try:
        while time.monotonic() < end or not counts['trainings']:
            ranks = 1 + len(references) % 2 if len(references) < 2 else rng.choice((1, 2))
            place = folder / str(counts['trainings'])
            place.mkdir()
            if ranks not in references:
                (folder / f'reference_{ranks}').mkdir()
                references[ranks] = reference(config, folder / f'reference_{ranks}', ranks)
            expected, seconds = references[ranks]
            state = train_with_chaos(config, place, ranks, seconds, end, rng, counts)
            try:
                assert_same(state, expected)
            except AssertionError:
                raise BrokenPromise(f'{place}: other weights than without disturbance') from None
            counts['trainings'] += 1
            shutil.rmtree(place)
    except BrokenPromise as error:
        print(f'broken promise: {error}', file=sys.stderr)
        sys.exit(1)
    finally:
        print('\n'.join(f'{number:6} {title}' for title, number in sorted(counts.items())))
    shutil.rmtree(folder)
    print('all trainings ended with the bits of the undisturbed ones')


if __name__ == '__main__':
    main()
