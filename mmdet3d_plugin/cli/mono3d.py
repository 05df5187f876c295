"""Console command ``mono3d COMMAND [options]``, also ``python -m mmdet3d_plugin``."""
import sys
from importlib import import_module

from ..utils.suggestions import did_you_mean
from .command_parser import CommandParser
from .command_table import COMMANDS, PACKAGE, run_command_line

NAME = 'mono3d'


def build_parser() -> CommandParser:
    """Return the parser of the name of a command; the command parses the other arguments."""
    width = max(map(len, COMMANDS))
    commands = '\n'.join(f'  {name:{width}}  {command.summary}'
                         for name, command in COMMANDS.items())
    return CommandParser(
        prog=NAME, usage=f'{NAME} COMMAND [options]', add_help=False,
        description='Monocular 3D detection and depth: train, test, predict and more. The '
        'shipped configs are found by name from any folder.',
        epilog=f'examples:\n  {NAME} doctor\n  {NAME} train monolss/monolss_dla34_kitti --amp\n'
        f'  {NAME} evaluate kitti --help\n  {NAME} --version\n\ncommands:\n{commands}')


def main() -> None:
    """Run the command that the first argument names."""
    parser = build_parser()
    name = sys.argv[1] if len(sys.argv) > 1 else '--help'
    if name in ('-h', '--help'):
        parser.print_help()
    elif name == '--version':
        print(f'{NAME} {import_module(PACKAGE).__version__}')
    elif name in COMMANDS:
        sys.argv[:2] = [f'{NAME} {name}']  # the title of usage and error messages
        run_command_line(name)
    else:
        parser.error(f'{name}: no such command{did_you_mean(name, COMMANDS)}')
