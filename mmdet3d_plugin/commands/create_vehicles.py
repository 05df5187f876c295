"""Options of ``create_data.py vehicles``."""
import argparse
from pathlib import Path

from ..cli.command_parser import ExampleFormatter
from ..cli.value_types import non_negative, positive
from ..utils.processes import available_cores

LEVELS = {'easy': 0., 'medium': .5, 'hard': 1.}


def add_vehicles(commands) -> None:
    """Add the subcommand ``vehicles`` to the parser of ``create_data.py``.

    Args:
        commands: return value of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser(
        'vehicles', formatter_class=ExampleFormatter,
        help='render crops of vehicles of many identities',
        description='Render square crops of vehicles of many identities for metric learning, in '
                    'class folders: train/ID/VIEW.png, val and test. The splits share no '
                    'identity. The same options give the same bytes. An interrupted run resumes '
                    'where it stopped.',
        epilog='examples:\n'
               '  python tools/create_data.py vehicles --out data/vehicles\n'
               '  python tools/create_data.py vehicles --out data/vehicles_easy \\\n'
               '      --models 80 --views 40 --size 96 --difficulty easy')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='output folder')
    parser.add_argument('--models', type=int, default=80, metavar='N',
                        help='number of identities, of which a quarter each is for validation '
                             'and test (default: %(default)s)')
    parser.add_argument('--views', type=int, default=40, metavar='V',
                        help='crops per identity (default: %(default)s)')
    parser.add_argument('--size', type=int, default=96, metavar='PIXELS',
                        help='width and height of a crop (default: %(default)s)')
    parser.add_argument('--difficulty', type=_difficulty, default=.5, metavar='D',
                        help='number from 0 (narrow views, plain ground, a hue per identity) to '
                             '1 (all around, street scenes, occlusion, common paints), or easy '
                             '(0), medium (0.5) or hard (1) (default: %(default)s)')
    parser.add_argument('--seed', type=non_negative, default=0, metavar='S',
                        help='random seed (default: %(default)s)')
    parser.add_argument('--workers', type=positive, default=None, metavar='W',
                        help='worker processes (default: one per available core)')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace an existing set of vehicles in DIR')
    parser.set_defaults(run=run_vehicles)


def _difficulty(text: str) -> float:
    if text in LEVELS:
        return LEVELS[text]
    try:
        value = float(text)
    except ValueError:
        value = -1.
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(
            f'{text!r} is neither a number in 0..1 nor one of {", ".join(LEVELS)}')
    return value


def run_vehicles(args: argparse.Namespace) -> None:
    """Render a set of vehicle crops.

    Raises:
        InputError: the options ask for an impossible set, or the folder holds other files.
    """
    # Imported here because only this command needs the renderer.
    from ..synthetic.vehicles import VehicleSet, write_vehicle_set
    content = VehicleSet(args.models, args.views, args.size, args.difficulty, args.seed)
    write_vehicle_set(args.out, content, args.workers or available_cores(), args.overwrite)
    counts = ', '.join(f'{count} {split}' for split, count in content.split_sizes().items())
    print(f'{args.out}: {args.models} identities ({counts}), {args.views} views each')
