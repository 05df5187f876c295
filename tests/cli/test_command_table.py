"""Table of commands, and ``mono3d``."""
import sys
from importlib import import_module
from pathlib import Path

from mmdet3d_plugin.cli import export, import_checkpoint, mono3d, predict, similarity
from mmdet3d_plugin.cli.command_parser import CommandParser, ConfigAction, command_name
from mmdet3d_plugin.cli.command_table import COMMANDS
from mmdet3d_plugin.cli.common_options import add_config_override

ROOT = Path(__file__).parents[2]


def run(monkeypatch, *arguments):
    """Run ``mono3d``, and return its exit code."""
    monkeypatch.setattr(sys, 'argv', ['/somewhere/bin/mono3d', *arguments])
    try:
        mono3d.main()
    except SystemExit as stop:
        return stop.code
    return 0


def test_every_script_is_a_command():
    scripts = {path.relative_to(ROOT / 'tools').as_posix()
               for path in (ROOT / 'tools').rglob('*.py')}
    assert {command.script for command in COMMANDS.values()} - {''} == scripts
    assert [name for name, command in COMMANDS.items() if not command.script] == ['doctor']
    for name, command in COMMANDS.items():
        assert name == command_name(command.module)


def test_help_lists_all_commands(monkeypatch, capsys):
    assert run(monkeypatch) == 0
    listed = capsys.readouterr().out.partition('commands:\n')[2].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)


def test_the_version_is_printed(monkeypatch, capsys):
    assert run(monkeypatch, '--version') == 0
    assert capsys.readouterr().out == 'mono3d 0.1.0\n'


def test_an_unknown_command_is_refused(monkeypatch, capsys):
    assert run(monkeypatch, 'evaluat', 'kitti') == 2
    assert 'mono3d: error: evaluat: no such command; did you mean evaluate?' \
        in capsys.readouterr().err


def test_help_of_a_command_names_mono3d(monkeypatch, capsys):
    assert run(monkeypatch, 'export', 'onnx', '--help') == 0
    text = ' '.join(capsys.readouterr().out.split())
    assert text.startswith('usage: mono3d export onnx ')
    assert 'mono3d export onnx work_dirs/run/epoch_15.pth' in text
    assert 'checkpoint of mono3d train' in text and 'tools/' not in text


def test_a_misspelt_config_is_refused_before_heavy_imports(monkeypatch, capsys):
    def import_no_command(name, *arguments):
        assert name.startswith('mmdet3d_plugin.cli.') or name.endswith('.command_line')
        return import_module(name, *arguments)

    monkeypatch.setattr('mmdet3d_plugin.cli.command_table.import_module', import_no_command)
    assert run(monkeypatch, 'train', 'monolss_dla34_kiti') == 2
    assert capsys.readouterr().err == (
        'mono3d train: error: monolss_dla34_kiti: no such config; did you mean '
        'configs/monolss/monolss_dla34_kitti.py?\n')


def test_choices_are_those_of_the_commands():
    from mmdet3d_plugin.commands.similarity import DATALOADERS
    from mmdet3d_plugin.metric_learning.piecewise_linear.threshold_rules import RULES
    from mmdet3d_plugin.models.official_weights import METHODS
    from mmdet3d_plugin.prediction.cameras import AUTO
    from mmdet3d_plugin.prediction.predictor import SCORE_THRESHOLD
    assert similarity.RULES == RULES
    assert tuple(DATALOADERS) == similarity.SPLITS
    assert tuple(sorted([*METHODS, 'monocon'])) == import_checkpoint.METHODS
    assert (predict.AUTO, predict.SCORE_THRESHOLD) == (AUTO, SCORE_THRESHOLD)
    assert export.TOLERANCE == (1e-3, 1e-4)


def test_overrides_become_values():
    parser = CommandParser()
    add_config_override(parser)
    args = parser.parse_args(['--cfg-options', 'a.b=2', 'c=[1,x]'])
    assert args.cfg_options == {'a.b': 2, 'c': [1, 'x']}
    assert parser.parse_args([]).cfg_options is None


def test_config_arguments_are_paths(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'own.py').touch()
    parser = CommandParser()
    parser.add_argument('config', nargs='?', action=ConfigAction)
    assert parser.parse_args(['own.py']).config == 'own.py'
    assert parser.parse_args([]).config is None
    assert parser.parse_args(['pgd_r101_kitti']).config == str(
        ROOT / 'configs/pgd/pgd_r101_kitti.py')
