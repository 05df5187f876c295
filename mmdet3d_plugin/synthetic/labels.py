"""KITTI labels of a rendered frame."""
from typing import List, Optional, Tuple

import cv2
import numpy as np

from ..structures.angles import observation_angle
from ..structures.object_table import DONT_CARE, ObjectTable
from .camera import KITTI_SIZE, Camera
from .mesh import Mesh
from .render import PlacedUser, RayCaster, RenderedFrame

LABELLED_DEPTHS = (3., 65.)  # metres
NEAR = .1  # metres; geometry nearer to the camera is cut off
MIN_HEIGHT = 10.  # pixels, in an image of KITTI's size
MAX_TRUNCATION = .9
SILHOUETTE_RAYS = 4000  # approximate largest number of rays per object
# Lower bounds of the visible share for occlusion levels 0, 1 and 2; other objects are DontCare.
VISIBLE_SHARES = (.9, .5, .2)

# KITTI's height, width, length, x, y, z and rotation_y of DontCare regions.
DONT_CARE_FIELDS = (-1., -1., -1., -1000., -1000., -1000., -10.)


def frame_objects(frame: RenderedFrame, camera: Camera) -> ObjectTable:
    """Return the labels of all road users that are visible in the image.

    Road users that are too near, too far, too small, too truncated or too occluded become
    ``DontCare`` regions.

    Args:
        frame: rendered frame.
        camera: camera of the frame.

    Returns:
        Objects in order of increasing depth, then DontCare regions in order of increasing
        depth.

    Example:
        >>> from mmdet3d_plugin.synthetic import kitti_camera, render_frame, sample_scene
        >>> rng = np.random.default_rng(0)
        >>> camera = kitti_camera(160, 48)
        >>> frame = render_frame(sample_scene(rng, num_frames=1), 0, camera, rng)
        >>> objects = frame_objects(frame, camera)
        >>> len(objects) <= len(frame.users)
        True
    """
    labelled: List[Tuple[str, list]] = []
    ignored: List[Tuple[str, list]] = []
    last_instance = max((user.instance for user in frame.users), default=0)
    pixel_counts = np.bincount(frame.instances.ravel(), minlength=last_instance + 1)
    for user in sorted(frame.users, key=lambda user: user.location[2]):
        if pixel_counts[user.instance] == 0:
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
    """Return the convex hull of a mesh's projection.

    Edges are cut at the near plane. The hull is not cut at the image borders.

    Args:
        mesh: mesh in the camera frame.
        camera: camera of the image.

    Returns:
        (N, 2) corners of the hull, pixels.
    """
    points = mesh.vertices
    behind = points[:, 2] < NEAR
    if behind.any():
        edges = mesh.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
        start, end = points[edges[behind[edges[:, 0]] != behind[edges[:, 1]]].T]
        share = ((NEAR - start[:, 2]) / (end[:, 2] - start[:, 2]))[:, None]
        points = np.vstack([points[~behind], start + share * (end - start)])
    return cv2.convexHull(camera.project(points).astype(np.float32))[:, 0]


def clipped_box(outline: np.ndarray, camera: Camera) -> np.ndarray:
    """Return the bounding box of an outline, clipped to the image.

    Args:
        outline: (N, 2) pixels.
        camera: camera of the image.

    Returns:
        (4,) left, top, right, bottom, pixels.
    """
    limits = np.array([camera.width, camera.height])
    return np.concatenate([np.clip(outline.min(0), 0, limits),
                           np.clip(outline.max(0), 0, limits)])


def outside_share(outline: np.ndarray, camera: Camera) -> float:
    """Return the truncation, the share of the projected area outside of the image.

    Args:
        outline: (N, 2) corners of a convex polygon, pixels.
        camera: camera of the image.
    """
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
    """Return the share of an object's pixels in the image that no other object covers.

    The pixels of large objects are subsampled to about ``SILHOUETTE_RAYS`` rays.

    Args:
        user: object, with its mesh in the camera frame.
        box: (4,) left, top, right, bottom of the object in the image, pixels.
        instances: (H, W) instance numbers.
        camera: camera of the image.
    """
    left, top = np.floor(box[:2]).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    step = max(int(np.sqrt((right - left) * (bottom - top) / SILHOUETTE_RAYS)), 1)
    window = np.s_[top:bottom:step, left:right:step]
    rays = camera.directions[window].reshape(-1, 3)
    if not len(rays):
        return 0.
    covered = RayCaster(user.mesh).any_hit(camera.centre, rays)
    seen = (instances[window].ravel() == user.instance) & covered
    return seen.sum() / max(covered.sum(), 1)


def occlusion_level(share: float) -> Optional[int]:
    """Return KITTI's occlusion level of a visible share.

    Args:
        share: 0-1.

    Returns:
        0, 1 or 2, or None for an object that is too occluded for a label.

    Example:
        >>> [occlusion_level(share) for share in (.95, .7, .3, .1)]
        [0, 1, 2, None]
    """
    return next((level for level, least in enumerate(VISIBLE_SHARES)
                 if share > least), None)
