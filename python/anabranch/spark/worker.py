"""The worker with a Spark session that an embedded pool is given when a graph has nodes for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from anabranch.binary import find_binary
from anabranch.errors import ConnectionFailed
from anabranch.pool import pool_environment

#: Seconds for the worker to look for Java and pyspark, and to join.
_PATIENCE = 120.0


class SparkWorker:
    """``anabranch worker --executor spark`` beside an embedded pool; it ends with this object, or with this process.

    Its options are those of the environment: ``ANABRANCH_SPARK_MASTER``, ``ANABRANCH_SPARK_MEMORY``, …

    Parameters
    ----------
    address : str
        Of the pool.
    python : str, optional
        The pool's interpreter.
    """

    def __init__(self, address: str, python: str | None = None) -> None:
        watched, self._pipe = os.pipe()
        self._words: deque[str] = deque(maxlen=40)
        command = [
            find_binary(), "worker", "--executor", "spark", "--address", address, "--watch-fd", str(watched),
            "--python", python or sys.executable, "--slots", os.environ.get("ANABRANCH_SPARK_SLOTS", "2"),
        ]  # fmt: skip
        try:
            # A session of its own, as the pool has: Ctrl-C is for the client.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                pass_fds=[watched], start_new_session=True, env=pool_environment(),
            )  # fmt: skip
        finally:
            os.close(watched)
        threading.Thread(target=self._listen, name="anabranch-spark-log", daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as said:
            for line in said:
                self._words.append(line.decode(errors="replace").rstrip())

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_until(self, joined: Callable[[], bool]) -> None:
        """Wait until ``joined()``.

        Raises
        ------
        ConnectionFailed
            When the worker ends before: the message says what it lacks.
        """
        deadline = time.monotonic() + _PATIENCE
        while not joined():
            if not self.is_running:
                time.sleep(0.1)
                words = "\n".join(self._words).removeprefix("Error: ")
                raise ConnectionFailed(f"no worker for nodes of Spark can be started: {words or 'it said nothing'}")
            if time.monotonic() > deadline:
                raise ConnectionFailed(f"the worker for nodes of Spark has not joined within {_PATIENCE:g} s (fixed)")
            time.sleep(0.05)

    def close(self, timeout: float = 20.0) -> None:
        """End the worker with its session."""
        self.forget()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Let go of it in a forked child."""
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)
