"""Print versions, devices and missing parts: mono3d doctor.

Nothing heavy is imported: versions are those of the installed metadata.
"""
import argparse
import os
import platform
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

from packaging.requirements import Requirement

from ..utils.config_names import PACKAGE, config_names
from ..utils.processes import available_cores

NAME = PACKAGE.name
MISSING_EXIT = 1
SHOWN = ('torch', 'torchvision', 'numpy', 'mmengine', 'mmcv', 'mmdet', 'mmdet3d')
IMPORTED = ('torch', 'mmengine', 'mmcv.ops', 'mmdet3d.models', f'{NAME}.models')
SHARED_MEMORY, SMALL_SHARED_MEMORY = '/dev/shm', 1 << 30  # bytes; data workers need some
MMCV_ADVICE = ('build or install mmcv as docs/install.md says; pip needs --no-build-isolation, '
               'or it builds no operators')


class Need(NamedTuple):
    """A requirement of the package that is not met.

    Attributes:
        requirement: name and bounds.
        found: installed version; None if there is none.
        extra: extra of the package that needs it; empty for every command.
    """
    requirement: str
    found: Optional[str]
    extra: str

    def __str__(self) -> str:
        state = 'is not installed' if self.found is None else f'is {self.found}'
        wanted = f"{NAME}[{self.extra}]" if self.extra else self.requirement
        return f'{self.requirement} {state}; run: pip install "{wanted}"'


def installed_version(name: str) -> Optional[str]:
    """Return the version of an installed distribution; None if there is none.

    Example:
        >>> installed_version('no-such-distribution') is None
        True
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def unmet(requirements: List[str]) -> List[Need]:
    """Return the requirements that are not met.

    Args:
        requirements: requirements as in a package's metadata, with extras as markers.

    Example:
        >>> [need.extra for need in unmet(['no-such-distribution; extra == "waymo"'])]
        ['waymo']
        >>> print(unmet(['packaging<1'])[0])  # doctest: +ELLIPSIS
        packaging<1 is ...; run: pip install "packaging<1"
    """
    needs = []
    for text in requirements:
        requirement = Requirement(text)
        extra = _extra_of(requirement)
        if requirement.name == NAME or not _applies(requirement, extra):
            continue
        found = installed_version(requirement.name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            needs.append(Need(f'{requirement.name}{requirement.specifier}', found, extra))
    return needs


def _extra_of(requirement: Requirement) -> str:
    """Return the extra of a requirement; empty if every command needs it."""
    marker = str(requirement.marker or '')
    return marker.rpartition('extra == ')[2].strip('"\'') if 'extra ==' in marker else ''


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(dict(extra=extra))


def gpu_lines() -> List[str]:
    """Return the name, memory and driver of each NVIDIA GPU."""
    program = shutil.which('nvidia-smi')
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, '--query-gpu=name,memory.total,driver_version', '--format=csv,noheader'],
            capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if not done.returncode else []


def cuda_of_torch() -> Optional[str]:
    """Return the CUDA version that torch was built for, without importing torch."""
    folder = _folder_of('torch')
    if folder is None or not (folder / 'version.py').is_file():
        return None
    spec = spec_from_file_location('torch_version', folder / 'version.py')
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.cuda


def has_operators() -> bool:
    """Return whether mmcv's compiled operators are there."""
    folder = _folder_of('mmcv')
    return folder is not None and bool(list(folder.glob('_ext*.so')))


def _folder_of(package: str) -> Optional[Path]:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def describe_machine() -> Dict[str, str]:
    """Return facts about this machine by title."""
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    gpus = gpu_lines()
    return {'Python': f'{platform.python_version()} ({sys.executable})',
            'system': platform.platform(),
            'CPU': f'{available_cores()} cores, {memory / 2**30:.0f} GiB memory',
            'GPU': '; '.join(gpus) or 'none (nvidia-smi lists none)'}


def import_failure() -> Optional[str]:
    """Import the compiled parts, and return the line of the first that fails."""
    for name in IMPORTED:
        try:
            import_module(name)
        except Exception as error:  # whatever a broken installation raises
            return f'import {name}: {type(error).__name__}: {error}'
    return None


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    own = installed_version(NAME)
    facts = {NAME: f'{own or "not installed"} ({PACKAGE}), {len(config_names())} configs',
             **describe_machine()}
    for name in SHOWN:
        facts[name] = installed_version(name) or 'not installed'
    facts['torch'] += f' (CUDA {cuda_of_torch() or "not built in"})'
    width = max(map(len, facts))
    for title, fact in facts.items():
        print(f'{title:{width}}  {fact}')
    needs = unmet((requires(NAME) or []) if own is not None else [])
    missing = [str(need) for need in needs if not need.extra]
    if own is None:
        missing.append(f'{NAME} is not installed; run: pip install --no-deps -e FOLDER')
    if not has_operators():
        missing.append(f"mmcv's compiled operators; {MMCV_ADVICE}")
    if args.imports and not missing:
        missing += filter(None, [import_failure()])
    for title, lines in (('missing', missing),
                         ('optional', [str(need) for need in needs
                                       if need.extra not in ('', 'dev')]),
                         ('note', _notes())):
        for line in lines:
            print(f'{title}: {line}')
    if missing:
        sys.exit(MISSING_EXIT)
    print('Everything that the commands need is there.')


def _notes() -> List[str]:
    """Return warnings about the machine."""
    if not os.path.isdir(SHARED_MEMORY):
        return []
    free = shutil.disk_usage(SHARED_MEMORY).total
    if free >= SMALL_SHARED_MEMORY:
        return []
    return [f'{SHARED_MEMORY} has {free / 2**20:.0f} MiB, too little for data workers; run '
            'Docker with --shm-size=8g, or train with train_dataloader.num_workers=0']
