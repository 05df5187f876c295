"""Train a model: python tools/train.py CONFIG [options]."""
import argparse

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.runner import Runner

from ..engine.checkpoints import check_checkpoint, newest_checkpoint, remove_unfinished
from ..engine.training_camera import TrainingCameraHook
from ..engine.training_start import report_training_set
from ..models.model_contract import EMBEDDING, task_of_config
from .command_line import config_errors, outputs_in
from .help_formatter import ExampleFormatter
from .options import add_common_arguments, load_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train a detector or a depth estimator. Logs are written to the terminal, '
        'to TensorBoard files and to vis_data/scalars.json in the work dir.',
        epilog='example:\n  python tools/train.py configs/monolss/monolss_dla34_kitti.py --amp',
        formatter_class=ExampleFormatter)
    parser.add_argument('config', help='config file, see configs/')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='resume from CHECKPOINT; without CHECKPOINT or with "auto", resume '
                        'from the newest complete checkpoint of the work dir, or start a new '
                        'training if there is none')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the total batch size')
    add_common_arguments(parser)
    return parser.parse_args()


def resume_from(cfg: Config, checkpoint: str) -> None:
    """Configure a run to resume from a checkpoint.

    Args:
        cfg: config of the run, changed in place.
        checkpoint: file, or 'auto' for the newest complete checkpoint of the work dir, if any.
    """
    if checkpoint == 'auto':
        remove_unfinished(cfg.work_dir)
        checkpoint = newest_checkpoint(cfg.work_dir)
        if checkpoint is None:
            print_log(f'{cfg.work_dir}: no checkpoint to resume from, starting a new training')
            return
    cfg.resume = True
    cfg.load_from = str(checkpoint)


def main() -> None:
    """Run the command."""
    args = parse_args()
    with config_errors(args.config):
        cfg = load_config(args)
        if args.auto_scale_lr:
            cfg.auto_scale_lr.enable = True
        if args.resume:
            resume_from(cfg, args.resume)
        with outputs_in(cfg.work_dir):
            runner = Runner.from_cfg(cfg)
            if task_of_config(cfg.model) != EMBEDDING:
                runner.register_hook(TrainingCameraHook())
            if cfg.load_from is not None:
                check_checkpoint(cfg.load_from, runner.model, resume=cfg.resume)
            report_training_set(runner.train_loop.dataloader.dataset)
            runner.train()
