"""Corners of 3D boxes in the camera frame."""
import numpy as np

from .angles import rotate_about_y
from .object_table import ObjectTable

# In units of length, height and width, before the rotation: x along the heading, y down,
# origin at the centre of the bottom face.
_UNIT_CORNERS = np.array([
    (.5, 0, .5), (.5, 0, -.5), (-.5, 0, -.5), (-.5, 0, .5),
    (.5, -1, .5), (.5, -1, -.5), (-.5, -1, -.5), (-.5, -1, .5)])


def corners_3d(objects: ObjectTable) -> np.ndarray:
    """Return the corners of 3D boxes.

    The corners are numbered as follows, seen in the direction of the heading::

            4 -------- 5       0-3: bottom face
           /|         /|       4-7: top face, corner i + 4 is above corner i
          7 -------- 6 |       0, 1, 5, 4: front face
          | |        | |       2, 3, 7, 6: rear face
          | 0 -------|-1       0, 3, 7, 4: left side
          |/         |/        1, 2, 6, 5: right side
          3 -------- 2

    Args:
        objects: N objects.

    Returns:
        (N, 8, 3) corners in the camera frame, metres.

    Example:
        A box of height 1.5, width 2 and length 4 that points along +x:

        >>> row = [0, 0, 0, 0, 0, 9, 9, 1.5, 2, 4, 0, 1.5, 10, 0]
        >>> corners_3d(ObjectTable.from_table(['Car'], [row]))[0, [0, 1, 2, 3, 4]]
        array([[ 2. ,  1.5, 11. ],
               [ 2. ,  1.5,  9. ],
               [-2. ,  1.5,  9. ],
               [-2. ,  1.5, 11. ],
               [ 2. ,  0. , 11. ]])
    """
    local = _UNIT_CORNERS * objects.sizes_hwl[:, None, [2, 0, 1]]
    x, y, z = np.moveaxis(local, -1, 0)
    x, z = rotate_about_y(x, z, objects.rotations_y[:, None])
    return np.stack([x, y, z], axis=-1) + objects.locations[:, None]
