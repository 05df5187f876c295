"""Error lines of commands for mistakes in configs and in code of the user."""
import re
import sys

import pytest

from mmdet3d_plugin.commands.command_line import run_command
from mmdet3d_plugin.utils import user_code

OWN_LOSS = '''
from mmdet3d.registry import MODELS
from mmdet3d_plugin.models.losses import WeightedL1Loss


@MODELS.register_module(force=True)
class OwnLoss(WeightedL1Loss):

    def __init__(self, power=1, **kwargs):
        super().__init__(**kwargs)
        self.exponent = 1 / power
'''


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Folder of the user's modules. What is imported from it is forgotten after the test."""
    folder = tmp_path / 'modules'
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(user_code, '_packages', set())
    yield folder
    for name in [name for name in sys.modules if name.startswith('own_')]:
        del sys.modules[name]


# A command. Its frames are not of a file, so they are not taken for code of the user.
COMMAND = """
from mmdet3d.registry import MODELS
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from torch.utils.data import Dataset
from mmdet3d_plugin.commands.command_line import config_errors
from mmdet3d_plugin.engine.config_files import read_config

def main():
    with config_errors({path!r}):
        cfg = read_config({path!r})
        {build}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Function that runs a command with a config, and returns exit code and error lines."""
    path = tmp_path / 'config.py'

    def run(text, *options, build='MODELS.build(cfg.model)'):
        path.write_text(text)
        monkeypatch.setattr(sys, 'argv', ['tools/train.py', str(path), *options])
        command = dict(__name__='command')
        exec(compile(COMMAND.format(path=str(path), build=build), '<command>', 'exec'), command)
        with pytest.raises(SystemExit) as stopped:
            run_command(command['main'])
        return stopped.value.code, capsys.readouterr().err.replace(f'{tmp_path}/', '')

    return run


def imports(*names):
    return f'custom_imports = dict(imports={list(names)})\n'


@pytest.mark.parametrize('text, message', [
    ("model = dict(type='WeightedL1Los')",
     'config.py: no model WeightedL1Los is registered; did you mean WeightedL1Loss?'),
    # Parts of another package are named with its scope.
    ("model = dict(type='GausianFocalLoss')",
     'config.py: no model GausianFocalLoss is registered; did you mean mmdet.GaussianFocalLoss?'),
    ("model = dict(type='Xyzzy')", 'config.py: no model Xyzzy is registered; name its module in '
     'custom_imports, or correct the type'),
    ("model = dict(type='WeightedL1Loss', loss_wight=2)",
     'config.py: WeightedL1Loss has no argument loss_wight; did you mean loss_weight?'),
    ("model = dict(type='WeightedL1Loss', xyzzy=2)",
     'config.py: WeightedL1Loss has no argument xyzzy'),
    ("x = 1\nmodel = undefined", "config.py:2: NameError: name 'undefined' is not defined"),
    ('x = 1\nmodel = dict(\n', "config.py:2: SyntaxError: '(' was never closed"),
    ("_base_ = './absent.py'", 'config.py: ./absent.py: No such file or directory'),
])
def test_a_config_error_is_one_line(run, text, message):
    assert run(text) == (1, f'train.py: config error: {message}\n')


def test_a_syntax_error_in_a_base_file_names_the_base_file(run, tmp_path):
    (tmp_path / 'base.py').write_text('x = 1\n\ny = = 2\n')
    assert run("_base_ = './base.py'") == (
        1, 'train.py: config error: config.py: ./base.py:3: SyntaxError: invalid syntax\n')


@pytest.mark.parametrize('build, message', [
    ('Runner.build_dataloader(dict(batch_sise=2, dataset=Dataset(), sampler=None))',
     'DataLoader has no argument batch_sise; did you mean batch_size?'),
    ("DATASETS.build(dict(type=BaseDataset, data_rot='a'))",
     'BaseDataset has no argument data_rot; did you mean data_root?'),
    # No function named ``build_...`` is called.
    ("Runner(model={}, work_dir='.', randomness=dict(sed=3))",
     'set_randomness has no argument sed; did you mean seed?')])
def test_arguments_of_other_parts(run, tmp_path, monkeypatch, build, message):
    monkeypatch.chdir(tmp_path)
    assert run('a = 1', build=build) == (1, f'train.py: config error: config.py: {message}\n')


def test_a_missing_module_is_named(run, modules):
    code, error = run(imports('own_absent.losses'))
    assert code == 2
    assert error == ('train.py: error: config.py: custom_imports: there is no module own_absent; '
                     'add the folder that holds it to the environment variable PYTHONPATH, or '
                     'correct the name\n')


@pytest.mark.parametrize('text, last', [
    ('import os\nimport absent_library', "ModuleNotFoundError: No module named 'absent_library'"),
    ('import os\nfrom os import absent', "ImportError: cannot import name 'absent' from 'os'"),
    ('import os\n{}["a"]', "KeyError: 'a'"),
])
def test_an_error_while_a_module_is_imported_keeps_its_traceback(run, modules, text, last):
    (modules / 'own_part.py').write_text(text)
    code, error = run(imports('own_part'))
    lines = error.splitlines()
    assert code == 1
    assert lines[:2] == ['Traceback (most recent call last):',
                         '  File "modules/own_part.py", line 2, in <module>']
    assert lines[-2].startswith(last) and lines[-1] == '(--debug shows the frames before)'
    assert error.count('File ') == 1 and 'PYTHONPATH' not in error


def test_a_syntax_error_in_a_module(run, modules):
    (modules / 'own_part.py').write_text('import os\n\ndef f(:\n')
    assert run(imports('own_part')) == (
        1, 'train.py: config error: config.py: modules/own_part.py:3: SyntaxError: invalid '
           'syntax\n')


def test_modules_that_may_be_missing(run, modules):
    text = "custom_imports = dict(imports=['own_absent'], allow_failed_imports=True)\n"
    with pytest.warns(UserWarning, match='own_absent failed to import and is ignored'):
        code, error = run(text + "model = dict(type='Xyzzy')")
    assert code == 1 and 'no model Xyzzy' in error


@pytest.mark.parametrize('option, message', [
    ('power=0', 'ZeroDivisionError: division by zero'),
    ('loss_wight=2', "TypeError: WeightedL1Loss.__init__() got an unexpected keyword argument "
     "'loss_wight'")])
def test_an_error_in_a_class_of_the_user_keeps_its_traceback(run, modules, option, message):
    (modules / 'own_loss.py').write_text(OWN_LOSS)
    code, error = run(imports('own_loss') + f"model = dict(type='OwnLoss', {option})")
    assert code == 1
    assert re.findall('File "(.+)", line', error) == ['modules/own_loss.py']
    assert error.splitlines()[-2:] == [message, '(--debug shows the frames before)']


def test_a_misspelt_argument_of_a_part_that_a_class_of_the_user_builds(run, modules):
    """The entry of the config is wrong, and not the code of the user."""
    (modules / 'own_loss.py').write_text(OWN_LOSS + """
@MODELS.register_module(force=True)
class OwnHead:

    def __init__(self, loss):
        self.loss = MODELS.build(loss)
""")
    text = imports('own_loss') + "model = dict(type='OwnHead', loss=dict(type='%s', %s=2))"
    code, error = run(text % ('OwnLoss', 'powr'))
    assert code == 1 and 'TypeError' in error  # OwnLoss passes it on to its base class
    assert run(text % ('WeightedL1Loss', 'loss_wight')) == (
        1, 'train.py: config error: config.py: WeightedL1Loss has no argument loss_wight; did you '
           'mean loss_weight?\n')


def test_an_installed_package_of_the_user_is_named_by_custom_imports(run, modules):
    """A package in site-packages is not the user's, unless the config imports it."""
    (modules / 'site-packages').mkdir()
    sys.path.insert(0, str(modules / 'site-packages'))  # undone with the path of ``modules``
    (modules / 'site-packages/own_loss.py').write_text(OWN_LOSS)
    code, error = run(imports('own_loss') + "model = dict(type='OwnLoss', power=0)")
    assert code == 1 and error.count('File ') == 1 and 'site-packages/own_loss.py' in error


def test_other_installed_packages_are_not_the_users(run, modules, monkeypatch):
    (modules / 'site-packages').mkdir()
    monkeypatch.syspath_prepend(modules / 'site-packages')
    (modules / 'site-packages/own_broken.py').write_text('1 / 0')
    with pytest.raises(ZeroDivisionError):
        run('a = 1', build='import own_broken')


def test_a_failed_check_of_a_builder_is_a_config_error(run):
    build = ("from mmengine.registry import PARAM_SCHEDULERS; PARAM_SCHEDULERS.build(dict("
             "type='MultiStepLR', by_epoch=True, convert_to_iter_based=True, milestones=[1]), "
             "default_args=dict(epoch_length=0))")
    code, error = run('a = 1', build=build)
    assert code == 1 and error.startswith(
        'train.py: config error: config.py: AssertionError: `epoch_length` must be a positive')


def test_debug_shows_all_frames(run, modules):
    (modules / 'own_loss.py').write_text(OWN_LOSS)
    code, error = run(imports('own_loss') + "model = dict(type='OwnLoss', power=0)", '--debug')
    assert code == 1 and 'command_line.py' in error and 'build_functions.py' in error
    assert error.splitlines()[-1] == 'ZeroDivisionError: division by zero'


@pytest.mark.parametrize('text, code, line', [
    ("model = dict(type='Xyzzy')", 1, 'config error: config.py: no model Xyzzy is registered'),
    (imports('own_absent'), 2, 'error: config.py: custom_imports: there is no module own_absent')])
def test_debug_shows_the_traceback_of_short_errors_too(run, modules, text, code, line):
    stopped, error = run(text, '--debug')
    assert stopped == code and error.startswith('Traceback')
    assert error.splitlines()[-1].startswith(f'train.py: {line}')


def test_bad_input_in_code_of_the_user_is_one_line(run, modules):
    (modules / 'own_part.py').write_text(
        'from mmdet3d_plugin.errors import InputError\nraise InputError("a.png: cut off")\n')
    assert run(imports('own_part')) == (2, 'train.py: error: a.png: cut off\n')


def test_a_bug_of_the_package_is_not_caught(run):
    """The interpreter prints its whole traceback."""
    with pytest.raises(ZeroDivisionError):
        run('a = 1', build='1 / 0')
