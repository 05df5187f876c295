"""Exception for input that the user can correct, and the text of its message."""

MAX_MESSAGE = 2000  # characters of a message


class InputError(ValueError):
    """Bad input: a file, a config value or a command-line option.

    The message is one line that names the file or the value, and the fix. Command-line
    tools print it without a traceback and exit with code 2. Text in it that comes from
    a file is shown by :func:`visible`.

    Example:
        >>> raise InputError('val.txt: names no frame; put the frame names there')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: val.txt: names no frame; put the frame names there
    """

    def __str__(self) -> str:
        return visible(super().__str__(), MAX_MESSAGE)


def visible(text: object, length: int = 300) -> str:
    r"""Return text of unknown origin as one short line that is safe to print.

    Names in data and checkpoints may hold sequences that control a terminal, line ends, and
    characters that reverse the direction of text. Each character that is not printable
    becomes its escape, such as ``\x1b``.

    Args:
        text: any text or object.
        length: largest number of characters; longer text is cut.

    Example:
        >>> print(visible('a\nb \x1b[31mred \u202edne'))
        a\nb \x1b[31mred \u202edne
        >>> visible('x' * 9, length=5)
        'xxxxx...'
    """
    text = str(text)
    shown = text[:length]
    if not shown.isprintable():
        shown = ''.join(letter if letter.isprintable() else
                        letter.encode('unicode_escape').decode('ascii') for letter in shown)
    return shown if len(shown) <= length >= len(text) else f'{shown[:length]}...'
