"""Test a model: python tools/test.py CONFIG CHECKPOINT [options]."""
import argparse

import torch.nn as nn
from mmengine.config import Config
from mmengine.runner import Runner

from ..engine.load_model import load_model
from ..engine.training_start import report_hidden_pixels
from ..errors import InputError
from ..models.model_contract import DEPTH, DETECTION, EMBEDDING, task_of_config
from ..utils.files import check_writable
from .command_line import config_errors, outputs_in
from .help_formatter import ExampleFormatter
from .options import add_common_arguments, load_config

EXAMPLE = '''
example:
  python tools/test.py configs/monolss/monolss_dla34_kitti.py \\
      work_dirs/monolss_dla34_kitti/epoch_600.pth --show-dir work_dirs/frames
'''
# Metrics that write result files if they have a result_dir.
WRITERS = ('KittiAPMetric', 'WaymoAPMetric', 'DepthMetric', 'RetrievalMetric')
# Drawing hook of each task, and its settings for --show-dir.
DRAWING = {
    DETECTION: ('DrawFramesHook', dict(max_frames=None)),
    DEPTH: ('DrawDepthHook', dict(max_frames=None)),
    EMBEDDING: ('DrawNeighboursHook', dict(max_queries=60)),
}
PURPOSES = {DEPTH: 'estimates depth maps', EMBEDDING: 'embeds images'}


class TestRunner(Runner):
    """Runner that loads the weights of ``cfg.checkpoint`` into its model."""

    def build_model(self, model: dict) -> nn.Module:
        """Build the model of the config and load the checkpoint on the CPU."""
        self.logger.info(f'Load checkpoint from {self.cfg.checkpoint}')
        return load_model(self.cfg, self.cfg.checkpoint, 'cpu')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Evaluate a checkpoint on the test set of a config and draw predictions.',
        epilog=EXAMPLE, formatter_class=ExampleFormatter)
    parser.add_argument('config', help='config file, see configs/')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--submission-dir', metavar='DIR',
                        help='also write result files: DIR/data/FRAME.txt in the format of '
                        "KITTI's test server, DIR/labels.npz and DIR/detections.npz for Waymo, "
                        '16-bit PNG files for depth estimators, or DIR/embeddings.npz for '
                        'embedders')
    parser.add_argument('--show-dir', metavar='DIR',
                        help='draw all frames, or the nearest neighbours of 60 images for an '
                        'embedder, into this folder (default: draw 12 into WORK_DIR/frames or '
                        'WORK_DIR/neighbours)')
    parser.add_argument('--show-samples', action='store_true',
                        help='also draw the weights of the ROI locations of the highest-scoring '
                        'objects, into SHOW_DIR/samples (default: WORK_DIR/samples, 12 frames)')
    parser.add_argument('--score-thr', type=float, metavar='S',
                        help='minimum score of drawn detections (default: 0.1)')
    add_common_arguments(parser)
    return parser.parse_args()


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
    hook = dict(type='DrawSamplesHook')
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
    if not isinstance(evaluator, dict) or evaluator.type not in WRITERS:
        raise InputError(f'{cfg.filename}: --submission-dir needs one test_evaluator that writes '
                         f'files: {" or ".join(WRITERS)}')
    check_writable(folder, '--submission-dir')
    evaluator.result_dir = folder
    prefix = cfg.test_dataloader.dataset.get('data_prefix')
    if evaluator.type == 'KittiAPMetric' and prefix is not None and 'label' not in prefix:
        evaluator.format_only = True


def main() -> None:
    """Run the command."""
    args = parse_args()
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
            report_hidden_pixels(runner.test_loop.dataloader.dataset)
            runner.test()
