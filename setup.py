"""Copy configs and tools into the package, where OpenMMLab's ``mim`` finds them.

The metadata of the package stand in pyproject.toml.
"""
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ('configs', 'tools', 'model-index.yml')


class BuildWithConfigs(build_py):
    """Build of the package with the folder ``.mim``. An editable install has the checkout's."""

    def run(self) -> None:
        """Build the package and copy the files that travel with it."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, 'mmdet3d_plugin', '.mim')
        for source in map(ROOT.joinpath, SHIPPED):
            if source.is_dir():
                shutil.copytree(source, target / source.name, dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns('__pycache__'))
            elif source.is_file():
                target.mkdir(exist_ok=True)
                shutil.copy(source, target)


setup(cmdclass=dict(build_py=BuildWithConfigs))
