"""Directories in memory that tasks on Ray use, and what is left of them when a process is killed."""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile
import time

# Between two looks at processes that are being killed.
_LOOK = 0.05
_PREFIX = f"anabranch-ray-{os.getuid()}-"


def task_directory() -> tempfile.TemporaryDirectory:
    """Return a new directory of this process, in memory where the host has such a file system."""
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", dir=_memory())


def remove_leavings(patience: float = 0.0) -> None:
    """Remove what processes of this host that were killed have left.

    Parameters
    ----------
    patience : float, default 0
        Seconds in which processes that are there still may end; it is over when no directory is there.
    """
    deadline = time.monotonic() + patience
    while True:
        found = list(pathlib.Path(_memory() or tempfile.gettempdir()).glob(f"{_PREFIX}*"))
        for directory in found:
            process = directory.name.removeprefix(_PREFIX).partition("-")[0]
            if process.isdigit() and not _lives(int(process)):
                shutil.rmtree(directory, ignore_errors=True)
        if not found or time.monotonic() >= deadline:
            return
        time.sleep(_LOOK)


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", "rb") as stat:
            # One that nobody has waited for yet writes nothing any more.
            return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except OSError:
        return False


def _memory() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None
