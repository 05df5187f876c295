"""Command line of tools/demo.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Render synthetic street scenes, train a detector on them, calibrate its '
        'scores, evaluate it on held-out frames, write WORK_DIR/report.html, and predict a '
        'rendered clip into WORK_DIR/clip/video.mp4. Run the same command again to resume an '
        'interrupted demo.',
        epilog='example:\n  python tools/demo.py --device cpu --work-dir work_dirs/demo')
    parser.add_argument('--device', choices=['auto', 'cpu', 'cuda'], default='auto',
                        help='training device (default: auto, which is a GPU if there is one)')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/demo'), metavar='DIR',
                        help='output folder (default: %(default)s)')
    return parser
