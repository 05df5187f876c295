"""Checkpoints of which a whole one is on the disk at every moment."""
from typing import Any, Dict

from mmengine.fileio.backends import BaseStorageBackend
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


class LateRemoval:
    """File backend whose removals wait for :meth:`remove_except`.

    Args:
        backend: the backend that does everything else.
    """

    def __init__(self, backend: BaseStorageBackend) -> None:
        self._backend = backend
        self._removals: Dict[str, str] = {}  # name of the method by path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self._removals[path] = 'remove'

    def rmtree(self, path: str) -> None:
        self._removals[path] = 'rmtree'

    def remove_except(self, *kept: str) -> None:
        """Do the removals since the last call.

        Args:
            kept: paths that are not removed, since they were written again.
        """
        for path, method in self._removals.items():
            if path not in kept:
                getattr(self._backend, method)(path)
        self._removals.clear()


@HOOKS.register_module()
class DurableCheckpointHook(CheckpointHook):
    """mmengine's CheckpointHook that removes old checkpoints after it has saved the new one.

    mmengine removes them before. With ``max_keep_ckpts=1`` a training that is killed while it
    saves has no checkpoint then. The disk needs room for one more checkpoint than are kept. The
    arguments are those of mmengine's hook; use ``backend_args=dict(backend='atomic')``.
    """

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        self.file_backend: Any = LateRemoval(self.file_backend)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        super()._save_checkpoint_with_step(runner, step, meta)
        self._remove_old(runner)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        super()._save_best_checkpoint(runner, metrics)
        self._remove_old(runner)

    def _remove_old(self, runner: Runner) -> None:
        self.file_backend.remove_except(*(
            path for name, path in runner.message_hub.runtime_info.items()
            if name.startswith(('last_ckpt', 'best_ckpt'))))
