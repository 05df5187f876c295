"""Progress bars on a terminal."""
import sys
from contextlib import ExitStack
from typing import List

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Hook that shows training, validation and testing as progress bars.

    Log lines print above the bars. No bar is shown if stderr is not a terminal.
    """

    def __init__(self) -> None:
        # Validation runs inside training, so the last bar is the innermost.
        self._bars: List[tqdm] = []
        self._stack = ExitStack()

    def before_run(self, runner: Runner) -> None:
        if self._visible():
            self._stack.enter_context(logging_redirect_tqdm([runner.logger]))

    def after_run(self, runner: Runner) -> None:
        while self._bars:
            self._close()
        self._stack.close()

    def before_train(self, runner: Runner) -> None:
        self._open('train', runner.max_iters, runner.iter)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        if self._bars:
            self._bars[-1].set_description(
                f'train epoch {runner.epoch + 1}/{runner.max_epochs}', refresh=False)
        self._advance()

    def after_train(self, runner: Runner) -> None:
        self._close()

    def before_val_epoch(self, runner: Runner) -> None:
        self._open('validate', len(runner.val_dataloader))

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                       outputs=None) -> None:
        self._advance()

    def after_val_epoch(self, runner: Runner, metrics=None) -> None:
        self._close()

    def before_test_epoch(self, runner: Runner) -> None:
        self._open('test', len(runner.test_dataloader))

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                        outputs=None) -> None:
        self._advance()

    def after_test_epoch(self, runner: Runner, metrics=None) -> None:
        self._close()

    @staticmethod
    def _visible() -> bool:
        return is_main_process() and sys.stderr.isatty()

    def _open(self, title: str, total: int, done: int = 0) -> None:
        if self._visible():
            self._bars.append(tqdm(total=total, initial=done, desc=title, unit='batch',
                                   dynamic_ncols=True, leave=not self._bars, file=sys.stderr))

    def _advance(self) -> None:
        if self._bars:
            self._bars[-1].update()

    def _close(self) -> None:
        if self._bars:
            self._bars.pop().close()
