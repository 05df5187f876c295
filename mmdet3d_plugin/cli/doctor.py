"""Command line of ``mono3d doctor``."""
import argparse

from .command_parser import CommandParser


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Print the versions, the devices and the parts that are missing, with the '
        'command that installs them. The exit code is 0 if nothing that every command needs is '
        'missing, and 1 otherwise.',
        epilog='example:\n  mono3d doctor')
    parser.add_argument('--import', action='store_true', dest='imports',
                        help='also import torch, OpenMMLab and the compiled operators of mmcv, '
                        'which takes about 10 seconds')
    return parser
