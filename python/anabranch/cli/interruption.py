"""Ctrl-C and SIGTERM while a command runs, and while it cleans up."""

from __future__ import annotations

import signal
import threading
from types import CodeType, FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Raises KeyboardInterrupt while a command runs, and nothing once it has begun to end.

    Parameters
    ----------
    outermost : code
        Of the function that catches the exception. It is not interrupted itself: it looks at `came` after `begin`, and
        must reach `end`.
    """

    def __init__(self, outermost: CodeType) -> None:
        #: Whether one has come, though whatever ran may have swallowed or renamed its exception.
        self.came = False
        self._own = (outermost, Interruption.begin.__code__, Interruption.end.__code__)
        self._notes_only = False
        self._taken: list[signal.Signals] = []

    def begin(self) -> None:
        """Take the signals that are not ignored: those of a shell's background jobs are."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._notes_only = True
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._taken.append(number)
                signal.signal(number, self._interrupt)
        self._notes_only = False

    def end(self) -> None:
        """Ignore them from now on, to the process's end: what cleans up takes no time worth an interruption."""
        self._notes_only = True
        for number in self._taken:
            signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> Any:
        self.came = True
        # There it looks for itself.
        if not self._notes_only and (frame is None or frame.f_code not in self._own):
            raise KeyboardInterrupt
