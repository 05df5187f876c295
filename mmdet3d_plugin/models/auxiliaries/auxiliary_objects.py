"""What auxiliaries see of a batch's labels."""
from dataclasses import dataclass

import torch

from ...errors import InputError

DEPTH_SPACES = ('metric', 'apparent')


@dataclass
class AuxiliaryObjects:
    """The M objects of a batch of B images.

    Attributes:
        image_index: (M,) long, the image of each object.
        centers: (M, 2) projected 3D centres, feature pixels.
        boxes: (M, 4) 2D boxes (left, top, right, bottom), feature pixels.
        depths: (M,) camera z, metres.
        zooms: (M,) input pixels an original pixel.
    """
    image_index: torch.Tensor
    centers: torch.Tensor
    boxes: torch.Tensor
    depths: torch.Tensor
    zooms: torch.Tensor

    def __len__(self) -> int:
        return len(self.depths)

    def depths_in(self, space: str) -> torch.Tensor:
        """(M,) depths in ``'metric'`` space (camera z, metres) or ``'apparent'``
        space: z / zoom, the depth at which an object of the original image would
        look as large as it does in the input."""
        return self.depths if space == 'metric' else self.depths / self.zooms


def check_depth_space(space: str) -> str:
    """The space; raises InputError for one that is not known."""
    if space not in DEPTH_SPACES:
        raise InputError(f"depth_space is {space!r}, expected 'metric' or 'apparent'")
    return space
