"""The command ``mono3d doctor``."""
import argparse

import pytest

from mmdet3d_plugin.commands import doctor
from mmdet3d_plugin.commands.doctor import Need, unmet

ARGUMENTS = argparse.Namespace(imports=False)


@pytest.fixture
def installed(monkeypatch):
    """Versions of installed distributions, to be changed by a test."""
    versions = {'mmdet3d_plugin': '0.1.0', 'torch': '2.12.1', 'mmcv': '2.1.0', 'mmdet': '3.3.0'}
    monkeypatch.setattr(doctor, 'installed_version', versions.get)
    monkeypatch.setattr(doctor, 'requires', lambda name: [
        'torch>=2.1', 'mmcv<2.2,>=2.1', 'mmdet; python_version < "3"',
        'mmdet3d_plugin[waymo]; extra == "dev"', 'ruff; extra == "dev"',
        'pyarrow; extra == "waymo"'])
    monkeypatch.setattr(doctor, 'has_operators', lambda: True)
    monkeypatch.setattr(doctor, 'gpu_lines', lambda: ['NVIDIA X, 8 MiB, 5.1'])
    return versions


def test_needs_of_extras_and_of_all(installed):
    installed['mmcv'] = '2.2.0'
    assert unmet(doctor.requires('mmdet3d_plugin')) == [
        Need('mmcv<2.2,>=2.1', '2.2.0', ''), Need('ruff', None, 'dev'),
        Need('pyarrow', None, 'waymo')]


def test_a_complete_installation(installed, capsys):
    doctor.main(ARGUMENTS)
    lines = capsys.readouterr().out.splitlines()
    facts = dict(line.split(maxsplit=1) for line in lines)
    assert facts['mmdet3d_plugin'].startswith('0.1.0 (')
    assert facts['GPU'] == 'NVIDIA X, 8 MiB, 5.1'
    assert facts['mmcv'] == '2.1.0' and facts['mmdet3d'] == 'not installed'
    assert 'optional: pyarrow is not installed; run: pip install "mmdet3d_plugin[waymo]"' in lines
    assert not any('ruff' in line or line.startswith('missing') for line in lines)


@pytest.mark.parametrize(('change', 'line'), [
    (dict(mmcv='2.2.0'), 'missing: mmcv<2.2,>=2.1 is 2.2.0; run: pip install "mmcv<2.2,>=2.1"'),
    (dict(torch=None), 'missing: torch>=2.1 is not installed; run: pip install "torch>=2.1"'),
    (dict(mmdet3d_plugin=None), 'missing: mmdet3d_plugin is not installed; run: pip install '
                                '--no-deps -e FOLDER'),
])
def test_what_is_missing_and_how_to_get_it(installed, change, line, capsys):
    installed.update(change)
    with pytest.raises(SystemExit) as stop:
        doctor.main(ARGUMENTS)
    assert stop.value.code == 1
    assert line in capsys.readouterr().out.splitlines()


def test_an_mmcv_without_operators(installed, monkeypatch, capsys):
    monkeypatch.setattr(doctor, 'has_operators', lambda: False)
    with pytest.raises(SystemExit):
        doctor.main(ARGUMENTS)
    assert "missing: mmcv's compiled operators; build or install mmcv as docs/install.md" \
        in capsys.readouterr().out


def test_a_failing_import_is_named(installed, monkeypatch, capsys):
    def fail(name):
        raise OSError('undefined symbol')

    monkeypatch.setattr(doctor, 'import_module', fail)
    with pytest.raises(SystemExit):
        doctor.main(argparse.Namespace(imports=True))
    assert 'missing: import torch: OSError: undefined symbol' in capsys.readouterr().out


def test_facts_of_this_environment():
    import torch
    assert doctor.has_operators()
    assert doctor.cuda_of_torch() == torch.version.cuda
