"""Depth error on other focal lengths: python tools/analysis/other_cameras.py CHECKPOINT."""
import argparse
import json
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import torch
from torchvision.ops import box_iou
from tqdm import tqdm

from ..errors import InputError
from ..prediction import Predictor
from ..structures.object_table import ObjectTable
from ..synthetic import Camera, frame_objects, render_frame, sample_scene
from ..utils.files import atomic_write

FIRST_SEED = 1000  # scenes unlike those of the rendered training sets
MIN_OVERLAP = 0.5  # 2D, of a detection with its object
Errors = Dict[Tuple[float, ...], float]  # relative error of depth by scene and location


def training_view(predictor: Predictor, factor: float) -> Camera:
    """Return the camera of the training with another focal length."""
    training = predictor.training_camera
    focal, (u, v) = factor * training.focal_length, training.principal_point
    return Camera(np.array([[focal, 0., u, 0.], [0., focal, v, 0.], [0., 0., 1., 0.]]),
                  *training.image_size)


def depth_errors(found: ObjectTable, truth: ObjectTable) -> List[float]:
    """Return the relative depth error of each object; NaN for an object without a detection.

    Args:
        found: detections of the class.
        truth: objects of the class.

    Example:
        >>> truth = ObjectTable.from_table(['Car'], [[0, 0, 0., 0, 0, 40, 40, 1.5, 1.6, 4., 0.,
        ...                                           1.75, 20., 0.]])
        >>> found = ObjectTable.from_table(['Car'], [[0, 0, 0., 0, 0, 40, 38, 1.5, 1.6, 4., 0.,
        ...                                           1.75, 22., 0., .9]])
        >>> [round(error, 3) for error in depth_errors(found, truth)]
        [0.1]
    """
    if not len(found):
        return [np.nan] * len(truth)
    overlaps = box_iou(torch.from_numpy(truth.boxes_2d), torch.from_numpy(found.boxes_2d)).numpy()
    best = overlaps.argmax(axis=1)
    errors = found.locations[best, 2] / truth.locations[:, 2] - 1
    return np.where(overlaps.max(axis=1) > MIN_OVERLAP, errors, np.nan).tolist()


def measure(predictors: Sequence[Predictor], factors: Sequence[float], scenes: int,
            class_name: str) -> List[List[Errors]]:
    """Return the errors of each factor by each predictor."""
    errors: List[List[Errors]] = [[{} for _ in predictors] for _ in factors]
    for seed in tqdm(range(FIRST_SEED, FIRST_SEED + scenes), desc='scenes', unit='scene'):
        scene = sample_scene(np.random.default_rng(seed), 1)
        for factor, of_factor in zip(factors, errors):
            camera = training_view(predictors[0], factor)
            frame = render_frame(scene, 0, camera, np.random.default_rng(seed))
            truth = frame_objects(frame, camera)
            plain = ((truth.names == class_name) & (truth.occlusions <= 1)
                     & (truth.truncations < 0.1))
            truth = truth[plain]
            for predictor, of_predictor in zip(predictors, of_factor):
                prediction, = predictor(frame.image[..., ::-1].copy(), camera.P2)
                objects = prediction.objects
                if objects is None:
                    raise InputError('the model estimates depth maps; measure a detector')
                found = objects[objects.names == class_name]
                for place, error in zip(truth.locations.round(2), depth_errors(found, truth)):
                    if np.isfinite(error):
                        key = (seed, *place)
                        of_predictor[key] = error
    return errors


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    predictors = [Predictor(args.checkpoint, args.device, args.config, correct_focal=correct,
                            score_threshold=0.) for correct in (True, False)]
    if predictors[0].training_camera is None:
        raise InputError(f'{args.checkpoint}: does not say the camera of its training; measure a '
                         'checkpoint of tools/train.py')
    factors = [1., *args.factors]
    errors = measure(predictors, factors, args.scenes, args.class_name)
    shared = set.intersection(*(set(of_one) for of_factor in errors for of_one in of_factor))
    if not shared:
        raise InputError(f'{args.checkpoint}: no {args.class_name} is found with every camera; '
                         'train longer, or measure more --scenes')
    figures: Dict[str, Any] = dict(objects=len(shared), factors=factors, corrected=[],
                                   not_corrected=[])
    for of_factor in errors:
        for key, of_one in zip(('corrected', 'not_corrected'), of_factor):
            figures[key].append(float(np.mean([abs(of_one[found]) for found in shared])))
    print(f'Mean relative depth error of {len(shared)} objects ({args.class_name}) that are found '
          'with every camera\n')
    print("| focal length / the training's | corrected | not corrected |\n|---|---|---|")
    for row in zip(factors, figures['corrected'], figures['not_corrected']):
        print('| {:g} | {:.3f} | {:.3f} |'.format(*row))
    if args.json:
        atomic_write(args.json, json.dumps(figures, indent=1) + '\n')
