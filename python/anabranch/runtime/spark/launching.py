"""The start of a JVM with Spark's gateway, of which nothing is left when it does not come up.

pyspark's own `launch_gateway` waits without end for a launcher that ends with status 0, and forgets a process whose
start failed. This one waits for so long and no longer, and gives the process to whoever is to end it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

#: Seconds that a JVM has to open its gateway, on a machine that has much else to do.
PATIENCE = 300.0


class NotLaunched(RuntimeError):
    """The JVM has ended, or has not opened its gateway in time."""


def launch(
    settings: Mapping[str, str], log: Any, started: Callable[[subprocess.Popen[bytes]], None]
) -> tuple[int, str]:
    """Start a JVM by Spark's launcher; return the port and the secret of its gateway.

    Parameters
    ----------
    settings : mapping
        Of Spark.
    log : file
        For what it says.
    started : callable
        Is given the process, which ends when its standard input does, at once: whatever happens then, it is the
        caller's to end.

    Raises
    ------
    NotLaunched
    """
    from pyspark.find_spark_home import _find_spark_home
    from pyspark.serializers import UTF8Deserializer, read_int

    command = [os.path.join(_find_spark_home(), "bin", "spark-submit")]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command += shlex.split(os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell"))
    directory = tempfile.mkdtemp(prefix="anabranch-spark-")
    try:
        said = os.path.join(directory, "gateway")
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, preexec_fn=_without_interrupts,
            env={**os.environ, "SPARK_CONNECT_MODE": "0", "_PYSPARK_DRIVER_CONN_INFO_PATH": said},
        )  # fmt: skip
        started(process)
        deadline = time.monotonic() + PATIENCE
        # It is renamed to this when it is whole.
        while not os.path.exists(said):
            status = process.poll()
            if status is not None:
                raise NotLaunched(f"Java has ended with {ending(status)} before Spark's gateway was there")
            if time.monotonic() > deadline:
                raise NotLaunched(f"Spark's gateway was not there within {PATIENCE:.0f} s (fixed)")
            time.sleep(0.05)
        with open(said, "rb") as stream:
            return read_int(stream), UTF8Deserializer().loads(stream)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def ending(status: int) -> str:
    """Return in words how a process has ended."""
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def _without_interrupts() -> None:
    # Ctrl-C is for who keeps the session.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
