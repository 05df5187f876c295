"""``--help`` of every command."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmdet3d_plugin.commands.help_formatter import ExampleFormatter

ROOT = Path(__file__).parents[2]
TOOLS = [path.relative_to(ROOT / 'tools').with_suffix('').as_posix()
         for path in sorted((ROOT / 'tools').rglob('*.py'))]
LIGHT_TOOLS = ['create_data', 'demo', 'evaluate', 'report']
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


@pytest.mark.parametrize('tool', LIGHT_TOOLS)
def test_light_commands_import_neither_torch_nor_openmmlab(tool):
    code = ('import runpy, sys\n'
            f'sys.argv = ["{tool}.py", "--help"]\n'
            f'try: runpy.run_path("tools/{tool}.py", run_name="__main__")\n'
            'except SystemExit as stop: assert not stop.code\n'
            'heavy = {"torch", "mmengine", "mmcv", "mmdet", "mmdet3d"} & set(sys.modules)\n'
            'sys.exit(f"imports {heavy}" if heavy else 0)')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('usage: ')


def test_examples_keep_their_line_breaks():
    formatter = ExampleFormatter('prog', width=30)
    formatter.add_text('A description that is longer than thirty columns.')
    formatter.add_text('\nexample:\n  python tool.py with a long list of options\n')
    assert formatter.format_help() == (
        'A description that is longer\nthan thirty columns.\n\n'
        'example:\n  python tool.py with a long list of options\n')
