"""Ctrl-C at a better moment."""

from __future__ import annotations

# The functions behind those of `signal`, which spend microseconds on making numbers into enumerations.
import _signal
import threading
from typing import Any


class uninterrupted:
    """Let Ctrl-C wait for the end of the block: what was received halfway would be lost, or counted twice.

    Only the main thread is ever interrupted; on others this does nothing. Blocks may stand within each other.
    """

    __slots__ = ("_handler", "_seen")

    def __enter__(self) -> None:
        self._seen: list[tuple[int, Any]] = []
        self._handler = None
        if threading.get_ident() == threading.main_thread().ident:
            handler = _signal.getsignal(_signal.SIGINT)
            if callable(handler):
                self._handler = handler
                _signal.signal(_signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self._seen.append((number, frame))

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            _signal.signal(_signal.SIGINT, self._handler)
            if self._seen:
                self._handler(*self._seen[0])
