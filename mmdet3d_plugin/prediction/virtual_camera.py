"""Pictures as a camera of the training's focal length would take them.

A detector that multiplies its depth by the zoom of the input (``models/model_contract.py``) has
two cues of depth. The size of an object on the input follows the focal length. The viewing ray of
an object on the ground does not. Scaling depth suits one cue alone, so the picture is changed
instead: each object gets the size and the place that it would have in a training picture. Rays
and sizes then agree as in the training, and the 3D boxes need no correction. This is the virtual
camera of Omni3D (Brazil et al., CVPR 2023), applied to pixels.
"""
from dataclasses import dataclass
from typing import Tuple

import cv2
import numpy as np

from ..datasets.transforms import CropScaleAffine
from .cameras import Camera
from .focal_correction import TrainingCamera

SIDE = 32  # input pixels; networks need inputs of a multiple of their greatest stride
MAX_WIDENING = 4  # greatest width of an input relative to the training's


@dataclass(frozen=True)
class VirtualPicture:
    """Picture of the virtual camera.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        camera: its camera. The camera frame is that of the original picture.
        input_size: (width, height) of the network input that shows it at the training's scale.
        to_original: (3, 3) from pixels of ``image`` to pixels of the original picture.
        hidden_share: share of the original picture's pixels that it does not show.
    """
    image: np.ndarray
    camera: Camera
    input_size: Tuple[int, int]
    to_original: np.ndarray
    hidden_share: float


class VirtualCamera:
    """Camera of the training, wide enough for a picture of another camera.

    The virtual picture has the training's focal length, height and principal point. It is as wide
    as the training's pictures, or wider, so that all columns of the original are shown. The
    height is not adapted: a network learns depth from the place of an object between the upper
    and the lower border of its input. The outer pixels are repeated where the original ends,
    because black borders mean a reduced picture in a training with random crops.

    Args:
        training: camera of the training.
        crop: transform that makes the input of a training picture.

    Example:
        A picture of half the focal length is enlarged twice. Half of its rows are hidden.

        >>> training = TrainingCamera(700., (640, 192), (320., 96.))
        >>> virtual = VirtualCamera(training, CropScaleAffine((640, 192)))
        >>> camera = Camera.from_focal(350., (640, 192))
        >>> shown = virtual.view(np.zeros((192, 640, 3), np.uint8), camera)
        >>> shown.image.shape, shown.input_size, shown.camera.focal_length, shown.hidden_share
        ((192, 1280, 3), (1280, 192), 700.0, 0.5)
    """

    def __init__(self, training: TrainingCamera, crop: CropScaleAffine) -> None:
        self.training = training
        self.input_size = crop.input_size
        self.zoom = crop.whole_image_affine(*training.image_size)[0, 0]

    def is_own(self, camera: Camera, size: Tuple[int, int]) -> bool:
        """Return whether a picture is one of the training's camera, so needs no change.

        Args:
            camera: camera of the picture.
            size: (width, height) of the picture, pixels.
        """
        own = (*self.training.image_size, self.training.focal_length,
               *self.training.principal_point)
        return np.allclose((*size, camera.focal_length, *_principal_point(camera)), own,
                           rtol=1e-4, atol=1e-2)

    def view(self, image: np.ndarray, camera: Camera) -> VirtualPicture:
        """Return the picture of the virtual camera.

        Args:
            image: (H, W, 3) uint8, without lens distortion.
            camera: its camera.
        """
        size = np.array(image.shape[1::-1])
        width, height = self.training.image_size
        scale = self.training.focal_length / camera.focal_length
        left, top = self.training.principal_point - scale * _principal_point(camera)
        # Both sides grow alike, so that the crop keeps its scale and the point its place.
        missing = max(-left, left + scale * size[0] - width, 0)
        extra = self._extra_width(missing * self.zoom)
        width = round(width + 2 * extra / self.zoom)
        left += extra / self.zoom
        to_virtual = np.array([[scale, 0., left], [0., scale, top], [0., 0., 1.]])
        centers = to_virtual.copy()  # OpenCV counts from the centre of the first pixel
        centers[:2, 2] += scale / 2 - 0.5
        shown = cv2.warpAffine(image, centers[:2], (width, height), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REPLICATE)
        corners = np.array([[left, top], [left, top] + scale * size])
        seen = np.diff(corners.clip(0, (width, height)), axis=0).prod() / (scale * size).prod()
        return VirtualPicture(
            shown, Camera(to_virtual @ camera.P2, (width, height)),
            (self.input_size[0] + 2 * extra, self.input_size[1]), np.linalg.inv(to_virtual),
            float(1 - seen))

    def _extra_width(self, needed: float) -> int:
        """Return the input pixels to add to each side, at least as needed within the limit."""
        limit = (MAX_WIDENING - 1) * self.input_size[0] / 2
        return SIDE // 2 * int(np.ceil(min(needed, limit) * 2 / SIDE))


def _principal_point(camera: Camera) -> np.ndarray:
    """Return (2,) u, v of the principal point, pixels."""
    return camera.P2[:2, 2]
