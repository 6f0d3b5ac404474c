"""A task that waits for what it has submitted itself: it holds no slot meanwhile, so that what it waits for can run.

Outside of a task nothing here does anything.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

_lock = threading.Lock()
_tell: Callable[[bool], None] | None = None
# Waits of a task that has ended (its threads may outlive it) are not those of the next one.
_generation = 0
_waits = 0


def inside_task() -> bool:
    """Whether this process runs a task of the pool."""
    return _tell is not None


def begin_task(tell: Callable[[bool], None]) -> None:
    """Note that a task begins.

    Parameters
    ----------
    tell : callable
        Called with True when the task begins to wait, with False when it goes on, by any of its threads, one at a time.
    """
    global _tell, _generation, _waits
    with _lock:
        _tell, _generation, _waits = tell, _generation + 1, 0


def end_task() -> None:
    """Note that the task has ended; what its threads still wait for is nobody's concern."""
    global _tell, _generation, _waits
    with _lock:
        _tell, _generation, _waits = None, _generation + 1, 0


@contextlib.contextmanager
def waiting() -> Iterator[None]:
    """Wait for something that the task has submitted. It waits as long as any of its threads does."""
    generation = _enter()
    try:
        yield
    finally:
        _leave(generation)


def _enter() -> int:
    global _waits
    with _lock:
        if _tell is not None:
            _waits += 1
            if _waits == 1:
                _tell(True)
        return _generation


def _leave(generation: int) -> None:
    global _waits
    with _lock:
        if _tell is not None and generation == _generation:
            _waits -= 1
            if _waits == 0:
                _tell(False)


class WatchedWaiters(list):
    """The waiters of a future.

    `concurrent.futures.wait` and `as_completed` wait from entering themselves here to
    leaving, and have no other hook.
    """

    def append(self, waiter: Any) -> None:
        """Enter a waiter."""
        waiter.generations = [*getattr(waiter, "generations", ()), _enter()]
        super().append(waiter)

    def remove(self, waiter: Any) -> None:
        """Take a waiter out."""
        super().remove(waiter)
        _leave(waiter.generations.pop())
