"""Random colour changes."""
from typing import Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from .sample_images import map_images


@TRANSFORMS.register_module()
class RandomGammaColor(BaseTransform):
    """Random gamma, brightness and factor per channel, each drawn uniformly (BTS).

    Images with values scaled to [0, 1] become
    ``clip(image ** gamma * brightness * color, 0, 1)``. All images of a clip get the same draw.

    Args:
        prob: probability of the change.
        gamma: (smallest, largest) exponent.
        brightness: (smallest, largest) factor of all channels.
        color: (smallest, largest) factor per channel.

    Example:
        >>> transform = RandomGammaColor(prob=1., gamma=(1., 1.), brightness=(2., 2.),
        ...                              color=(1., 1.))
        >>> transform(dict(img=np.full((1, 1, 3), 100, np.uint8)))['img'].tolist()
        [[[200, 200, 200]]]
    """

    def __init__(self, prob: float = 0.5, gamma: Tuple[float, float] = (0.9, 1.1),
                 brightness: Tuple[float, float] = (0.9, 1.1),
                 color: Tuple[float, float] = (0.9, 1.1)) -> None:
        self.prob = prob
        self.gamma = gamma
        self.brightness = brightness
        self.color = color

    def transform(self, results: dict) -> dict:
        """Change the colours of the uint8 images."""
        if np.random.rand() < self.prob:
            gamma, brightness = np.random.uniform(*self.gamma), np.random.uniform(*self.brightness)
            factors = brightness * np.random.uniform(*self.color, size=3)
            values = (np.arange(256) / 255)[:, None] ** gamma * factors
            table = np.rint(values.clip(0, 1) * 255).astype(np.uint8)
            map_images(results, lambda image: cv2.LUT(image, table[None]))
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(prob={self.prob}, gamma={self.gamma}, '
                f'brightness={self.brightness}, color={self.color})')
