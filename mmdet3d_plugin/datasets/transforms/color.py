"""Random changes of an image's colours."""
from typing import Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGammaColor(BaseTransform):
    """Gamma, brightness and a factor of each channel, each drawn uniformly (BTS).

    Of an image of values in [0, 1]: ``clip(image ** gamma * brightness * color, 0, 1)``.

    Args:
        prob: probability of the change.
        gamma, brightness, color: least and greatest value.
    """

    def __init__(self, prob: float = 0.5, gamma: Tuple[float, float] = (0.9, 1.1),
                 brightness: Tuple[float, float] = (0.9, 1.1),
                 color: Tuple[float, float] = (0.9, 1.1)) -> None:
        self.prob = prob
        self.gamma = gamma
        self.brightness = brightness
        self.color = color

    def transform(self, results: dict) -> dict:
        if np.random.rand() < self.prob:
            gamma, brightness = np.random.uniform(*self.gamma), np.random.uniform(*self.brightness)
            factors = brightness * np.random.uniform(*self.color, size=3)
            values = (np.arange(256) / 255)[:, None] ** gamma * factors
            table = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
            results['img'] = cv2.LUT(results['img'], table[None])
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, gamma={self.gamma}, '
                f'brightness={self.brightness}, color={self.color})')
