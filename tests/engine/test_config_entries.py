"""Entries of a config that nothing reads are refused."""
import re
from pathlib import Path

import pytest
from mmengine.config import Config

from mmdet3d_plugin.engine.config_entries import ENTRIES, check_options, check_variables
from mmdet3d_plugin.errors import InputError

ROOT = Path(__file__).parents[2]
SHIPPED = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / 'configs').rglob('*.py'))
           if '_base_' not in path.parts]
BASE = """
max_epochs = 15
helper = dict(lr=1)
train_cfg = dict(max_epochs=max_epochs, val_interval=5)
optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))
train_dataloader = dict(batch_size=4, dataset=dict(dataset=dict(data_root='a')))
val_dataloader = dict(batch_size=4, dataset=dict(data_root='a'))
custom_hooks = [dict(type='FiniteLossHook', window=3)]
"""


@pytest.fixture
def read(tmp_path):
    """Function that reads a config with these lines, which derives from BASE."""
    def read(lines, base=True):
        (tmp_path / 'base.py').write_text(BASE)
        path = tmp_path / 'run.py'
        path.write_text("_base_ = './base.py'\n" * base + lines)
        return Config.fromfile(path)

    return read


@pytest.mark.parametrize('option, hint', [
    ('train_dataloder.batch_size', '; did you mean train_dataloader.batch_size?'),
    ('max_epochs', '; did you mean train_cfg.max_epochs?'),
    ('lr', '; did you mean optim_wrapper.optimizer.lr?'),
    # Of several entries of the same name, that of the training is named.
    ('data_root', '; did you mean train_dataloader.dataset.dataset.data_root?'),
    ('window', '; did you mean custom_hooks.0.window?'),
    ('schedule.val_interval', '; did you mean train_cfg.val_interval?'),
    ('new_entry', ''),
])
def test_an_option_that_nothing_reads_is_refused(read, option, hint):
    cfg = read('')
    with pytest.raises(InputError) as raised:
        check_options(cfg, ['train_cfg.val_interval', option])
    name = option.partition('.')[0]
    assert str(raised.value) == (f'{cfg.filename}: --cfg-options {option}: nothing reads the '
                                 f'entry {name}{hint}')


def test_options_may_add_entries_that_something_reads(read):
    cfg = read('')
    assert 'sync_bn' not in cfg and 'model' not in cfg
    check_options(cfg, ['sync_bn', 'model.neck.in_channels', 'custom_hooks.0.window', 'classes'])


@pytest.mark.parametrize('lines, name, hint', [
    ('max_epochs = 1', 'max_epochs', '; did you mean train_cfg.max_epochs?'),
    ('train_dataloder = dict(batch_size=2)', 'train_dataloder',
     '; did you mean train_dataloader?'),
    ('a, b = 1, 2\nmodel = dict(a=a)', 'b', '; use it in the file, or delete it'),
])
def test_an_unused_variable_is_refused(read, lines, name, hint):
    cfg = read(lines)
    with pytest.raises(InputError) as raised:
        check_variables(cfg)
    assert str(raised.value) == f'{cfg.filename}: nothing reads the variable {name}{hint}'


@pytest.mark.parametrize('lines', [
    'lr = 1e-2\noptim_wrapper = dict(optimizer=dict(lr=lr))',
    'sizes = [2]\nsizes[0] = 4\ntrain_dataloader = dict(batch_size=sizes[0])',
    'import os\n\ndef double(x):\n    return 2 * x\n\nmodel = dict(a=double(1), b=os.sep)',
    "sync_bn = 'torch'",
    ''])
def test_used_variables_are_accepted(read, lines):
    """So are unused variables of the base file, such as ``helper``."""
    check_variables(read(lines))


def test_a_file_without_base_may_hold_variables(read):
    """The config in a work dir holds all variables of the files that it was read from."""
    check_variables(read(BASE, base=False))
    with pytest.raises(InputError, match='nothing reads the variable train_dataloder; did you '
                                         'mean train_dataloader'):
        check_variables(read(BASE.replace('train_dataloader', 'train_dataloder'), base=False))


def test_shipped_configs_have_no_unused_variable(tmp_path):
    """Neither have the configs that runs of them write into their work dirs."""
    assert len(SHIPPED) > 200
    for path in SHIPPED[::60]:
        cfg = Config.fromfile(ROOT / path, import_custom_modules=False)
        check_variables(cfg)
        cfg.dump(tmp_path / 'dumped.py')
        check_variables(Config.fromfile(tmp_path / 'dumped.py', import_custom_modules=False))


@pytest.mark.slow
def test_all_shipped_configs_have_no_unused_variable():
    for path in SHIPPED:
        check_variables(Config.fromfile(ROOT / path, import_custom_modules=False))


def test_all_entries_that_the_package_reads_are_known():
    """Entries are read from variables of the name ``cfg``."""
    read = {name for path in (ROOT / 'mmdet3d_plugin').rglob('*.py')
            for found in re.findall(r"\bcfg\.(?:get\('(\w+)'|(\w+))", path.read_text('utf-8'))
            for name in found if name and name not in [*dir(Config), 'get']}
    # Entries of deployed configs, which are written by the package alone; the checkpoint of a
    # test; and the attribute ``filename`` of a config.
    assert {'model', 'classes', 'train_dataloader'} < read
    assert read - ENTRIES <= {'class_names', 'test_pipeline', 'checkpoint', 'filename'}
