"""How every command of ``tools/`` ends: cleanly, with one line on bad input."""
import errno
import os
import re
import sys
import threading
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

from ..errors import InputError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What gloo, NCCL and torch's store say of it.
LOST_PROCESS = re.compile('Connection (closed|reset) by peer|Connection was likely closed|'
                          'Broken pipe|ncclRemoteError')
LOST_PROCESS_MESSAGE = 'another process has ended; see its message above'


def run_command(main: Callable[[], None]) -> None:
    """Runs ``main`` and maps its failures to exit codes.

    Bad input (:class:`InputError`), a full disk and a data worker that died print one line
    and exit with 2, an interrupt exits with 130; a closed output pipe ends the command
    quietly. Of several processes those that miss another exit with 1, below the code of the
    one that failed. Any other exception is a bug and keeps its traceback.
    """
    # Threads that write meet a full disk, too, and so do files that are closed at the end.
    threading.excepthook = _without_faults(threading.__excepthook__)
    sys.unraisablehook = _without_faults(sys.__unraisablehook__)
    try:
        main()
    except InputError as error:
        _fail(_message(error))
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        message = fault_message(error)
        if message is None:
            raise
        if message == LOST_PROCESS_MESSAGE:
            _leave(message)
        _fail(message)


@contextmanager
def outputs_in(folder: str) -> Iterator[None]:
    """Names the folder in the error of a full disk that names no file, as one that was open
    does."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL and error.filename is None:
            error.filename = f'a file in {folder}'
        raise


def fault_message(error: Optional[BaseException]) -> Optional[str]:
    """What to tell of a failure that is the machine's: a full disk, or a data worker or
    another process that died. None of any other error.

    A worker's death interrupts whatever runs, and may come wrapped in that's own error.
    """
    if error is None:
        return None
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return (f'{error.filename or "output"}: cannot be written ({error.strerror}); make room '
                'and run the command again, a training with --resume')
    if isinstance(error, RuntimeError) and 'DataLoader worker' in str(error):
        return (f'a data worker died ({" ".join(str(error).split())[:160]}); if memory is short, '
                'lower num_workers or batch_size of the dataloader; a training goes on with '
                '--resume')
    if isinstance(error, RuntimeError) and LOST_PROCESS.search(str(error)):
        return LOST_PROCESS_MESSAGE
    return fault_message(error.__cause__ or error.__context__)


def _without_faults(show: Callable[[Any], None]) -> Callable[[Any], None]:
    """A hook for exceptions that nothing catches, which leaves out what is told already."""
    def hook(unhandled: Any) -> None:
        if fault_message(unhandled.exc_value) is None:
            show(unhandled)
    return hook


def _fail(message: str) -> None:
    _tell(message)
    sys.exit(2)


def _leave(message: str) -> None:
    """Ends without clean-up, in which gloo's threads abort once a connection is lost."""
    _tell(message)
    sys.stdout.flush()
    os._exit(1)


def _tell(message: str) -> None:
    print(f'{os.path.basename(sys.argv[0])}: error: {message}', file=sys.stderr, flush=True)


def _message(error: InputError) -> str:
    """The line that was raised. A data loader's worker wraps it in its traceback, and
    mmengine's registries put the classes that were being built before it."""
    line = str(error).strip().rsplit('InputError: ', 1)[-1]
    return re.sub(r'^(class `\w+` in \S+: )+', '', line)
CONFIG_ERROR_EXIT = 1
CONFIG_PACKAGE = os.path.join('mmengine', 'config')


@contextmanager
def config_errors(config: str) -> Iterator[None]:
    """Turns mmengine's complaint about a config into one line and exit code 1."""
    try:
        yield
    except Exception as error:
        # A worker's death is noticed anywhere, also where a config is being written.
        if (isinstance(error, InputError) or fault_message(error) is not None
                or not _is_config_error(error)):
            raise
        reason = ' '.join(str(error.args[0] if error.args else error).split())
        print(f'{Path(sys.argv[0]).name}: config error: {config}: {type(error).__name__}: '
              f'{reason}', file=sys.stderr)
        sys.exit(CONFIG_ERROR_EXIT)


def _is_config_error(error: BaseException) -> bool:
    """Whether a config was being read, or something that it names being built."""
    frames = traceback.extract_tb(error.__traceback__)
    if any(CONFIG_PACKAGE in frame.filename for frame in frames):
        return True
    return (isinstance(error, (AttributeError, ImportError, KeyError, TypeError, ValueError))
            and any(frame.name.startswith('build_') and 'mmengine' in frame.filename
                    for frame in frames))
