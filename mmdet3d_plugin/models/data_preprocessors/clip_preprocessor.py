"""Clips as network inputs, beside the clean images of the losses."""
from typing import List, Sequence, Union

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseDataPreprocessor

from ...errors import InputError

Values = Union[float, Sequence[float]]


@MODELS.register_module()
class ClipPreprocessor(BaseDataPreprocessor):
    """Batching of clips of T images: normalised inputs of the networks, and clean views.

    ``inputs`` becomes a dict of two tensors, with channels in the order RGB:

    - ``imgs`` (B, T, 3, H, W): in training the images ``jittered`` of
      :class:`~mmdet3d_plugin.datasets.transforms.ClipColorJitter`, otherwise and without them
      the images ``img``; scaled to [0, 1], then normalised.
    - ``views`` (B, T, 3, H, W): the images ``img``, scaled to [0, 1].

    A single image (3, H, W) counts as a clip of one image.

    Args:
        mean, std: mean and standard deviation of values in [0, 1], one number or one per
            channel. The defaults are those of Godard et al. 2019.
        bgr_to_rgb: reverse the channels, for images that OpenCV loads.
        non_blocking: copy to the device without waiting.

    Raises:
        InputError: the clips of a batch differ in size or length.

    Example:
        >>> from mmdet3d.registry import MODELS
        >>> preprocessor = MODELS.build(dict(type='ClipPreprocessor', mean=.5, std=.25))
        >>> clip = torch.full((3, 3, 4, 6), 255, dtype=torch.uint8)
        >>> batch = preprocessor(dict(inputs=dict(img=[clip, clip]), data_samples=[]))
        >>> batch['inputs']['imgs'].shape, batch['inputs']['imgs'].max().item()
        (torch.Size([2, 3, 3, 4, 6]), 2.0)
        >>> batch['inputs']['views'].max().item()
        1.0
    """

    def __init__(self, mean: Values = 0.45, std: Values = 0.225, bgr_to_rgb: bool = True,
                 non_blocking: bool = False) -> None:
        super().__init__(non_blocking)
        self.bgr_to_rgb = bgr_to_rgb
        for name, values in (('mean', mean), ('std', std)):
            channels = torch.as_tensor(values, dtype=torch.float32).reshape(-1, 1, 1)
            self.register_buffer(name, channels, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Copy a batch to the device, stack and normalise it.

        Args:
            data: batch with ``inputs`` and ``data_samples``. ``inputs['img']`` and, after
                ``ClipColorJitter``, ``inputs['jittered']`` are lists of B uint8 tensors
                (T, 3, H, W), or stacked.
            training: use the jittered images where there are any.

        Returns:
            The batch with ``inputs`` as described above.
        """
        data = self.cast_data(data)
        images = data['inputs']
        views = self._unit_range(images['img'])
        seen = self._unit_range(images['jittered']) if training and 'jittered' in images else views
        return dict(data, inputs=dict(imgs=(seen - self.mean) / self.std, views=views))

    def _unit_range(self, clips: Union[torch.Tensor, List[torch.Tensor]]) -> torch.Tensor:
        """Stack uint8 clips as (B, T, 3, H, W) float32 in [0, 1]."""
        shapes = {tuple(clip.shape) for clip in clips}
        if len(shapes) > 1:
            sizes = ' and '.join(f'{shape[-1]}x{shape[-2]} of {shape[0]} images'
                                 for shape in sorted(shapes)[:2])
            raise InputError(f'a batch holds clips of {sizes}; bring them to one size with '
                             'CropScaleAffine')
        stacked = clips if isinstance(clips, torch.Tensor) else torch.stack(list(clips))
        if stacked.dim() == 4:  # single images
            stacked = stacked[:, None]
        if self.bgr_to_rgb:
            stacked = stacked.flip(-3)
        return stacked.float() / 255
