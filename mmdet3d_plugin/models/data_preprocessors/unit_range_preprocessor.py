"""Normalisation of images in [0, 1]."""
import torch
from mmdet3d.models import Det3DDataPreprocessor
from mmdet3d.registry import MODELS

from ...errors import InputError


@MODELS.register_module()
class UnitRangePreprocessor(Det3DDataPreprocessor):
    """mmdet3d's preprocessor with mean and standard deviation in units of 255.

    The published weights come from images that are divided by 255 first; in any
    other order float32 rounds differently, which a deep network amplifies.

    Raises:
        InputError: the images of a batch come stacked.
    """

    def collate_data(self, data: dict) -> dict:
        if isinstance(data['inputs'], dict) and isinstance(data['inputs'].get('img'), torch.Tensor):
            # mmdet3d would normalise stacked images without preprocess_img.
            raise InputError("images come stacked; leave the dataloader's collate_fn at "
                             'pseudo_collate')
        return super().collate_data(data)

    def preprocess_img(self, image: torch.Tensor) -> torch.Tensor:
        """(3, H, W) uint8 -> normalised float32."""
        return super().preprocess_img(image.float() / 255)
