"""Checkpoint files: atomic writing, the newest one for resume, checks against a model."""
import errno
import os
import zipfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, Optional, Tuple, Union

import torch.nn as nn
from mmengine.config import Config
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import print_log

from ..errors import InputError
from ..models.fitting_weights import misfits
from ..utils.archives import archive_entries
from ..utils.files import atomic_path
from ..utils.folder_lock import folder_lock, holds_lock
from .bounded_loading import load_bounded
from .checkpoint_content import weights_of
from .process_state import unwrap_model
from .safe_loading import load_plain_checkpoint, short_reason
from .training_state import TRAINING_STATE, check_training_state

TRAINING = 'training'  # purpose of the lock of a work dir


class AtomicBackend(LocalBackend):
    """mmengine's backend of local files, with atomic and durable writing.

    A process that dies while it writes leaves the old file unchanged. When :meth:`put` returns,
    file and folder are on the disk, so that an older checkpoint may be removed. A config
    selects the backend by ``backend_args=dict(backend='atomic')``.

    Raises:
        InputError: the disk is full or the folder is not writable.
    """

    def put(self, obj: Union[bytes, memoryview], filepath: Union[str, Path]) -> None:
        try:
            with atomic_path(filepath) as temporary:
                temporary.write_bytes(obj)
                _flush_to_disk(temporary)
            _flush_to_disk(Path(filepath).parent)
        except OSError as error:
            raise InputError(f'{filepath}: cannot be written ({error.strerror}); make room, and '
                             'go on from the checkpoint before with --resume') from error

    def put_text(self, obj: str, filepath: Union[str, Path], encoding: str = 'utf-8') -> None:
        self.put(obj.encode(encoding), filepath)


register_backend('atomic', AtomicBackend, force=True)


def _flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network disks have no such call for folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def training_lock(cfg: Config) -> ContextManager[None]:
    """Return the lock of a training's work dir, which rank 0 holds for all ranks.

    Args:
        cfg: config of a run whose launcher has set the environment of the ranks.
    """
    if cfg.launcher != 'none' and os.environ['RANK'] != '0':
        return nullcontext()
    return folder_lock(cfg.work_dir, TRAINING, '--work-dir')


def remove_unfinished(folder: Union[str, Path]) -> None:
    """Remove the temporary checkpoint files of processes that were killed.

    Only the process that holds the lock of the training removes files. Other processes cannot
    know whether a file is being written.

    Args:
        folder: work dir of a training.
    """
    if holds_lock(folder, TRAINING):
        for path in Path(folder).glob('.*.pth'):
            path.unlink(missing_ok=True)


def newest_checkpoint(folder: Union[str, Path]) -> Optional[Path]:
    """Return the newest checkpoint of a folder that is whole and holds a training state.

    Checkpoints are sorted by the time of writing that they hold, which copying a folder does not
    change, then by the number of iterations. Time comes first, since a longer training may have
    used the same folder before. mmengine takes the time from the local clock. If the clock is
    set back, or differs between machines, the result may be older than the newest checkpoint by
    that difference; steps are then repeated with the same result.

    Other ``.pth`` files, such as damaged ones, are skipped with one line in the log.

    Args:
        folder: work dir of a training.

    Returns:
        File of the checkpoint, or None.
    """
    candidates = sorted(_training_states(Path(folder)), reverse=True)
    for _, _, path in candidates:
        if not is_whole(path):
            print_log(f'{path}: damaged, taking the checkpoint before', 'current')
            continue
        try:
            check_training_state(load_plain_checkpoint(path), str(path))
            return path
        except InputError as error:
            print_log(f'{error}; taking the checkpoint before', 'current')
    return None


def is_whole(path: Path) -> bool:
    """Return whether all check sums of a checkpoint file are right.

    Args:
        path: file in torch's zip format.
    """
    try:
        archive_entries(path, is_stored=True)
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # depends on the damage
        return False


def _training_states(folder: Path) -> Iterator[Tuple[str, int, Path]]:
    """Yield (time of writing, iterations, file) of each checkpoint with a training state."""
    for path in folder.glob('[!.]*.pth'):
        try:
            # With mmap, tensors stay on disk.
            content = load_bounded(path, mmap=True)
            key = _time_and_iterations(content)
        except Exception as error:  # depends on the damage
            print_log(f'{path}: not resumed from ({short_reason(error)})', 'current')
            continue
        yield *key, path


def _time_and_iterations(content: object) -> Tuple[str, int]:
    """Return the time of writing and the iterations of a checkpoint.

    Raises:
        InputError: it holds no training state.
    """
    if not isinstance(content, dict) or not content.keys() >= TRAINING_STATE.keys():
        raise InputError('it holds no training state')
    meta = content['meta']
    key = tuple(meta.get(name) for name in ('time', 'iter')) if isinstance(meta, dict) else ()
    if tuple(map(type, key)) != (str, int):
        raise InputError('meta.time and meta.iter are no text and no number')
    return str(meta['time']), int(meta['iter'])


def check_checkpoint(path: str, model: nn.Module, resume: bool = False) -> None:
    """Check that a checkpoint file fits a model.

    Args:
        path: file; a URL is not checked.
        model: the model, or the distributed wrapper of it.
        resume: whether the checkpoint has to hold a training state.

    Raises:
        InputError: the file is unreadable, holds the weights of another model, or lacks the
            training state.
    """
    if '://' in path:
        return
    content = load_plain_checkpoint(path)
    check_weights(path, weights_of(content, path), model)
    if resume and not content.keys() >= TRAINING_STATE.keys():
        raise InputError(f'{path}: holds weights but no training state to resume; '
                         'start from it with --cfg-options load_from=PATH')
    if resume:
        check_training_state(content, path)


def check_weights(path: str, weights: Dict[str, Any], model: nn.Module) -> None:
    """Check that weights have exactly the entries of a model, with their shapes and types.

    Args:
        path: file of the weights, for the message.
        weights: state dict.
        model: the model, or the distributed wrapper of it.

    Raises:
        InputError: an entry is missing, unknown or of another shape, or does not hold the
            numbers of the model's entry.

    Example:
        >>> model = nn.Linear(2, 3)
        >>> check_weights('a.pth', model.state_dict(), model)
        >>> check_weights('a.pth', dict(weight=model.weight), model)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.pth: the checkpoint of another model (1 of 2 ...
    """
    own = unwrap_model(model).state_dict()
    wrong = [*misfits(weights, own), *(f'{key} is missing' for key in own if key not in weights)]
    unknown = sorted(weights.keys() - own.keys())
    if wrong or unknown:
        example = wrong[0] if wrong else f'{unknown[0]} is unknown'
        raise InputError(
            f'{path}: the checkpoint of another model ({len(own) - len(wrong)} of {len(own)} '
            f'entries fit, {len(unknown)} are unknown; first odd one: {example}); '
            'pass the config that it was trained with')
