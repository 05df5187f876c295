"""What the run did without: frames that datasets left out as broken."""
import logging
from typing import Dict, Iterator

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner


def skipped_frames(dataset) -> Dict[str, str]:
    """Reasons by frame, of a dataset and of those that it wraps."""
    skipped = dict(getattr(dataset, 'skipped', {}))
    for inner in _wrapped(dataset):
        skipped.update(skipped_frames(inner))
    return skipped


def _wrapped(dataset) -> Iterator:
    if hasattr(dataset, 'dataset'):
        yield dataset.dataset
    yield from getattr(dataset, 'datasets', ())


@HOOKS.register_module()
class SkippedFramesHook(Hook):
    """Lists the frames that datasets with ``on_error='skip'`` left out, when the run ends."""
    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self._skipped: Dict[str, Dict[str, str]] = {}

    def before_train(self, runner: Runner) -> None:
        self._skipped['training'] = skipped_frames(runner.train_dataloader.dataset)

    def before_val(self, runner: Runner) -> None:
        self._skipped['validation'] = skipped_frames(runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        self._skipped['test'] = skipped_frames(runner.test_dataloader.dataset)

    @master_only
    def after_run(self, runner: Runner) -> None:
        for what, skipped in self._skipped.items():
            if skipped:
                lines = [f'{what} left out {len(skipped)} broken frames:',
                         *(f'  {name}: {reason}' for name, reason in skipped.items())]
                print_log('\n'.join(lines), 'current', level=logging.WARNING)
