"""Training loop that resumes in the middle of an epoch."""
from bisect import bisect
from typing import Sequence, Union

from mmengine.dist import get_rank
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from ..datasets.sample_randomness import ResumableBatchSampler, seed_everything, seed_of
from ..errors import InputError
from ..evaluation import RetrievalMetric


@LOOPS.register_module()
class ResumableEpochLoop(EpochBasedTrainLoop):
    """mmengine's epoch loop, resumable at any iteration.

    The random numbers of a step are a function of the run's seed, the rank and the iteration.
    Those of a sample are a function of the run's seed, the epoch and the sample
    (:class:`ResumableBatchSampler`). So a resumed training gets the same batches, augmentation
    and noise as a training without interruption.

    Args:
        runner: the runner of the training.
        dataloader: dataloader or its config. Without ``batch_sampler``, or with None, a config
            gets a ResumableBatchSampler.
        args: further positional arguments of mmengine's EpochBasedTrainLoop.
        kwargs: further arguments of mmengine's EpochBasedTrainLoop.

    Attributes:
        validating: whether the validation of the last epoch is due. It is set before the
            epoch's checkpoint is saved, and cleared after the validation. A training that is
            resumed from such a checkpoint starts with the validation.

    Raises:
        InputError: the batch sampler is no ResumableBatchSampler, or there is ``drop_last``
            beside it.
    """

    def __init__(self, runner: Runner, dataloader: Union[DataLoader, dict], *args,
                 **kwargs) -> None:
        if isinstance(dataloader, dict) and dataloader.get('batch_sampler') is None:
            dataloader = dict(dataloader)
            dataloader['batch_sampler'] = dict(
                type='ResumableBatchSampler', drop_last=dataloader.pop('drop_last', False))
        elif isinstance(dataloader, dict) and 'drop_last' in dataloader:
            raise InputError('train_dataloader.drop_last has no effect with a batch_sampler; '
                             'leave it out')
        super().__init__(runner, dataloader, *args, **kwargs)
        batch_sampler = self.dataloader.batch_sampler
        if not isinstance(batch_sampler, ResumableBatchSampler):
            raise InputError(
                f'train_dataloader.batch_sampler: a {type(batch_sampler).__name__} cannot go on '
                'in the middle of an epoch; leave it out, or derive it from '
                'ResumableBatchSampler')
        self.validating = False

    @property
    def batch_in_epoch(self) -> int:
        """Number of batches of the current epoch that are done."""
        return self._iter - self._epoch * len(self.dataloader)

    def run(self):
        self.runner.call_hook('before_train')
        self._check_validation()
        self._validate_if_due()  # of the resumed checkpoint
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate_if_due()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_epoch(self) -> None:
        # A resumed run loads its seed from the checkpoint after the sampler is built.
        self.dataloader.batch_sampler.sampler.seed = self.runner.seed
        start = self.dataloader.batch_sampler.start = self.batch_in_epoch
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        for index, batch in enumerate(self.dataloader, start):
            self.run_iter(index, batch)
        self.validating = self._is_validation_due()
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1

    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        seed_everything(seed_of(self.runner.seed, get_rank(), self._iter))
        super().run_iter(idx, data_batch)

    def _check_validation(self) -> None:
        """Raise InputError for a validation set that is too small for its recall."""
        if self.runner.val_loop is not None:
            for metric in self.runner.val_loop.evaluator.metrics:
                if isinstance(metric, RetrievalMetric):
                    metric.check_size(len(self.runner.val_dataloader.dataset))

    def _is_validation_due(self) -> bool:
        """Return whether the epoch that ends is validated.

        The rule is mmengine's, which applies it after the epoch is counted.
        """
        ended = self._epoch + 1
        self.val_interval = self.dynamic_intervals[bisect(self.dynamic_milestones, ended + 1) - 1]
        return (self.runner.val_loop is not None and ended >= self.val_begin
                and (ended % self.val_interval == 0 or ended == self._max_epochs))

    def _validate_if_due(self) -> None:
        # The config of a resumed run may lack the validation of the checkpoint's run.
        if self.validating and self.runner.val_loop is not None:
            self.runner.val_loop.run()
        self.validating = False
