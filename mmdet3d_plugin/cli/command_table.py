"""The commands by name, and how a command line is parsed and run."""
from importlib import import_module
from typing import Dict, NamedTuple

PACKAGE = __package__.rpartition('.')[0]


class Command(NamedTuple):
    """One command.

    Attributes:
        summary: one line for the list of commands.
        module: file of the command in ``commands/``, with a function ``main(args)``.
        parser: module with the function ``build_parser()``, relative to the package.
        script: file of the command in ``tools/``; empty if it only has a name.
    """
    summary: str
    module: str
    parser: str
    script: str


def _command(summary: str, module: str, room: str = 'cli', folder: str = '') -> Command:
    return Command(summary, module, f'{room}.{module}', f'{folder}{module}.py')


COMMANDS: Dict[str, Command] = {
    'train': _command('train a model', 'train'),
    'test': _command('test a checkpoint and draw its predictions', 'test'),
    'predict': _command('predict boxes or depth for own images', 'predict'),
    'view': _command('show boxes or depth for own images in 3D, in a browser', 'view'),
    'evaluate': _command('evaluate result files', 'evaluate', 'commands'),
    'create-data': _command('render, check or convert data sets', 'create_data', 'commands'),
    'calibrate': _command('calibrate the scores of a detector', 'calibrate'),
    'report': _command('write an HTML report of a training', 'report'),
    'ablate': _command('train variants with several seeds and compare them', 'ablate'),
    'benchmark': _command('measure the speed of loading, training and inference', 'benchmark'),
    'export': _command('export a model for other runtimes', 'export'),
    'export-weights': _command('write the weights for inference, or a model folder',
                               'export_weights'),
    'import': _command("convert a checkpoint of the authors' code", 'import_checkpoint'),
    'demo': _command('render, train, calibrate, evaluate, report and predict', 'demo'),
    'doctor': Command('print versions, devices and missing parts', 'doctor', 'cli.doctor', ''),
    'depth-features': _command('analyse how features are ordered by depth', 'depth_features',
                               folder='analysis/'),
    'gradient-shares': _command("measure each loss's share of the gradient", 'gradient_shares',
                                folder='analysis/'),
    'motion-hints': _command('draw the treatment of movable objects', 'motion_hints',
                             folder='analysis/'),
    'other-cameras': _command('measure the depth error of other focal lengths', 'other_cameras',
                              folder='analysis/'),
    'predictor-speed': _command('measure Predictor beside its model', 'predictor_speed',
                                folder='analysis/'),
    'similarity': _command('measure similarities without labels', 'similarity',
                           folder='analysis/'),
}


def run_command_line(name: str) -> None:
    """Parse ``sys.argv`` for a command and run it.

    The command is imported after its arguments are parsed.

    Args:
        name: key of :data:`COMMANDS`.

    Raises:
        SystemExit: the command failed, see
            :func:`~mmdet3d_plugin.commands.command_line.run_command`.
    """
    command = COMMANDS[name]

    def main() -> None:
        args = import_module(f'{PACKAGE}.{command.parser}').build_parser().parse_args()
        import_module(f'{PACKAGE}.commands.{command.module}').main(args)

    import_module(f'{PACKAGE}.commands.command_line').run_command(main)


def run_script(script: str) -> None:
    """Run the command of a file in ``tools/``.

    Args:
        script: path of the file, relative to ``tools/``, such as ``analysis/similarity.py``.
    """
    run_command_line(next(name for name, command in COMMANDS.items()
                          if command.script == script))
