"""Corners of 3D boxes in the camera frame."""
import numpy as np

from .angles import rotate_about_y
from .object_table import ObjectTable

# In units of length, height and width: x along the heading, y down, origin at
# the centre of the bottom face.
_UNIT_CORNERS = np.array([
    (.5, 0, .5), (.5, 0, -.5), (-.5, 0, -.5), (-.5, 0, .5),
    (.5, -1, .5), (.5, -1, -.5), (-.5, -1, -.5), (-.5, -1, .5)])


def corners_3d(objects: ObjectTable) -> np.ndarray:
    """Corners in the camera frame (x right, y down, z forward), metres.

    Returns:
        (N, 8, 3): bottom corners 0-3 around the box from the front left, top
        corners 4-7 above them. Corners 0, 1, 5, 4 are the front face. At
        rotation_y 0 the front looks along +x.
    """
    local = _UNIT_CORNERS * objects.sizes_hwl[:, None, [2, 0, 1]]
    x, y, z = np.moveaxis(local, -1, 0)
    x, z = rotate_about_y(x, z, objects.rotations_y[:, None])
    return np.stack([x, y, z], axis=-1) + objects.locations[:, None]
