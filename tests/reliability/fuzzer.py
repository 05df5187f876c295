"""Fuzzer of the readers.

Each case changes one file of a valid set. The readers have to return valid values, or to raise an
InputError with one line that names the file.

Long run: PYTHONPATH=tests python -m reliability.fuzzer --kind parquet --cases 20000 --seed 1
"""
import argparse
import faulthandler
import logging
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np
from mmengine.registry import init_default_scope
from reliability.fuzz_kinds import KINDS
from reliability.mutations import BYTES

from mmdet3d_plugin.errors import InputError

SECONDS = 5  # limit per case
MEMORY = 400  # limit per case in MB; the largest allowed image takes 200
MAX_MESSAGE = 600  # limit of a message in characters
ValidFiles = Dict[str, List[Tuple[Path, bytes]]]  # path and content, by kind


@dataclass
class FuzzReport:
    """Results of the cases.

    Attributes:
        refused: number of refused files, by kind of file.
        valid: number of accepted files, by kind of file.
        failures: one line per failed case, with the seed of the case.
        slowest: seconds of the slowest case.
        memory: largest growth of the peak memory in one case, in MB.
        messages: one example per kind of error message.
    """
    refused: Counter = field(default_factory=Counter)
    valid: Counter = field(default_factory=Counter)
    failures: List[str] = field(default_factory=list)
    slowest: float = 0.
    memory: float = 0.
    messages: Dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        lines = [f'{kind}: {self.refused[kind]} refused, {self.valid[kind]} valid'
                 for kind in KINDS if self.refused[kind] + self.valid[kind]]
        return '\n'.join([*lines, f'{len(self.failures)} failures, slowest case '
                          f'{self.slowest:.2f} s, memory +{self.memory:.0f} MB', *self.failures])


def write_valid(root: Path, kinds: Sequence[str]) -> ValidFiles:
    """Write the valid files of each kind to a folder of its own, and read them."""
    valid = {}
    for kind in kinds:
        files = KINDS[kind].write(root / kind)
        valid[kind] = [(file, file.read_bytes()) for file in files]
        KINDS[kind].read(root / kind, files[0])
    return valid


def run_cases(count: int, seed: int, root: Path, kinds: Sequence[str] = tuple(KINDS)
              ) -> FuzzReport:
    """Run ``count`` cases. Each case has a seed of its own and changes one file."""
    valid = write_valid(root, kinds)
    report = FuzzReport()
    # Broken values may make numpy warn, which is no failure.
    with np.errstate(all='ignore'):
        for index in range(count):
            run_case(f'{seed}-{index}', root, valid, report)
    return report


def run_case(seed: str, root: Path, valid: ValidFiles, report: FuzzReport) -> None:
    rng = random.Random(seed)
    name = rng.choices(list(valid), [KINDS[kind].weight for kind in valid])[0]
    kind = KINDS[name]
    file, content = rng.choice(valid[name])
    how = change_file(name, file, content, rng)
    began, memory = time.perf_counter(), peak_memory()
    try:
        with time_limit():
            kind.read(root / name, file)
        report.valid[name] += 1
    except InputError as error:
        message = str(error)
        report.refused[name] += 1
        report.messages.setdefault(f'{name}: ' + ''.join(
            letter for letter in message.replace(str(root), '')[:80] if letter.isalpha()), message)
        if not ((kind.name or str(file)) in message and message.isprintable()
                and len(message) < MAX_MESSAGE):
            report.failures.append(f'case {seed}, {name}, {how}: message {message[:300]!r}')
    except Exception as error:  # the user would see a traceback
        report.failures.append(f'case {seed}, {name}, {how}: {type(error).__name__} {error}'[:300])
    finally:
        report.slowest = max(report.slowest, time.perf_counter() - began)
        grown = peak_memory() - memory
        report.memory = max(report.memory, grown)
        if grown > MEMORY:
            report.failures.append(f'case {seed}, {name}, {how}: took {grown:.0f} MB')
        if file.is_dir():
            file.rmdir()
        file.write_bytes(content)


def peak_memory() -> float:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def change_file(kind: str, file: Path, data: bytes, rng: random.Random) -> str:
    """Change a file, and return the names of the changes."""
    if rng.random() < .01:
        file.unlink()
        if rng.random() < .5:
            file.mkdir()
            return 'folder'
        return 'missing'
    names = []
    for _ in range(rng.choice([1, 1, 1, 2])):
        change = rng.choice(KINDS[kind].changes if not names else BYTES)
        names.append(change.__name__)
        data = change(data or b' ', rng)
    file.write_bytes(data)
    return ' then '.join(names)


@contextmanager
def time_limit():
    """Raise a TimeoutError after SECONDS. If code ignores it, end the process."""
    def stop(number, stack):
        raise TimeoutError(f'took more than {SECONDS} s')

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kind', choices=KINDS, action='append', help='default: all kinds')
    parser.add_argument('--cases', type=int, default=20_000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--messages', action='store_true', help='also print the error messages')
    args = parser.parse_args()
    init_default_scope('mmdet3d')
    logging.disable(logging.CRITICAL)  # mmengine logs each resume
    folder = Path(tempfile.mkdtemp())
    try:
        began = time.perf_counter()
        report = run_cases(args.cases, args.seed, folder, args.kind or tuple(KINDS))
        print(f'{args.cases} cases of seed {args.seed} in {time.perf_counter() - began:.0f} s')
        print(report.text())
        if args.messages:
            print(*report.messages.values(), sep='\n')
    finally:
        shutil.rmtree(folder)
    sys.exit(bool(report.failures))


if __name__ == '__main__':
    main()
