"""Waiting for runs, with a live view where someone can see it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anabranch.run import Run

#: Seconds between two pictures.
INTERVAL = 0.2
#: Seconds that a run must take before its view appears: nobody reads less.
PATIENCE = 0.7


def follow(run: Run, timeout: float | None = None, progress: bool | None = None) -> None:
    """Wait until a run has ended.

    Raises
    ------
    TimeoutError
        When it has not within `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    if _wait(run, deadline, PATIENCE):
        return
    shown = someone_looks() if progress is None else progress
    view = make_view() if shown else None
    if view is None:
        if not _wait(run, deadline, None):
            raise TimeoutError(f"{run!r} has not ended within {timeout:g} s")
        return
    with view:
        while not _wait(run, deadline, INTERVAL):
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"{run!r} has not ended within {timeout:g} s")
            view.update(run)
        view.update(run)


def _wait(run: Run, deadline: float | None, seconds: float | None) -> bool:
    if deadline is not None:
        left = max(deadline - time.monotonic(), 0.0)
        seconds = left if seconds is None else min(seconds, left)
    with run.feed.changed:
        return run.feed.changed.wait_for(lambda: run.finished, seconds)


def someone_looks() -> bool:
    """Whether standard error is a terminal, or this is a notebook."""
    shell = sys.modules.get("IPython")
    if shell is not None:
        running = shell.get_ipython()
        if running is not None and type(running).__name__ == "ZMQInteractiveShell":
            return True
    return bool(getattr(sys.stderr, "isatty", lambda: False)())


def make_view() -> Any:
    """Return a live view, None where rich is not installed."""
    try:
        from anabranch.live import LiveView
    except ImportError:
        return None
    return LiveView()


class Summary:
    """Counts over a run's nodes at one moment: (name, done, planned, open, running, failed, skipped) per node."""

    def __init__(self, run: Run) -> None:
        with run.feed.changed:
            progress = dict(run.feed.progress)
        names = [node.name for node in run.graph.nodes]
        self.nodes = [
            (
                names[index],
                p.succeeded + p.failed + p.skipped,
                p.planned,
                p.open,
                p.running,
                p.failed,
                p.skipped,
            )
            for index, p in sorted(progress.items())
            if index < len(names)
        ]
        self.done = sum(node[1] for node in self.nodes)
        self.planned = sum(node[2] for node in self.nodes)
        self.open = any(node[3] for node in self.nodes)
        self.seconds = run.seconds

    @property
    def rate(self) -> float:
        """Keys per second since the start."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; None while more may be planned."""
        if self.open or not self.done:
            return None
        return (self.planned - self.done) / self.rate

    def line(self) -> str:
        """Return one line for a log."""
        failed = sum(node[5] for node in self.nodes)
        left = self.seconds_left
        return (
            f"{self.seconds:6.1f} s  {self.done} of {self.planned}{'+' if self.open else ''} keys"
            + (f", {failed} failed" if failed else "")
            + (f", {left:.0f} s left" if left is not None and self.done < self.planned else "")
        )


class LineView:
    """Plain lines for a pipe: one every few seconds.

    Parameters
    ----------
    write : callable
        Takes a line.
    every : float
        Seconds.
    """

    def __init__(self, write: Callable[[str], Any], every: float = 5.0) -> None:
        self._write = write
        self._every = every
        self._last = time.monotonic()

    def update(self, run: Run) -> None:
        """Write a line when it is time for one."""
        now = time.monotonic()
        if now - self._last >= self._every:
            self._last = now
            self._write(Summary(run).line())

    def __enter__(self) -> LineView:
        return self

    def __exit__(self, *_: object) -> None:
        return None
