"""One Spark session for all slots of a worker: started by the first task, stopped when idle, replaced when dead.

Slots speak to it over a socket, in lines of JSON: ``{"begin": PID}`` is answered by where the session is (or by
``error``), ``{"end": GENERATION}`` by nothing, ``{"alive": GENERATION}`` by ``alive`` and ``cause`` (with ``suspected``
after some seconds in which it may die). Whoever's connection ends has ended: the jobs that it had under way are
cancelled, so that killing a slot's process (a timeout, a cancelled run) ends its Spark jobs, and the session goes on.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from anabranch.runtime.spark.jvm import Jvm, SessionUnstartable
from anabranch.runtime.spark.requirements import check_master
from anabranch.spark.sessions import SparkMissing

_PREFIX = f"anabranch-spark-{os.getuid()}-"
#: Seconds in which a session that could not be started is not tried again: a try takes a JVM's start, or minutes.
_RETRY = 60.0
#: Seconds for a JVM whose connections break to be seen dead.
_DYING = 5.0


def keeper_socket(directory: str) -> str:
    """Return the path of the keeper's socket."""
    return f"{directory}/keeper"


class Keeper:
    """Keeps the session until standard input ends.

    Parameters
    ----------
    directory : str
        Made here, and removed at the end.
    master, memory : str
    idle : float
        Seconds without a task after which the JVM is stopped.
    conf : mapping
    """

    def __init__(self, directory: str, master: str, memory: str, idle: float, conf: Mapping[str, str]) -> None:
        self._directory = directory
        self._options = (master, memory, conf)
        self._idle = idle
        self._lock = threading.Lock()
        self._jvm: Jvm | None = None
        #: Why no session can be started, and until when that is not tried again.
        self._refusal: tuple[str, float] | None = None
        self._generation = 0
        self._tasks = 0
        self._changed = threading.Condition(self._lock)
        self._last_use = time.monotonic()
        _remove_leavings(os.path.dirname(directory))
        os.makedirs(directory, mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            os.unlink(keeper_socket(directory))
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(keeper_socket(directory))
        self._server.listen(64)

    def run(self) -> None:
        """Serve until standard input ends; the JVM and the directory end with it."""
        threading.Thread(target=self._accept, daemon=True).start()
        threading.Thread(target=self._stop_when_idle, daemon=True).start()
        while os.read(0, 4096):
            pass
        # A start that is under way is waited for: its JVM would have nobody to end it in order.
        with self._lock:
            if self._jvm is not None:
                self._jvm.end()
        shutil.rmtree(self._directory, ignore_errors=True)
        sys.stderr.flush()
        os._exit(0)

    # ---- slots

    def _accept(self) -> None:
        while True:
            connection, _ = self._server.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        group = f"anabranch-{os.urandom(8).hex()}"
        running = False
        try:
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    message = json.loads(line)
                    if "begin" in message:
                        answer = self._begin(group)
                        running = "error" not in answer
                    elif "end" in message:
                        running = False
                        self._end()
                        continue
                    else:
                        answer = self._condition_of(message["alive"], message.get("suspected", False))
                    connection.sendall(json.dumps(answer).encode() + b"\n")
        except (OSError, ValueError, KeyError):
            pass
        finally:
            with self._lock:
                jvm = self._jvm
            if jvm is not None:
                jvm.cancel(group)
            if running:
                self._end()

    def _begin(self, group: str) -> dict[str, Any]:
        with self._lock:
            asked = self._jvm
        # Not with the lock: a JVM that stands still does not answer.
        stopped = asked is not None and asked.has_stopped
        with self._lock:
            if self._jvm is not None and (not self._jvm.runs or (stopped and self._jvm is asked)):
                self._say(f"the Spark session has died: {self._jvm.cause_of_death()}")
                self._jvm.end()
                self._jvm = None
            if self._jvm is None:
                if self._refusal is not None and time.monotonic() < self._refusal[1]:
                    return {"error": self._refusal[0]}
                try:
                    self._jvm = self._start()
                    self._refusal = None
                except SessionUnstartable as error:
                    # The tasks behind this one are told the same at once.
                    self._refusal = (str(error), time.monotonic() + _RETRY)
                    self._say(f"{error}; it is tried again for tasks that come after {_RETRY:.0f} s")
                    return {"error": str(error)}
            self._tasks += 1
            jvm = self._jvm
            return {"generation": self._generation, "port": jvm.port, "secret": jvm.secret, "group": group}

    def _start(self) -> Jvm:
        begun = time.monotonic()
        self._generation += 1
        master, memory, conf = self._options
        try:
            check_master(master)
        except SparkMissing as error:
            raise SessionUnstartable(f"the Spark session cannot be started: {error}") from error
        jvm = Jvm(f"{self._directory}/{self._generation}", master, memory, conf)
        self._say(
            f"a Spark session at {master} has started in {time.monotonic() - begun:.1f} s, with {memory} of memory; it "
            f"stops when idle for {self._idle:g} s"
        )
        return jvm

    def _end(self) -> None:
        with self._changed:
            self._tasks -= 1
            self._last_use = time.monotonic()
            self._changed.notify()

    def _condition_of(self, generation: int, suspected: bool) -> dict[str, Any]:
        deadline = time.monotonic() + (_DYING if suspected else 0)
        while True:
            with self._lock:
                jvm = self._jvm
                if generation != self._generation or jvm is None:
                    return {"alive": False, "cause": "it has ended since"}
            if not jvm.runs or jvm.has_stopped:
                return {"alive": False, "cause": jvm.cause_of_death()}
            # Its sockets close a moment before it is dead.
            if time.monotonic() >= deadline:
                return {"alive": True, "cause": ""}
            time.sleep(0.05)

    # ---- idle

    def _stop_when_idle(self) -> None:
        with self._changed:
            while True:
                if self._jvm is None or self._tasks:
                    self._changed.wait()
                    continue
                left = self._last_use + self._idle - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self._jvm.end()
                self._jvm = None
                self._say(f"the Spark session was idle for {self._idle:g} s and has stopped")

    def _say(self, message: str) -> None:
        with suppress(OSError, ValueError):
            print(f"anabranch.spark: {message}", file=sys.stderr, flush=True)


def _remove_leavings(parent: str) -> None:
    """Remove the directories of keepers whose worker was killed together with them."""
    for directory in Path(parent or tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        process = directory.name.removeprefix(_PREFIX)
        if process.isdigit() and not os.path.exists(f"/proc/{process}"):
            shutil.rmtree(directory, ignore_errors=True)
