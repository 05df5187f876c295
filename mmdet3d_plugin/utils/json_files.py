"""Reading of JSON files of any origin."""
import json
from typing import Any, NoReturn

from ..errors import InputError
from .files import PathLike, read_text, shortened


def read_json(path: PathLike, missing: str, max_bytes: int, too_large: str = 'restore the file'
              ) -> Any:
    """Return the content of a JSON file. NaN and infinity, which are no JSON, are refused.

    Args:
        path: the file.
        missing: message for a file that does not exist: what is missing, and the fix.
        max_bytes: largest size. The content needs about ten times as much memory.
        too_large: the fix for a larger file.

    Raises:
        InputError: the file is missing, too large, or not JSON. The message starts with ``path``.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'a.json').write_text('{"size": [4, 2]}')
        ...     read_json(f'{folder}/a.json', 'no such file; restore it', 1 << 20)
        {'size': [4, 2]}
    """
    text = read_text(path, missing, max_bytes, too_large)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise InputError(f'{path}:{error.lineno}: is no JSON at column {error.colno} '
                         f'({error.msg}); correct it') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: is no JSON that can be read ({shortened(str(error))}); correct '
                         'it') from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f'{name} is no number of JSON')
