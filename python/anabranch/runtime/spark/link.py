"""A slot's side of the keeper: the session for its tasks, and whether it is still there."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any

from anabranch.spark.sessions import join

#: Seconds for a keeper that has died to be replaced by its worker, which pauses, up to 40 s, where they die in a row.
_REPLACED = 90.0
_AGAIN = 0.05


class SessionLost(RuntimeError):
    """The session ended under a task: another attempt gets another one."""


class SessionRefused(RuntimeError):
    """The keeper cannot start a session; the message says why."""


class KeeperLink:
    """The connection of one slot to its worker's keeper.

    Parameters
    ----------
    address : str
        Path of the keeper's socket.
    """

    def __init__(self, address: str) -> None:
        #: Path of the keeper's socket.
        self.address = address
        self._socket: socket.socket | None = None
        self._lines: Any = None
        self._generation = 0
        self._session: Any = None

    def begin(self) -> Any:
        """Return a session for one task, which `end` must follow; the first waits for the JVM to start.

        Raises
        ------
        SessionLost
            When the keeper dies, or none can be reached for 90 s: its worker starts another.
        SessionRefused
        """
        answer = self._ask({"begin": os.getpid()}, patience=_REPLACED)
        if "error" in answer:
            raise SessionRefused(answer["error"])
        if answer["generation"] != self._generation:
            self._session = join(answer["port"], answer["secret"])
            self._generation = answer["generation"]
        # Of this thread in the JVM: by the group the keeper finds what this process has under way.
        self._session.sparkContext.setJobGroup(answer["group"], "anabranch", interruptOnCancel=True)
        return self._session

    @property
    def generation(self) -> int:
        """Which of the keeper's sessions the last task had."""
        return self._generation

    def end(self) -> None:
        """Say that the task has ended."""
        if self._socket is not None:
            try:
                self._send({"end": self._generation})
            except OSError:
                self.close()

    def death(self, suspected: bool) -> str | None:
        """Return how the session's JVM has died, None when it lives; one that is ``suspected`` is waited for."""
        try:
            answer = self._ask({"alive": self._generation, "suspected": suspected})
        except SessionLost as error:
            return str(error)
        if answer["alive"]:
            return None
        self._generation = 0
        return answer["cause"]

    def _ask(self, message: dict[str, Any], patience: float = 0.0) -> dict[str, Any]:
        try:
            if self._socket is None:
                self._connect(time.monotonic() + patience)
            self._send(message)
            line = self._lines.readline()
            if not line:
                raise ConnectionResetError("it has closed the connection")
            return json.loads(line)
        except OSError as error:
            self.close()
            raise SessionLost(f"the keeper of the Spark session cannot be reached: {error}") from error

    def _connect(self, deadline: float) -> None:
        while True:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.connect(self.address)
            except (FileNotFoundError, ConnectionRefusedError):
                # The attempts of a task would be used up before another keeper is there.
                if time.monotonic() >= deadline:
                    raise
                self._socket.close()
                time.sleep(_AGAIN)
                continue
            self._lines = self._socket.makefile("rb")
            return

    def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """Let go of the keeper, which then cancels what is under way; the next task connects anew."""
        for one in (self._lines, self._socket):
            if one is not None:
                one.close()
        self._socket = self._lines = None
        self._generation = 0
