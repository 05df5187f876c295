"""Metadata of the package, content of its wheel, and commands of an installed wheel."""
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from tiny_kitti import write_kitti

import mmdet3d_plugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    from setuptools.extern import tomli as tomllib

ROOT = Path(__file__).parents[1]
SOURCES = ('CHANGELOG.md', 'CITATION.cff', 'LICENSE', 'MANIFEST.in', 'NOTICE', 'README.md',
           'configs', 'mmdet3d_plugin', 'model-index.yml', 'pyproject.toml', 'requirements.txt',
           'setup.py', 'tools')
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']


def pins():
    """Return the pinned version of each requirement."""
    lines = (ROOT / 'requirements.txt').read_text(encoding='utf-8').splitlines()
    return dict(line.split('==') for line in lines if line and not line.startswith('#'))


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Wheel of a copy of the project, because a build writes into its folder."""
    source = tmp_path_factory.mktemp('source')
    for name in SOURCES:
        path = ROOT / name
        copy = shutil.copytree if path.is_dir() else shutil.copy
        options = dict(ignore=shutil.ignore_patterns('__pycache__')) if path.is_dir() else {}
        copy(path, source / name, **options)
    out = tmp_path_factory.mktemp('wheel')
    code = f'from setuptools import build_meta; print(build_meta.build_wheel({str(out)!r}))'
    done = subprocess.run([sys.executable, '-c', code], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def test_one_version():
    version = mmdet3d_plugin.__version__
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['version'] == version and citation['license'] == PROJECT['license']
    assert f'\n## {version} - ' in (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8')
    assert PROJECT['dynamic'] == ['version']


def test_pins_fit_the_requirements():
    groups = [PROJECT['dependencies'], *PROJECT['optional-dependencies'].values()]
    required = {item.name: item for group in groups for item in map(Requirement, group)
                if item.name != 'mmdet3d_plugin'}
    assert str(required['mmcv'].specifier) == '<2.2,>=2.1'
    tested = {name: version for name, version in pins().items() if name in required}
    assert {'torch', 'mmcv', 'mmdet3d', 'pyarrow', 'h5py', 'onnx', 'ruff', 'mypy'} <= set(tested)
    for name, version in tested.items():
        assert required[name].specifier.contains(Version(version)), name


def test_every_imported_distribution_is_required():
    """Top-level imports of the package, and the distributions that they are of."""
    distributions = {'cv2': 'opencv-python', 'PIL': 'pillow', 'yaml': 'pyyaml',
                     'sklearn': 'scikit-learn', 'faiss': 'faiss-cpu',
                     'imageio_ffmpeg': 'imageio-ffmpeg', 'nuscenes': 'nuscenes-devkit',
                     'pytorch_metric_learning': 'pytorch-metric-learning'}
    required = {Requirement(item).name for group in
                [PROJECT['dependencies'], *PROJECT['optional-dependencies'].values()]
                for item in group}
    known = {*sys.stdlib_module_names, 'mmdet3d_plugin'}
    imported = {name for path in (ROOT / 'mmdet3d_plugin').rglob('*.py') for name in re.findall(
        r'^(?:import|from) (\w+)', path.read_text(encoding='utf-8'), flags=re.M)} - known
    assert {distributions.get(name, name) for name in imported} <= required


def test_content_of_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix()
               for path in (ROOT / 'mmdet3d_plugin').rglob('*')
               if path.suffix in ('.py', '.css', '.js')}
    assert modules | {'mmdet3d_plugin/py.typed'} <= names
    for folder in ('configs', 'tools'):
        shipped = {f'mmdet3d_plugin/.mim/{path.relative_to(ROOT).as_posix()}'
                   for path in (ROOT / folder).rglob('*')
                   if path.is_file() and '__pycache__' not in path.parts}
        assert shipped <= names
    assert 'mmdet3d_plugin/.mim/model-index.yml' in names
    assert {name.partition('/')[0] for name in names} == {
        'mmdet3d_plugin', 'mmdet3d_plugin-0.1.0.dist-info'}
    info = 'mmdet3d_plugin-0.1.0.dist-info/'
    assert {f'{info}licenses/LICENSE', f'{info}licenses/NOTICE'} <= names
    assert zipfile.ZipFile(wheel).read(f'{info}entry_points.txt').decode().split() == [
        '[console_scripts]', 'mono3d', '=', 'mmdet3d_plugin.cli.mono3d:main']


@pytest.mark.slow
def test_an_installed_wheel_evaluates_and_trains(wheel, tmp_path):
    """A second environment that sees the packages of the first one, outside of the project."""
    venv.create(tmp_path / 'env', symlinks=True)
    python = tmp_path / 'env/bin/python'
    packages = Path(sysconfig.get_path('purelib', vars=dict(base=str(tmp_path / 'env'))))
    (packages / 'first_environment.pth').write_text(sysconfig.get_path('purelib') + '\n')
    subprocess.run([sys.executable, '-m', 'pip', '--python', python, 'install', '--no-deps',
                    '--ignore-installed', '--no-index', '-q', wheel], check=True)
    work = tmp_path / 'work'
    kitti = write_kitti(work / 'kitti')
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    environment.pop('PYTHONPATH', None)

    def mono3d(*arguments):
        done = subprocess.run([tmp_path / 'env/bin/mono3d', *map(str, arguments)], cwd=work,
                              env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    found = subprocess.run([python, '-c', 'import mmdet3d_plugin; print(mmdet3d_plugin.__file__)'],
                           cwd=work, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(packages / 'mmdet3d_plugin/__init__.py')
    results = work / 'results'
    results.mkdir()
    for label in (kitti / 'training/label_2').iterdir():
        rows = label.read_text().splitlines()
        (results / label.name).write_text(''.join(f'{row} 0.9\n' for row in rows
                                                  if not row.startswith('DontCare')))
    printed = mono3d('evaluate', 'kitti', '--gt', kitti / 'training/label_2', '--pred', results)
    assert 'Car' in printed
    mono3d('train', 'monolss_dla34_synthetic-demo', '--work-dir', 'run', '--cfg-options',
           'input_size=(128,64)', 'train_dataloader.batch_size=2',
           'train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False',
           'val_dataloader.num_workers=0', 'val_dataloader.persistent_workers=False',
           f'train_dataloader.dataset.dataset.data_root={kitti}',
           f'val_dataloader.dataset.data_root={kitti}', 'train_cfg.max_epochs=1',
           'train_cfg.val_interval=1', 'default_hooks.logger.interval=1')
    log = next((work / 'run').glob('*/vis_data/scalars.json')).read_text().splitlines()
    assert [row['iter'] for row in map(json.loads, log) if 'loss' in row] == [1, 2]
    assert (work / 'run/epoch_1.pth').is_file()
