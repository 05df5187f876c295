"""The page of the commands, from their parsers."""
import argparse
import inspect
import re
import sys
import textwrap
from importlib import import_module
from typing import Iterator, Tuple
from unittest import mock


def command_parsers() -> Iterator[Tuple[str, argparse.ArgumentParser]]:
    """Yield the script in ``tools/``, or an empty text, and the parser of each command."""
    from mmdet3d_plugin.cli.command_table import COMMANDS, PACKAGE

    for name, command in COMMANDS.items():
        # A parser takes its name from the command line.
        with mock.patch.object(sys, 'argv', [f'mono3d {name}']):
            yield command.script, import_module(f'{PACKAGE}.{command.parser}').build_parser()


def leaf_parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser, or the parsers of its subcommands."""
    subcommands = [action for action in parser._actions
                   if isinstance(action, argparse._SubParsersAction)]
    if not subcommands:
        yield parser
    for action in subcommands:
        for child in action.choices.values():
            yield from leaf_parsers(child)


def usage_of(parser: argparse.ArgumentParser) -> str:
    """Return the usage without its first word, wrapped at 90 columns."""
    formatter = argparse.HelpFormatter(parser.prog, width=90)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups)
    return formatter.format_help().strip().removeprefix('usage: ')


def argument_rows(parser: argparse.ArgumentParser) -> Iterator[Tuple[str, str]]:
    """Yield the name and the help text of each argument."""
    formatter = argparse.HelpFormatter(parser.prog)
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        # An action has its positional name, or its options with the names of their values.
        name = formatter._format_action_invocation(action)
        yield name, ' '.join(formatter._expand_help(action).split()) if action.help else ''


def cell(text: str) -> str:
    """Return a text for a cell of a Markdown table.

    Example:
        >>> cell('A|B <C> *d*')
        'A&#124;B &lt;C&gt; &#42;d&#42;'
    """
    for sign, entity in (('&', '&amp;'), ('<', '&lt;'), ('>', '&gt;'), ('|', '&#124;'),
                         ('*', '&#42;'), ('_', '&#95;'), ('`', '&#96;'), ('[', '&#91;')):
        text = text.replace(sign, entity)
    return text


def command_section(script: str, parser: argparse.ArgumentParser) -> str:
    """Return heading, description, usage, arguments and examples of a command."""
    lines = [f'## {parser.prog}', '', cell(parser.description or ''), '']
    if script:
        subcommand = ' '.join(parser.prog.split()[2:])
        lines += [f'The same: `python tools/{script} {subcommand}'.rstrip() + '`', '']
    lines += ['```text', usage_of(parser), '```', '']
    rows = list(argument_rows(parser))
    if rows:
        lines += ['| argument | meaning |', '|---|---|']
        lines += [f'| <code>{cell(name)}</code> | {cell(text)} |' for name, text in rows]
    if parser.epilog:
        heading, _, example = inspect.cleandoc(parser.epilog).partition('\n')
        if re.match('examples?:', heading):
            lines += ['', f'{heading.capitalize()}', '', '```bash',
                      textwrap.dedent(example).rstrip(), '```']
    return '\n'.join(lines)


def command_sections() -> str:
    """Return the sections of all commands."""
    return '\n\n'.join(command_section(script, leaf) for script, parser in command_parsers()
                       for leaf in leaf_parsers(parser))
