"""The session that tests have in their own process, beside the pool's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def local_session() -> Iterator[Any]:
    """Yield a session on two cores; for fixtures of modules."""
    from pyspark.core.context import SparkContext
    from pyspark.sql import SparkSession

    from anabranch.spark.sessions import SETTINGS, use_this_interpreter

    use_this_interpreter()
    builder = SparkSession.builder.master("local[2]")
    for name, value in {**SETTINGS, "spark.driver.memory": "512m", "spark.sql.shuffle.partitions": "2"}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    gateway = session.sparkContext._gateway
    session.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(30)
    # The next module starts one of its own.
    SparkContext._gateway = SparkContext._jvm = None
