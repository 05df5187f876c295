"""List of the frames that datasets left out as broken."""
import logging
from typing import Dict

from mmdet.datasets import MultiImageMixDataset
from mmengine.dataset import ClassBalancedDataset, RepeatDataset
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset, Dataset, Subset

from ...datasets.checked_dataset import CheckedDataset

# Datasets that wrap one dataset, as their attribute ``dataset``.
WRAPPERS = (ClassBalancedDataset, MultiImageMixDataset, RepeatDataset, Subset)


def skipped_frames(dataset: Dataset) -> Dict[str, str]:
    """Return the frames that a dataset left out.

    Args:
        dataset: a CheckedDataset, or a wrapper of mmengine, mmdet or torch around some. Other
            datasets leave no frames out.

    Returns:
        Message by name of the frame.
    """
    if isinstance(dataset, CheckedDataset):
        return dict(dataset.skipped)
    if isinstance(dataset, WRAPPERS):
        return skipped_frames(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return {name: message for inner in dataset.datasets
                for name, message in skipped_frames(inner).items()}
    return {}


@HOOKS.register_module()
class SkippedFramesHook(Hook):
    """Hook that logs the frames that datasets with ``on_error='skip'`` left out.

    The list is logged when the run ends, by rank 0.
    """
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
        for phase, skipped in self._skipped.items():
            if skipped:
                lines = [f'{phase} left out {len(skipped)} broken frames:',
                         *(f'  {name}: {message}' for name, message in skipped.items())]
                print_log('\n'.join(lines), 'current', level=logging.WARNING)
