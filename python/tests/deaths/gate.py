"""A gate at which slow tasks wait, so that a test knows what is under way when it strikes, however fast the machine."""

from __future__ import annotations

import pathlib
import time
from concurrent.futures import Future

from cluster import PATIENCE


class Gate:
    """Closed until it is opened; its `path` is a pace of `workloads`.

    Parameters
    ----------
    directory : pathlib.Path
        An empty one.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self.path = str(directory)
        self._directory = directory
        self._bar = directory / "closed"
        self._bar.touch()

    def open(self) -> None:
        """Let through who waits, and who comes."""
        self._bar.unlink(missing_ok=True)

    def arrivals(self, worker: int) -> set[int]:
        """Process ids of a worker's runtimes that have come, alive or not."""
        return {int(path.name.partition("-")[2]) for path in self._directory.glob(f"{worker}-*")}

    def await_arrival(self, worker: int, work: Future, but: set[int] = frozenset()) -> int:
        """Wait until a task of `work` waits in a worker's runtime, not one of `but`; return its process id."""
        deadline = time.monotonic() + PATIENCE
        while not (new := self.arrivals(worker) - but):
            assert not work.done(), work.result()
            assert time.monotonic() < deadline, f"nothing of worker {worker} has come, besides {but or 'nobody'}"
            time.sleep(0.005)
        return min(new)
