"""Read HDF5 files once in a process of its own, with a limit of memory and time, before this process trusts them.

HDF5 2.0 can crash or hang at the attributes and texts of a damaged file. What ends the probe, or does not end, would
have ended the caller; what the probe has read to the end, the caller can read too.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import h5py

from graspgen.dataset.chunks import guard_chunks
from graspgen.dataset.guards import guard_file, guarded, read_text
from graspgen.dataset.hdf5 import reason
from graspgen.dataset.schema import TABLES
from graspgen.dataset.unpack import read_images
from graspgen.errors import DatasetError

#: Memory of a probe, bytes, and the processor time that it may take for a file, s, and for each MiB of it.
MEMORY, SECONDS, SECONDS_PER_MIB = 3 << 30, 3.0, 0.2
#: Where that was too little, it is tried again with so many times as much, before the file is called damaged: what a
#: virtual machine's host takes away counts as processor time too.
AGAIN = 6.0
#: By the clock it may take this many times as long.
PATIENCE = 30.0
#: Files that are read at most where a command only looks at a dataset; `graspgen check` reads them all.
MOST = 100


def probe(paths: Sequence[Path], *, images: bool = False) -> dict[Path, str]:
    """Read files in another process; return what is wrong with those that cannot be read to the end.

    Args:
        paths: HDF5 files.
        images: read images too.
    """
    mistakes: dict[Path, str] = {}
    left = [path for path in paths if path.is_file()]
    while left:
        found, ended = _run(left, images, 1.0)
        if len(found) < len(left) and ended == signal.SIGPROF:
            last, ended = _run([left[len(found)]], images, AGAIN)
            found += last
        if len(found) < len(left) and ended is not None:
            found.append(_why(left[len(found)], ended))
        mistakes |= {path: told for path, told in zip(left, found, strict=False) if told}
        left = left[len(found) :]
    return mistakes


def _run(paths: list[Path], images: bool, patience: float) -> tuple[list[str], int | None]:
    """Read files in a forked process until one of them ends it.

    Returns:
        What is wrong with each file that was read to the end, "" for nothing, and the signal that ended the process
        at the next one: 0 for an exit, None if there is no next one.
    """
    seconds = [patience * allowed(path) for path in paths]
    receive, send = os.pipe()
    child = os.fork()  # a new interpreter would take as long as reading a dozen shards
    if child == 0:
        _child(send, paths, seconds, images)
    os.close(send)
    with open(receive, encoding="utf-8") as answers:
        found = [json.loads(line) for line in answers if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    if len(found) == len(paths):
        return found, None
    return found, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def allowed(path: Path) -> float:
    """Return the processor time that reading a file may take at first, s."""
    return SECONDS_PER_MIB * path.stat().st_size / 2**20 + SECONDS


def _why(path: Path, ended: int) -> str:
    """Say what is wrong with a file at which a probe ended."""
    if ended == signal.SIGALRM:
        return f"was not read within {PATIENCE * allowed(path):.0f} s: its disk does not answer"
    what = "takes HDF5 too long to read" if ended in (signal.SIGPROF, signal.SIGKILL) else "makes HDF5 crash"
    return f"{what}: it is damaged"


def _child(send: int, paths: list[Path], seconds: list[float], images: bool) -> NoReturn:
    """Tell a line of JSON for each file, "" for one that was read; never return."""
    try:
        faulthandler.disable()
        for number in (signal.SIGINT, signal.SIGALRM, signal.SIGPROF, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        mine = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = resource.getrlimit(resource.RLIMIT_AS)[1]
        most = mine + MEMORY if limit == resource.RLIM_INFINITY else min(mine + MEMORY, limit)
        resource.setrlimit(resource.RLIMIT_AS, (most, limit))
        for path, limit_s in zip(paths, seconds, strict=True):
            # Their default actions end the process. A sound file takes long by the clock where the machine is busy or
            # was asleep, so processor time counts; by the clock only a disk that never answers is given up.
            signal.setitimer(signal.ITIMER_PROF, limit_s)
            signal.setitimer(signal.ITIMER_REAL, PATIENCE * limit_s)
            os.write(send, (json.dumps(read_all(path, images)) + "\n").encode())
            for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
                signal.setitimer(timer, 0)
    finally:
        os._exit(0)


def read_all(path: Path, images: bool) -> str:
    """Read everything of a file that graspgen would read; return the first thing that is wrong, "" for nothing."""
    mistakes: list[str] = []
    with _noting(mistakes), h5py.File(path, "r", locking=False, rdcc_nbytes=0) as file:
        with _noting(mistakes):
            guard_file(file)
        for key in file.attrs:
            with _noting(mistakes):
                file.attrs[key]
        for table, spec in TABLES.items():
            for name in spec.columns:
                # After a mistake it goes on: `check` looks at what follows too.
                with _noting(mistakes):
                    _read(file, table, name, images)
    return mistakes[0] if mistakes else ""


def _read(file: h5py.File, table: str, name: str, images: bool) -> None:
    if table not in file or name not in file[table]:
        return  # `check` says so
    found = guarded(file, table, name, exact=False)
    dict(found.attrs)
    if h5py.check_string_dtype(found.dtype) is not None:
        read_text(found)
    elif not found.chunks:
        found[()]
    elif images:
        guard_chunks(found)
        column = TABLES[table].columns[name]
        for row in range(len(found)):
            read_images(found, [row], column)


@contextmanager
def _noting(mistakes: list[str]) -> Iterator[None]:
    try:
        yield
    except DatasetError as error:
        mistakes.append(" ".join(str(error).split()))
    except Exception as error:  # whatever h5py makes of a damaged file
        mistakes.append(f"cannot be read: {reason(error)}")
