"""JSON file with the frames, cameras and objects of a set. docs/custom_data.md has the format."""
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple, Union

import numpy as np

from ...errors import InputError
from ...structures.box_labels import in_image, labels_of_boxes, projection_matrix
from ...structures.object_table import ObjectTable
from ...utils.files import has_file, inside, shortened
from ...utils.images import image_size
from ...utils.json_files import read_json
from ..kitti.label_values import FULL_TURN, OCCLUSION_LEVELS
from ..kitti.labels import LIMIT, MAX_NAME

MAX_BYTES = 1 << 28  # about a million objects; reading needs ten times as much memory
TOP_KEYS = ('frames', 'camera', 'info')
FRAME_KEYS = ('image', 'camera', 'objects', 'info')
OBJECT_KEYS = ('class', 'bottom_center', 'center', 'size', 'yaw', 'box_2d', 'truncation',
               'occlusion', 'info')
SIZE_KEYS = ('height', 'width', 'length')
LENS_KEYS = ('distortion', 'dist_coeffs', 'distortion_coefficients', 'cam_D', 'D')


@dataclass
class CustomFrame:
    """A frame of a label file.

    Attributes:
        place: file and frame, for messages.
        image: image file.
        camera: (3, 4) projection, pixels.
        objects: entries of the objects, checked; None in a file without labels.
    """
    place: str
    image: Path
    camera: np.ndarray
    objects: Optional[List[dict]]

    def size(self) -> Tuple[int, int]:
        """Return (width, height) of the image, pixels.

        Raises:
            InputError: the image is missing or not readable.
        """
        try:
            if has_file(self.image):
                return image_size(self.image)
        except InputError as error:
            raise InputError(f'{self.place}: {error}') from None
        _fail(self.place, f'its image {self.image} does not exist', 'add the image, or remove '
              'the frame')

    def table(self, size: Tuple[int, int]) -> Optional[ObjectTable]:
        """Return the objects as a table; None in a file without labels.

        Missing 2D boxes, truncations and occlusions are completed, see
        :func:`~mmdet3d_plugin.structures.box_labels.labels_of_boxes`.

        Args:
            size: (width, height) of the image, pixels.

        Raises:
            InputError: an object is outside the image.
        """
        if self.objects is None:
            return None
        labels = labels_of_boxes(
            [item['class'] for item in self.objects], [_bottom(item) for item in self.objects],
            [[item['size'][key] for key in SIZE_KEYS] for item in self.objects],
            [item['yaw'] for item in self.objects], self.camera, size)
        given = [('boxes_2d', 'box_2d'), ('truncations', 'truncation'),
                 ('occlusions', 'occlusion')]
        for index, item in enumerate(self.objects):
            for column, key in given:
                if item.get(key) is not None:
                    getattr(labels, column)[index] = item[key]
        labels.boxes_2d = labels.boxes_2d.clip(0, np.tile(size, 2))
        outside = ~in_image(labels)
        if outside.any():
            index = int(outside.argmax())
            boxes = 'box_2d' if self.objects[index].get('box_2d') else 'projected box'
            raise InputError(
                f'{self.place}: object {index}: its {boxes} is outside the image of '
                f'{size[0]}x{size[1]}; correct it (camera frame: x right, y down, z forward; '
                'metres), or leave the object out')
        return labels


class CustomLabelFile:
    """Frames of a label file, each checked when it is asked for.

    Args:
        path: the JSON file. Paths of images are relative to its folder.

    Attributes:
        names: names of the frames: the path of the image without suffix.

    Raises:
        InputError: the file is missing, too large, not JSON, or has no list of frames with images
            of different names.

    Example:
        >>> import json
        >>> import tempfile
        >>> content = dict(camera=[[800, 0, 480], [0, 800, 270], [0, 0, 1]], frames=[dict(
        ...     image='yard/0001.jpg', objects=[{
        ...         'class': 'Forklift', 'bottom_center': [0, 1, 9], 'yaw': 0,
        ...         'size': dict(length=2, height=2, width=1)}])])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'train.json').write_text(json.dumps(content))
        ...     labels = CustomLabelFile(f'{folder}/train.json')
        >>> labels.names, labels.frame('yard/0001').table((960, 540)).sizes_hwl.tolist()
        (['yard/0001'], [[2.0, 1.0, 2.0]])
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path)
        if self.path.is_dir():
            raise InputError(f'{path}: is a folder; give the JSON file with the labels')
        content = read_json(self.path, 'no such label file; docs/custom_data.md has the format',
                            MAX_BYTES, 'split it into several files')
        if not isinstance(content, dict) or not isinstance(content.get('frames'), list):
            raise InputError(f'{path}: is no object with a list "frames"; write '
                             '{"frames": [...]}')
        _refuse_others(str(path), content, TOP_KEYS)
        self._camera = content.get('camera')
        if not content['frames']:
            raise InputError(f'{path}: "frames" is empty; add at least one frame')
        self._frames: Dict[str, Tuple[int, dict]] = {}
        for index, frame in enumerate(content['frames']):
            self._add(index, frame)
        labelled = ['objects' in frame for _, frame in self._frames.values()]
        if any(labelled) and not all(labelled):
            _fail(f'{path}: frame {labelled.index(False)}',
                  'has no "objects", but other frames have them', 'write [] if it shows none')
        self.names = list(self._frames)

    def _add(self, index: int, frame: Any) -> None:
        place = f'{self.path}: frame {index}'
        if not isinstance(frame, dict):
            _fail(place, f'is {shortened(frame)}, expected an object with "image"', 'correct it')
        image = frame.get('image')
        if not isinstance(image, str):
            _fail(place, f'"image" is {shortened(image)}, expected a path relative to the folder '
                  'of this file', 'correct it')
        try:
            inside(self.path.parent, image)
        except InputError:
            _fail(place, f'"image" is {shortened(image)}, expected a path inside the folder of '
                  'this file', 'move or link the images there')
        name = os.path.splitext(image)[0]
        if name in self._frames:
            other, former = self._frames[name]
            _fail(place, f'"image" is {shortened(image)}, and that of frame {other} is '
                  f'{shortened(former["image"])}; frames have the name of their image without '
                  'suffix', 'keep one of them')
        self._frames[name] = (index, frame)

    def frame(self, name: str) -> CustomFrame:
        """Return a frame.

        Args:
            name: one of ``names``.

        Raises:
            InputError: an entry of the frame is missing or wrong. The message names the frame
                and the object by their indices, from 0.
        """
        index, content = self._frames[name]
        place = f'{self.path}: frame {index} ({content["image"]})'
        _refuse_others(place, content, FRAME_KEYS)
        camera = content.get('camera', self._camera)
        if camera is None:
            _fail(place, 'has no "camera"', 'add its 3x3 or 3x4 matrix in pixels, to the frame or '
                  'to the file')
        objects = content.get('objects')
        if 'objects' in content and not isinstance(objects, list):
            _fail(place, f'"objects" is {shortened(objects)}, expected a list', 'correct it')
        for number, item in enumerate(objects or ()):
            _check_object(f'{place}: object {number}', item)
        return CustomFrame(place, self.path.parent / content['image'], _matrix(place, camera),
                           objects)


def _fail(place: str, what: str, fix: str) -> NoReturn:
    raise InputError(f'{place}: {what}; {fix}')


def _refuse_others(place: str, content: dict, known: Sequence[str]) -> None:
    """Refuse keys that are not known, since a misspelt key would be ignored."""
    other = next((key for key in content if key not in known), None)
    if other in LENS_KEYS:
        _fail(place, f'has {shortened(other)}, but lens distortion is not supported',
              'undistort the images (cv2.undistort) and write the camera of the result')
    if other is not None:
        _fail(place, f'has an unknown entry {shortened(other)}, expected some of '
              f'{", ".join(known)}', 'correct it, or put it into "info"')


def _matrix(place: str, value: Any) -> np.ndarray:
    """Return a camera as (3, 4) projection."""
    shape = next(((3, columns) for columns in (3, 4) if isinstance(value, list)
                  and len(value) == 3 and all(_are_numbers(row, columns) for row in value)), None)
    if shape is None:
        _fail(place, f'"camera" is {shortened(value)}, expected 3 rows of 3 or 4 finite numbers',
              'correct it')
    camera = projection_matrix(np.array(value, dtype=np.float64).reshape(shape))
    if camera[0, 0] <= 0 or camera[1, 1] <= 0 or camera[2, :3].tolist() != [0, 0, 1]:
        _fail(place, '"camera" is no camera matrix: its focal lengths must be positive and its '
              'last row must start with 0, 0, 1', 'correct it')
    return camera


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and abs(value) <= LIMIT)


def _are_numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_is_number, value))


def _check_object(place: str, item: Any) -> None:
    """Raise InputError unless an object's entries are complete and in their ranges."""
    if not isinstance(item, dict):
        _fail(place, f'is {shortened(item)}, expected an object', 'correct it')
    _refuse_others(place, item, OBJECT_KEYS)
    name = item.get('class')
    if (not isinstance(name, str) or name.split() != [name] or len(name) > MAX_NAME
            or not name.isprintable()):
        _fail(place, f'"class" is {shortened(name)}, expected a name without blanks', 'correct it')
    centers = [key for key in ('bottom_center', 'center') if key in item]
    if len(centers) != 1 or not _are_numbers(item[centers[0]], 3):
        found = ', '.join(f'"{key}" is {shortened(item[key])}' for key in centers)
        _fail(place, found or 'has no position', 'write either "bottom_center" or "center" as '
              '[x, y, z] in metres')
    size = item.get('size')
    if (not isinstance(size, dict) or sorted(size) != sorted(SIZE_KEYS)
            or not all(_is_number(value) and value > 0 for value in size.values())):
        _fail(place, f'"size" is {shortened(size)}', 'write {"length": L, "height": H, "width": '
              'W} in metres, all positive')
    yaw: Any = item.get('yaw')
    if not _is_number(yaw):
        _fail(place, f'"yaw" is {shortened(yaw)}, expected radians', 'correct it')
    if abs(yaw) > FULL_TURN:
        _fail(place, f'"yaw" is {yaw:g}, which looks like degrees', 'write radians')
    _check_optional(place, item)


def _check_optional(place: str, item: dict) -> None:
    box, truncation, occlusion = (item.get(key) for key in ('box_2d', 'truncation', 'occlusion'))
    if box is not None and not (_are_numbers(box, 4) and box[0] < box[2] and box[1] < box[3]):
        _fail(place, f'"box_2d" is {shortened(box)}', 'write [left, top, right, bottom] in '
              'pixels, or leave it out')
    if truncation is not None and not (_is_number(truncation) and 0 <= truncation <= 1):
        _fail(place, f'"truncation" is {shortened(truncation)}', 'write the share of the object '
              'outside the image, from 0 to 1, or leave it out')
    if occlusion is not None and not (_is_number(occlusion) and occlusion in OCCLUSION_LEVELS):
        _fail(place, f'"occlusion" is {shortened(occlusion)}', 'write a level: 0 fully visible, '
              '1 partly, 2 largely occluded, 3 unknown; or leave it out')


def _bottom(item: dict) -> List[float]:
    """Return the centre of the bottom face. y points down."""
    if 'bottom_center' in item:
        return item['bottom_center']
    x, y, z = item['center']
    return [x, y + item['size']['height'] / 2, z]
