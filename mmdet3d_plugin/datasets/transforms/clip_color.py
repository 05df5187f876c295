"""Random colour changes of the images that the networks see, beside the clean images."""
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from PIL import Image
from torchvision.transforms import ColorJitter
from torchvision.transforms import functional as F

from ...errors import InputError
from .sample_images import JITTERED, sample_images


@TRANSFORMS.register_module()
class ClipColorJitter(BaseTransform):
    """Random brightness, contrast, saturation and hue, one draw per clip (Godard et al. 2019).

    Writes ``jittered``, the list of the T changed images, or of the unchanged images where no
    change is drawn. ``img`` stays clean: networks see ``jittered``, losses see ``img``. The
    changes are torchvision's, in random order, on images of 8 bits per channel. Their random
    numbers are torch's.

    Args:
        prob: probability of a change.
        brightness, contrast, saturation: factors are drawn uniformly from 1 minus to 1 plus
            this value.
        hue: the hue is turned by a share of the circle from minus to plus this value, at most
            0.5.

    Raises:
        InputError: a setting is out of its range.

    Example:
        >>> clip = dict(img=[np.full((1, 1, 3), value, np.uint8) for value in (100, 50)])
        >>> results = ClipColorJitter(prob=0.)(clip)
        >>> [image.ravel().tolist() for image in results['jittered']]
        [[100, 100, 100], [50, 50, 50]]
    """

    def __init__(self, prob: float = 0.5, brightness: float = 0.2, contrast: float = 0.2,
                 saturation: float = 0.2, hue: float = 0.1) -> None:
        in_range = (0 <= prob <= 1 and min(brightness, contrast, saturation) >= 0
                    and 0 <= hue <= .5)
        if not in_range:
            raise InputError(f'ClipColorJitter: prob {prob}, brightness {brightness}, contrast '
                             f'{contrast}, saturation {saturation}, hue {hue}; expected a '
                             'probability, values of at least 0, and a hue of at most 0.5')
        self.prob = prob
        self.jitter = ColorJitter(brightness, contrast, saturation, hue)

    def transform(self, results: dict) -> dict:
        """Add the changed images."""
        images = sample_images(results)
        drawn = torch.rand(()).item() < self.prob
        if drawn:
            jitter = self.jitter
            order, *values = jitter.get_params(jitter.brightness, jitter.contrast,
                                               jitter.saturation, jitter.hue)
            images = [_change(image, order.tolist(), values) for image in images]
        results[JITTERED] = images
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob}, jitter={self.jitter})'


# In the order of the values that ColorJitter.get_params returns.
CHANGES = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


def _change(image: np.ndarray, order: list, values: list) -> np.ndarray:
    """Change the colours of a (H, W, 3) BGR image.

    Pillow's images give the same bytes for any number of threads, tensors do not.
    """
    picture = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
    for index in order:
        if values[index] is not None:
            picture = CHANGES[index](picture, values[index])
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])
