"""Ctrl-C at a better moment."""

from __future__ import annotations

# The functions behind those of `signal`, which spend microseconds on making numbers into enumerations.
import _signal
import os
import threading
from _thread import get_ident
from typing import Any

_main = threading.main_thread().ident


def _forked() -> None:
    global _main
    _main = threading.main_thread().ident


os.register_at_fork(after_in_child=_forked)


class uninterrupted:
    """Let Ctrl-C wait for the end of the block: what was received halfway would be lost, or counted twice.

    Only the main thread is ever interrupted; on others this does nothing. Blocks may stand within each other.
    """

    __slots__ = ("_handler", "_seen")

    def __enter__(self) -> None:
        self._handler = None
        if get_ident() == _main:
            handler = _signal.getsignal(_signal.SIGINT)
            if callable(handler):
                self._seen: list[tuple[int, Any]] = []
                self._handler = handler
                _signal.signal(_signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self._seen.append((number, frame))

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            _signal.signal(_signal.SIGINT, self._handler)
            if self._seen:
                self._handler(*self._seen[0])
