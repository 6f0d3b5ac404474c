"""The slot's side of what Spark's Python workers write and read: it gives out places, and adds up what they say."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from typing import Any

from anabranch.store import Store, StoreError
from anabranch.store.arrow import PIECES_HEADER
from anabranch.store.growing import GrowingObject


class Outlet:
    """A socket at which writers take places in the object that is being written.

    One object grows at a time, or one for each partition of a DataFrame. Its threads end with `close`.

    Parameters
    ----------
    store : Store
    directory : str
        For the socket; whoever made it removes it, after a process that was killed too.
    """

    def __init__(self, store: Store, directory: str) -> None:
        self._store = store
        #: Where it listens.
        self.address = f"{directory}/slot-{os.getpid()}"
        with suppress(FileNotFoundError):
            os.unlink(self.address)
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(self.address)
        self._server.listen(64)
        self._lock = threading.Lock()
        self._growing: dict[int, GrowingObject] = {}
        self._apart = False
        self._writing = False
        self._rows: int | None = None
        self._base: int | None = None
        self._width = 0
        #: What a writer was told in the place of an offset.
        self.failure: StoreError | None = None
        #: Nanoseconds that readers spent since the counter was taken.
        self.read_ns = 0
        threading.Thread(target=self._accept, name="anabranch-outlet", daemon=True).start()

    def begin(self, rows: int | None = None, apart: bool = False) -> dict[int, GrowingObject]:
        """Begin an object, which is made when a writer opens it; with ``apart`` one for each partition that has rows.

        Of a matrix whose number of rows is known, say it. Return the objects by partition (0: the only one).
        """
        with self._lock:
            self._growing = {}
            self._apart = apart
            self._writing = True
            self._rows, self._base, self.failure = rows, None, None
            return self._growing

    def end(self) -> None:
        """No more places are given out."""
        with self._lock:
            self._writing = False

    def take_read_ns(self) -> int:
        """Return nanoseconds that readers spent since the last call."""
        with self._lock:
            spent, self.read_ns = self.read_ns, 0
            return spent

    def close(self) -> None:
        """Give up the socket."""
        self._server.close()
        with suppress(OSError):
            os.unlink(self.address)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as lines:
            for line in lines:
                try:
                    answer: dict[str, Any] = {"answer": self._answer(json.loads(line))}
                except StoreError as error:
                    self.failure = error
                    answer = {"error": str(error)}
                connection.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, message: dict[str, Any]) -> Any:
        with self._lock:
            if "read" in message:
                self.read_ns += message["read"]
                return 0
            if not self._writing:
                raise StoreError("nothing is being written: the task has ended")
            growing = self._growing.get(message["of"])
            if growing is None:
                growing = self._growing[message["of"]] = GrowingObject(self._store, PIECES_HEADER)
            if "open" in message:
                return growing.path
            if "take" in message:
                return growing.take(message["take"], message["alignment"])
            if self._base is None:
                self._width = message["place"]
                self._base = growing.take((self._rows or 0) * self._width * 8, 8)
            if message["place"] != self._width:
                raise StoreError(f"rows have {self._width} numbers, and some have {message['place']}")
            return self._base
