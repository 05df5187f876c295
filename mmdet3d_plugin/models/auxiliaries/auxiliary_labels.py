"""Labels of a batch for auxiliary supervision."""
from dataclasses import dataclass
from typing import Optional

import torch

from ...errors import InputError
from .auxiliary_objects import AuxiliaryObjects


@dataclass
class AuxiliaryLabels:
    """Ground truth of a batch of B images.

    Attributes:
        objects: objects that count in the depth loss of a detector; None in a depth
            estimator.
        depth_maps: (B, H, W) dense depth, metres, 0 where unknown, at any resolution. The
            maps cover the view of the input. None if the samples have no dense depth.
    """
    objects: Optional[AuxiliaryObjects] = None
    depth_maps: Optional[torch.Tensor] = None

    def need_objects(self, user: object) -> AuxiliaryObjects:
        """Return the objects.

        Args:
            user: auxiliary that needs them; its class is named in the error.

        Raises:
            InputError: the labels have no objects.
        """
        if self.objects is None:
            raise InputError(f'{type(user).__name__} learns from objects, which only detectors '
                             "have; take it out of the model's auxiliary list")
        return self.objects

    def need_depth_maps(self, user: object) -> torch.Tensor:
        """Return the dense depth.

        Args:
            user: auxiliary that needs it; its class is named in the error.

        Raises:
            InputError: the labels have no dense depth.
        """
        if self.depth_maps is None:
            raise InputError(f'{type(user).__name__} learns from dense depth, but the samples '
                             'have none; add LoadDepthMap to the training pipeline and the folder '
                             "as 'depth' to data_prefix")
        return self.depth_maps
