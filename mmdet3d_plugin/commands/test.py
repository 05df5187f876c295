"""Test a model: python tools/test.py CONFIG CHECKPOINT [options]."""
import argparse
from typing import Any, Dict, Tuple

import torch.nn as nn
from mmengine.config import Config, ConfigDict

from ..engine.load_model import load_model
from ..engine.terminal_runner import TerminalRunner
from ..engine.training_start import report_hidden_pixels, report_run
from ..errors import InputError
from ..models.model_contract import DEPTH, DETECTION, EMBEDDING, task_of_config
from ..utils.files import check_writable
from .command_line import config_errors, outputs_in
from .options import load_config

# Metrics that write result files if they have a result_dir.
WRITERS = ('KittiAPMetric', 'WaymoAPMetric', 'DepthMetric', 'RetrievalMetric')
# Drawing hook of each task, and its settings for --show-dir.
DRAWING: Dict[str, Tuple[str, Dict[str, Any]]] = {
    DETECTION: ('DrawFramesHook', dict(max_frames=None)),
    DEPTH: ('DrawDepthHook', dict(max_frames=None)),
    EMBEDDING: ('DrawNeighboursHook', dict(max_queries=60)),
}
PURPOSES = {DEPTH: 'estimates depth maps', EMBEDDING: 'embeds images'}


class TestRunner(TerminalRunner):
    """Runner that loads the weights of ``cfg.checkpoint`` into its model."""

    def build_model(self, model: dict) -> nn.Module:
        """Build the model of the config and load the checkpoint on the CPU."""
        self.logger.info(f'Load checkpoint from {self.cfg.checkpoint}')
        return load_model(self.cfg, self.cfg.checkpoint, 'cpu')


def configure_drawing(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the drawing options to the config's drawing hook.

    Raises:
        InputError: the config has no drawing hook, or an option does not fit the model's task.
    """
    task = task_of_config(cfg.model)
    for flag, given, purpose in (
            ('--show-samples', args.show_samples, 'draws ROI locations of a detector'),
            ('--score-thr', args.score_thr is not None, 'selects detections')):
        if given and task != DETECTION:
            raise InputError(f'{args.config}: {flag} {purpose}, but this config '
                             f'{PURPOSES[task]}; leave it out')
    name, draw_more = DRAWING[task]
    hook = next((hook for hook in cfg.get('custom_hooks', []) if hook.type == name), None)
    if hook is None:
        if args.show_dir:
            raise InputError(f'{args.config}: --show-dir needs a {name} in custom_hooks')
        return
    if args.show_dir:
        check_writable(args.show_dir, '--show-dir')
        hook.update(out_dir=args.show_dir, **draw_more)
    if args.score_thr is not None:
        hook.score_threshold = args.score_thr


def configure_samples(cfg: Config, args: argparse.Namespace) -> None:
    """Add the hook that draws the weights of ROI locations."""
    hook: Dict[str, Any] = dict(type='DrawSamplesHook')
    if args.show_dir:
        hook.update(out_dir=f'{args.show_dir}/samples', max_frames=None)
    if args.score_thr is not None:
        hook.update(score_threshold=args.score_thr)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]


def configure_submission(cfg: Config, folder: str) -> None:
    """Configure the metric to write result files. KITTI frames without labels are not evaluated.

    Raises:
        InputError: the metric does not write files, or the folder is not writable.
    """
    evaluator = cfg.test_evaluator
    if not isinstance(evaluator, ConfigDict) or evaluator.type not in WRITERS:
        raise InputError(f'{cfg.filename}: --submission-dir needs one test_evaluator that writes '
                         f'files: {" or ".join(WRITERS)}')
    check_writable(folder, '--submission-dir')
    evaluator.result_dir = folder
    prefix = cfg.test_dataloader.dataset.get('data_prefix')
    if evaluator.type == 'KittiAPMetric' and prefix is not None and 'label' not in prefix:
        evaluator.format_only = True


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    with config_errors(args.config):
        cfg = load_config(args)
        configure_drawing(cfg, args)
        if args.show_samples:
            configure_samples(cfg, args)
        if args.submission_dir:
            configure_submission(cfg, args.submission_dir)
        cfg.checkpoint = args.checkpoint
        cfg.load_from, cfg.resume = None, False  # the runner must not load other weights
        with outputs_in(cfg.work_dir):
            runner = TestRunner.from_cfg(cfg)
            report_run(runner)
            report_hidden_pixels(runner.test_loop.dataloader.dataset)
            runner.test()
