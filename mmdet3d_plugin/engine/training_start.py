"""Reports at the start of a run: versions and folder, and the objects that a training learns."""
import logging
from typing import Optional

import torch
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch.utils.data import Dataset

from ..datasets.learned_objects import count_objects, hidden_shares, title_of
from ..errors import InputError

MAX_HIDDEN = 0.05  # share of an image that an input may hide without a warning


def report_run(runner: Runner) -> None:
    """Log a line with versions, devices, seed, and the folder of the full log.

    Args:
        runner: the runner of a training or a test.
    """
    device = torch.cuda.get_device_name() if get_device() == 'cuda' else get_device()
    print_log(f'PyTorch {torch.__version__}, {runner.world_size} x {device}, seed {runner.seed}; '
              f'log with config, hooks and environment: {runner.log_dir}', 'current')


def report_training_set(dataset: Dataset) -> None:
    """Log how many objects per class are learned and dropped, and what inputs do not show.

    Rank 0 counts. Datasets without objects have no table.

    Args:
        dataset: the training dataset.

    Raises:
        InputError: there are labels or classes, but no object is left to learn from; on all ranks.
    """
    reasons = [_log_objects(dataset) if is_main_process() else None]
    broadcast_object_list(reasons)
    if reasons[0] is not None:
        raise InputError(f'{title_of(dataset)}: {reasons[0]}')


def _log_objects(dataset: Dataset) -> Optional[str]:
    """Log the table and the warnings; return why nothing is left to learn from, or None."""
    report_hidden_pixels(dataset)
    title, counts = title_of(dataset), count_objects(dataset)
    if counts is None:
        return None
    print_log(f'{title}: objects to learn from in {counts.frames} frames\n{counts.table()}',
              'current')
    refusal = counts.refusal()
    for line in counts.warnings() if refusal is None else ():
        print_log(f'{title}: {line}', 'current', level=logging.WARNING)
    return refusal


def report_hidden_pixels(dataset: Dataset) -> None:
    """Warn if inputs hide more than 5 % of an image.

    Args:
        dataset: any dataset.
    """
    if not is_main_process():
        return
    for crop, (width, height), share in hidden_shares(dataset):
        if share > MAX_HIDDEN:
            size = 'x'.join(map(str, crop.input_size))
            print_log(f'{title_of(dataset)}: inputs of {size} do not show {100 * share:.0f} % of '
                      f'the pixels of images of {width}x{height}, and objects there are left out, '
                      f"since CropScaleAffine has fit='{crop.fit}'; set input_fit='contain' or "
                      'another input_size', 'current', level=logging.WARNING)
