"""Command lines: the parser of each command, and ``mono3d``, which runs any of them.

This room imports neither torch nor OpenMMLab, so ``--help`` and mistakes in a command line
are answered at once. The command itself is imported by name after its arguments are parsed.

- ``command_table``: the commands, by name; ``run_command_line`` parses and runs one;
- ``mono3d``: the console command;
- ``command_parser``, ``common_options`` and ``value_types``: parts of several parsers;
- the other files: the parser of the command of the same name in ``commands/``.
"""
