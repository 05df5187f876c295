"""KITTI labels of a rendered frame: what an annotator would have drawn."""
from typing import List, Optional, Tuple

import cv2
import numpy as np

from ..structures.angles import observation_angle
from ..structures.object_table import DONT_CARE, ObjectTable
from .camera import KITTI_SIZE, Camera
from .mesh import Mesh
from .render import PlacedUser, RayCaster, RenderedFrame

LABELLED_DEPTHS = (3., 65.)  # metres
NEAR = .1  # metres; geometry closer than this to the camera plane is cut off
MIN_HEIGHT = 10.  # pixels of a KITTI-sized image
MAX_TRUNCATION = .9
SILHOUETTE_RAYS = 4000
# Least visible share for occlusion levels 0, 1 and 2; less is DontCare.
VISIBLE_SHARES = (.9, .5, .2)

DONT_CARE_FIELDS = (-1., -1., -1., -1000., -1000., -1000., -10.)


def frame_objects(frame: RenderedFrame, camera: Camera) -> ObjectTable:
    """Labels of all road users that show in the image, near ones first, and
    ``DontCare`` regions for those too far, too small or too hidden."""
    labelled: List[Tuple[str, list]] = []
    ignored: List[Tuple[str, list]] = []
    most = max((user.instance for user in frame.users), default=0)
    visible = np.bincount(frame.instances.ravel(), minlength=most + 1)
    for user in sorted(frame.users, key=lambda user: user.location[2]):
        if visible[user.instance] == 0:
            continue
        outline = projected_outline(user.mesh, camera)
        box = clipped_box(outline, camera)
        truncation = outside_share(outline, camera)
        level = occlusion_level(visible_share(user, box, frame.instances, camera))
        least_height = MIN_HEIGHT * camera.height / KITTI_SIZE[1]
        nearest, farthest = LABELLED_DEPTHS
        if (level is None or truncation > MAX_TRUNCATION or box[3] - box[1] < least_height
                or not nearest <= user.location[2] <= farthest):
            ignored.append((DONT_CARE, [-1., -1., -10., *box, *DONT_CARE_FIELDS]))
        else:
            labelled.append((user.kind, [
                truncation, level, observation_angle(user.rotation_y, user.location), *box,
                *user.size_hwl, *user.location, user.rotation_y]))
    rows = labelled + ignored
    if not rows:
        return ObjectTable.empty()
    return ObjectTable.from_table([name for name, _ in rows],
                                   np.array([numbers for _, numbers in rows]))


def projected_outline(mesh: Mesh, camera: Camera) -> np.ndarray:
    """(N, 2) pixels, the convex hull of a mesh's projection, image borders
    ignored. Parts behind the near plane are cut off exactly."""
    points = mesh.vertices
    behind = points[:, 2] < NEAR
    if behind.any():
        edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        start, end = points[edges[behind[edges[:, 0]] != behind[edges[:, 1]]].T]
        share = ((NEAR - start[:, 2]) / (end[:, 2] - start[:, 2]))[:, None]
        points = np.vstack([points[~behind], start + share * (end - start)])
    return cv2.convexHull(camera.project(points).astype(np.float32))[:, 0]


def clipped_box(outline: np.ndarray, camera: Camera) -> np.ndarray:
    """(4,) left, top, right, bottom inside the image."""
    limits = np.array([camera.width, camera.height])
    return np.concatenate([np.clip(outline.min(0), 0, limits),
                           np.clip(outline.max(0), 0, limits)])


def outside_share(outline: np.ndarray, camera: Camera) -> float:
    """The truncation: share of the projected area outside the image."""
    low, high = outline.min(0), outline.max(0)
    if (low >= 0).all() and (high <= [camera.width, camera.height]).all():
        return 0.
    image = np.array([[0, 0], [camera.width, 0], [camera.width, camera.height],
                      [0, camera.height]], dtype=np.float32)
    inside, _ = cv2.intersectConvexConvex(outline, image)
    whole = cv2.contourArea(outline)
    return float(np.clip(1. - inside / whole, 0., 1.)) if whole > 0 else 1.


def visible_share(user: PlacedUser, box: np.ndarray, instances: np.ndarray,
                  camera: Camera) -> float:
    """Share of the object's pixels in the image that nothing hides.

    Large objects are sampled: the share needs no more than some thousand rays.
    """
    left, top = np.floor(box[:2]).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    step = max(int(np.sqrt((right - left) * (bottom - top) / SILHOUETTE_RAYS)), 1)
    window = np.s_[top:bottom:step, left:right:step]
    rays = camera.directions[window].reshape(-1, 3)
    if not len(rays):
        return 0.
    alone = RayCaster(user.mesh).any_hit(camera.centre, rays)
    seen = (instances[window].ravel() == user.instance) & alone
    return seen.sum() / max(alone.sum(), 1)


def occlusion_level(share: float) -> Optional[int]:
    """0, 1, 2 as in KITTI for a visible share, or None if too hidden to label."""
    return next((level for level, least in enumerate(VISIBLE_SHARES)
                 if share > least), None)
