"""The calls of one `joblib.Parallel` in a task: run in place, and beside that on slots of the pool that are free."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import joblib

from anabranch.call_future import CallFuture
from anabranch.executor import Executor
from anabranch.slots import free_slots
from anabranch.stored_arguments import StoredArguments

#: Seconds between two looks for free slots: a task that was sent has begun by then.
LOOK_SECONDS = 0.05
_Item = tuple[Callable, tuple, dict[str, Any]]


def run_spread(calls: Sequence[_Item], patience: float | None) -> list[Any]:
    """Run calls and return their results, in order.

    They run here, one after the other from the first on. When that takes longer than ``patience`` seconds, slots that
    are free get those from the last on, one each, until the two meet; then the task waits, and yields its slot.

    Parameters
    ----------
    calls : sequence of (function, arguments, named)
    patience : float or None

    Raises
    ------
    Exception
        What a call raised. What else runs is stopped.
    """
    spread = _Spread(calls)
    results: dict[int, Any] = {}
    with spread.sending(patience) if patience is not None and len(calls) > 1 else contextlib.nullcontext():
        while (taken := spread.take_first()) is not None:
            number, item = taken
            results[number] = _run(*item)
        for number, future in spread.sent():
            results[number] = future.own_result()
    return [results[number] for number in range(len(calls))]


class _Spread:
    def __init__(self, calls: Sequence[_Item]) -> None:
        self._left = deque(enumerate(calls))
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._sender: threading.Thread | None = None
        self._sent: list[tuple[int, CallFuture]] = []
        self._executor: Executor | None = None
        self._stored = StoredArguments()

    def take_first(self) -> tuple[int, _Item] | None:
        """Return the next call that runs here."""
        with self._lock:
            return self._left.popleft() if self._left else None

    def sent(self) -> list[tuple[int, CallFuture]]:
        """Return the calls that run elsewhere, when there are no others."""
        self._end()
        return self._sent

    @contextlib.contextmanager
    def sending(self, patience: float) -> Iterator[None]:
        """Send calls within the block."""
        self._sender = threading.Thread(target=self._send, args=(patience,), name="anabranch-spread", daemon=True)
        self._sender.start()
        try:
            yield
        finally:
            self._end()
            self._stored.clear()
            if self._executor is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)

    def _end(self) -> None:
        self._over.set()
        if self._sender is not None:
            self._sender.join()

    def _send(self, patience: float) -> None:
        if self._over.wait(patience):
            return
        # What cannot be sent runs here.
        with contextlib.suppress(Exception):
            self._executor = Executor()
            while not self._over.is_set() and self._left:
                for _ in range(free_slots()):
                    self._send_last(self._executor)
                self._over.wait(LOOK_SECONDS)

    def _send_last(self, executor: Executor) -> None:
        with self._lock:
            if self._over.is_set() or not self._left:
                return
            number, item = self._left.pop()
        try:
            self._sent.append((number, executor.submit(_run, *self._stored.with_references(item))))
        except BaseException:
            with self._lock:
                self._left.append((number, item))
            raise


def _run(function: Callable, arguments: tuple, named: dict[str, Any]) -> Any:
    # What is nested in it runs where it is.
    with joblib.parallel_config(backend="sequential"):
        return function(*arguments, **named)
