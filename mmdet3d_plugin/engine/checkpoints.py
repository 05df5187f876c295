"""Checkpoint files: atomic writing, the newest one for resume, checks against a model."""
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple, Union

import torch
import torch.nn as nn
from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import print_log

from ..errors import InputError
from ..utils.files import atomic_write
from .process_state import unwrap_model
from .safe_loading import load_plain_checkpoint, short_reason

TRAINING_STATE = {'meta', 'optimizer', 'message_hub'}  # entries that a resume needs


class AtomicBackend(LocalBackend):
    """mmengine's backend of local files, with atomic writing.

    A process that dies while it writes leaves the old file unchanged. A config selects the
    backend by ``backend_args=dict(backend='atomic')``.

    Raises:
        InputError: the disk is full or the folder is not writable.
    """

    def put(self, obj: Union[bytes, memoryview], filepath: Union[str, Path]) -> None:
        try:
            atomic_write(filepath, bytes(obj))
        except OSError as error:
            raise InputError(f'{filepath}: cannot be written ({error.strerror}); make room, and '
                             'go on from the checkpoint before with --resume') from error

    def put_text(self, obj: str, filepath: Union[str, Path], encoding: str = 'utf-8') -> None:
        self.put(obj.encode(encoding), filepath)


register_backend('atomic', AtomicBackend, force=True)


def remove_unfinished(folder: Union[str, Path]) -> None:
    """Remove the temporary checkpoint files of processes that were killed.

    Args:
        folder: work dir of a training.
    """
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
        if is_whole(path):
            return path
        print_log(f'{path}: damaged, taking the checkpoint before', 'current')
    return None


def is_whole(path: Path) -> bool:
    """Return whether all check sums of a checkpoint file are right.

    Args:
        path: file in torch's zip format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # depends on the damage
        return False


def _training_states(folder: Path) -> Iterator[Tuple[str, int, Path]]:
    """Yield (time of writing, iterations, file) of each checkpoint with a training state."""
    for path in folder.glob('[!.]*.pth'):
        try:
            # With mmap, tensors stay on disk.
            content = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
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
    if not isinstance(content, dict) or not set(content) >= TRAINING_STATE:
        raise InputError('it holds no training state')
    meta = content['meta']
    key = tuple(meta.get(name) for name in ('time', 'iter')) if isinstance(meta, dict) else ()
    if tuple(map(type, key)) != (str, int):
        raise InputError('meta.time and meta.iter are no text and no number')
    return key


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
    check_weights(path, content.get('state_dict', content), model)
    if resume and not set(content) >= TRAINING_STATE:
        raise InputError(f'{path}: holds weights but no training state to resume; '
                         'start from it with --cfg-options load_from=PATH')


def check_weights(path: str, weights: Dict[str, Any], model: nn.Module) -> None:
    """Check that weights have exactly the entries and shapes of a model.

    Args:
        path: file of the weights, for the message.
        weights: state dict.
        model: the model, or the distributed wrapper of it.

    Raises:
        InputError: an entry is missing, unknown or of another shape.

    Example:
        >>> model = nn.Linear(2, 3)
        >>> check_weights('a.pth', model.state_dict(), model)
        >>> check_weights('a.pth', dict(weight=torch.zeros(3, 2)),
        ...               model)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: a.pth: the checkpoint of another model (1 of 2 ...
    """
    own = unwrap_model(model).state_dict()
    wrong = [key for key in own
             if getattr(weights.get(key), 'shape', None) != own[key].shape]
    if wrong or set(weights) - set(own):
        unknown = sorted(set(weights) - set(own))
        example = wrong[0] if wrong else unknown[0]
        raise InputError(
            f'{path}: the checkpoint of another model ({len(own) - len(wrong)} of {len(own)} '
            f'entries fit, {len(unknown)} are unknown; first odd one: {example}); '
            'pass the config that it was trained with')
