"""How long a writer counts as alive."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


class WriterLease:
    """A writer's lock, given up when the store is closed and the last view that it gave out has ended.

    Until then the coordinator keeps what this process holds: a user's array outlives the connection that brought it.

    Parameters
    ----------
    descriptor : int
        Open file that holds the lock.
    path : str
        The locked file, removed at the end.
    """

    def __init__(self, descriptor: int, path: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._views = 0

    def end(self, roots: Iterable[Any]) -> None:
        """Give the lock up when all of ``roots`` have ended; at once when there are none."""
        alive = list(roots)
        self._views = len(alive)
        for root in alive:
            weakref.finalize(root, self._view_ended).atexit = False
        if not alive:
            self.drop(unlink=True)

    def drop(self, *, unlink: bool) -> None:
        """Give the lock up now. A forked child does so without removing the file, which is its parent's."""
        if self._descriptor < 0:
            return
        if unlink:
            with suppress(OSError):
                os.unlink(self._path)
        os.close(self._descriptor)
        self._descriptor = -1

    def _view_ended(self) -> None:
        self._views -= 1
        if self._views == 0:
            self.drop(unlink=True)
