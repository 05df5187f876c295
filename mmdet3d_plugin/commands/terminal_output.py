"""Terminal and logs of commands, which show any text and do not fail on it.

Names in data and checkpoints may hold anything. Error lines show them by
:func:`~mmdet3d_plugin.errors.visible`, and so do all lines of a log.
"""
import io
import logging
import os
import sys
from typing import Callable, Optional

from ..errors import InputError, visible

MAX_LINE = 20_000  # characters of a line of a log


class VisibleRecord(logging.LogRecord):
    r"""Record of a log that shows text of unknown origin as :func:`visible` does.

    Line ends and tabs are kept, because tables have them.

    Example:
        >>> record = VisibleRecord('a', logging.INFO, '', 0, 'odd \x1b[2J %s', ('b', ), None)
        >>> print(record.getMessage())
        odd \x1b[2J b
    """

    def getMessage(self) -> str:
        """Return the message."""
        return shown_lines(super().getMessage())


def shown_lines(text: str) -> str:
    r"""Return text of several lines that is safe to print.

    Example:
        >>> shown_lines('a\tb\n\x07')
        'a\tb\n\\x07'
    """
    return '\n'.join('\t'.join(visible(part, MAX_LINE) for part in line.split('\t'))
                     for line in text.split('\n'))


def prepare_output(is_fault: Callable[[Optional[BaseException]], bool]) -> None:
    """Set up the streams and logs of a command.

    - Characters that the encoding of a stream lacks are printed as escapes.
    - Lines of logs are safe to print.
    - A log that cannot be written because of a fault of the machine, such as a full disk, prints
      no traceback per line. The run ends with its own line where it writes a result.

    Args:
        is_fault: function that returns whether an exception is a fault of the machine.

    Raises:
        InputError: the current folder does not exist.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    logging.setLogRecordFactory(VisibleRecord)
    logging.Handler.handleError = _without_faults(is_fault)  # type: ignore[assignment,method-assign]
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError('the current folder has been removed; change to another folder') from None


def _without_faults(is_fault: Callable[[Optional[BaseException]], bool]
                    ) -> Callable[[logging.Handler, logging.LogRecord], None]:
    def handle(handler: logging.Handler, record: logging.LogRecord) -> None:
        if not is_fault(sys.exc_info()[1]):
            _handle_error(handler, record)
    return handle


_handle_error = logging.Handler.handleError
