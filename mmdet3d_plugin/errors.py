"""The one exception of the project for input that a user can mend."""


class InputError(ValueError):
    """Bad input. The message is one line that names the file and the fix.

    Command-line tools print it without a traceback and exit with code 2.
    """
