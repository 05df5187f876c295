"""What auxiliaries see of a batch's labels."""
from dataclasses import dataclass
from typing import Optional

import torch

from ...errors import InputError
from .auxiliary_objects import AuxiliaryObjects


@dataclass
class AuxiliaryLabels:
    """The labels of a batch of B images, of whichever kinds there are.

    Attributes:
        objects: what a detector learns depth from; None where nothing detects objects.
        depth_maps: (B, H, W) dense depth, metres, 0 where unknown, in any resolution of the
            input's view; None where the samples have none.
    """
    objects: Optional[AuxiliaryObjects] = None
    depth_maps: Optional[torch.Tensor] = None

    def need_objects(self, user: object) -> AuxiliaryObjects:
        """The objects; raises InputError, which names the user, if there are none."""
        if self.objects is None:
            raise InputError(f'{type(user).__name__} learns from objects, which only detectors '
                             "have; take it out of the model's auxiliary list")
        return self.objects

    def need_depth_maps(self, user: object) -> torch.Tensor:
        """The dense depth; raises InputError, which names the user, if there is none."""
        if self.depth_maps is None:
            raise InputError(f'{type(user).__name__} learns from dense depth, which the samples '
                             'have not; add LoadDepthMap to the training pipeline and the folder '
                             "as 'depth' to data_prefix")
        return self.depth_maps
