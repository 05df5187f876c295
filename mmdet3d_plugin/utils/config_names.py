"""Configs that travel with the package, found by name from any folder."""
from pathlib import Path
from typing import Dict, List, Union

from ..errors import InputError
from .suggestions import closest

PACKAGE = Path(__file__).parents[1]
FOLDER, SHARED = 'configs', '_base_'


def shipped_configs() -> Path:
    """Return the folder of the shipped configs, in the installed package or in the checkout."""
    installed = PACKAGE / '.mim' / FOLDER
    return installed if installed.is_dir() else PACKAGE.parent / FOLDER


def config_names() -> Dict[str, Path]:
    """Return the file of each shipped config by its name, such as ``pgd/pgd_dla34_kitti``."""
    root = shipped_configs()
    return {path.relative_to(root).with_suffix('').as_posix(): path
            for path in sorted(root.rglob('*.py')) if SHARED not in path.relative_to(root).parts}


def find_config(name: Union[str, Path]) -> Path:
    """Return the file of a config.

    Args:
        name: a file; or a shipped config, with or without its folder, ``configs/`` and ``.py``.

    Raises:
        InputError: there is no such config, or several shipped configs have the name. The
            message suggests a config.

    Example:
        >>> find_config('monolss_dla34_kitti').name
        'monolss_dla34_kitti.py'
    """
    path = Path(name)
    if path.is_file():
        return path
    inner = path.relative_to(FOLDER) if path.parts[:1] == (FOLDER, ) else path
    wanted = inner.with_suffix('').as_posix() if inner.suffix == '.py' else inner.as_posix()
    names = config_names()
    if wanted in names:
        return names[wanted]
    same = [other for other in names if other.endswith(f'/{wanted}')]
    if len(same) == 1:
        return names[same[0]]
    if same:
        raise InputError(f'{name}: several configs have this name; choose '
                         + ' or '.join(f'{FOLDER}/{other}.py' for other in same))
    raise InputError(f'{name}: no such config{_hint(Path(wanted).name, list(names))}')


def find_configs(name: Union[str, Path]) -> Path:
    """Return a config or a folder of configs, like :func:`find_config`.

    Args:
        name: a file or folder, or a shipped config or folder.

    Raises:
        InputError: there is no such config.
    """
    path = Path(name)
    if path.is_dir():
        return path
    inner = path.relative_to(FOLDER) if path.parts[:1] == (FOLDER, ) else path
    shipped = shipped_configs() / inner
    return shipped if shipped.is_dir() else find_config(name)


def _hint(stem: str, names: List[str]) -> str:
    """Return the end of a message that names a similar config."""
    near = [name for name in names if len(stem) > 3 and stem in name.rpartition('/')[2]]
    if not near:
        stems = {name.rpartition('/')[2]: name for name in names}
        similar = closest(stem, stems)
        near = [stems[similar]] if similar else []
    return f'; did you mean {FOLDER}/{near[0]}.py?' if near else f'; see {FOLDER}/'
