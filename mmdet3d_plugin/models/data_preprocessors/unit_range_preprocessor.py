"""Normalisation of images in [0, 1]."""
import torch
from mmdet3d.models import Det3DDataPreprocessor
from mmdet3d.registry import MODELS

from ...errors import InputError


@MODELS.register_module()
class UnitRangePreprocessor(Det3DDataPreprocessor):
    """mmdet3d's preprocessor for images in [0, 1]: divide by 255, then normalise.

    ``mean`` and ``std`` refer to the range [0, 1]. The published weights were trained in this
    order. With mean and std scaled by 255 instead, float32 rounds differently, and a deep
    network amplifies the difference.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> preprocessor = MODELS.build(dict(
        ...     type='UnitRangePreprocessor', mean=[.5, .5, .5], std=[.25, .25, .25]))
        >>> image = torch.full((3, 1, 1), 255, dtype=torch.uint8)
        >>> preprocessor.preprocess_img(image).flatten()
        tensor([2., 2., 2.])
    """

    def collate_data(self, data: dict) -> dict:
        """Collate a batch as mmdet3d does.

        Raises:
            InputError: the images of the batch are already stacked.
        """
        inputs = data['inputs']
        if isinstance(inputs, dict) and isinstance(inputs.get('img'), torch.Tensor):
            # mmdet3d would normalise stacked images without calling preprocess_img.
            raise InputError("images are already stacked; keep the dataloader's collate_fn at "
                             'pseudo_collate')
        return super().collate_data(data)

    def preprocess_img(self, image: torch.Tensor) -> torch.Tensor:
        """Normalise one image: (3, H, W) uint8 -> (3, H, W) float32."""
        return super().preprocess_img(image.float() / 255)
