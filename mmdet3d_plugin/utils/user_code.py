"""Errors in code of the user: modules outside of this package and of the installed packages."""
import sysconfig
from pathlib import Path
from types import FrameType, TracebackType
from typing import Iterable, Optional, Set

PACKAGE = Path(__file__).parents[1]
STANDARD_LIBRARY = Path(sysconfig.get_path('stdlib'))
INSTALLED = ('site-packages', 'dist-packages')
OPENMMLAB = ('mmcv', 'mmdet', 'mmdet3d', 'mmengine')
_packages: Set[str] = set()  # installed packages that are the user's own


def add_user_packages(modules: Iterable[str]) -> None:
    """Name modules that are the user's own even if they are installed.

    Modules of this package and of OpenMMLab are left out.

    Args:
        modules: dotted names, such as the ``custom_imports`` of a config.
    """
    names = {module.partition('.')[0] for module in modules}
    _packages.update(names.difference(OPENMMLAB, [PACKAGE.name]))


def user_traceback(error: BaseException) -> Optional[TracebackType]:
    """Return the traceback of an exception from the user's first frame on.

    Args:
        error: an exception that was raised.

    Returns:
        The traceback; None if no frame is of the user's modules.

    Example:
        >>> try:
        ...     int('no number')
        ... except ValueError as error:
        ...     user_traceback(error) is None
        True
    """
    start = error.__traceback__
    while start is not None and not _is_user_frame(start.tb_frame):
        start = start.tb_next
    return start


def _is_user_frame(frame: FrameType) -> bool:
    module = frame.f_globals.get('__name__')
    if module is None:  # a config file, which mmengine executes
        return False
    if module.partition('.')[0] in _packages:
        return True
    name = frame.f_code.co_filename
    file = Path(name)
    return not (name.startswith('<') or PACKAGE in file.parents or module == 'runpy'
                or STANDARD_LIBRARY in file.parents or not set(INSTALLED).isdisjoint(file.parts))
