"""A Spark cluster of its own for tests: a master and a worker with one core, in processes of this host."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

#: Seconds for whatever a loaded machine takes; nothing is decided by them but that a test fails.
PATIENCE = 300.0


def until(found: Callable[[], Any], what: str) -> Any:
    """Return the first value that is something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


class StandingSpark:
    """A master and a worker that has registered with it.

    Parameters
    ----------
    directory : Path
        For all that they write.
    environment : dict of str to str
        Of the worker and so of its executors, beside that of this process.
    """

    def __init__(self, directory: pathlib.Path, environment: dict[str, str]) -> None:
        self._directory = directory
        self._environment = {
            **os.environ,
            "SPARK_DAEMON_MEMORY": "128m",
            "SPARK_LOCAL_DIRS": str(directory),
            "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false",
            **environment,
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            self._start(directory)
        except BaseException:
            self.end()
            raise

    def _start(self, directory: pathlib.Path) -> None:
        self._launch("master", "--host", "127.0.0.1", "--port", "0")
        #: Its address.
        self.master: str = self._says("master", r"Starting Spark master at (spark://\S+)")[1]
        self._launch(
            "worker", self.master, "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--work-dir",
            f"{directory}/work",
        )  # fmt: skip
        self._says("worker", "Successfully registered with master")

    def _launch(self, what: str, *arguments: str) -> None:
        from pyspark.find_spark_home import _find_spark_home

        name = f"org.apache.spark.deploy.{what}.{what.title()}"
        command = [f"{_find_spark_home()}/bin/spark-class", name, *arguments, "--webui-port", "0"]
        with open(self._directory / what, "wb") as log:
            made = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment)
        self._processes.append(made)

    def _says(self, what: str, pattern: str) -> re.Match[str]:
        def said() -> re.Match[str] | None:
            log = (self._directory / what).read_text(errors="replace")
            assert self._processes[-1].poll() is None, log
            return re.search(pattern, log)

        return until(said, f"{pattern} in what the {what} says")

    def executors(self) -> list[psutil.Process]:
        """Return the processes of executors that run."""
        found = []
        for one in psutil.Process(self._processes[-1].pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "org.apache.spark.executor.CoarseGrainedExecutorBackend" in one.cmdline():
                    found.append(one)
        return found

    def pause(self) -> None:
        """Have the master stand still: it accepts connections, and answers nothing."""
        os.kill(self._processes[0].pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        os.kill(self._processes[0].pid, signal.SIGCONT)

    def end(self) -> None:
        """End them with all below them."""
        below = []
        for one in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                below += psutil.Process(one.pid).children(recursive=True)
        for one in self._processes:
            one.terminate()
        for one in self._processes:
            one.wait(PATIENCE)
        _, left = psutil.wait_procs(below, PATIENCE)
        assert not left, left


@contextlib.contextmanager
def standing_spark(directory: pathlib.Path, **environment: str) -> Iterator[StandingSpark]:
    """Have one, until the end."""
    made = StandingSpark(directory, environment)
    try:
        yield made
    finally:
        made.end()
