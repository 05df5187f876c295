"""Views of images as network inputs."""
from typing import List, Sequence, Union

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseDataPreprocessor

from ...errors import InputError


@MODELS.register_module()
class ViewsPreprocessor(BaseDataPreprocessor):
    """Batching and normalisation of the views of images.

    ``inputs`` becomes a dict of ``views`` (B, V, 3, H, W) and, if the pipeline makes it,
    ``clean`` (B, 3, H, W): float32, scaled to [0, 1], then normalised, in RGB.

    Args:
        mean, std: mean and standard deviation per channel of values in [0, 1]. The defaults are
            those of ImageNet.
        non_blocking: copy to the device without waiting.

    Raises:
        InputError: the images of a batch differ in size.

    Example:
        >>> preprocessor = ViewsPreprocessor(mean=[.5] * 3, std=[.5] * 3)
        >>> views = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
        >>> batch = preprocessor(dict(inputs=dict(views=[views, views]), data_samples=[]))
        >>> batch['inputs']['views'].shape, batch['inputs']['views'].max().item()
        (torch.Size([2, 2, 3, 4, 4]), 1.0)
    """

    def __init__(self, mean: Sequence[float] = (0.485, 0.456, 0.406),
                 std: Sequence[float] = (0.229, 0.224, 0.225), non_blocking: bool = True
                 ) -> None:
        super().__init__(non_blocking)
        for name, values in (('mean', mean), ('std', std)):
            self.register_buffer(name, torch.tensor(values).reshape(3, 1, 1), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Copy a batch to the device, stack and normalise it.

        Args:
            data: batch with ``inputs`` and ``data_samples``. Each entry of ``inputs`` is a list
                of B uint8 tensors, or one stacked tensor.
            training: without effect.
        """
        data = self.cast_data(data)
        inputs = {name: (self._stack(images).float() / 255 - self.mean) / self.std
                  for name, images in data['inputs'].items()}
        return dict(data, inputs=inputs)

    @staticmethod
    def _stack(images: Union[torch.Tensor, List[torch.Tensor]]) -> torch.Tensor:
        shapes = sorted({tuple(image.shape) for image in images})
        if len(shapes) > 1:
            raise InputError(f'a batch holds views of the shapes {shapes[0]} and {shapes[1]}; '
                             'end the transforms of MakeViews with a crop to one size')
        return images if isinstance(images, torch.Tensor) else torch.stack(list(images))
