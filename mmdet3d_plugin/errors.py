"""Exception for input that the user can correct."""


class InputError(ValueError):
    """Bad input: a file, a config value or a command-line option.

    The message is one line that names the file or the value, and the fix. Command-line
    tools print it without a traceback and exit with code 2.

    Example:
        >>> raise InputError('val.txt: names no frame; put the frame names there')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: val.txt: names no frame; put the frame names there
    """
