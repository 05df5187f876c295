"""Time of Predictor beside the model: python tools/analysis/predictor_speed.py CHECKPOINT."""
import argparse
import json
import time
from typing import Callable, Dict, List

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from ..cli.predictor_speed import CALLS
from ..prediction import Camera, Predictor, open_images
from ..prediction.cameras import CameraSource
from ..utils.files import atomic_write


def measure_predictor(predictor: Predictor, width: int, height: int, rounds: int
                      ) -> Dict[str, float]:
    """Return seconds per image of the model alone and of Predictor, and their ratio.

    Args:
        predictor: the model.
        width, height: image size, pixels.
        rounds: number of rounds, after one warm-up round.
    """
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    cameras = CameraSource(Camera.from_focal(0.58 * width, (width, height)))
    picture = predictor.picture(next(iter(open_images(image))), cameras)

    def model_alone() -> None:
        # The preprocessor changes no input in place, but predictions are added to the sample.
        batch = pseudo_collate([predictor.sample(picture)])
        start = _now(predictor.device)
        with torch.no_grad():
            predictor.model.test_step(batch)
        seconds['model'].append(_now(predictor.device) - start)

    def whole_call() -> None:
        start = _now(predictor.device)
        list(predictor.stream(image, cameras))
        seconds['predictor'].append(_now(predictor.device) - start)

    medians: Dict[str, List[float]] = dict(model=[], predictor=[])
    steps: List[Callable[[], None]] = [model_alone, whole_call]
    for round_index in range(rounds + 1):
        seconds: Dict[str, List[float]] = dict(model=[], predictor=[])
        for _ in range(CALLS):
            for step in steps:
                step()
        if round_index:
            for name, values in seconds.items():
                medians[name].append(float(np.median(values)))
    figures = {name: float(np.median(values)) for name, values in medians.items()}
    ratios = np.divide(medians['predictor'], medians['model'])
    return dict(figures, ratio=float(np.median(ratios)), lowest_ratio=float(ratios.min()),
                highest_ratio=float(ratios.max()))


def _now(device: torch.device) -> float:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
    return time.perf_counter()


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    predictor = Predictor(args.checkpoint, args.device, args.config)
    figures = measure_predictor(predictor, args.size[0], args.size[1], args.rounds)
    print(f'{args.size[0]}x{args.size[1]} on {predictor.device}: model alone '
          f'{1000 * figures["model"]:.1f} ms, Predictor {1000 * figures["predictor"]:.1f} ms per '
          f'image; ratio {figures["ratio"]:.3f} ({figures["lowest_ratio"]:.3f} to '
          f'{figures["highest_ratio"]:.3f} in {args.rounds} rounds)')
    if args.json:
        atomic_write(args.json, json.dumps(figures, indent=1) + '\n')
