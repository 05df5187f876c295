"""``--help`` of every command."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmdet3d_plugin.cli.command_parser import ExampleFormatter
from mmdet3d_plugin.cli.command_table import COMMANDS

ROOT = Path(__file__).parents[2]
TOOLS = [path.relative_to(ROOT / 'tools').with_suffix('').as_posix()
         for path in sorted((ROOT / 'tools').rglob('*.py'))]
SUBCOMMANDS = [('create_data', name) for name in (
    'synthetic', 'kitti', 'kitti-depth', 'kitti-raw', 'cityscapes', 'nyu', 'waymo',
    'custom', 'vkitti2', 'dair-v2x', 'instances', 'vehicles')] + [
        ('evaluate', name) for name in ('kitti', 'waymo', 'depth', 'retrieval')] + [
            ('export', 'onnx')]


@pytest.mark.parametrize('command', [
    *((tool, ) for tool in TOOLS if tool not in ('create_data', 'evaluate', 'export')),
    *SUBCOMMANDS],
    ids=' '.join)
def test_help_gives_an_example(run_tool, command):
    tool, *subcommand = command
    code, printed = run_tool(tool, *subcommand, '--help')
    assert code == 0
    text = ' '.join(printed.out.split())
    assert text.startswith(f'usage: {Path(tool).name}.py {" ".join(subcommand)}'.strip())
    assert f'python tools/{" ".join([f"{tool}.py", *subcommand])} ' in text.partition('example')[2]


@pytest.mark.parametrize('tool', ['create_data', 'evaluate', 'export'])
def test_help_lists_the_subcommands(run_tool, tool):
    code, printed = run_tool(tool, '--help')
    assert code == 0
    listed = [line.split()[0] for line in printed.out.splitlines() if re.match(' {4}[a-z]', line)]
    assert listed == [name for parent, name in SUBCOMMANDS if parent == tool]


def test_help_of_all_commands_is_light():
    """The parsers of all commands, in one process."""
    done = subprocess.run([sys.executable, '-c', HELP_OF_ALL], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('usage: ') == len(COMMANDS) + 1


HELP_OF_ALL = """
import sys
from importlib import import_module
from mmdet3d_plugin.cli import mono3d
from mmdet3d_plugin.cli.command_table import COMMANDS
for name, command in COMMANDS.items():
    import_module('mmdet3d_plugin.' + command.parser).build_parser().print_help()
sys.argv = ['mono3d', '--help']
mono3d.main()
heavy = {'torch', 'torchvision', 'mmengine', 'mmcv', 'mmdet', 'mmdet3d', 'matplotlib', 'timm',
         'onnx'} & set(sys.modules)
sys.exit(f'imports {sorted(heavy)}' if heavy else 0)
"""


def test_examples_keep_their_line_breaks():
    formatter = ExampleFormatter('prog', width=30)
    formatter.add_text('A description that is longer than thirty columns.')
    formatter.add_text('\nexample:\n  python tool.py with a long list of options\n')
    assert formatter.format_help() == (
        'A description that is longer\nthan thirty columns.\n\n'
        'example:\n  python tool.py with a long list of options\n')
