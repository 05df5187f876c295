"""Split files of depth data sets: image, depth map and focal length of one frame per line."""
from pathlib import Path
from typing import List, NamedTuple, Optional, Union

from ...errors import InputError
from ...utils.files import has_file, is_inner_name, read_text, shortened

NO_DEPTH = 'None'
PARTS = ('', 'train', 'val')  # folders that may hold a depth map


class DepthPair(NamedTuple):
    """Names of an image and its depth map, relative to the data set's folders.

    Attributes:
        image: name of the image.
        depth: name of the depth map, or None if the image has none.
    """
    image: str
    depth: Optional[str]

    @property
    def frame(self) -> str:
        """Name of the frame: the image's name without its suffix."""
        return str(Path(self.image).with_suffix(''))


def read_depth_split(path: Union[str, Path]) -> List[DepthPair]:
    """Read a split file with lines ``IMAGE DEPTH [FOCAL]``, as in the lists of Eigen's split.

    ``None`` in place of DEPTH means that the image has no depth map. A leading slash, as in
    NYU's lists, is removed. All fields after DEPTH are ignored, since cameras are read from
    calibration files. Empty lines are skipped.

    Raises:
        InputError: the file is missing, is not text or names no frame, or a line has no
            depth map or a name that would lead out of the data set's folders.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'val.txt').write_text('/a/rgb_1.jpg /a/depth_1.png 518.8')
        ...     read_depth_split(f'{folder}/val.txt')
        [DepthPair(image='a/rgb_1.jpg', depth='a/depth_1.png')]
    """
    lines = read_text(path, 'no such split file; put lines of image, depth map and focal length '
                      'there').splitlines()
    pairs = [_pair(f'{path}:{number}', line.split())
             for number, line in enumerate(lines, start=1) if line.strip()]
    if not pairs:
        raise InputError(f'{path}: names no frame; put lines of image, depth map and focal length '
                         'there')
    return pairs


def _pair(place: str, fields: List[str]) -> DepthPair:
    if len(fields) < 2:
        raise InputError(f'{place}: {len(fields)} field, expected image, depth map (or None) and '
                         'focal length; correct the line')
    image, depth = (name.removeprefix('/') for name in fields[:2])
    for name in (image, depth):
        if not is_inner_name(name):
            raise InputError(f'{place}: {shortened(name)} is no name of a file inside the set; '
                             'correct the line')
    return DepthPair(image, None if depth == NO_DEPTH else depth)


def locate_depth(folder: Union[str, Path], name: str) -> Path:
    """Find the file of a depth map.

    Args:
        folder: folder of all depth maps.
        name: name in the split file.

    Returns:
        The first of ``folder/name``, ``folder/train/name`` and ``folder/val/name`` that
        exists; KITTI's archive has the folders ``train`` and ``val``.

    Raises:
        InputError: none of them exists.
    """
    paths = [Path(folder, part, name) for part in PARTS]
    found = next((path for path in paths if has_file(path)), None)
    if found is None:
        raise InputError(f'{paths[0]}: no such depth map, but the split names it; add the file or '
                         'remove the frame from the split')
    return found
