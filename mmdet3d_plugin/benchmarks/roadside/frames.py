"""Frames of roadside cameras, and their labels in KITTI's convention."""
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...structures.angles import yaw_of_direction
from ...structures.box_labels import in_image, labels_of_boxes, projection_matrix
from ...structures.object_table import DONT_CARE, ObjectTable
from ...utils.images import image_size, read_image
from ..kitti.set_writer import ConvertedFrame
from .level_camera import level_camera

JPEG_QUALITY = 95


@dataclass
class RoadsideFrame:
    """A labelled frame of a roadside camera.

    Attributes:
        split: name of its split.
        name: name of the frame.
        image: image file.
        camera: (3, 3) matrix, pixels.
        up: (3,) normal of the ground, camera frame, away from the ground.
        calibration: file of ``up``, for messages.
        objects: N labels. Locations are bottom centres in the camera frame; alphas and
            rotations are not used. Objects without a size are marked as DontCare.
        headings: (N, 3) directions of the objects, camera frame.
    """
    split: str
    name: str
    image: Path
    camera: np.ndarray
    up: np.ndarray
    calibration: Path
    objects: ObjectTable
    headings: np.ndarray


def convert_frame(frame: RoadsideFrame, level: bool) -> ConvertedFrame:
    """Return a frame in KITTI's convention.

    Args:
        frame: the frame.
        level: whether image, camera and labels become those of a virtual camera that looks
            level. 2D boxes are then projected 3D boxes. Otherwise they are those of the labels.

    Raises:
        InputError: the image is not readable, or the camera is too steep.
    """
    size = image_size(frame.image)
    old = frame.objects
    if not level:
        labels = _labels(old, old.locations, frame.headings, frame.camera, size)
        labels.boxes_2d = old.boxes_2d.clip(0, np.tile(size, 2))
        return _finish(frame, frame.image, frame.image.suffix, frame.camera, labels)
    virtual = level_camera(frame.camera, frame.up, size, str(frame.calibration))
    labels = _labels(old, old.locations @ virtual.rotation.T, frame.headings @ virtual.rotation.T,
                     virtual.camera, virtual.size)
    # The virtual image may be larger than the part that the camera shows.
    whole = virtual.moved_boxes(np.array([[0., 0., *size]]))[0]
    labels.boxes_2d = labels.boxes_2d.clip(np.tile(whole[:2], 2), np.tile(whole[2:], 2))
    regions = labels.names == DONT_CARE
    labels.boxes_2d[regions] = virtual.moved_boxes(old.boxes_2d[regions])
    return _finish(frame, _warped(frame.image, virtual), '.jpg', virtual.camera, labels)


def _labels(old: ObjectTable, locations: np.ndarray, headings: np.ndarray, camera: np.ndarray,
            size) -> ObjectTable:
    labels = labels_of_boxes(old.names, locations, old.sizes_hwl, yaw_of_direction(headings),
                             camera, size)
    labels.occlusions = old.occlusions
    return labels


def _finish(frame: RoadsideFrame, image, suffix: str, camera: np.ndarray,
            labels: ObjectTable) -> ConvertedFrame:
    regions = labels.names == DONT_CARE
    for column, value in (('sizes_hwl', -1.), ('locations', -1000.), ('rotations_y', -10.),
                          ('alphas', -10.), ('truncations', -1.), ('occlusions', -1)):
        getattr(labels, column)[regions] = value  # as in KITTI's files
    shown = in_image(labels)
    dropped = Counter({'objects outside the image': int((~shown).sum()),
                       'objects without a size, kept as DontCare': int((regions & shown).sum())})
    return ConvertedFrame(frame.split, frame.name, image, suffix.lower(),
                          projection_matrix(camera), labels[shown], dropped)


def _warped(path: Path, virtual) -> bytes:
    """Return the JPEG file of the virtual camera's image."""
    done, data = cv2.imencode('.jpg', virtual.warp(read_image(path)),
                              [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return data.tobytes()
