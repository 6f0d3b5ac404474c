"""Spark sessions of a process: its own, or one in a JVM that another process keeps."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

#: The first pyspark whose Arrow functions and classic sessions are as this package uses them.
OLDEST = (4, 0)

_lock = threading.Lock()


class SparkMissing(RuntimeError):
    """What a Spark session needs is not here; the message says how to get it."""


def import_pyspark() -> Any:
    """Return the module pyspark.

    Raises
    ------
    SparkMissing
        When it is not installed, or older than `OLDEST`.
    """
    try:
        import pyspark
    except ImportError as error:
        raise SparkMissing(f"Spark stages need pyspark ({error}): pip install 'anabranch[spark]'") from error
    found = tuple(int(part) for part in pyspark.__version__.split(".")[:2] if part.isdigit())
    if found < OLDEST:
        raise SparkMissing(
            f"pyspark {pyspark.__version__} is too old, {'.'.join(map(str, OLDEST))} or newer is needed: "
            "pip install --upgrade 'anabranch[spark]'"
        )
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise SparkMissing(
            f"pyspark's Arrow functions need pandas and pyarrow ({error}): pip install 'anabranch[spark]'"
        ) from error
    return pyspark


#: Of every session: vectors and columns as the exchange reads them, and nothing that listens without need.
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.maxResultSize": "0",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.python.worker.reuse": "true",
}


def use_this_interpreter(environment: Any = os.environ) -> None:
    """Have Spark's Python workers be this interpreter, unless the user has named another."""
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        environment.setdefault(name, sys.executable)
    # It is about remote clients; arrays that Spark's own code makes without need.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def connected(port: int, secret: str) -> Any:
    """Return the gateway of a running JVM, as pyspark takes it."""
    from pyspark.java_gateway import launch_gateway

    with _environment({"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": secret}):
        return launch_gateway()


def join(port: int, secret: str) -> Any:
    """Return a session of its own in the JVM whose gateway listens at this port, in place of one joined before.

    The JVM and the Spark context in it are another process's: this one may end, however it does, without harm to them.
    """
    import_pyspark()
    use_this_interpreter()
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    leave()
    gateway = connected(port, secret)
    jvm = gateway.jvm
    shared = jvm.org.apache.spark.sql.classic.SparkSession.getDefaultSession().get()
    java_context = jvm.org.apache.spark.api.java.JavaSparkContext(shared.sparkContext())
    context = SparkContext(gateway=gateway, jsc=java_context, conf=SparkConf(_jconf=java_context.getConf()))
    # Spark itself reads this where spark-submit runs a program.
    context.pythonExec = context.getConf().get("spark.pyspark.python") or context.pythonExec
    session = SparkSession(context, shared.newSession())
    # `rebuild` and pyspark's own code ask for the active one.
    SparkSession._instantiatedSession = session
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(session._jsparkSession)
    return session


def shared_map(jvm: Any, name: str) -> Any:
    """Return the map of this name, a `ConcurrentHashMap`, that all processes with a session in a JVM share."""
    properties = jvm.java.lang.System.getProperties()
    found = properties.get(name)
    if found is None:
        properties.putIfAbsent(name, jvm.java.util.concurrent.ConcurrentHashMap())
        found = properties.get(name)
    return found


def leave() -> None:
    """Forget a session of another process's JVM, which may have died."""
    pyspark = sys.modules.get("pyspark")
    if pyspark is None:
        return
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    gateway = SparkContext._gateway
    SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
    SparkSession._instantiatedSession = SparkSession._activeSession = None
    if gateway is not None:
        try:
            gateway.close()
        except Exception:
            # It has nobody at its other end.
            return


def local_session() -> Any:
    """Return this process's active session; starts one, as configured by its user, when there is none."""
    import_pyspark()
    use_this_interpreter()
    from pyspark.sql import SparkSession

    with _lock:
        active = SparkSession.getActiveSession()
        if active is not None:
            return active
        builder = SparkSession.builder
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        if not os.environ.get("SPARK_REMOTE") and not os.environ.get("MASTER"):
            builder = builder.master("local[*]")
        return builder.getOrCreate()
