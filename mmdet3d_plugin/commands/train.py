"""Train a model: python tools/train.py CONFIG [options]."""
import argparse

from mmengine.config import Config
from mmengine.logging import print_log

from ..engine.checkpoints import (
    check_checkpoint,
    newest_checkpoint,
    remove_unfinished,
    training_lock,
)
from ..engine.hooks import CheckpointCheckHook
from ..engine.terminal_runner import TerminalRunner
from ..engine.training_camera import TrainingCameraHook
from ..engine.training_start import report_run, report_training_set
from ..models.model_contract import EMBEDDING, task_of_config
from .command_line import config_errors, outputs_in
from .options import load_config


def resume_from(cfg: Config, checkpoint: str) -> None:
    """Configure a run to resume from a checkpoint.

    Args:
        cfg: config of the run, changed in place.
        checkpoint: file, or 'auto' for the newest complete checkpoint of the work dir, if any.
    """
    if checkpoint == 'auto':
        remove_unfinished(cfg.work_dir)
        newest = newest_checkpoint(cfg.work_dir)
        if newest is None:
            print_log(f'{cfg.work_dir}: no checkpoint to resume from, starting a new training')
            return
        checkpoint = str(newest)
    cfg.resume = True
    cfg.load_from = checkpoint


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    with config_errors(args.config):
        cfg = load_config(args)
        if args.auto_scale_lr:
            cfg.auto_scale_lr.enable = True
        with training_lock(cfg), outputs_in(cfg.work_dir):
            if args.resume:
                resume_from(cfg, args.resume)
            runner = TerminalRunner.from_cfg(cfg)
            report_run(runner)
            runner.register_hook(CheckpointCheckHook())
            if task_of_config(cfg.model) != EMBEDDING:
                runner.register_hook(TrainingCameraHook())
            if cfg.load_from is not None:
                check_checkpoint(cfg.load_from, runner.model, resume=cfg.resume)
            report_training_set(runner.train_loop.dataloader.dataset)
            runner.train()
