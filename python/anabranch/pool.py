"""The embedded pool: a coordinator and a worker that live as long as this process wants them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anabranch.binary import find_binary
from anabranch.cores import available_cores
from anabranch.errors import ConnectionFailed, RequestError

if TYPE_CHECKING:
    from anabranch.spark.worker import SparkWorker


class EmbeddedPool:
    """Starts ``anabranch pool`` and reads where it listens.

    The pool ends when the pipe that it watches is closed: by `close`, or because this process ended, however it did.

    Parameters
    ----------
    slots : int, optional
    store_budget : int or str, optional
    python : str, optional
    timeout : float
        Seconds until the pool must have said that it is ready.

    Raises
    ------
    ConnectionFailed
        When it does not start; the message has its reason.
    """

    def __init__(
        self,
        slots: int | None = None,
        store_budget: int | str | None = None,
        python: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        if slots is not None and slots < 1:
            raise RequestError(f"slots={slots}: at least 1 is needed")
        binary = find_binary()
        self._interpreter = python
        self._spark: SparkWorker | None = None
        self._lock = threading.Lock()
        watched, self._pipe = os.pipe()
        self._last_words: deque[str] = deque(maxlen=40)
        command = [binary, "pool", "--slots", str(slots or available_cores()), "--watch-fd", str(watched)]
        if store_budget is not None:
            command += ["--store-budget", str(store_budget)]
        command += ["--python", python or sys.executable]
        began = time.monotonic()
        try:
            # A session of its own: Ctrl-C at a terminal is for this process, which then ends the pool in order.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[watched],
                start_new_session=True,
                env=pool_environment(),
            )
        except OSError as error:
            os.close(self._pipe)
            raise ConnectionFailed(f"cannot start {binary}: {error}") from error
        finally:
            os.close(watched)
        threading.Thread(target=self._listen, name="anabranch-pool-log", daemon=True).start()
        try:
            ready = self._read_ready(timeout, began + timeout)
        except BaseException:
            self.close()
            raise
        self.address: str = ready["address"]

    def _read_ready(self, timeout: float, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise ConnectionFailed(self.explain(f"the embedded pool did not start within {timeout:g} s (timeout=)"))
            piece = os.read(descriptor, 65536)
            if not piece:
                raise ConnectionFailed(self.explain("the embedded pool ended before it was ready"))
            line += piece
        try:
            ready = json.loads(line)
        except ValueError:
            raise ConnectionFailed(f"the embedded pool said {line[:200]!r} in place of its address") from None
        if "error" in ready:
            raise ConnectionFailed(f"the embedded pool cannot start: {ready['error']}")
        return ready

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as said:
            for line in said:
                self._last_words.append(line.decode(errors="replace").rstrip())

    @property
    def pid(self) -> int:
        """Process id of the pool."""
        return self._process.pid

    def explain(self, message: str) -> str:
        """Return a message with how the pool ended, if it has, and the last that it said."""
        status = self._process.poll()
        ending = "" if status is None else f" (the embedded pool ended with status {status})"
        words = "\n".join(self._last_words)
        return message + ending + (f"; its last words:\n{words}" if words else "")

    def start_spark(self, has_joined: Callable[[], bool]) -> None:
        """Start a worker with a Spark session beside the pool's own, unless one runs, and wait until it has joined.

        Raises
        ------
        ConnectionFailed
            When it cannot be started; the message says what is missing.
        """
        from anabranch.spark.worker import SparkWorker

        with self._lock:
            if self._spark is None or not self._spark.is_running:
                self._spark = SparkWorker(self.address, self._interpreter)
            self._spark.wait_until(has_joined)

    def close(self, timeout: float = 10.0) -> None:
        """End the pool and wait for it; after `timeout` seconds it is killed."""
        spark, self._spark = self._spark, None
        if spark is not None:
            spark.close()
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def forget(self) -> None:
        """Let go of the pool in a forked child, so that it lives as long as the parent and no longer."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)
        if self._spark is not None:
            self._spark.forget()


def pool_environment() -> dict[str, str]:
    """Return the pool's environment: what this process can import, the tasks can."""
    environment = dict(os.environ)
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    paths = [os.path.abspath(path) if path else os.getcwd() for path in sys.path]
    environment["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys([*(path for path in paths if os.path.exists(path)), package])
    )
    # Missing .pyc files would make every child's imports several times slower.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment
