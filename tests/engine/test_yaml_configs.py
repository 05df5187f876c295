"""YAML configs are data: reading them executes nothing and takes bounded memory."""
import mmengine
import pytest
from mmengine.config import Config

from mmdet3d_plugin.engine.config_files import read_config
from mmdet3d_plugin.engine.yaml_configs import parse_yaml
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def attack(tmp_path):
    """YAML that creates a file when an unsafe loader reads it."""
    marker = tmp_path / 'executed'
    yield f'x: !!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ' \
          f'["{marker}"]]\n'
    assert not marker.exists()


@pytest.mark.parametrize('suffix', ['.yaml', '.yml'])
def test_objects_of_python_are_refused(tmp_path, attack, suffix):
    config, base = tmp_path / f'a{suffix}', tmp_path / f'base{suffix}'
    config.write_text(attack)
    for read in (read_config, Config.fromfile, mmengine.load):
        with pytest.raises(InputError, match='not readable as YAML of plain values .line 1: '):
            read(str(config))
    base.write_text(attack)
    config.write_text(f'_base_: {base.name}\n')
    with pytest.raises(InputError, match=f'a{suffix}: not readable as YAML of plain values'):
        read_config(str(config))
    program = tmp_path / 'b.py'
    program.write_text(f"_base_ = '{base.name}'\n")
    with pytest.raises(InputError, match='b.py: not readable as YAML of plain values'):
        read_config(str(program))


def test_configs_of_plain_values_are_read(tmp_path):
    config = Config(dict(optimizer=dict(type='SGD', betas=(0.9, 0.99)), steps=[1, 2], name='a'))
    config.dump(tmp_path / 'a.yaml')
    assert '!!python/tuple' in (tmp_path / 'a.yaml').read_text()
    found = Config.fromfile(tmp_path / 'a.yaml')
    assert found.to_dict() == config.to_dict() and isinstance(found.optimizer.betas, tuple)
    (tmp_path / 'b.yaml').write_text('_base_: a.yaml\nname: b\n')
    assert Config.fromfile(tmp_path / 'b.yaml').to_dict() == {**config.to_dict(), 'name': 'b'}


def test_aliases_are_replaced_before_values_are_counted():
    assert parse_yaml('a: &x [1, 2]\nb: [*x, *x]') == dict(a=[1, 2], b=[[1, 2], [1, 2]])
    # Lists of ten of the line before: 10 ** 4 and 10 ** 5 values.
    rows = ['a0: &a0 1', *(f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]' for n in range(1, 6))]
    assert len(parse_yaml('\n'.join(rows[:5]))['a4']) == 10
    with pytest.raises(InputError, match='its aliases repeat values to more than 65536'):
        parse_yaml('\n'.join(rows))
    with pytest.raises(InputError, match='its aliases repeat values'):
        parse_yaml('a: &x [*x]')


@pytest.mark.parametrize('text', ['[' * 1000, '{a: 1}: 2', 'a: 2026-13-45', 'a: [', '\t- 1', '*x',
                                  'a: !!python/name:os.system', 'a: !!python/module:os',
                                  '--- 1\n--- 2', 'a: \x00', 'a: !!int "x"'])
def test_other_text_is_refused(text):
    with pytest.raises(InputError, match=r'^not readable as YAML of plain values \(.+\)$'):
        parse_yaml(text)


def test_long_text_is_refused():
    with pytest.raises(InputError, match='has more than 262144 characters of YAML'):
        parse_yaml('a' * 300_000)
    assert parse_yaml('') is None
