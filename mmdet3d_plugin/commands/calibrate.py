"""Calibrate the scores of a detector: python tools/calibrate.py CONFIG CHECKPOINT --out FILE."""
import argparse
import io
from contextlib import suppress
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import torch
from mmdet3d.registry import METRICS, MODELS
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader, Runner
from tqdm import tqdm

from ..benchmarks.kitti.average_precision import scored_detections
from ..benchmarks.metric_style import format_value
from ..benchmarks.score_reliability import ScoredDetections, reliability_bins
from ..engine.checkpoint_content import weights_of
from ..engine.checkpoints import AtomicBackend
from ..engine.config_files import check_classes, read_config
from ..engine.load_model import drop_pretrained, fill_model
from ..engine.plain_config import parse_config
from ..engine.trained_model import weights_file
from ..errors import InputError
from ..evaluation import KittiAPMetric
from ..models.model_contract import DETECTION, task_of_config
from ..models.task_modules import PlattScaling, fit_platt_scaling
from ..structures.class_names import class_key, class_keys
from ..utils.files import check_output, check_writable, existing_folder, shortened
from .benchmark import choose_device
from .command_line import config_errors

OPTION = 'score_calibration'
METRIC = 'KittiAPMetric'


class ClassFit(NamedTuple):
    """Calibration of one class.

    Attributes:
        class_name: the class.
        detections: number of detections.
        true_positives: number of detections that find a label.
        scale, offset: see :class:`PlattScaling`.
        before, after: expected calibration errors; NaN without detections.
    """
    class_name: str
    detections: int
    true_positives: int
    scale: float
    offset: float
    before: float
    after: float


def detector_settings(model: Any) -> Any:
    """Return the config of the detector in a model config, inside AuxiliarySupervision or not."""
    return model.detector if model.type == 'AuxiliarySupervision' else model


def check_config(cfg: Config) -> None:
    """Check that a config has a detector with a calibration, and validation frames.

    Raises:
        InputError: the model is no detector, has no calibration or another one than Platt
            scaling, or the config has no validation frames.
    """
    if task_of_config(cfg.model) != DETECTION:
        raise InputError(f'{cfg.filename}: {cfg.model.type} detects no objects; pass the config '
                         'of a detector')
    settings = detector_settings(cfg.model).get(OPTION)
    if not settings:
        raise InputError(f'{cfg.filename}: the model has no Platt scaling; add '
                         f"{OPTION}=dict(type='PlattScaling') to a CenterMono3D")
    if settings.get('type') != 'PlattScaling':
        raise InputError(f'{cfg.filename}: {OPTION} has the type '
                         f"{shortened(settings.get('type'))}, expected 'PlattScaling'; correct "
                         'the type')
    if cfg.get('val_dataloader') is None:
        raise InputError(f'{cfg.filename}: has no val_dataloader; add the frames to fit on')
    check_classes(cfg)


def reset_calibration(content: Dict[str, Any], prefix: str, calibration: PlattScaling,
                      title: str) -> None:
    """Set the calibration in a checkpoint to a new one, which does not change scores.

    A checkpoint of a training without calibration gets its buffers, and the config in the
    checkpoint the option.

    Args:
        content: content of the checkpoint, changed in place.
        prefix: name of the calibration in the model, with a dot at its end.
        calibration: new calibration.
        title: name of the checkpoint, for messages.
    """
    weights = weights_of(content, title)
    buffers = {f'{prefix}{name}': value.cpu() for name, value in calibration.state_dict().items()}
    meta = content.get('meta')
    if not buffers.keys() <= weights.keys() and isinstance(meta, dict):
        # Commands need the config file anyway for a config of more than plain values.
        with suppress(InputError):
            cfg = parse_config(str(meta.get('cfg')), 'checkpoint')
            if cfg.get('model'):
                detector_settings(cfg.model)[OPTION] = dict(type='PlattScaling')
                meta['cfg'] = cfg.pretty_text
    weights.update(buffers)


def metric_of(cfg: Config) -> KittiAPMetric:
    """Return the KITTI metric of the validation, by default one with KITTI's limits."""
    evaluators = cfg.get('val_evaluator') or []
    if not isinstance(evaluators, (list, tuple)):
        evaluators = [evaluators]
    settings: Dict[str, Any] = next((item for item in evaluators if item.get('type') == METRIC),
                                    dict(type=METRIC))
    return METRICS.build({**settings, 'result_dir': None, 'format_only': False})


@torch.no_grad()
def validation_detections(model: torch.nn.Module, cfg: Config,
                          overlap: str) -> List[ScoredDetections]:
    """Predict the validation frames and match the detections to the labels.

    Args:
        model: detector in evaluation mode.
        cfg: config with the validation frames.
        overlap: ``'loose'`` or ``'strict'``.

    Returns:
        One result per class, in label order.

    Raises:
        InputError: a frame has no labels, or there are no detections, no labels or no true
            positives.
    """
    metric = metric_of(cfg)
    loader = Runner.build_dataloader(cfg.val_dataloader, seed=0)
    metric.dataset_meta = loader.dataset.metainfo
    classes = tuple(metric.dataset_meta['classes'])
    for batch in tqdm(loader, desc='batches', dynamic_ncols=True, disable=None):
        metric.process(batch, [sample.to_dict() for sample in model.test_step(batch)])
    _, truths, found = zip(*metric.results)
    known = {class_key(name) for name in classes}
    if not any(known & set(class_keys(table.names)) for table in truths):
        raise InputError(f'{cfg.filename}: the validation frames have no labels of '
                         f'{", ".join(classes)}')
    results = scored_detections(truths, found, classes, overlap, metric.min_overlaps,
                                metric.min_heights)
    if not any(len(result.scores) for result in results):
        raise InputError(f'{cfg.filename}: no detections in the validation frames, or only such '
                         'that KITTI ignores; lower heatmap_threshold and score_threshold of '
                         'test_cfg, or train longer')
    if not any(result.true_positives.any() for result in results):
        raise InputError(f'{cfg.filename}: no detection of the validation frames finds a label '
                         f'at the {overlap} overlap; train longer')
    return results


def fit_classes(results: Sequence[ScoredDetections], calibration: PlattScaling) -> List[ClassFit]:
    """Fit the calibration of each class, in place.

    Args:
        results: detections of each class, in label order.
        calibration: calibration that does not change scores yet.
    """
    fits = []
    for label, (name, scores, true_positives) in enumerate(results):
        scale, offset = fit_platt_scaling(scores, true_positives, name)
        calibration.scale[label], calibration.offset[label] = scale, offset
        calibrated = calibration(torch.as_tensor(scores, dtype=torch.float32),
                                 torch.full((len(scores), ), label)).numpy()
        before, after = (reliability_bins(values, true_positives).calibration_error
                         for values in (scores, calibrated))
        fits.append(ClassFit(name, len(scores), int(true_positives.sum()), scale, offset, before,
                             after))
    return fits


def table(fits: Sequence[ClassFit]) -> str:
    """Return the calibrations as a text table, one line per class.

    Example:
        >>> print(table([ClassFit('Car', 200, 50, 1.5, 2., .21, .02)]))
        class  detections  true positives  scale  offset  error before  error after
        Car           200              50  1.500   2.000         0.210        0.020
    """
    header = ('class', 'detections', 'true positives', 'scale', 'offset', 'error before',
              'error after')
    rows: List[Tuple[str, ...]] = [header]
    rows += [(fit.class_name, str(fit.detections), str(fit.true_positives),
              *(format_value(value, 3) for value in fit[3:])) for fit in fits]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return '\n'.join('  '.join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
                     for row in rows)


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    device = choose_device(args.device)
    check_output(args.out)
    check_writable(str(existing_folder(args.out)), '--out')
    MMLogger.get_current_instance().setLevel('WARNING')
    with config_errors(args.config):
        cfg = read_config(args.config, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmdet3d'))
        check_config(cfg)
        checkpoint = weights_file(args.checkpoint)
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu')
        drop_pretrained(cfg.model)  # the checkpoint holds all weights
        model = MODELS.build(cfg.model)
        prefix, calibration = next((f'{name}.', part) for name, part in model.named_modules()
                                   if isinstance(part, PlattScaling))
        reset_calibration(content, prefix, calibration, checkpoint)
        fill_model(model, cfg, content, checkpoint)
        results = validation_detections(model.to(device).eval(), cfg, args.overlap)
    fitted = PlattScaling(len(results))
    fits = fit_classes(results, fitted)
    weights_of(content, checkpoint).update(
        {f'{prefix}{name}': value for name, value in fitted.state_dict().items()})
    buffer = io.BytesIO()
    torch.save(content, buffer)
    AtomicBackend().put(buffer.getvalue(), args.out)
    print(f'Fitted on the validation frames of {args.config} at the {args.overlap} overlap; the '
          f'error is the expected calibration error.\n\n{table(fits)}\n\n{args.out}')
