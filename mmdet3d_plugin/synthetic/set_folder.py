"""Output folders and worker processes that all rendered sets share."""
import json
import multiprocessing
import shutil
import signal
from pathlib import Path
from typing import Callable, Iterator, Sequence, TypeVar

import cv2

from ..errors import InputError
from ..utils.files import atomic_write, has_file
from ..utils.json_files import read_json

MAX_MANIFEST = 1 << 20  # bytes
Item = TypeVar('Item')
Result = TypeVar('Result')


def claim_folder(out: Path, manifest: str, wanted: dict, kind: str, parts: Sequence[str],
                 temporaries: Sequence[str], overwrite: bool) -> None:
    """Create the manifest of a set and remove files of other sets and of killed runs.

    Args:
        out: folder of the set.
        manifest: name of the manifest in it.
        wanted: content of the manifest.
        kind: name of this kind of set, for messages.
        parts: names of all folders and files of a set besides the manifest.
        temporaries: patterns of the files that a killed run leaves.
        overwrite: replace a set with another content.

    Raises:
        InputError: ``out`` contains other files, or another set without ``overwrite``.
    """
    path = out / manifest
    if has_file(path):
        try:
            found = read_json(path, 'no such file', MAX_MANIFEST)
        except InputError:
            found = None
        if found == wanted and not overwrite:
            for pattern in temporaries:
                for temporary in out.glob(pattern):
                    temporary.unlink()
            return
        if not overwrite:
            raise InputError(f'{path}: the folder holds a {kind} made with other arguments; '
                             'choose another --out or pass --overwrite')
        for name in parts:
            if (out / name).is_dir():
                shutil.rmtree(out / name, ignore_errors=True)
            else:
                (out / name).unlink(missing_ok=True)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f'{out}: exists and is not a {kind} (no {manifest}); choose another '
                         '--out')
    atomic_write(path, json.dumps(wanted, indent=2) + '\n')


def each_in_workers(write: Callable[[Item], Result], items: Sequence[Item], workers: int
                    ) -> Iterator[Result]:
    """Call a function for every item and yield the results, in any order.

    Args:
        write: picklable function of an item.
        items: the items.
        workers: number of processes; with 1 the function runs in this process.
    """
    if workers <= 1:
        cv2.setNumThreads(1)
        yield from map(write, items)
        return
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, initializer=_start_worker) as pool:
        yield from pool.imap_unordered(write, items)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process stops the workers
