"""Exit codes and error lines that all commands of ``tools/`` share."""
import atexit
import errno
import os
import re
import sys
import threading
import traceback
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterator, NoReturn, Optional

from ..errors import MAX_MESSAGE, InputError, visible
from ..utils.user_code import user_traceback
from .config_reasons import config_reason
from .terminal_output import prepare_output

DEBUG = '--debug'  # option of every command
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_HANDLES = re.compile('Too many open files|received 0 items of ancdata')
# Messages of gloo, NCCL and torch's store about a lost connection, or about a rank that does not
# join or answer in time.
LOST_RANK = re.compile('Connection (closed|reset) by peer|Connection was likely closed|'
                       'Broken pipe|ncclRemoteError|Timed out after .* waiting for clients|'
                       'Timed out waiting .* for (recv|send) operation|wait timeout after|'
                       'client socket has timed out')
LOST_RANK_MESSAGE = ('another rank has ended, or did not answer within env_cfg.dist_cfg.timeout; '
                     'the reason is in the output of that rank; a training goes on with --resume')


class ConfigError(Exception):
    """Config that cannot be read or built. Commands print one line and exit with code 1."""


def run_command(main: Callable[[], None]) -> None:
    """Run ``main`` and map its failures to exit codes.

    - 2: bad input (:class:`InputError`), a full disk, or a data worker that died; one line on
      stderr.
    - 1: a config error or a lost connection to another rank, with one line; an exception in
      code of the user, with its traceback from the user's first frame on; or a bug, which is any
      other exception and keeps its traceback.
    - 130: an interrupt; one line.
    - 0: success, or an output pipe that the reader closed.

    With ``--debug`` on the command line, every exception also prints its whole traceback.

    In a rank of a process group the function does not return but ends the process.

    Args:
        main: the command, without arguments.

    Raises:
        SystemExit: a failure, with its exit code.
        Exception: any bug of ``main``.
    """
    # A full disk also raises in threads that write and in files that are closed at the end.
    threading.excepthook = _without_faults(threading.__excepthook__)
    sys.unraisablehook = _without_faults(sys.__unraisablehook__)
    try:
        _run(main)
    except BaseException as error:
        if _in_process_group():
            _end_process(_report(error))
        raise
    if _in_process_group():
        _end_process(0)


def _run(main: Callable[[], None]) -> None:
    debug = DEBUG in sys.argv
    try:
        try:
            prepare_output(lambda error: fault_message(error) is not None)
            main()
        except Exception:
            if debug:
                traceback.print_exc()
            raise
    except InputError as error:
        _fail(_message(error))
    except ConfigError as error:
        _tell(str(error), 'config error')
        sys.exit(1)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        message = fault_message(error)
        if message is None:
            if not debug and user_traceback(error) is None:
                raise
            if not debug:
                traceback.print_exception(type(error), error, user_traceback(error))
                print(f'({DEBUG} shows the frames before)', file=sys.stderr)
            sys.exit(1)
        if message == LOST_RANK_MESSAGE:
            _tell(message)
            _end_process(1)
        _fail(message)


@contextmanager
def outputs_in(folder: str) -> Iterator[None]:
    """Name a folder in the error of a full disk that names no file.

    The error of a file that is already open names no file.

    Args:
        folder: folder of the outputs.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL and error.filename is None:
            error.filename = f'a file in {folder}'
        raise


def fault_message(error: Optional[BaseException]) -> Optional[str]:
    """Return the line to print for a fault of the machine.

    Such faults are a full disk, too few file handles, a data worker that died, and a lost
    connection to another rank.
    The death of a data worker interrupts any code that runs, and may be the cause of an error of
    that code. So causes and contexts of an error are searched too.

    Args:
        error: any exception, or None.

    Returns:
        The line; None if the error is not a fault of the machine.
    """
    if error is None:
        return None
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return (f'{error.filename or "output"}: cannot be written ({error.strerror}); make room '
                'and run the command again, a training with --resume')
    if isinstance(error, (OSError, RuntimeError)) and NO_HANDLES.search(str(error)):
        return (f'too many open files ({visible(error)}); raise the limit with ulimit -n, or '
                'lower num_workers of the dataloaders; a training goes on with --resume')
    if isinstance(error, RuntimeError) and 'DataLoader worker' in str(error):
        return (f'a data worker died ({" ".join(str(error).split())[:160]}); if memory is short, '
                'lower num_workers or batch_size of the dataloader; a training goes on with '
                '--resume')
    if isinstance(error, RuntimeError) and LOST_RANK.search(str(error)):
        return LOST_RANK_MESSAGE
    return fault_message(error.__cause__ or error.__context__)


@contextmanager
def config_errors(config: str) -> Iterator[None]:
    """Turn an exception that a config causes into an error of one line.

    Args:
        config: file of the config, for the line.

    Raises:
        ConfigError: reading the config, or building an object of the config, failed.
    """
    try:
        yield
    except Exception as error:
        # The death of a data worker may be raised anywhere, also where a config is written.
        if isinstance(error, InputError) or fault_message(error) is not None:
            raise
        reason = config_reason(error)
        if reason is None:
            raise
        title = '' if reason.startswith(f'{config}:') else f'{config}: '
        raise ConfigError(title + reason) from error


def _without_faults(show: Callable[[Any], object]) -> Callable[[Any], None]:
    """Wrap a hook for uncaught exceptions so that it ignores faults of the machine."""
    def hook(unhandled: Any) -> None:
        if fault_message(unhandled.exc_value) is None:
            show(unhandled)
    return hook


def _fail(message: str) -> NoReturn:
    _tell(message)
    sys.exit(2)


def _tell(message: str, kind: str = 'error') -> None:
    line = f'{os.path.basename(sys.argv[0])}: {kind}: {message}'
    print(visible(line, MAX_MESSAGE), file=sys.stderr, flush=True)


def _message(error: InputError) -> str:
    """Return the line of an InputError, without the text that others put before it.

    A data worker puts its traceback before the line, and mmengine's registries the names of
    the classes under construction.
    """
    line = str(error.args[0]).strip().rsplit('InputError: ', 1)[-1]
    return re.sub(r'^(class `\w+` in \S+: )+', '', line)


def _in_process_group() -> bool:
    # Commands that do not import torch are in no process group.
    dist = sys.modules.get('torch.distributed')
    return dist is not None and dist.is_available() and dist.is_initialized()


def _report(error: BaseException) -> int:
    """Print an uncaught exception as the interpreter does, and return the exit code."""
    if not isinstance(error, SystemExit):
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


def _end_process(code: int) -> NoReturn:
    """End the process with clean-up of Python, but without destructors of C++.

    While the interpreter shuts down, a thread of gloo that needs the interpreter's lock aborts
    the process with SIGABRT. So does a thread whose connection is lost.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter does first
    atexit._run_exitfuncs()  # ends data workers, flushes logs, removes temporary folders
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # the stream's reader has gone
            stream.flush()
    os._exit(code)
