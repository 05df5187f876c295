"""Loaders of checkpoints that execute no code.

They accept tensors and plain values only. mmengine's loaders unpickle any object: from a URL
always, from a local file if ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` is set. Importing this module
replaces all of mmengine's loaders.
"""
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, NoReturn, Optional, Union
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors import SafetensorError, safe_open

from ..errors import InputError, visible
from ..utils.files import has_file, megabytes
from .bounded_loading import load_bounded
from .checkpoint_content import check_content

SAFETENSORS = '.safetensors'  # suffix of the files that load_safetensors reads
MAX_HEADER = 1 << 23  # bytes of their JSON; a tensor takes about 100
STATES = 'model_states'  # their entry with the states of hooks, as JSON
# Entries of 'meta' that Runner.resume executes. Runs store their config as 'cfg' instead.
CODE_ENTRIES = ('config', )
# Start of the SHA-256 of a file at the end of its name, as in resnet18-f37072fd.pth. Eight digits
# without a letter are a date.
FILE_HASH = re.compile(r'-(?=[0-9]*[a-f])([0-9a-f]{8,64})\.\w+$')
REFUSED = (r'(\S+\:)?s3://', r'(\S+\:)?petrel://', 'pavi://')


def load_plain_checkpoint(path: Union[str, Path], map_location: Any = 'cpu',
                          title: Optional[str] = None) -> dict:
    """Load a checkpoint file without the entries that mmengine executes.

    Args:
        path: the file.
        map_location: argument of ``torch.load``.
        title: name of the file in messages; its path by default.

    Returns:
        Content of the file.

    Raises:
        InputError: there is no such file, it holds other objects than tensors and plain values,
            or it is no checkpoint.
    """
    title = title or str(path)
    path = Path(path).expanduser()
    if path.is_dir():
        raise InputError(f'{title}: is a folder; give a checkpoint in it, such as epoch_12.pth')
    if not has_file(path):
        raise InputError(f'{title}: no such checkpoint')
    if path.suffix == SAFETENSORS:
        return load_safetensors(path, map_location, title)
    try:
        content = load_bounded(path, map_location)
    except InputError:
        raise
    except Exception as error:  # torch, pickle and zipfile raise many types
        raise InputError(f'{title}: not a checkpoint that loads safely as plain weights '
                         f'({short_reason(error)})') from None
    if not isinstance(content, dict):
        raise InputError(f'{title}: not a checkpoint (it holds a {type(content).__name__}, not a '
                         'dict of weights)')
    check_content(content, title)
    meta = content.get('meta')
    if isinstance(meta, dict):
        content['meta'] = {key: value for key, value in meta.items() if key not in CODE_ENTRIES}
    return content


def load_safetensors(path: Path, map_location: Any, title: str) -> dict:
    """Load the weights of a model folder, and the states of hooks beside them.

    Args:
        path: file in the format safetensors.
        map_location: device.
        title: name of the file in messages.

    Returns:
        ``state_dict``, and the state of each hook by its name.

    Raises:
        InputError: the file is damaged, or is no such file.
    """
    try:
        check_header(path)
        with safe_open(path, framework='pt', device=str(map_location or 'cpu')) as file:
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            states = json.loads((file.metadata() or {}).get(STATES, '{}'))
    except InputError:
        raise
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise InputError(f'{title}: not a readable file of weights ({short_reason(error)}); '
                         'restore it') from None
    if not isinstance(states, dict):
        raise InputError(f'{title}: its metadata has {STATES} that is no JSON object; restore it')
    content = dict(states, state_dict=weights)
    check_content(content, title)
    return content


def check_header(path: Path) -> None:
    """Check the declared length of the header of a file in the format safetensors.

    Args:
        path: the file, which exists.

    Raises:
        InputError: the header, which is JSON, is too long.
    """
    with path.open('rb') as file:
        length = int.from_bytes(file.read(8), 'little')
    if length > MAX_HEADER:
        raise InputError(f'{path}: declares a header of {megabytes(length)}, expected at most '
                         f'{megabytes(MAX_HEADER)}; restore it')


def short_reason(error: Exception) -> str:
    r"""Return the line of an error that states the reason, at most 120 characters.

    torch puts advice before the reason.

    Args:
        error: any exception.

    Example:
        >>> short_reason(ValueError('unknown header\nsecond line'))
        'unknown header'
    """
    text = str(error).split('WeightsUnpickler error: ', 1)[-1]
    lines = [line for line in text.splitlines() if line.strip()] or [type(error).__name__]
    return visible(lines[0].strip(), 120)


def load_from_local(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint from a local file, see :func:`load_plain_checkpoint`."""
    return load_plain_checkpoint(filename, map_location)


def load_from_http(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint from a URL, or from torch's folder of earlier downloads."""
    path = Path(torch.hub.get_dir(), 'checkpoints', cached_name(filename))
    # Rank 0 downloads for all ranks that share the folder.
    if is_main_process():
        _download(filename, path)
    barrier()
    _download(filename, path)
    return load_plain_checkpoint(path, map_location, f'{filename} ({path})')


def cached_name(url: str) -> str:
    """Return the file name of a download, which differs for files of different content.

    Names that end with a hash of the content are kept, so torch's own downloads are found. Other
    names get a hash of the URL.

    Args:
        url: URL of a checkpoint.

    Example:
        >>> cached_name('https://a.org/resnet18-f37072fd.pth')
        'resnet18-f37072fd.pth'
        >>> cached_name('https://a.org/epoch_15.pth'), cached_name('https://b.org/epoch_15.pth')
        ('epoch_15_25ae9d1d.pth', 'epoch_15_9a825844.pth')
    """
    name = Path(urlparse(url).path).name
    if FILE_HASH.search(name):
        return name
    digest = hashlib.sha256(url.encode()).hexdigest()[:8]
    return f'{Path(name).stem}_{digest}{Path(name).suffix}'


def _download(url: str, path: Path) -> None:
    if path.is_file():
        return
    file_hash = FILE_HASH.search(path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), file_hash and file_hash[1],
                                       progress=is_main_process())
    except (URLError, OSError, ValueError, RuntimeError) as error:  # RuntimeError: another hash
        raise InputError(f'{url}: cannot download the checkpoint ({short_reason(error)}); put '
                         f'it at {path}') from error


def _load_named(prefixes: Dict[str, Callable[[], Dict[str, str]]], filename: str,
                map_location: Any) -> dict:
    """Load a checkpoint whose URL or path is in one of mmengine's lists."""
    prefix = next(item for item in prefixes if filename.startswith(item))
    name = filename[len(prefix):]
    urls = prefixes[prefix]()
    if name not in urls:
        raise InputError(f'{filename}: {prefix} has no checkpoint of this name')
    if urlparse(urls[name]).scheme in ('http', 'https'):
        return load_from_http(urls[name], map_location)
    return load_plain_checkpoint(Path(mmengine_checkpoint._get_mmengine_home(), urls[name]),
                                 map_location)


def load_from_torchvision(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint of ``torchvision://NAME``."""
    models = mmengine_checkpoint.get_torchvision_models
    return _load_named({'torchvision://': models, 'modelzoo://': models}, filename, map_location)


def _openmmlab_models() -> Dict[str, str]:
    urls = mmengine_checkpoint.get_external_models()
    renamed = mmengine_checkpoint.get_deprecated_model_names()
    return {**{old: urls[new] for old, new in renamed.items() if new in urls}, **urls}


def load_from_openmmlab(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint of ``open-mmlab://NAME``."""
    return _load_named({'open-mmlab://': _openmmlab_models, 'openmmlab://': _openmmlab_models},
                       filename, map_location)


def load_from_mmcls(filename: str, map_location: Any = None) -> dict:
    """Load a checkpoint of ``mmcls://NAME``."""
    return mmengine_checkpoint._process_mmcls_checkpoint(_load_named(
        {'mmcls://': mmengine_checkpoint.get_mmcls_models}, filename, map_location))


def load_from_refused(filename: str, map_location: Any = None) -> NoReturn:
    """Refuse a source that mmengine loads by unpickling, with an InputError."""
    raise InputError(f'{filename}: checkpoints are not loaded from there; download the file and '
                     'pass its path')


def register_safe_loaders() -> None:
    """Replace all of mmengine's loaders of checkpoints."""
    for prefixes, loader in [
            ('', load_from_local), (('http://', 'https://'), load_from_http),
            (('torchvision://', 'modelzoo://'), load_from_torchvision),
            (('open-mmlab://', 'openmmlab://'), load_from_openmmlab),
            ('mmcls://', load_from_mmcls), (REFUSED, load_from_refused)]:
        CheckpointLoader.register_scheme(prefixes, loader, force=True)


register_safe_loaders()
