"""Split files of depth data sets: image, depth map and focal length, one frame a line."""
from pathlib import Path
from typing import List, NamedTuple, Optional, Union

from ...errors import InputError
from ...utils.files import is_inner_name, shortened

NO_DEPTH = 'None'
PARTS = ('', 'train', 'val')


class DepthPair(NamedTuple):
    """Names of an image and of its depth map inside the folders of the set."""
    image: str
    depth: Optional[str]

    @property
    def frame(self) -> str:
        """The frame's name: the image's without its suffix."""
        return str(Path(self.image).with_suffix(''))


def read_depth_split(path: Union[str, Path]) -> List[DepthPair]:
    """Reads the lines ``IMAGE DEPTH [FOCAL]`` of the public lists of Eigen's splits.

    A depth of ``None`` means that the image has none. Leading slashes, as in NYU's lists,
    and what follows the depth are left out: cameras come from calibrations.

    Raises:
        InputError: the file is missing or names no frame, or a line has no depth or a name
            that would lead out of the folders of the set.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except FileNotFoundError:
        raise InputError(f'{path}: no such split file; put lines of image, depth map and focal '
                         'length there') from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: not a readable text file ({error})') from None
    pairs = [_pair(f'{path}:{number}', line.split())
             for number, line in enumerate(lines, start=1) if line.strip()]
    if not pairs:
        raise InputError(f'{path}: names no frame; put lines of image, depth map and focal length '
                         'there')
    return pairs


def _pair(place: str, fields: List[str]) -> DepthPair:
    if len(fields) < 2:
        raise InputError(f'{place}: {len(fields)} field, expected image, depth map (or None) and '
                         'focal length; mend the line')
    image, depth = (name.removeprefix('/') for name in fields[:2])
    for name in (image, depth):
        if not is_inner_name(name):
            raise InputError(f'{place}: {shortened(name)} is no name of a file inside the set; '
                             'mend the line')
    return DepthPair(image, None if depth == NO_DEPTH else depth)


def locate_depth(folder: Union[str, Path], name: str) -> Path:
    """Where a depth map of a split lies: in ``folder`` or, as in KITTI's archive, in ``train``
    or ``val`` there.

    Raises:
        InputError: in none of them.
    """
    paths = [Path(folder, part, name) for part in PARTS]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise InputError(f'{paths[0]}: no such depth map, but the split names it; add the file or '
                         'remove the frame from the split')
    return found
