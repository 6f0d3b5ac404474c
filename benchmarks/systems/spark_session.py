"""Spark alone: a session of this process, its own ways out of it and its own search."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import searches
import spark_workloads as given
from workloads import seconds


class SparkSession:
    """A local session; hands over by ``toPandas``."""

    def __init__(self) -> None:
        from pyspark.sql import SparkSession as Session

        from anabranch.spark.sessions import SETTINGS, use_this_interpreter

        use_this_interpreter()
        builder = Session.builder.master(given.MASTER)
        for name, value in {**SETTINGS, "spark.driver.memory": given.MEMORY}.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")

    def spark_handover(self) -> float:
        frame = given.doubles(self.session, given.ROWS).cache()
        frame.count()
        try:
            return self._handed_over(frame)
        finally:
            frame.unpersist(blocking=True)

    def spark_handover_uncached(self) -> float:
        return self._handed_over(given.doubles(self.session, given.ROWS))

    def spark_search(self) -> float:
        warm = given.search_frame(self.session, given.WARM_ROWS).cache()
        given.warm_search().fit(warm)
        warm.unpersist(blocking=True)
        frame = given.search_frame(self.session, given.SEARCH_ROWS).cache()
        frame.count()
        fitted: list[Any] = []
        taken = seconds(lambda: fitted.append(given.search().fit(frame)))
        searches.SCORES["spark_search"] = given.standing_for(fitted[0].avgMetrics)
        return taken

    def _handed_over(self, frame: Any) -> float:
        # Both ways have been gone once.
        self._matrix(given.doubles(self.session, 10_000))
        touched = given.Touch()
        taken = seconds(lambda: touched.fit(self._matrix(frame)))
        given.check(touched, given.ROWS)
        return taken

    _matrix: Callable[[Any, Any], Any] = staticmethod(lambda frame: frame.toPandas().to_numpy())


class SparkParquet(SparkSession):
    """Hands over by a directory of Parquet files."""

    @staticmethod
    def _matrix(frame: Any) -> Any:
        import pyarrow.parquet

        with tempfile.TemporaryDirectory() as directory:
            path = str(pathlib.Path(directory) / "table")
            frame.write.parquet(path)
            return pyarrow.parquet.read_table(path).to_pandas().to_numpy()
