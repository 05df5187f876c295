"""Checkpoints on disk: written whole or not at all, found again after a crash."""
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

TRAINING_STATE = {'meta', 'optimizer', 'message_hub'}  # what a training goes on from


class AtomicBackend(LocalBackend):
    """mmengine's local files, each replaced at once: a process that dies while it writes
    leaves the old file. Configs choose it by ``backend_args=dict(backend='atomic')``.

    Raises:
        InputError: the disk is full or the folder unwritable.
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
    """Removes what writers that were killed have left."""
    for path in Path(folder).glob('.*.pth'):
        path.unlink(missing_ok=True)


def newest_checkpoint(folder: Union[str, Path]) -> Optional[Path]:
    """The checkpoint that was written last, among those that are whole.

    The time is the one in the checkpoint, which copying a folder does not change; of the same
    second, the one with more iterations. Iterations do not come first, since a longer training
    may have used the folder before. The time is mmengine's, the local clock's: where that is set
    back, or differs between machines, a checkpoint of up to so much earlier may be taken, and
    steps are repeated, with the same result. Files that no training can go on from, as a crash
    or another program leaves them, are named in the log and passed over.
    """
    candidates = sorted(_trainings(Path(folder)), reverse=True)
    for _, _, path in candidates:
        if is_whole(path):
            return path
        print_log(f'{path}: damaged, taking the checkpoint before', 'current')
    return None


def is_whole(path: Path) -> bool:
    """Whether the check sums of everything in a checkpoint are right."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # of many kinds, as the damage
        return False


def _trainings(folder: Path) -> Iterator[Tuple[str, int, Path]]:
    """(time of writing, iterations, file) of what a training can go on from."""
    for path in folder.glob('[!.]*.pth'):
        try:
            # Tensors stay on disk.
            content = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
            key = _time_and_iterations(content)
        except Exception as error:  # of many kinds, as the damage
            print_log(f'{path}: not resumed from ({short_reason(error)})', 'current')
            continue
        yield *key, path


def _time_and_iterations(content: object) -> Tuple[str, int]:
    """When a checkpoint was written; raises InputError if it is none of a training."""
    if not isinstance(content, dict) or not TRAINING_STATE <= set(content):
        raise InputError('it holds no training state')
    meta = content['meta']
    facts = tuple(meta.get(name) for name in ('time', 'iter')) if isinstance(meta, dict) else ()
    if tuple(map(type, facts)) != (str, int):
        raise InputError('meta.time and meta.iter are no text and no number')
    return facts


def check_checkpoint(path: str, model: nn.Module, resume: bool = False) -> None:
    """Raises InputError unless ``path`` holds the weights of this very model and,
    to ``resume`` from it, the state of its training."""
    if '://' in path:
        return  # mmengine fetches it
    content = load_plain_checkpoint(path)
    check_weights(path, content.get('state_dict', content), model)
    if resume and not TRAINING_STATE <= set(content):
        raise InputError(f'{path}: holds weights but no training state to resume; '
                         'start from it with --cfg-options load_from=PATH')


def check_weights(path: str, weights: Dict[str, Any], model: nn.Module) -> None:
    """Raise InputError unless weights have exactly the entries and shapes of a model.

    Args:
        path: the file that they come from, for the message.
        weights: by key.
        model: the model, or the distributed wrapper of it.
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
