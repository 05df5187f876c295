"""Parser that all commands share: format of ``--help``, checks, and names of configs."""
import argparse
import re
from typing import Any, Callable, List, Optional, Sequence, Union

from ..utils.config_names import find_config, find_configs

SCRIPT = re.compile(r'(?:python )?tools/(?:analysis/)?(\w+)\.py')


class ExampleFormatter(argparse.HelpFormatter):
    """Help formatter that wraps texts, but keeps the line breaks of examples.

    A text is taken for examples if it starts with the word ``example``. In the help of
    ``mono3d``, scripts of ``tools/`` are shown as commands of ``mono3d``.
    """

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        text = self._with_commands(text)
        if text.lstrip().startswith('example'):
            return text.strip()
        return super()._fill_text(text, width, indent)

    def _split_lines(self, text: str, width: int) -> List[str]:
        return super()._split_lines(self._with_commands(text), width)

    def _with_commands(self, text: str) -> str:
        title, _, command = self._prog.partition(' ')
        if not command or title.endswith('.py'):
            return text
        return SCRIPT.sub(lambda found: f'{title} {command_name(found[1])}', text)


def command_name(script: str) -> str:
    """Return the name of the command of a script.

    Example:
        >>> command_name('export_weights'), command_name('import_checkpoint')
        ('export-weights', 'import')
    """
    return 'import' if script == 'import_checkpoint' else script.replace('_', '-')


class CommandParser(argparse.ArgumentParser):
    """Argument parser of a command.

    Args:
        check: function of the parser and the parsed arguments. It checks options that depend on
            each other, and calls ``parser.error``.
        options: arguments of ``ArgumentParser``.
    """

    def __init__(self, check: Optional[Callable] = None, **options: Any) -> None:
        super().__init__(**{'formatter_class': ExampleFormatter, **options})
        # See commands/command_line.py.
        self.add_argument('--debug', action='store_true',
                          help='show the whole traceback of any error')
        self._check = check

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse and check the arguments."""
        parsed = super().parse_args(args, namespace)
        if self._check is not None:
            self._check(self, parsed)
        return parsed


class ConfigAction(argparse.Action):
    """Action of a config: a file, or the name of a shipped config.

    See :func:`~mmdet3d_plugin.utils.config_names.find_config`.
    """

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Union[str, Sequence[Any], None],
                 option_string: Optional[str] = None) -> None:
        """Store the path of the config."""
        setattr(namespace, self.dest, None if values is None else str(find_config(str(values))))


class ConfigsAction(argparse.Action):
    """Action of several configs and folders of configs.

    See :func:`~mmdet3d_plugin.utils.config_names.find_configs`.
    """

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: Optional[str] = None) -> None:
        """Store the paths of the configs."""
        setattr(namespace, self.dest, [find_configs(name) for name in values])
