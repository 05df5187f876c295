"""How every command of ``tools/`` ends: cleanly, with one line on bad input."""
import os
import re
import sys
from typing import Callable

from ..errors import InputError


def run_command(main: Callable[[], None]) -> None:
    """Runs ``main`` and maps its failures to exit codes.

    Bad input (:class:`InputError`) prints one line and exits with 2, an
    interrupt with 130; a closed output pipe ends the command quietly. Any other
    exception is a bug and keeps its traceback.
    """
    try:
        main()
    except InputError as error:
        print(f'{os.path.basename(sys.argv[0])}: error: {_message(error)}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _message(error: InputError) -> str:
    """The line that was raised. A data loader's worker wraps it in its traceback, and
    mmengine's registries put the classes that were being built before it."""
    line = str(error).strip().rsplit('InputError: ', 1)[-1]
    return re.sub(r'^(class `\w+` in \S+: )+', '', line)
