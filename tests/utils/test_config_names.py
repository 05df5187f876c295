"""Shipped configs by name."""
from pathlib import Path

import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils import config_names
from mmdet3d_plugin.utils.config_names import find_config, find_configs

NAMES = ['one/run', 'one/other', 'two/run', 'two/longer_name', '_base_/shared']


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Return the folder of five configs that travel with an installed package."""
    folder = tmp_path / 'package/.mim/configs'
    for name in NAMES:
        path = folder / f'{name}.py'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(config_names, 'PACKAGE', tmp_path / 'package')
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    return folder


@pytest.mark.parametrize('name', ['configs/one/other.py', 'one/other.py', 'one/other', 'other',
                                  'configs/one/other', 'other.py'])
def test_a_config_is_found_by_all_forms_of_its_name(shipped, name):
    assert find_config(name) == shipped / 'one/other.py'


def test_an_own_file_comes_first(shipped):
    own = Path('configs/one/other.py')
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_config('configs/one/other.py') == own
    assert find_config('one/other') == shipped / 'one/other.py'


@pytest.mark.parametrize(('name', 'message'), [
    ('run', r'run: several configs have this name; choose configs/one/run.py or '
            r'configs/two/run.py'),
    ('one/othr', r'one/othr: no such config; did you mean configs/one/other.py\?'),
    ('longer', r'longer: no such config; did you mean configs/two/longer_name.py\?'),
    ('shared', 'shared: no such config; see configs/'),
    ('/one/other.py', '/one/other.py: no such config; did you mean'),
])
def test_a_wrong_name_is_refused(shipped, name, message):
    with pytest.raises(InputError, match=f'^{message}'):
        find_config(name)


def test_folders(shipped):
    assert find_configs('configs/one') == find_configs('one') == shipped / 'one'
    assert find_configs('one/other') == shipped / 'one/other.py'
    Path('one').mkdir()
    assert find_configs('one') == Path('one')


def test_a_checkout_has_the_configs_beside_the_package(tmp_path, monkeypatch):
    monkeypatch.setattr(config_names, 'PACKAGE', tmp_path / 'package')
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'configs/own.py').touch()
    assert find_config('own') == tmp_path / 'configs/own.py'
