"""What outlives a worker that was killed: found by a mark in its environment, and ended."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

#: The worker gives it another value each time; everything that its runtimes start inherits it.
MARK = "ANABRANCH_WORKER"
_SECONDS = 5.0


def end_survivors() -> None:
    """Kill every process that has this one's mark, but itself; without a mark none.

    The environment that a process was started with is meant: what has been forked since has it too. Repeated until
    none is left, since a process that is killed may just have made another.
    """
    mark = os.environ.get(MARK)
    if not mark:
        return
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        found = _marked(f"{MARK}={mark}".encode())
        if not found:
            return
        for process in found:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.005)


def _marked(entry: bytes) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            # Of others' processes it cannot be read; of one that has ended it is empty.
            with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if entry in file.read().split(b"\0"):
                    found.append(int(name))
    return found
