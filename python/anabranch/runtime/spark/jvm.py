"""A JVM with a Spark session in it, from its start to its end."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from anabranch.runtime.spark.launching import ending, launch
from anabranch.spark.sessions import SETTINGS, connected, leave, use_this_interpreter

#: Seconds that a JVM has to end by itself.
_PATIENCE = 10.0
_TAIL = 2000
#: Spark's own choice is an address that others reach, and to answer all of them; here it makes itself a secret.
_ON_THIS_HOST = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.authenticate": "true",
}


class SessionUnstartable(RuntimeError):
    """The JVM or its context did not start; the message has the last that they said."""


class Jvm:
    """Starts a JVM with a Spark context, which ends with this process at the latest.

    Parameters
    ----------
    directory : str
        For what Spark writes; gone with the JVM.
    master, memory : str
    conf : mapping
        Further settings of the user.

    Raises
    ------
    SessionUnstartable
    """

    def __init__(self, directory: str, master: str, memory: str, conf: Mapping[str, str]) -> None:
        self._directory = directory
        self._log = f"{directory}/log"
        use_this_interpreter()
        settings = {
            **SETTINGS,
            "spark.master": master,
            "spark.app.name": "anabranch",
            "spark.driver.memory": memory,
            "spark.local.dir": directory,
            "spark.sql.warehouse.dir": f"{directory}/warehouse",
            "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={directory}/tmp -Dderby.system.home={directory}",
            **(_ON_THIS_HOST if master == "local" or master.startswith("local[") else {}),
            **conf,
        }
        self.process: subprocess.Popen[bytes] | None = None
        try:
            os.makedirs(f"{directory}/tmp", exist_ok=True)
            with open(self._log, "ab") as log:
                self._start(settings, log)
        except Exception as error:
            # An exception of Java is put into words by its JVM, which has to be there for it.
            words = f"{_in_words(error)}; {self._last_words()}"
            self.end()
            raise SessionUnstartable(
                f"the Spark session at --spark-master {master} cannot be started: {words}"
            ) from None

    def _start(self, settings: Mapping[str, str], log: Any) -> None:
        from pyspark import SparkConf, SparkContext
        from pyspark.sql import SparkSession

        self.port, self.secret = launch(settings, log, self._launched)
        conf = SparkConf(loadDefaults=False).setAll(list(settings.items()))
        self._context = SparkContext(gateway=connected(self.port, self.secret), conf=conf)
        self._session = SparkSession(self._context)
        if self.has_stopped:
            raise RuntimeError("its Spark context has stopped")

    def _launched(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    @property
    def runs(self) -> bool:
        """Whether its process does."""
        return self.process is not None and self.process.poll() is None

    @property
    def has_stopped(self) -> bool:
        """Whether its Spark context, which a standing master or a task may stop, has stopped; its JVM is asked."""
        try:
            return bool(self._context._jsc.sc().isStopped())
        except Exception:
            # It dies at this moment.
            return False

    def cause_of_death(self) -> str:
        """Return how its process ended, and the last that it said."""
        status = None if self.process is None else self.process.poll()
        if status is None:
            return f"its Spark context stopped; {self._last_words()}" if self.has_stopped else "it runs"
        return f"{ending(status)}; {self._last_words()}"

    def cancel(self, group: str) -> None:
        """Cancel the jobs of a group, and those that it would still start."""
        if self.runs:
            # It may die at this moment, and the jobs with it.
            with suppress(Exception):
                self._context._jsc.sc().cancelJobGroupAndFutureJobs(group)

    def end(self) -> None:
        """Stop the context, end the process, remove what it has written."""
        process = self.process
        if process is not None:
            if process.poll() is None:
                with suppress(Exception):
                    self._session.stop()
            with suppress(OSError):
                process.stdin.close()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        leave()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _last_words(self) -> str:
        try:
            with open(self._log, "rb") as log:
                log.seek(max(0, os.path.getsize(self._log) - _TAIL))
                return f"the last that it said: {log.read().decode(errors='replace').strip() or '(nothing)'}"
        except OSError:
            return "it left no log"


def _in_words(error: Exception) -> str:
    """Return an exception's message; of Java's what was called, and why it failed."""
    try:
        said = str(error)
    except Exception:
        said = type(error).__name__
    return " ".join(line.strip() for line in said.splitlines()[:2])
