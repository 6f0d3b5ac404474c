"""How far a transfer is, shown where someone looks."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from anabranch.pieces import PIECE
from anabranch.progress import Progress, is_showing
from anabranch.summary import Row, Summary

if TYPE_CHECKING:
    from typing_extensions import Self

    from anabranch.client import Client

_wanted: ContextVar[bool | None] = ContextVar("anabranch_transfer_progress", default=None)


@contextlib.contextmanager
def progress_of_transfers(wanted: bool | None) -> Iterator[None]:
    """Show the transfers of the block, or do not; None shows them as everything is that takes its time.

    Parameters
    ----------
    wanted : bool, optional
    """
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


class Showing:
    """The progress of one object, in MiB; of one that fits into one piece nothing is shown.

    Parameters
    ----------
    client : Client
    verb : str
        ``sending`` or ``fetching``.
    length : int
        Bytes.
    """

    def __init__(self, client: Client, verb: str, length: int) -> None:
        # One view at a time: a terminal has one last line.
        shown = _wanted.get() if length > PIECE and not is_showing() else False
        where = "to" if verb == "sending" else "from"
        self._progress = Progress(f"{verb} {length / PIECE:,.0f} MiB {where} {client.address}", shown)
        self._verb = verb
        self._length = length
        self._begun = time.monotonic()
        self._done = 0
        self._waiting = ""

    def advance(self, done: int) -> None:
        """Note that so many bytes are there."""
        self._done, self._waiting = done, ""
        self._progress.update(self._summary, last=done >= self._length)

    def wait(self, reason: str) -> None:
        """Note what is waited for."""
        self._waiting = reason
        self._progress.update(self._summary)

    def _summary(self) -> Summary:
        row = Row(self._verb, -(-self._done // PIECE), -(-self._length // PIECE))
        seconds = time.monotonic() - self._begun
        return Summary([row], seconds, unit="MiB", ended=self._done >= self._length, waiting=self._waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.__exit__(None, None, None)
