"""Runs tasks of a search in this process, under the conditions that a slot of the pool would give them."""

from __future__ import annotations

import contextlib
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

#: Held by the search that runs here: filters of warnings, NumPy's state and libraries' threads are the process's.
turn = threading.Lock()


class KeptHere:
    """A task's result as the store would hand it out: each reader gets its own, on memory that nobody may write to.

    Parameters
    ----------
    value : object

    Raises
    ------
    Exception
        When it cannot be pickled.
    """

    def __init__(self, value: Any) -> None:
        import cloudpickle

        buffers: list[pickle.PickleBuffer] = []
        self._content = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
        self._buffers = [buffer.raw().toreadonly() for buffer in buffers]

    def get(self) -> Any:
        """Return the result."""
        return pickle.loads(self._content, buffers=self._buffers)


_is_here: ContextVar[bool] = ContextVar("anabranch_call_here", default=False)


def is_here() -> bool:
    """Whether what runs was called by `call_here`, where its user hears what it says, and not sent to a process."""
    return _is_here.get()


def call_here(body: Callable, arguments: tuple) -> Any:
    """Call a task's function, with results in the place of what was kept of other tasks."""
    token = _is_here.set(True)
    try:
        return body(*(_opened(argument) for argument in arguments))
    finally:
        _is_here.reset(token)


def _opened(argument: Any) -> Any:
    if isinstance(argument, KeptHere):
        return argument.get()
    if isinstance(argument, list) and argument and all(isinstance(one, KeptHere) for one in argument):
        return [one.get() for one in argument]
    return argument


@contextlib.contextmanager
def as_in_a_slot(threads: int) -> Iterator[None]:
    """Give libraries the threads that a slot has, and what draws from NumPy's global state a state of its own.

    So results have the same bits as those of the pool, and where a search ran does not show in what is drawn after it.
    """
    drawn = np.random.get_state()
    try:
        np.random.seed()
        with _controller().limit(limits=threads):
            yield
    finally:
        np.random.set_state(drawn)


def native_threads() -> dict[str, int]:
    """Return how many threads libraries have in this process, for each kind of them."""
    threads: dict[str, int] = {}
    for library in _controller().info():
        kind = library["user_api"]
        threads[kind] = max(threads.get(kind, 1), library["num_threads"])
    return threads


_controllers: dict[int, Any] = {}


def _controller() -> Any:
    """Return the libraries that are loaded; to look for them takes longer than a fit: done when there may be more."""
    count = len(sys.modules)
    if count not in _controllers:
        from threadpoolctl import ThreadpoolController

        _controllers.clear()
        _controllers[count] = ThreadpoolController()
    return _controllers[count]
