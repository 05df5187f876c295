"""How every command of ``tools/`` ends: cleanly, with one line on bad input."""
import errno
import os
import re
import sys
from typing import Callable, Optional

from ..errors import InputError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_command(main: Callable[[], None]) -> None:
    """Runs ``main`` and maps its failures to exit codes.

    Bad input (:class:`InputError`), a full disk and a data worker that died print one line
    and exit with 2, an interrupt exits with 130; a closed output pipe ends the command
    quietly. Any other exception is a bug and keeps its traceback.
    """
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
        _fail(message)


def fault_message(error: Optional[BaseException]) -> Optional[str]:
    """What to tell of a failure that is the machine's: a full disk, or a data worker that
    died. None of any other error.

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
    return fault_message(error.__cause__ or error.__context__)


def _fail(message: str) -> None:
    print(f'{os.path.basename(sys.argv[0])}: error: {message}', file=sys.stderr)
    sys.exit(2)


def _message(error: InputError) -> str:
    """The line that was raised. A data loader's worker wraps it in its traceback, and
    mmengine's registries put the classes that were being built before it."""
    line = str(error).strip().rsplit('InputError: ', 1)[-1]
    return re.sub(r'^(class `\w+` in \S+: )+', '', line)
