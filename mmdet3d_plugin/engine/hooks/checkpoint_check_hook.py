"""Validation of the checkpoint that a training starts or resumes from."""
from pathlib import Path
from typing import Any, Dict, List

from mmengine.hooks import CheckpointHook, EMAHook, Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..checkpoint_content import weights_of
from ..checkpoints import check_weights
from ..training_state import check_fitting_state, check_hook_states, check_training_state

BEST_FILE = 'best_ckpt'  # start of the names of mmengine's entries


@HOOKS.register_module()
class CheckpointCheckHook(Hook):
    """Hook that validates a checkpoint before a training starts or resumes from it.

    Raises:
        InputError: the checkpoint is of another model, or does not hold the state of this
            training.
    """
    priority = 'HIGHEST'  # before hooks that take over their state

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        title = str(runner._load_from or runner.work_dir)
        weights = weights_of(checkpoint, title)
        check_weights(title, weights, runner.model)
        checkpoint['state_dict'] = weights  # mmengine's EMAHook reads this entry
        check_hook_states(runner.hooks, checkpoint, title)
        if not runner._resume:
            return
        check_training_state(checkpoint, title)
        check_fitting_state(runner, checkpoint, title)
        if 'ema_state_dict' in checkpoint:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    check_weights(f'{title}, ema_state_dict', checkpoint['ema_state_dict'],
                                  hook.ema_model)
        _forget_foreign_files(runner, checkpoint['message_hub']['runtime_info'])


def _forget_foreign_files(runner: Runner, info: Dict[str, Any]) -> None:
    """Remove the names of best checkpoints that are not in the folders of this run.

    mmengine deletes the file of such a name when a better checkpoint is saved. The name comes
    from the checkpoint, which may be of a copied folder or of unknown origin.
    """
    folders = _checkpoint_folders(runner)
    for key in [key for key in info if key.startswith(BEST_FILE)]:
        path = Path(info[key]) if isinstance(info[key], str) else Path()
        if not path.name.startswith('best_') or path.parent.absolute() not in folders:
            del info[key]


def _checkpoint_folders(runner: Runner) -> List[Path]:
    """Return the folders that the hooks of a run save checkpoints in."""
    folders = [Path(runner.work_dir).absolute()]
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.out_dir is not None:
            folders.append(Path(hook.out_dir, Path(runner.work_dir).name).absolute())
    return folders
