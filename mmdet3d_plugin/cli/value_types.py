"""Types of option values."""
import argparse
import re
from typing import Optional, Tuple

MIN_SIZE = 32  # pixels; smaller images show no objects


def non_negative(text: str) -> int:
    """Parse an option value that must be an integer of at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def positive(text: str) -> int:
    """Parse an option value that must be an integer of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not 1 or more')
    return value


def image_size(text: str) -> Tuple[int, int]:
    """Parse WIDTHxHEIGHT into (width, height) in pixels."""
    match = re.fullmatch(r'(\d+)x(\d+)', text)
    if not match or min(map(int, match.groups())) < MIN_SIZE:
        raise argparse.ArgumentTypeError(
            f'{text!r} is not WIDTHxHEIGHT in pixels of at least {MIN_SIZE}, such as 1242x375')
    return int(match[1]), int(match[2])


def batch_size(text: str) -> Optional[int]:
    """Parse a number of images per run; None for 'dynamic'."""
    return None if text == 'dynamic' else positive(text)


# argparse prints the name of the type in its error messages.
non_negative.__name__ = positive.__name__ = 'integer'
batch_size.__name__ = "integer or 'dynamic'"
