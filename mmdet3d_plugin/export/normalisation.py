"""Image normalisation of a data preprocessor, for whole batches inside a graph."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from ..errors import InputError
from ..models.data_preprocessors import UnitRangePreprocessor


class Normalisation(nn.Module):
    """Normalisation and padding of a :class:`UnitRangePreprocessor`, without data samples.

    Args:
        preprocessor: the data preprocessor of a model.

    Raises:
        InputError: the preprocessor is of another class.

    Example:
        >>> from mmdet3d_plugin.models.data_preprocessors import UnitRangePreprocessor
        >>> normalise = Normalisation(UnitRangePreprocessor(
        ...     mean=[.5, .5, .5], std=[.25, .25, .25], pad_size_divisor=2))
        >>> normalise(torch.full((1, 3, 1, 2), 255, dtype=torch.uint8))[0, 0].tolist()
        [[2.0, 2.0], [0.0, 0.0]]
    """

    def __init__(self, preprocessor: nn.Module) -> None:
        super().__init__()
        if type(preprocessor) is not UnitRangePreprocessor:
            raise InputError(f'data_preprocessor {type(preprocessor).__name__} cannot be '
                             'exported; only UnitRangePreprocessor can')
        self.register_buffer('mean', preprocessor.mean)
        self.register_buffer('std', preprocessor.std)
        self.reverse_channels = preprocessor._channel_conversion
        self.divisor = preprocessor.pad_size_divisor
        self.pad_value = float(preprocessor.pad_value)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalise and pad (B, 3, H, W) images of values 0 to 255, as the pipeline packs them."""
        if self.reverse_channels:
            images = images[:, [2, 1, 0]]
        images = (images.float() / 255 - self.mean) / self.std
        height, width = (int(length) for length in images.shape[-2:])
        padding = (0, -width % self.divisor, 0, -height % self.divisor)
        return F.pad(images, padding, value=self.pad_value) if any(padding) else images
