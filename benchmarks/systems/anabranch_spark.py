"""Ours with Spark: an embedded pool, beside which is a worker with a session."""

from __future__ import annotations

import os
from typing import Any

import anabranch as ab
import searches
import spark_workloads as given
from workloads import SLOTS, seconds

_VIEW = "global_temp.handed_over"


class AnabranchSpark:
    """Spark's nodes in a session of as many cores and as much memory as `SparkSession` has."""

    def __init__(self) -> None:
        os.environ |= {"ANABRANCH_SPARK_MASTER": given.MASTER, "ANABRANCH_SPARK_MEMORY": given.MEMORY}
        ab.init(slots=SLOTS)

    def spark_handover(self) -> float:
        rows = given.ROWS

        def cached(frame: Any) -> Any:
            made = given.doubles(frame.sparkSession, rows).cache()
            made.count()
            made.createOrReplaceGlobalTempView(_VIEW.partition(".")[2])
            return frame

        def dropped(frame: Any) -> Any:
            frame.sparkSession.table(_VIEW).unpersist(blocking=True)
            return frame

        self._fit(ab.spark.function(cached))
        try:
            return self._handed_over(lambda frame: frame.sparkSession.table(_VIEW))
        finally:
            self._fit(ab.spark.function(dropped))

    def spark_handover_uncached(self) -> float:
        rows = given.ROWS
        return self._handed_over(lambda frame: given.doubles(frame.sparkSession, rows))

    def spark_search(self) -> float:
        with ab.spark.declare():
            warm, own = given.warm_search(), given.search()
        ab.from_spark(warm, partitions=SLOTS).fit(given.search_table(given.WARM_ROWS), progress=False)
        search = ab.from_spark(own, partitions=SLOTS)
        table = given.search_table(given.SEARCH_ROWS)
        taken = seconds(lambda: search.fit(table, progress=False))
        searches.SCORES["spark_search"] = given.standing_for(search.avgMetrics)
        return taken

    def _handed_over(self, made: Any) -> float:
        # All processes have been there, and imported what they need.
        for _ in range(2):
            self._fit(
                ab.spark.function(lambda frame: given.doubles(frame.sparkSession, 10_000), features=given.NAMES),
                given.Touch(),
            )
        results: list[Any] = []
        function = ab.spark.function(made, features=given.NAMES)
        taken = seconds(lambda: results.append(self._fit(function, given.Touch())))
        given.check(results[0], given.ROWS)
        return taken

    @staticmethod
    def _fit(*steps: Any) -> Any:
        """Run the steps behind each other; return what the last was fitted to."""
        import pandas as pd

        graph = ab.Pipeline("handover")
        before = None
        for place, step in enumerate(steps):
            node = ab.OrNode(f"step{place}", step)
            graph.add_node(node)
            if before is not None:
                graph.add_edge(before, node)
            before = node
        run = graph.fit(pd.DataFrame({"one": [1.0]}), progress=False)
        (entry,) = run[before]
        if entry.error is not None:
            raise entry.error
        return entry.model if len(steps) > 1 else None
