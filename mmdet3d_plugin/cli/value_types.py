"""Types of option values."""
import argparse
import re
from typing import Optional, Tuple

MIN_SIZE = 32  # pixels; smaller images show no objects
MAX_PORT = 65535


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


def port(text: str) -> int:
    """Parse an option value that must be a TCP port."""
    value = positive(text)
    if value > MAX_PORT:
        raise argparse.ArgumentTypeError(f'{text} is not {MAX_PORT} or less')
    return value


def score(text: str) -> float:
    """Parse an option value that must be a score, 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not in 0..1')
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
non_negative.__name__ = positive.__name__ = port.__name__ = 'integer'
score.__name__ = 'number'
batch_size.__name__ = "integer or 'dynamic'"
