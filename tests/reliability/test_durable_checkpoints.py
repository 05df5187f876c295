"""A whole checkpoint is on the disk at every moment, whatever fails while the next is written."""
import errno
import os
from pathlib import Path

import pytest
from mmengine.runner import Runner
from reliability.toy_runner import toy_config

from mmdet3d_plugin.engine.checkpoints import (
    AtomicBackend,
    is_whole,
    newest_checkpoint,
    remove_unfinished,
    training_lock,
)
from mmdet3d_plugin.engine.hooks import DurableCheckpointHook
from mmdet3d_plugin.errors import InputError

# The calls by which a checkpoint is written and an older one is removed.
CALLS = ((Path, 'write_bytes'), (os, 'fsync'), (os, 'replace'), (os, 'remove'))


@pytest.fixture
def calls(monkeypatch):
    """Function that has another one called before and after each call of ``CALLS``."""
    def watch(act):
        for place, name in CALLS:
            original = getattr(place, name)

            def call(*args, original=original, name=name, **kwargs):
                act(name, args[0])
                result = original(*args, **kwargs)
                act(f'{name} done', args[0])
                return result

            monkeypatch.setattr(place, name, call)

    return watch


def kind_of(path):
    """Return the kind of file of a call: a folder, a temporary file, or the name of a file."""
    if isinstance(path, int):
        path = os.readlink(f'/proc/self/fd/{path}')
    path = Path(path)
    return 'folder' if path.is_dir() else 'temporary' if path.name.startswith('.') else path.name


def start(folder, **settings):
    """Return a hook that keeps one checkpoint, and its runner."""
    cfg = toy_config(folder, train_cfg=dict(max_epochs=9))
    runner = Runner.from_cfg(cfg)
    runner._train_loop = runner.build_train_loop(cfg.train_cfg)
    runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    hook = DurableCheckpointHook(interval=1, max_keep_ckpts=1,
                                 backend_args=dict(backend='atomic'), **settings)
    hook.before_train(runner)
    return hook, runner


@pytest.fixture
def saver(tmp_path):
    """Function ``save(EPOCH)`` of a hook that keeps one checkpoint."""
    hook, runner = start(tmp_path)

    def save(epoch):
        hook._save_checkpoint_with_step(runner, epoch, dict(epoch=epoch, iter=2 * epoch))

    save.hook = hook
    return save


def checkpoints(folder):
    return sorted(path.name for path in folder.glob('[!.]*.pth'))


def test_order_of_writing(saver, calls, tmp_path):
    """The old file goes when the new one and its name are on the disk."""
    saver(1)
    done = []
    calls(lambda name, path: done.append((name, kind_of(path))))
    saver(2)
    steps = [step for step in done if not step[0].endswith('done')]
    assert steps == [
        ('write_bytes', 'temporary'), ('fsync', 'temporary'), ('replace', 'temporary'),
        ('fsync', 'folder'), ('remove', 'epoch_1.pth')]
    assert checkpoints(tmp_path) == ['epoch_2.pth']


def test_a_training_that_keeps_one_checkpoint_always_has_one(saver, calls, tmp_path):
    """It may be killed before or after each call."""
    saver(1)
    moments = []

    def look(name, path):
        whole = [path.name for path in tmp_path.glob('[!.]*.pth') if is_whole(path)]
        moments.append(whole)

    calls(look)
    for step in (2, 3):
        saver(step)
    assert len(moments) == 2 * 2 * 5 and all(moments)
    assert checkpoints(tmp_path) == ['epoch_3.pth']


@pytest.mark.parametrize('failing', range(5))
def test_a_failing_call_leaves_a_checkpoint(saver, calls, tmp_path, failing):
    saver(1)
    count = iter(range(99))

    def fail(name, path):
        if not name.endswith('done') and next(count) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    calls(fail)
    with pytest.raises((InputError, OSError), match='No space left on device'):
        saver(2)
    newest = 2 if failing > 2 else 1
    assert newest_checkpoint(tmp_path) == tmp_path / f'epoch_{newest}.pth'
    assert not list(tmp_path.glob('.*.pth'))


def test_a_checkpoint_that_is_saved_again_stays(saver, tmp_path):
    """mmengine removes the best checkpoint before it saves a better one of the same name."""
    saver(1)
    saver.hook.file_backend.remove(str(tmp_path / 'epoch_1.pth'))
    saver(1)
    assert checkpoints(tmp_path) == ['epoch_1.pth']


def test_best_checkpoints(tmp_path):
    """One best checkpoint is kept, beside the last one."""
    hook, runner = start(tmp_path, save_best='frames', rule='greater')
    for epoch, frames in ((1, 5), (2, 7), (3, 6)):
        hook._save_checkpoint_with_step(runner, epoch, dict(epoch=epoch, iter=epoch))
        runner.train_loop._epoch = epoch
        hook._save_best_checkpoint(runner, dict(frames=frames))
    assert checkpoints(tmp_path) == ['best_frames_epoch_2.pth', 'epoch_3.pth']


def test_a_disk_without_flushing_of_folders(monkeypatch, tmp_path):
    flushed = []

    def fsync(handle):
        flushed.append(kind_of(handle))
        if flushed[-1] == 'folder':
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, 'fsync', fsync)
    AtomicBackend().put(b'weights', tmp_path / 'a.pth')
    assert (tmp_path / 'a.pth').read_bytes() == b'weights' and flushed == ['temporary', 'folder']


def test_unfinished_files_are_removed_by_the_holder_of_the_lock(tmp_path):
    unfinished = tmp_path / '.epoch_1.x.pth'
    unfinished.touch()
    remove_unfinished(tmp_path)
    assert unfinished.exists()  # it may be written by a training
    with training_lock(toy_config(tmp_path, launcher='none')):
        remove_unfinished(tmp_path)
        assert not unfinished.exists()


def test_only_rank_0_holds_the_lock(tmp_path, monkeypatch):
    cfg = toy_config(tmp_path, launcher='pytorch')
    for rank, names in (('0', ['.training.lock']), ('1', [])):
        monkeypatch.setenv('RANK', rank)
        with training_lock(cfg):
            assert os.listdir(tmp_path) == names
