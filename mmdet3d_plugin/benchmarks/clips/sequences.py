"""Lists of clips (``sequences.txt``): one clip per line, its name and its frames in order."""
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Set, Union

from ...errors import InputError
from ...utils.files import atomic_write, is_inner_name, read_text, shortened

PathLike = Union[str, Path]
MISSING = ('no such list of clips, the set holds single frames; render clips with '
           'tools/create_data.py synthetic --sequence-length 3')


def read_sequences(path: PathLike) -> Dict[str, List[str]]:
    """Read the clips of a set.

    Returns:
        Frame names in order, by name of the clip.

    Raises:
        InputError: the file is missing or not text, a line has no frame, a name would lead out
            of the set's folders, or a clip or a frame is listed twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_sequences(f'{folder}/sequences.txt', {'0000': ['000000', '000001']})
        ...     read_sequences(f'{folder}/sequences.txt')
        {'0000': ['000000', '000001']}
    """
    clips: Dict[str, List[str]] = {}
    seen: Set[str] = set()
    for number, line in enumerate(read_text(path, MISSING).splitlines(), start=1):
        if not line.strip():
            continue
        clip, *frames = line.split()
        odd = next((name for name in (clip, *frames) if not is_inner_name(name)), None)
        if odd is not None:
            raise InputError(f'{path}:{number}: {shortened(odd)} is no name of a clip or a frame; '
                             'put names without .. or a leading slash there')
        repeated = clip in clips or len(set(frames)) < len(frames) or not seen.isdisjoint(frames)
        if not frames or repeated:
            raise InputError(f'{path}:{number}: '
                             + ('a clip or frame is listed twice' if repeated else 'no frame')
                             + '; put the name of a clip and its frames there, each once')
        seen.update(frames)
        clips[clip] = frames
    if not clips:
        raise InputError(f'{path}: names no clip; put a clip and its frames on each line')
    return clips


def write_sequences(path: PathLike, clips: Mapping[str, Sequence[str]]) -> None:
    """Write the clips of a set: frame names in order, by name of the clip.

    Raises:
        InputError: the folder cannot be written.
    """
    atomic_write(path, ''.join(' '.join([clip, *frames]) + '\n' for clip, frames in clips.items()))
